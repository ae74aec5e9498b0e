//! Runs: limits, roles, two clients, and answers that do not come.

use serde_json::Value;

use super::support::Lab;
use crate::service::commands::ask;
use crate::support::messages::{assert_valid, retained};
use crate::support::wait_until;

#[test]
fn a_run_is_confirmed_and_turned_off_in_time_although_the_client_is_gone() {
    let lab = Lab::new();
    let mut service = lab.run(&lab.rf("off_after_ms = 400"));
    let ran = lab.done(&["run", "rf", "volts=2.50"]);
    assert_eq!((&ran["name"], &ran["answer"]), (&"rf".into(), &"OK".into()));
    assert_eq!(ran["values"]["volts"], 2.5);
    assert!(ran["off_in_ms"].as_u64().unwrap() <= 400, "{ran}");
    // The command line has ended by now: nobody is there who could turn it off.
    lab.watcher
        .wait_for("command/rf/status", |status| status["state"] == "on" && status["off_at"].is_string());
    lab.instrument.wait_line("VOLT 0", 1);
    lab.wait_state("rf", "off");
    assert_eq!(lab.instrument.lines(), ["VOLT 2.5", "VOLT 0"]);
    let off = lab.watcher.wait_for("command/rf/status", |status| status["off_cause"].is_string());
    assert!(off["off_cause"].as_str().unwrap().contains("off_after_ms"), "{off}");
    let audit = lab.audit();
    assert!(audit.contains(&"cli | command run | rf volts=2.5 | ok".into()), "{audit:#?}");
    assert!(audit.contains(&"service | command off | rf | ok".into()), "{audit:#?}");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    assert_valid(&lab.watcher);
}

#[test]
fn what_is_out_of_its_limits_is_refused_by_name_and_nothing_is_sent() {
    let lab = Lab::new();
    let admin = lab.rf("role = \"admin\"").replace("\"rf\"", "\"gun\"");
    let locked = lab.rf("interlock = [\"pressure < 1e-6\"]").replace("\"rf\"", "\"valve\"");
    let mut service = lab.run(&[lab.rf(""), admin, locked].concat());
    for (arguments, expected) in [
        (&["run", "rf", "volts=5.5"][..], "rf: volts is 5.5, outside its limits 0 to 5 V"),
        (&["run", "rf", "volts=nan"], "which is not a finite number"),
        (&["run", "rf", "volts=high"], "which is not a finite number"),
        (&["run", "rf"], "rf: volts has no value"),
        (&["run", "rf", "amps=1"], "rf has no parameter"),
        (&["run", "laser"], "there are: rf, gun, valve"),
        (
            &["run", "valve", "volts=1"],
            "valve is locked: pressure has no reading, and pressure < 1e-6 must hold",
        ),
    ] {
        let refused = lab.refused(arguments);
        assert!(refused.contains(expected), "{arguments:?}: {refused}");
    }
    let run = r#"{"action": "run", "name": "gun", "values": {"volts": 1}, "role": "admin"}"#;
    let refused = ask(&lab.watcher, "command/1", run);
    assert!(
        refused["reason"]
            .as_str()
            .unwrap()
            .contains("gun takes the role admin, and this request has the role operator"),
        "{refused}"
    );
    assert_eq!(lab.instrument.lines(), [""; 0]);
    assert!(
        lab.audit().contains(&"cli | command run | rf volts=5.5 | out_of_limits".into()),
        "{:#?}",
        lab.audit()
    );
    let listed = lab.done(&["list"]);
    let valve = &listed["commands"][2];
    assert_eq!((&valve["interlock"][0]["holds"], &valve["open"][0].is_string()), (&false.into(), &true));
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn an_answer_that_refuses_or_never_comes_counts_as_on_and_is_turned_off() {
    let lab = Lab::new();
    let mut service = lab.run(&lab.rf("timeout_ms = 300"));
    let confirm_off = |line: &str| (line == "VOLT 0").then(|| "OK".to_owned());
    lab.instrument.answer_by(move |line| confirm_off(line).or(Some("ERR 12 overload".into())));
    let refused = lab.refused(&["run", "rf", "volts=3"]);
    assert!(refused.contains("ERR 12 overload") && refused.contains("its output is turned off"), "{refused}");
    lab.instrument.wait_line("VOLT 0", 1);
    lab.wait_state("rf", "off");
    lab.instrument.answer_by(confirm_off);
    let silent = lab.refused(&["run", "rf", "volts=4"]);
    assert!(
        silent.contains("rf was not confirmed") && silent.contains("no answer within 300 ms"),
        "{silent}"
    );
    lab.instrument.wait_line("VOLT 0", 2);
    lab.instrument.answer_by(move |line| confirm_off(line).or(Some("hello".into())));
    let other = lab.refused(&["run", "rf", "volts=1"]);
    assert!(other.contains("hello") && other.contains("instead of"), "{other}");
    lab.instrument.wait_line("VOLT 0", 3);
    lab.wait_state("rf", "off");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn an_instrument_that_cannot_be_reached_changes_nothing() {
    let mut lab = Lab::new();
    lab.instrument.switch_off();
    let mut service = lab.run(&lab.rf(""));
    let refused = lab.refused(&["run", "rf", "volts=3"]);
    assert!(refused.contains("rf was not sent") && refused.contains("cannot be reached"), "{refused}");
    assert_eq!(lab.state("rf"), "off");
    service.kill();
    lab.instrument.switch_on();
    let mut service = lab.start();
    assert_eq!((lab.state("rf"), lab.instrument.lines()), ("off".into(), Vec::new()));
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn two_clients_at_once_are_served_one_after_the_other_and_off_comes_before_both() {
    let lab = Lab::new();
    let mut service = lab.run(&lab.rf("timeout_ms = 5000"));
    let run = |id: u32, volts: u32| {
        let request = format!(
            r#"{{"action": "run", "name": "rf", "values": {{"volts": {volts}}}, "by": "client {id}"}}"#
        );
        lab.watcher.publish(&format!("ocellus/box1/cmd/command/{id}"), false, request);
    };
    let end = |id: u32| {
        let ended = |answer: &Value| answer["status"] == "successful" || answer["status"] == "failed";
        lab.watcher.wait_for(&format!("cmd/command/{id}"), ended)
    };
    run(1, 1);
    run(2, 2);
    assert_eq!((&end(1)["status"], &end(2)["status"]), (&"successful".into(), &"successful".into()));
    assert_eq!(lab.instrument.lines(), ["VOLT 1", "VOLT 2"]);
    let on = lab.watcher.wait_for("command/rf/status", |status| status["values"]["volts"] == 2.0);
    assert_eq!((&on["state"], &on["by"]), (&"on".into(), &"client 2 (mqtt)".into()));
    // One whose answer does not come, one that waits, and somebody who sees the danger.
    lab.instrument.answer_by(|line| (line == "VOLT 0").then(|| "OK".to_owned()));
    run(3, 3);
    lab.instrument.wait_line("VOLT 3", 1);
    run(4, 4);
    lab.watcher.wait_for("cmd/command/4", |answer| answer["status"] == "executing");
    let off = lab.done(&["off"]);
    assert_eq!(off["off"], serde_json::json!(["rf"]));
    for id in [3, 4] {
        let answer = end(id);
        assert!(answer["reason"].as_str().unwrap().contains("being turned off"), "{answer}");
    }
    assert_eq!(lab.instrument.lines(), ["VOLT 1", "VOLT 2", "VOLT 3", "VOLT 0"]);
    wait_until("the state", || lab.watcher.json("command/rf/status").last().unwrap()["state"] == "off");
    assert_eq!(retained(lab.broker.port, "command/rf/status")["state"], "off");
    let audit = lab.audit();
    let has = |line: &str| audit.iter().any(|known| known == line);
    assert!(has("mqtt | command run | rf volts=2 | ok") && has("cli | command off | rf | ok"), "{audit:#?}");
    assert!(has("mqtt | command run | rf volts=4 | turning_off"), "{audit:#?}");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}
