//! What turns an output off, whatever has become of everybody else.

use serde_json::Value;

use super::support::Lab;
use crate::support::messages::assert_valid;
use crate::support::wait_until;

#[test]
fn killed_while_an_output_is_on_the_next_start_turns_it_off() {
    let lab = Lab::new();
    let mut service = lab.run(&lab.rf("off_after_ms = 3600000"));
    lab.done(&["run", "rf", "volts=3"]);
    service.kill();
    assert_eq!(lab.instrument.lines(), ["VOLT 3"]);
    let mut service = lab.start();
    lab.instrument.wait_line("VOLT 0", 1);
    lab.wait_state("rf", "off");
    // Killed again, with a configuration that does not know the command any more.
    lab.done(&["run", "rf", "volts=4"]);
    service.kill();
    lab.write("");
    let mut service = lab.start();
    lab.instrument.wait_line("VOLT 0", 2);
    lab.wait_state("rf", "gone");
    service.kill();
    let mut service = lab.start();
    assert_eq!(lab.instrument.lines(), ["VOLT 3", "VOLT 0", "VOLT 4", "VOLT 0"]);
    assert!(lab.audit().iter().filter(|line| *line == "service | command off | rf | ok").count() == 2);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn an_output_that_may_stay_on_goes_on_over_a_restart_until_it_is_due() {
    let lab = Lab::new();
    let keys = "off_after_ms = 3600000\noff_on_stop = false";
    let mut service = lab.run(&lab.rf(keys));
    lab.done(&["run", "rf", "volts=3"]);
    let left = |lab: &Lab| lab.done(&["list"])["commands"][0]["off_in_ms"].as_u64().unwrap();
    let before = left(&lab);
    service.kill();
    let mut service = lab.start();
    lab.wait_state("rf", "on");
    assert!(left(&lab) <= before, "the time counts from the run, not from the start");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    let mut service = lab.start();
    lab.wait_state("rf", "on");
    assert_eq!(lab.instrument.lines(), ["VOLT 3"]);
    // With another limit the old run is not what the file allows.
    service.kill();
    lab.write(&lab.rf(keys).replace("VOLT 0", "VOLT 0.0"));
    let mut service = lab.start();
    lab.instrument.wait_line("VOLT 0", 1);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn an_instrument_that_is_away_raises_an_alarm_until_it_is_confirmed_to_be_off() {
    let mut lab = Lab::new();
    let mut service = lab.run(&lab.rf("timeout_ms = 300"));
    lab.done(&["run", "rf", "volts=3"]);
    lab.instrument.switch_off();
    let refused = lab.refused(&["off", "rf"]);
    assert!(
        refused.contains("not confirmed to be off") && refused.contains("cannot be reached"),
        "{refused}"
    );
    let alarm = lab.watcher.wait_for("alarm/command-rf", Value::is_object);
    assert!(alarm["cause"].as_str().unwrap().contains("rf is not confirmed to be off"), "{alarm}");
    lab.watcher.wait_for("box1/status", |status| {
        status["state"] == "degraded" && status["reasons"].to_string().contains("not confirmed to be off")
    });
    let turning = lab.watcher.wait_for("command/rf/status", |status| status["fault"].is_string());
    assert_eq!(turning["state"], "turning_off");
    let refused = lab.refused(&["run", "rf", "volts=1"]);
    assert!(refused.contains("rf is being turned off"), "{refused}");
    lab.instrument.switch_on();
    lab.instrument.wait_line("VOLT 0", 1);
    lab.wait_state("rf", "off");
    wait_until("the alarm is over", || lab.watcher.on("alarm/command-rf").last().unwrap().payload.is_empty());
    let audit = lab.audit();
    assert!(
        audit.iter().any(|line| line.starts_with("cli | command off | rf (") && line.ends_with("| still_on")),
        "{audit:#?}"
    );
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    assert_valid(&lab.watcher);
}

#[test]
fn a_stop_turns_everything_off_and_what_is_away_is_left_to_the_next_start() {
    let mut lab = Lab::new();
    let mut service = lab.run(&lab.rf("off_after_ms = 3600000"));
    lab.done(&["run", "rf", "volts=3"]);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    assert_eq!(lab.instrument.lines(), ["VOLT 3", "VOLT 0"]);
    let mut service = lab.start();
    lab.done(&["run", "rf", "volts=4"]);
    lab.instrument.switch_off();
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    assert!(
        service.log().contains("not confirmed to be off; the next start goes on with it"),
        "{}",
        service.log()
    );
    lab.instrument.switch_on();
    let mut service = lab.start();
    lab.instrument.wait_line("VOLT 0", 2);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn a_reload_turns_off_what_it_changes_as_it_was_turned_on_and_leaves_the_rest_alone() {
    let lab = Lab::new();
    let other = lab.rf("").replace("\"rf\"", "\"gun\"").replace("VOLT", "GUN");
    let mut service = lab.run(&(lab.rf("") + &other));
    lab.done(&["run", "rf", "volts=3"]);
    lab.done(&["run", "gun", "volts=1"]);
    lab.write(&(lab.rf("").replace("VOLT", "VOLTAGE") + &other));
    service.signal(libc::SIGHUP);
    lab.instrument.wait_line("VOLT 0", 1);
    lab.wait_state("rf", "off");
    assert_eq!(lab.state("gun"), "on");
    lab.done(&["run", "rf", "volts=2"]);
    lab.instrument.wait_line("VOLTAGE 2", 1);
    lab.write(&other);
    service.signal(libc::SIGHUP);
    lab.instrument.wait_line("VOLTAGE 0", 1);
    lab.wait_state("rf", "gone");
    assert_eq!(lab.state("gun"), "on");
    wait_until("the state of a command that is gone is cleared", || {
        lab.watcher.on("command/rf/status").last().unwrap().payload.is_empty()
    });
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    assert_eq!(lab.instrument.lines().last().unwrap(), "GUN 0");
}
