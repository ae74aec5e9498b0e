//! How it ends: in order within three seconds, and at once when somebody insists.

use std::time::Duration;

use crate::outputs::support::Lab;
use crate::support::broker::Broker;
use crate::support::fixture::{Fixture, Stub};
use crate::support::messages::{listen, retained};
use crate::support::subscriber::Subscriber;
use crate::support::wait_until;

/// What SIGTERM may take.
const LIMIT: Duration = Duration::from_secs(3);
const CAMERA: &str =
    "[[camera]]\nname = \"a\"\nsource = \"scene:\"\ndetect = { model = \"m\" }\ntrack = {}\n";
/// Frames of `camera` come and none is reported any more.
fn wait_until_hanging(watcher: &Subscriber, camera: &str) {
    wait_until("a hanging model", || {
        let reported = watcher.json("telemetry");
        let count =
            |at: usize, what: &str| reported[at]["counters"][format!("{camera}/{what}")].as_u64().unwrap();
        let (first, last) = (reported.len().saturating_sub(3), reported.len().saturating_sub(1));
        last >= 2
            && count(first, "reported") == count(last, "reported")
            && count(first, "frames") + 5 < count(last, "frames")
    });
}

/// Works for a while, then hangs.
const HANGING: Stub = Stub { run_us: 3_600_000_000, slow_from: 10, things: 1, fail: None };

#[test]
fn sigterm_ends_it_within_three_seconds_and_the_retained_status_says_stopped() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    fixture.config(broker.port, &(fixture.stub("m", &Stub::default()) + CAMERA));
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let before = watcher.json("a/detections").len();
        let mut service = fixture.run();
        wait_until("frames", || watcher.json("a/detections").len() > before + 5);
        service.signal(signal);
        assert_eq!(service.exit_within(LIMIT), Some(0), "{}", service.log());
        let status = retained(broker.port, "box1/status");
        assert_eq!((&status["state"], &status["reasons"][0]), (&"offline".into(), &"stopped".into()));
        let camera = retained(broker.port, "camera/a/status");
        assert_eq!(
            (&camera["state"], &camera["cause"]),
            (&"offline".into(), &"the service has stopped".into())
        );
    }
    let ended = watcher.json("a/event").into_iter().filter(|event| event["event"] == "end").count();
    assert_eq!(ended, 2, "an orderly end tells the end of what was followed");
}

#[test]
fn a_lost_process_is_reported_by_its_last_will() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    fixture.config(broker.port, &(fixture.stub("m", &Stub::default()) + CAMERA));
    let mut service = fixture.run();
    watcher.wait_for("box1/status", |status| status["state"] == "online");
    service.kill();
    let will = watcher.wait_for("box1/status", |status| status["state"] == "offline");
    assert_eq!(will["reasons"][0], "connection lost");
    assert_eq!(retained(broker.port, "box1/status")["state"], "offline");
}

#[test]
fn a_hanging_model_does_not_hold_the_end_and_is_named() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    let quick = "[supervisor]\ndrain_ms = 1500\n\n";
    fixture.config(broker.port, &(quick.to_owned() + &fixture.stub("m", &HANGING) + CAMERA));
    let mut service = fixture.run();
    wait_until_hanging(&watcher, "a");
    service.signal(libc::SIGTERM);
    assert_eq!(service.exit_within(LIMIT), Some(8), "{}", service.log());
    // Either of the two: a worker away from the thread that makes the frames is woken first.
    assert!(service.log().contains("unit=\"worker/"), "{}", service.log());
    assert_eq!(retained(broker.port, "box1/status")["state"], "offline");
}

#[test]
fn a_second_signal_forces_the_end_while_the_drain_hangs() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    let patient = "[supervisor]\ndrain_ms = 60000\n\n";
    fixture.config(broker.port, &(patient.to_owned() + &fixture.stub("m", &HANGING) + CAMERA));
    let mut service = fixture.run();
    wait_until_hanging(&watcher, "a");
    service.signal(libc::SIGTERM);
    watcher.wait_for("telemetry", |_| true);
    assert!(service.is_running(), "the drain should hang: {}", service.log());
    // Again and again, because two signals at once may arrive as one.
    wait_until("the forced end", || {
        service.signal(libc::SIGTERM);
        !service.is_running()
    });
    assert_eq!(service.exit_within(LIMIT), Some(7), "{}", service.log());
}

#[test]
fn outputs_are_turned_off_before_parts_that_take_long_to_end() {
    let lab = Lab::new();
    let patient = "[supervisor]\ndrain_ms = 60000\ndrain_max_ms = 60000\n\n";
    let hanging = CAMERA.replace("\"a\"", "\"b\"");
    let rest = lab.rf("") + &hanging + patient + &lab.fixture.stub("m", &HANGING);
    let mut service = lab.run(&rest);
    lab.done(&["run", "rf", "volts=3"]);
    wait_until_hanging(&lab.watcher, "b");
    service.signal(libc::SIGTERM);
    // Without its turn before the others it would have to wait for the worker.
    lab.instrument.wait_line("VOLT 0", 1);
    assert!(service.is_running(), "the worker still hangs: {}", service.log());
    assert_eq!(lab.instrument.lines(), ["VOLT 3", "VOLT 0"]);
    service.kill();
}

#[test]
fn sigterm_while_a_model_is_still_loading_ends_it_as_fast() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    let loads_for_ever = Stub { run_us: 3_600_000_000, ..Stub::default() };
    fixture.config(broker.port, &(fixture.stub("m", &loads_for_ever) + CAMERA));
    let mut service = fixture.run();
    // The first state of the camera: the models are loading beside it.
    watcher.wait_for("a/status", |_| true);
    service.signal(libc::SIGTERM);
    let code = service.exit_within(LIMIT);
    assert!(matches!(code, Some(0 | 8)), "{code:?} {}", service.log());
}
