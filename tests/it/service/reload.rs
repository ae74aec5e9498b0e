//! A new configuration under a running service: what did not change does not notice.

use std::fs;

use serde_json::Value;

use crate::service::commands::ask;
use crate::support::broker::Broker;
use crate::support::fixture::{Fixture, Stub};
use crate::support::messages::{assert_valid, assert_without_holes, listen, numbers, retained};
use crate::support::subscriber::Subscriber;
use crate::support::wait_until;

fn live(name: &str, model: &str) -> String {
    format!("[[camera]]\nname = \"{name}\"\nsource = \"scene:?fps=20\"\ndetect = {{ model = \"{model}\" }}\n")
}

/// Its ring waits for the workers: not one frame may be lost, so that a hole in its numbers is the reload's fault.
const TAPE: &str = "[[camera]]\nname = \"tape\"\nsource = \"scene:?width=64&height=64&frames=1000000\"\npace = \"max\"\n\
    detect = { model = \"m\" }\n";

struct Scenario {
    broker: Broker,
    fixture: Fixture,
    watcher: Subscriber,
    model: String,
}

impl Scenario {
    fn new() -> Scenario {
        let (broker, fixture) = (Broker::start(), Fixture::new());
        let watcher = listen(broker.port);
        let model = fixture.stub("m", &Stub { run_us: 4_000, ..Stub::default() });
        Scenario { broker, fixture, watcher, model }
    }

    fn write(&self, cameras: &str) {
        self.fixture.config(self.broker.port, &(self.model.clone() + cameras));
    }

    fn wait_more(&self, camera: &str) {
        let suffix = format!("{camera}/detections");
        let before = self.watcher.json(&suffix).len();
        wait_until(&format!("more from {camera}"), || self.watcher.json(&suffix).len() > before + 10);
    }
}

#[test]
fn cameras_come_change_and_go_while_the_unchanged_one_loses_no_frame() {
    let scenario = Scenario::new();
    scenario.write(&(TAPE.to_owned() + &live("b", "m")));
    let mut service = scenario.fixture.run();
    scenario.wait_more("tape");

    scenario.write(&(TAPE.to_owned() + &live("b", "m") + &live("c", "m")));
    service.signal(libc::SIGHUP);
    scenario.wait_more("c");

    scenario.write(&(TAPE.to_owned() + &live("b", "m").replace("fps=20", "fps=20&seed=5") + &live("c", "m")));
    let reported = ask(&scenario.watcher, "reload/1", "{}");
    let cameras = &reported["result"]["cameras"];
    assert_eq!(
        (&cameras["changed"][0], &cameras["unchanged"][0]),
        (&"b".into(), &"tape".into()),
        "{reported}"
    );
    scenario.wait_more("b");

    scenario.write(&(TAPE.to_owned() + &live("b", "m").replace("fps=20", "fps=20&seed=5")));
    let reported = ask(&scenario.watcher, "reload/2", "{}");
    assert_eq!(reported["result"]["cameras"]["removed"], Value::from(vec!["c"]), "{reported}");
    assert!(scenario.watcher.json("c/status").last().unwrap().is_null(), "its retained status is cleared");
    let gone = scenario.watcher.json("c/detections").len();
    scenario.wait_more("tape");
    scenario.wait_more("b");
    assert_eq!(scenario.watcher.json("c/detections").len(), gone, "a removed camera goes on");

    assert_eq!(service.stop(), Some(0), "{}", service.log());
    assert_without_holes("frames of the tape", &numbers(&scenario.watcher, "tape/detections", "frame"));
    assert_without_holes("seq of the tape", &numbers(&scenario.watcher, "tape/detections", "seq"));
    assert_valid(&scenario.watcher);
}

#[test]
fn a_new_model_takes_over_between_two_frames() {
    let scenario = Scenario::new();
    scenario.write(TAPE);
    let mut service = scenario.fixture.run();
    scenario.wait_more("tape");
    scenario.fixture.stub("m", &Stub { things: 2, ..Stub::default() });
    scenario.fixture.config(scenario.broker.port, &(scenario.model.replace("thing\"", "widget\"") + TAPE));
    assert_eq!(ask(&scenario.watcher, "reload/1", "{}")["status"], "successful");
    scenario.watcher.wait_for("tape/detections", |report| report["findings"][1]["label"] == "widget");
    assert_eq!(service.stop(), Some(0));
    assert_without_holes("frames of the tape", &numbers(&scenario.watcher, "tape/detections", "frame"));
}

#[test]
fn a_bad_file_changes_nothing_and_is_reported_with_its_place_until_a_good_one_comes() {
    let scenario = Scenario::new();
    scenario.write(TAPE);
    let mut service = scenario.fixture.run();
    scenario.wait_more("tape");

    scenario.write(&TAPE.replace("pace", "pase"));
    service.signal(libc::SIGHUP);
    let alarm = scenario.watcher.wait_for("alarm/config", |alarm| !alarm.is_null());
    let cause = alarm["cause"].as_str().unwrap();
    let text = fs::read_to_string(scenario.fixture.config_path()).unwrap();
    let line = text.lines().position(|line| line.starts_with("pase")).unwrap() + 1;
    let place = format!("{}:{line}:1: camera[0].pase", scenario.fixture.config_path().display());
    assert!(cause.contains(&place) && cause.contains("stays in force"), "{cause}");
    assert!(cause.contains("\"pace\""), "the remedy: {cause}");
    retained(scenario.broker.port, "alarm/config");
    scenario.watcher.wait_for("box1/status", |status| status["state"] == "degraded");

    let answer = ask(&scenario.watcher, "reload/1", "{}");
    assert!(answer["reason"].as_str().unwrap().contains(&place), "{answer}");
    scenario.wait_more("tape");

    scenario.write(&(TAPE.to_owned() + &live("b", "m")));
    assert_eq!(ask(&scenario.watcher, "reload/2", "{}")["status"], "successful");
    wait_until("the end of the alarm", || scenario.watcher.json("alarm/config").last().unwrap().is_null());
    wait_until("online again", || scenario.watcher.json("box1/status").last().unwrap()["state"] == "online");
    assert_eq!(service.stop(), Some(0));
    assert_without_holes("frames of the tape", &numbers(&scenario.watcher, "tape/detections", "frame"));
    assert_valid(&scenario.watcher);
}

#[test]
fn what_only_a_restart_applies_is_refused_whole_and_a_model_that_does_not_load_costs_its_cameras_only() {
    let scenario = Scenario::new();
    scenario.write(TAPE);
    let mut service = scenario.fixture.run();
    scenario.wait_more("tape");
    let refused = |id: &str, rest: &str| {
        scenario.fixture.config(scenario.broker.port, &(scenario.model.clone() + TAPE + rest));
        let answer = ask(&scenario.watcher, &format!("reload/{id}"), "{}");
        assert_eq!(answer["status"], "failed", "{answer}");
        answer["reason"].as_str().unwrap().to_owned()
    };
    let reason = refused("1", &("[workers]\ncores = [0]\n".to_owned() + &live("b", "m")));
    assert!(reason.contains("workers") && reason.contains("restart"), "{reason}");
    fs::write(scenario.fixture.path("rotten.stub"), "this is no model").unwrap();
    let rotten = "[model.rotten]\npath = \"rotten.stub\"\ntask = \"ssd\"\n";
    let reason = refused("2", &(rotten.to_owned() + &live("b", "rotten")));
    assert!(reason.contains("rotten.stub"), "{reason}");
    assert!(scenario.watcher.json("b/detections").is_empty(), "a camera runs without its model");
    scenario.wait_more("tape");

    // What can be applied is; the rest is named, and tried again by the next reload of the same file.
    let reason = refused("3", &(rotten.to_owned() + &live("b", "rotten") + &live("c", "m")));
    assert!(reason.contains("camera b") && !reason.contains("camera c"), "{reason}");
    scenario.wait_more("c");
    let alarm = scenario.watcher.json("alarm/config").pop().unwrap();
    assert!(alarm["cause"].as_str().is_some_and(|cause| cause.contains("camera b")), "{alarm}");
    scenario.watcher.wait_for("box1/status", |status| status["reasons"].to_string().contains("camera b"));
    scenario.fixture.stub("rotten", &Stub::default());
    let reported = ask(&scenario.watcher, "reload/4", "{}");
    let cameras = &reported["result"]["cameras"];
    assert_eq!((&cameras["added"][0], &cameras["unchanged"][1]), (&"b".into(), &"c".into()), "{reported}");
    scenario.wait_more("b");
    wait_until("the end of the alarm", || scenario.watcher.json("alarm/config").last().unwrap().is_null());
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_camera_that_does_not_stop_is_named_and_the_next_reload_changes_it_also_with_the_file_of_before() {
    let scenario = Scenario::new();
    // Each frame takes many times as long as a unit may be without progress.
    let slow = scenario.fixture.stub("slow", &Stub { run_us: 2_000_000, slow_from: 3, ..Stub::default() });
    let head = format!("[supervisor]\ndrain_ms = 100\n\n{slow}");
    let before = head.clone() + &live("a", "slow") + &live("b", "m");
    scenario.write(&before);
    let mut service = scenario.fixture.run();
    scenario.wait_more("b");
    scenario.watcher.wait_for("a/detections", |report| report["frame"].as_u64() > Some(0));

    // Frames are at the workers for nearly all of the time; where one reload finds none there, another will.
    let mut turn = 0;
    let refused = loop {
        turn += 1;
        let fresh = format!("fps=20&seed={turn}");
        scenario.write(&(before.replace("fps=20", &fresh) + &live(&format!("c{turn}"), "m")));
        let reported = ask(&scenario.watcher, &format!("reload/{turn}"), "{}");
        if reported["status"] == "failed" {
            break reported;
        }
        assert!(turn < 20, "no reload met a camera that is slow to stop");
    };
    let reason = refused["reason"].as_str().unwrap();
    assert!(reason.contains("camera a") && reason.contains("does not stop"), "{reason}");
    scenario.wait_more(&format!("c{turn}"));
    scenario.watcher.wait_for("box1/status", |status| status["reasons"].to_string().contains("camera a"));

    // The camera is neither as it was nor as the file says, so the file of before has it changed as well.
    let unit = || {
        let reported = scenario.fixture.command(&["status"]);
        String::from_utf8_lossy(&reported.stdout).into_owned()
    };
    scenario.write(&before);
    wait_until("a reload that changes it", || {
        turn += 1;
        let reported = ask(&scenario.watcher, &format!("reload/{turn}"), "{}");
        reported["status"] == "successful"
    });
    let from = scenario.watcher.json("a/detections").len();
    wait_until("frames of the camera", || scenario.watcher.json("a/detections").len() > from);
    wait_until("the end of the alarm", || scenario.watcher.json("alarm/config").last().unwrap().is_null());
    // The model is slow on purpose, so the box may report overload; of the camera it reports nothing any more.
    wait_until("a box without that fault", || {
        let reasons = scenario.watcher.json("box1/status").last().unwrap()["reasons"].to_string();
        !reasons.contains("camera a") && !unit().contains("camera a")
    });
    let code = service.stop();
    assert!(matches!(code, Some(0 | 8)), "{code:?} {}", service.log());
}
