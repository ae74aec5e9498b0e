//! The degradation ladder: a model that asks too much of the only worker, beside a camera that inspects.

use serde_json::Value;

use super::scenario::{Scenario, camera, serial};
use crate::support::broker::free_port;
use crate::support::fixture::Stub;
use crate::support::messages::{assert_valid, counter};
use crate::support::pty::Pty;
use crate::support::wait_until;
use crate::web::client::Client;

const STEPS: [&str; 5] = ["annotation", "preview", "recorder", "detection", "frame_rate"];

/// The box with one worker; `busy` adds a camera whose model takes 200 ms a frame.
fn configure(scenario: &Scenario, web: u16, steps: &str, busy: bool) {
    let stub = Stub { run_us: 200_000, ..Stub::default() };
    let mut config = scenario.fixture.stub("heavy", &stub);
    config += &format!("[web]\nbind = \"127.0.0.1:{web}\"\n[workers]\ncores = [{}]\n", first_core());
    config += &format!("[degradation]\nover_ms = 300\nunder_ms = 300\nframe_every = 3\n{steps}");
    config += &camera("seed=3", "max_wait_ms = 5000");
    if busy {
        config += "[[camera]]\nname = \"b\"\nsource = \"scene:?width=64&height=64\"\ndetect = { model = \"heavy\" }\n";
    }
    config += &serial(&scenario.fixture, "a", "plc");
    scenario.config(&config);
}

/// A core that this process may use.
fn first_core() -> usize {
    ocellus::supervisor::usable_cores()[0]
}

/// The steps as they were published: the word, and down or up.
fn changes(scenario: &Scenario) -> Vec<(String, String)> {
    let sent = scenario.watcher.json("box1/degradation");
    let word = |value: &Value| value.as_str().map(str::to_owned);
    sent.iter().filter_map(|sent| Some((word(&sent["step"])?, word(&sent["change"])?))).collect()
}

fn metrics(port: u16) -> String {
    Client::new(([127, 0, 0, 1], port).into()).get("/metrics").text()
}

/// Pulls a trigger and waits for its answer, which must be good.
fn inspect(plc: &Pty, text: &str) {
    plc.write(format!("TRIG {text}\n").as_bytes());
    let answer = plc.line();
    assert!(answer.starts_with(&format!("{text} OK ")), "{answer}");
}

#[test]
fn under_overload_one_thing_after_another_is_done_without_but_never_inspection_and_all_is_done_again() {
    let (scenario, web) = (Scenario::new(), free_port());
    let mut plc = scenario.plug("plc");
    plc.listen();
    configure(&scenario, web, "", true);
    let mut service = scenario.run();
    let mut triggers = 0;
    let mut pull_until = |what: &str, holds: &dyn Fn() -> bool| {
        wait_until(what, || {
            triggers += 1;
            inspect(&plc, &format!("part{triggers}"));
            holds()
        });
    };
    pull_until("every step", &|| changes(&scenario).len() >= STEPS.len());
    let down: Vec<_> = STEPS.iter().map(|step| ((*step).to_owned(), "down".to_owned())).collect();
    assert_eq!(changes(&scenario), down, "in the declared order, one at a time");
    let last = scenario.watcher.json("box1/degradation").pop().unwrap();
    assert_eq!((last["level"].as_u64(), last["without"].as_array().unwrap().len()), (Some(5), 5));
    let alarm = scenario.watcher.json("alarm/overload").pop().unwrap();
    let cause = alarm["cause"].as_str().unwrap();
    for words in [
        "% busy (limit 80 %) for 0.3 s",
        "level 5 of 5",
        "detection, frame_rate",
        "[degradation]",
        "raise detect.every, lower",
    ] {
        assert!(cause.contains(words), "\"{words}\" is missing: {cause}");
    }
    scenario.watcher.wait_for("box1/status", |status| status["reasons"].to_string().contains("overload"));
    pull_until("the frame rate is reduced", &|| counter(&scenario.watcher, "b/thinned").unwrap_or(0) > 10);
    assert_eq!(counter(&scenario.watcher, "a/thinned"), Some(0), "the camera that inspects keeps its rate");
    assert_eq!(counter(&scenario.watcher, "degradation/level"), Some(5));
    wait_until("the level on /metrics", || metrics(web).contains("\nocellus_degradation_level 5\n"));
    // The load falls: the heavy camera goes.
    configure(&scenario, web, "", false);
    service.signal(libc::SIGHUP);
    wait_until("every step back", || changes(&scenario).len() >= 2 * STEPS.len());
    let up = STEPS.iter().rev().map(|step| ((*step).to_owned(), "up".to_owned()));
    assert_eq!(changes(&scenario)[STEPS.len()..], up.collect::<Vec<_>>(), "in reverse");
    wait_until("the end of the alarm", || {
        scenario.watcher.on("alarm/overload").last().unwrap().payload.is_empty()
    });
    wait_until("online again", || scenario.watcher.json("box1/status").last().unwrap()["state"] == "online");
    let sums = scenario.assert_sums("a", triggers);
    assert_eq!(sums["ok"], triggers, "every trigger has its good answer");
    assert_valid(&scenario.watcher);
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn with_the_ladder_off_the_alarm_is_raised_and_nothing_is_done_without() {
    let (scenario, web) = (Scenario::new(), free_port());
    let mut plc = scenario.plug("plc");
    plc.listen();
    configure(&scenario, web, "enabled = false\n", true);
    let mut service = scenario.run();
    let alarm = scenario.watcher.wait_for("alarm/overload", Value::is_object);
    assert!(alarm["cause"].as_str().unwrap().contains("no step is left"), "{alarm}");
    assert_eq!(changes(&scenario), []);
    assert_eq!(counter(&scenario.watcher, "degradation/level").unwrap_or(0), 0);
    // A reload turns it on.
    configure(&scenario, web, "steps = [\"detection\"]\n", true);
    service.signal(libc::SIGHUP);
    wait_until("the only step", || changes(&scenario) == [("detection".to_owned(), "down".to_owned())]);
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_camera_that_has_played_its_file_as_fast_as_it_could_no_longer_hides_an_overload() {
    let (scenario, web) = (Scenario::new(), free_port());
    let mut plc = scenario.plug("plc");
    plc.listen();
    configure(&scenario, web, "", true);
    let pictures = scenario.fixture.path("pictures");
    std::fs::create_dir(&pictures).unwrap();
    image::RgbImage::new(64, 48).save(pictures.join("one.png")).unwrap();
    let path = scenario.fixture.config_path();
    let mut config = std::fs::read_to_string(&path).unwrap();
    config += &format!("[[camera]]\nname = \"once\"\nsource = \"images://{}\"\n", pictures.display());
    config += "pace = \"max\"\n";
    std::fs::write(&path, config).unwrap();
    let mut service = scenario.run();
    scenario.watcher.wait_for("camera/once/status", |status| status["cause"] == "the source has ended");
    scenario.watcher.wait_for("alarm/overload", Value::is_object);
    assert_eq!(service.stop(), Some(0));
}
