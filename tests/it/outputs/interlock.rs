//! Interlocks with readings that a test sets: what opens one, and what that does to an output that is on, or may be.

use std::collections::BTreeMap;

use ocellus::contract::{CommandValue, OutputState};
use ocellus::store::Store;

use super::direct::{Direct, Host, gun};
use super::support::Instrument;
use crate::support::{PATIENCE, wait_until};

const INTERLOCK: &str = "interlock = [\"pressure < 1e-6\"]\ninterlock_max_age_ms = 5000";

#[test]
fn an_interlock_that_opens_turns_the_output_off_and_it_stays_off() {
    let (instrument, dir) = (Instrument::start(), tempfile::tempdir().unwrap());
    let store = Store::open(dir.path()).unwrap().store;
    let mut gun = Direct::start(&gun(instrument.port, INTERLOCK), store, Host::default());
    let refused = |expected: &str| {
        let refusal = gun.run_when_ready().unwrap_err();
        assert_eq!(refusal.code, "interlock_open");
        assert!(refusal.message.contains(expected), "{refusal}");
    };

    refused("pressure has no reading");
    gun.pressure(4e-7, 9_000, true);
    refused("pressure is stale: its last reading, 4e-7, is 9000 ms old");
    gun.pressure(4e-7, 6_000, false);
    refused("is 6000 ms old (limit 5000 ms)");
    gun.pressure(2e-6, 10, false);
    refused("pressure is 2e-6 (10 ms old), and pressure < 1e-6 must hold");
    assert_eq!(instrument.lines(), [""; 0]);

    for (value, age_ms, stale) in [(2e-6, 10, false), (4e-7, 10, true), (4e-7, 6_000, false)] {
        gun.pressure(4e-7, 10, false);
        wait_until("it can be run", || gun.run().is_ok());
        assert!(gun.is(OutputState::On) || !gun.is(OutputState::TurningOff));
        gun.pressure(value, age_ms, stale);
        let cause = gun.off_cause();
        assert!(cause.contains("interlock opened: pressure"), "{cause}");
        // What closed again is no reason to turn it on.
        gun.pressure(4e-7, 10, false);
    }
    assert_eq!(instrument.lines(), ["ON", "OFF", "ON", "OFF", "ON", "OFF"]);
    assert_eq!(gun.notes("interlock command off ok"), 3);
    assert_eq!(gun.state("gun").unwrap().values, BTreeMap::<String, CommandValue>::new());
    gun.end();
}

/// An instrument that has taken a run, and answers only to what turns it off.
fn slow() -> Instrument {
    let instrument = Instrument::start();
    instrument.answer_by(|line| (line == "OFF").then(|| "OK".to_owned()));
    instrument
}

#[test]
fn an_interlock_that_opens_before_the_answer_turns_the_output_off_at_once() {
    let (instrument, dir) = (slow(), tempfile::tempdir().unwrap());
    let store = Store::open(dir.path()).unwrap().store;
    // The answer would be waited for much longer than this test lasts.
    let keys = format!("{INTERLOCK}\ntimeout_ms = 60000");
    let mut gun = Direct::start(&gun(instrument.port, &keys), store, Host::default());
    wait_until("the records are read", || gun.run().unwrap_err().code == "interlock_open");
    gun.pressure(4e-7, 10, false);
    let run = gun.begin();
    instrument.wait_line("ON", 1);
    gun.pressure(2e-6, 10, false);
    let refusal = run.recv_timeout(PATIENCE).unwrap().unwrap_err();
    assert_eq!(refusal.code, "turning_off");
    assert!(refusal.message.contains("interlock opened: pressure is 2e-6"), "{refusal}");
    assert!(gun.off_cause().contains("interlock opened"));
    assert_eq!(instrument.lines(), ["ON", "OFF"]);
    gun.end();
}

#[test]
fn the_time_until_it_is_off_counts_from_the_message_and_not_from_its_answer() {
    let (instrument, dir) = (slow(), tempfile::tempdir().unwrap());
    let store = Store::open(dir.path()).unwrap().store;
    let keys = "off_after_ms = 300\ntimeout_ms = 60000";
    let mut gun = Direct::start(&gun(instrument.port, keys), store, Host::default());
    let refusal = gun.run_when_ready().unwrap_err();
    assert!(refusal.message.contains("off_after_ms"), "{refusal}");
    assert!(gun.off_cause().contains("it was on for 300 ms"));
    assert_eq!(instrument.lines(), ["ON", "OFF"]);
    assert_eq!(gun.outputs.counters().offs_by_time, 1);
    gun.end();
}

#[test]
fn the_end_of_the_service_refuses_runs_that_wait_and_turns_off_before_other_units_end() {
    let (instrument, dir) = (slow(), tempfile::tempdir().unwrap());
    let store = Store::open(dir.path()).unwrap().store;
    let mut gun = Direct::start(&gun(instrument.port, "timeout_ms = 60000"), store, Host::default());
    wait_until("the records are read", || gun.off("gun").recv_timeout(PATIENCE).unwrap().is_ok());
    let before = instrument.lines().len();
    let under_way = gun.begin();
    instrument.wait_line("ON", 1);
    let waiting = [gun.begin(), gun.begin()];
    // The unit itself is not stopped yet: others are waited for meanwhile.
    gun.outputs.begin_end();
    for (run, code) in waiting.iter().map(|run| (run, "stopping")).chain([(&under_way, "turning_off")]) {
        assert_eq!(run.recv_timeout(PATIENCE).unwrap().unwrap_err().code, code);
    }
    assert!(gun.off_cause().contains("the service stops"));
    assert_eq!(gun.run().unwrap_err().code, "stopping");
    assert_eq!(instrument.lines()[before..], ["ON", "OFF"]);
    gun.end();
    assert_eq!(gun.run().unwrap_err().code, "stopping", "also when nobody is there any more");
}
