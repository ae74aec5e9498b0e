//! A new configuration under a running service: what did not change does not notice.

use std::fs;

use serde_json::Value;

use crate::service::commands::ask;
use crate::support::broker::Broker;
use crate::support::messages::{assert_valid, assert_without_holes, listen, numbers, retained};
use crate::support::rig::{Rig, Stub};
use crate::support::subscriber::Subscriber;
use crate::support::wait_until;

fn live(name: &str, model: &str) -> String {
    format!("[[camera]]\nname = \"{name}\"\nsource = \"scene:?fps=20\"\ndetect = {{ model = \"{model}\" }}\n")
}

/// Its ring waits for the workers: not one frame may be lost, so that a hole in its numbers is the reload's fault.
const TAPE: &str = "[[camera]]\nname = \"tape\"\nsource = \"scene:?width=64&height=64&frames=1000000\"\npace = \"max\"\n\
    detect = { model = \"m\" }\n";

struct House {
    broker: Broker,
    rig: Rig,
    watcher: Subscriber,
    model: String,
}

impl House {
    fn new() -> House {
        let (broker, rig) = (Broker::start(), Rig::new());
        let watcher = listen(broker.port);
        let model = rig.stub("m", &Stub { run_us: 4_000, ..Stub::default() });
        House { broker, rig, watcher, model }
    }

    fn write(&self, cameras: &str) {
        self.rig.config(self.broker.port, &(self.model.clone() + cameras));
    }

    fn wait_more(&self, camera: &str) {
        let suffix = format!("{camera}/detections");
        let before = self.watcher.json(&suffix).len();
        wait_until(&format!("more from {camera}"), || self.watcher.json(&suffix).len() > before + 10);
    }
}

#[test]
fn cameras_come_change_and_go_while_the_unchanged_one_loses_no_frame() {
    let house = House::new();
    house.write(&(TAPE.to_owned() + &live("b", "m")));
    let mut service = house.rig.run();
    house.wait_more("tape");

    house.write(&(TAPE.to_owned() + &live("b", "m") + &live("c", "m")));
    service.signal(libc::SIGHUP);
    house.wait_more("c");

    house.write(&(TAPE.to_owned() + &live("b", "m").replace("fps=20", "fps=20&seed=5") + &live("c", "m")));
    let told = ask(&house.watcher, "reload/1", "{}");
    let cameras = &told["result"]["cameras"];
    assert_eq!((&cameras["changed"][0], &cameras["unchanged"][0]), (&"b".into(), &"tape".into()), "{told}");
    house.wait_more("b");

    house.write(&(TAPE.to_owned() + &live("b", "m").replace("fps=20", "fps=20&seed=5")));
    let told = ask(&house.watcher, "reload/2", "{}");
    assert_eq!(told["result"]["cameras"]["removed"], Value::from(vec!["c"]), "{told}");
    assert!(house.watcher.json("c/status").last().unwrap().is_null(), "its retained status is cleared");
    let gone = house.watcher.json("c/detections").len();
    house.wait_more("tape");
    house.wait_more("b");
    assert_eq!(house.watcher.json("c/detections").len(), gone, "a removed camera goes on");

    assert_eq!(service.stop(), Some(0), "{}", service.log());
    assert_without_holes("frames of the tape", &numbers(&house.watcher, "tape/detections", "frame"));
    assert_without_holes("seq of the tape", &numbers(&house.watcher, "tape/detections", "seq"));
    assert_valid(&house.watcher);
}

#[test]
fn a_new_model_takes_over_between_two_frames() {
    let house = House::new();
    house.write(TAPE);
    let mut service = house.rig.run();
    house.wait_more("tape");
    house.rig.stub("m", &Stub { things: 2, ..Stub::default() });
    house.rig.config(house.broker.port, &(house.model.replace("thing\"", "widget\"") + TAPE));
    assert_eq!(ask(&house.watcher, "reload/1", "{}")["status"], "successful");
    house.watcher.wait_for("tape/detections", |report| report["findings"][1]["label"] == "widget");
    assert_eq!(service.stop(), Some(0));
    assert_without_holes("frames of the tape", &numbers(&house.watcher, "tape/detections", "frame"));
}

#[test]
fn a_bad_file_changes_nothing_and_is_told_with_its_place_until_a_good_one_comes() {
    let house = House::new();
    house.write(TAPE);
    let mut service = house.rig.run();
    house.wait_more("tape");

    house.write(&TAPE.replace("pace", "pase"));
    service.signal(libc::SIGHUP);
    let alarm = house.watcher.wait_for("alarm/config", |alarm| !alarm.is_null());
    let cause = alarm["cause"].as_str().unwrap();
    let text = fs::read_to_string(house.rig.config_path()).unwrap();
    let line = text.lines().position(|line| line.starts_with("pase")).unwrap() + 1;
    let place = format!("{}:{line}:1: camera[0].pase", house.rig.config_path().display());
    assert!(cause.contains(&place) && cause.contains("stays in force"), "{cause}");
    assert!(cause.contains("\"pace\""), "the remedy: {cause}");
    retained(house.broker.port, "alarm/config");
    house.watcher.wait_for("box1/status", |status| status["state"] == "degraded");

    let answer = ask(&house.watcher, "reload/1", "{}");
    assert!(answer["reason"].as_str().unwrap().contains(&place), "{answer}");
    house.wait_more("tape");

    house.write(&(TAPE.to_owned() + &live("b", "m")));
    assert_eq!(ask(&house.watcher, "reload/2", "{}")["status"], "successful");
    wait_until("the end of the alarm", || house.watcher.json("alarm/config").last().unwrap().is_null());
    wait_until("online again", || house.watcher.json("box1/status").last().unwrap()["state"] == "online");
    assert_eq!(service.stop(), Some(0));
    assert_without_holes("frames of the tape", &numbers(&house.watcher, "tape/detections", "frame"));
    assert_valid(&house.watcher);
}

#[test]
fn what_only_a_restart_applies_is_refused_whole_and_a_model_that_does_not_load_costs_its_cameras_only() {
    let house = House::new();
    house.write(TAPE);
    let mut service = house.rig.run();
    house.wait_more("tape");
    let refused = |id: &str, rest: &str| {
        house.rig.config(house.broker.port, &(house.model.clone() + TAPE + rest));
        let answer = ask(&house.watcher, &format!("reload/{id}"), "{}");
        assert_eq!(answer["status"], "failed", "{answer}");
        answer["reason"].as_str().unwrap().to_owned()
    };
    let reason = refused("1", &("[workers]\ncores = [0]\n".to_owned() + &live("b", "m")));
    assert!(reason.contains("workers") && reason.contains("restart"), "{reason}");
    fs::write(house.rig.path("rotten.stub"), "this is no model").unwrap();
    let rotten = "[model.rotten]\npath = \"rotten.stub\"\ntask = \"ssd\"\n";
    let reason = refused("2", &(rotten.to_owned() + &live("b", "rotten")));
    assert!(reason.contains("rotten.stub"), "{reason}");
    assert!(house.watcher.json("b/detections").is_empty(), "a camera runs without its model");
    house.wait_more("tape");

    // What can be applied is; the rest is named, and tried again by the next reload of the same file.
    let reason = refused("3", &(rotten.to_owned() + &live("b", "rotten") + &live("c", "m")));
    assert!(reason.contains("camera b") && !reason.contains("camera c"), "{reason}");
    house.wait_more("c");
    let alarm = house.watcher.json("alarm/config").pop().unwrap();
    assert!(alarm["cause"].as_str().is_some_and(|cause| cause.contains("camera b")), "{alarm}");
    house.watcher.wait_for("box1/status", |status| status["reasons"].to_string().contains("camera b"));
    house.rig.stub("rotten", &Stub::default());
    let told = ask(&house.watcher, "reload/4", "{}");
    let cameras = &told["result"]["cameras"];
    assert_eq!((&cameras["added"][0], &cameras["unchanged"][1]), (&"b".into(), &"c".into()), "{told}");
    house.wait_more("b");
    wait_until("the end of the alarm", || house.watcher.json("alarm/config").last().unwrap().is_null());
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_camera_that_does_not_stop_is_named_and_the_next_reload_changes_it_also_with_the_file_of_before() {
    let house = House::new();
    // Each frame takes many times as long as a unit may be without progress.
    let slow = house.rig.stub("slow", &Stub { run_us: 2_000_000, slow_from: 3, ..Stub::default() });
    let head = format!("[supervisor]\ndrain_ms = 100\n\n{slow}");
    let before = head.clone() + &live("a", "slow") + &live("b", "m");
    house.write(&before);
    let mut service = house.rig.run();
    house.wait_more("b");
    house.watcher.wait_for("a/detections", |report| report["frame"].as_u64() > Some(0));

    // Frames are at the workers for nearly all of the time; where one reload finds none there, another will.
    let mut turn = 0;
    let refused = loop {
        turn += 1;
        let fresh = format!("fps=20&seed={turn}");
        house.write(&(before.replace("fps=20", &fresh) + &live(&format!("c{turn}"), "m")));
        let told = ask(&house.watcher, &format!("reload/{turn}"), "{}");
        if told["status"] == "failed" {
            break told;
        }
        assert!(turn < 20, "no reload met a camera that is slow to stop");
    };
    let reason = refused["reason"].as_str().unwrap();
    assert!(reason.contains("camera a") && reason.contains("does not stop"), "{reason}");
    house.wait_more(&format!("c{turn}"));
    house.watcher.wait_for("box1/status", |status| status["reasons"].to_string().contains("camera a"));

    // The camera is neither as it was nor as the file says, so the file of before has it changed as well.
    let unit = || {
        let told = house.rig.command(&["status"]);
        String::from_utf8_lossy(&told.stdout).into_owned()
    };
    house.write(&before);
    wait_until("a reload that changes it", || {
        turn += 1;
        let told = ask(&house.watcher, &format!("reload/{turn}"), "{}");
        told["status"] == "successful"
    });
    let from = house.watcher.json("a/detections").len();
    wait_until("frames of the camera", || house.watcher.json("a/detections").len() > from);
    wait_until("the end of the alarm", || house.watcher.json("alarm/config").last().unwrap().is_null());
    wait_until("an online box", || unit().starts_with("online"));
    let code = service.stop();
    assert!(matches!(code, Some(0 | 8)), "{code:?} {}", service.log());
}
