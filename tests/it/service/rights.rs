//! What the plant may ask over MQTT, how often, and what stays written of it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::service::commands::ask;
use crate::support::broker::{Broker, Demands};
use crate::support::fixture::Fixture;
use crate::support::messages::listen;
use crate::support::subscriber::Subscriber;
use crate::support::{complaint, wait_until};

const CAMERA: &str = "[[camera]]\nname = \"a\"\nsource = \"scene:?width=64&height=64\"\n";

/// The lines of one of the box's logs.
fn lines(fixture: &Fixture, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(fixture.state_dir.join(name)).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn url(broker: &Broker) -> String {
    format!("url = \"mqtt://127.0.0.1:{}\"", broker.port)
}

#[test]
fn by_default_nobody_changes_the_box_over_mqtt_and_the_refusal_names_the_key() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let plant = listen(broker.port);
    fixture.config_with(&url(&broker), "stub", CAMERA);
    let mut service = fixture.run();
    plant.wait_for("box1/status", |reported| reported["state"] == "online");
    let requests = [
        ("faces/1", json!({ "action": "erase", "person": 1 })),
        ("golden/1", json!({ "action": "prune", "keep": 0 })),
        ("restart/1", json!({ "unit": "camera/a" })),
        ("reload/1", json!({})),
        ("attendance/1", json!({ "action": "day" })),
    ];
    for (command, request) in requests {
        let reason = ask(&plant, command, &request.to_string())["reason"].as_str().unwrap().to_owned();
        assert!(reason.contains("not allowed over MQTT") && reason.contains("mqtt.commands"), "{reason}");
    }
    for command in ["ping/1", "snapshot/1", "status/1"] {
        assert_eq!(ask(&plant, command, "{}")["status"], "successful", "{command}");
    }
    plant.wait_for("telemetry", |reported| reported["counters"]["mqtt/commands_refused"] == 5);
    assert_eq!(service.stop(), Some(0));
    assert_eq!(lines(&fixture, "audit-machines.log"), [Value::Null; 0], "nothing was changed");
    let mut refused: Vec<_> =
        lines(&fixture, "refused.log").iter().map(|line| line["from"].clone()).collect();
    refused.sort_by_key(Value::to_string);
    let topics = ["attendance", "faces", "golden", "reload", "restart"];
    assert_eq!(refused, topics.map(|word| Value::from(format!("ocellus/box1/cmd/{word}"))));
}

#[test]
fn a_client_that_runs_in_a_circle_is_held_up_and_every_change_has_its_topic_in_the_audit_log() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let plant = listen(broker.port);
    fixture.config_with(&format!("{}\ncommands = [\"restart\", \"trigger\"]", url(&broker)), "stub", CAMERA);
    let mut service = fixture.run();
    plant.wait_for("a/status", |reported| reported["state"] == "online");
    for n in 0..46 {
        plant.publish(&format!("ocellus/box1/cmd/restart/{n}"), false, r#"{"unit":"camera/a"}"#);
    }
    let ends = |what: &str, n: usize| {
        let is_end = |reported: &Value| reported["status"] == "successful" || reported["status"] == "failed";
        plant.wait_for(&format!("cmd/{what}/{n}"), is_end)
    };
    let answers: Vec<Value> = (0..46).map(|n| ends("restart", n)).collect();
    let refused: Vec<_> = answers.iter().filter(|reported| reported["status"] == "failed").collect();
    assert!(refused.len() >= 30, "most of 46 restarts are refused: {answers:?}");
    for reported in &refused {
        let reason = reported["reason"].as_str().unwrap();
        assert!(reason.contains("too many") && reason.contains("try again in"), "{reason}");
    }
    // Triggers are a machine's own rate.
    for batch in 0..5 {
        let numbers = batch * 60..batch * 60 + 60;
        for n in numbers.clone() {
            plant.publish(&format!("ocellus/box1/cmd/trigger/{n}"), false, "{}");
        }
        for n in numbers {
            let reason = ends("trigger", n)["reason"].as_str().unwrap_or_default().to_owned();
            assert!(!reason.contains("try again in"), "{reason}");
        }
    }
    assert!(fixture.command(&["reload"]).status.success());
    service.signal(libc::SIGHUP);
    wait_until("the signal is noted", || {
        lines(&fixture, "audit.log").iter().any(|line| line["source"] == "signal")
    });
    assert_eq!(service.stop(), Some(0));

    let machines = lines(&fixture, "audit-machines.log");
    assert_eq!(machines.len() + refused.len(), 46, "{machines:?}");
    for line in &machines {
        assert!(line["user"].as_str().unwrap().starts_with("ocellus/box1/cmd/restart/"), "{line}");
        let rest = (&line["source"], &line["action"], &line["target"], &line["outcome"]);
        assert_eq!(rest, (&json!("mqtt"), &json!("restart"), &json!("camera/a"), &json!("ok")));
    }
    let uid = format!("uid {}", rustix::process::getuid().as_raw());
    let by_hand = lines(&fixture, "audit.log");
    let by_hand: Vec<_> =
        by_hand.iter().map(|line| (&line["source"], &line["user"], &line["action"])).collect();
    let (cli, signal) = (json!("cli"), json!("signal"));
    let expected = [(&cli, &json!(uid), &json!("reload")), (&signal, &json!("SIGHUP"), &json!("reload"))];
    assert_eq!(by_hand, expected);
    let counted: u64 =
        lines(&fixture, "refused.log").iter().map(|line| line["causes"]["too_many"].as_u64().unwrap()).sum();
    assert_eq!(counted, refused.len() as u64);
}

#[test]
fn commands_that_do_not_exist_are_found_by_check() {
    let fixture = Fixture::new();
    fixture.config_with("url = \"mqtt://127.0.0.1:1\"\ncommands = [\"ping\", \"goldn\"]", "stub", CAMERA);
    let outcome = fixture.command(&["check"]);
    let said = complaint(&outcome);
    assert!(outcome.status.code() == Some(3) && said.contains("did you mean \"golden\""), "{said}");
}

#[test]
fn the_shipped_list_of_rights_lets_each_client_do_its_own_on_a_real_broker() {
    let acl: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/mosquitto.acl");
    let others = [("plc", "pull"), ("screen", "look"), ("service", "mend")];
    let demands =
        Demands { login: Some(("box1", "say")), others: &others, acl: Some(&acl), ..Demands::default() };
    let (broker, fixture) = (Broker::demanding(&demands), Fixture::new());
    fs::write(fixture.path("password"), "say\n").unwrap();
    let login = "username = \"box1\"\npassword_file = \"password\"\ncommands = [\"ping\", \"reload\"]";
    fixture.config_with(&format!("{}\n{login}", url(&broker)), "stub", CAMERA);
    let client = |(name, password): (&'static str, &'static str)| {
        Subscriber::start_as(broker.port, name, "ocellus/#", Some((name, password)))
    };
    let [plc, screen, service] = others.map(client);
    let mut run = fixture.run();
    screen.wait_for("box1/status", |reported| reported["state"] == "online");
    // The broker acknowledges what it does not pass on: what is refused is over when the acknowledgement is there.
    screen.publish("ocellus/box1/cmd/ping/screen", false, "{}");
    plc.publish("ocellus/box1/cmd/reload/plc", false, "{}");
    plc.publish("ocellus/box1/status", true, "{}");
    wait_until("the broker has them", || screen.acked() == 1 && plc.acked() == 2);
    assert_eq!(ask(&plc, "ping/plc", "{}")["status"], "successful");
    assert_eq!(ask(&service, "reload/service", "{}")["status"], "successful");
    for nothing in ["ping/screen", "reload/plc"] {
        assert!(screen.on(nothing).is_empty(), "{nothing} was passed on");
    }
    assert!(
        screen.json("box1/status").iter().all(|reported| reported["state"].is_string()),
        "nobody speaks for the box"
    );
    screen.wait_for("cmd/reload/service", |reported| reported["status"] == "successful");
    assert_eq!(run.stop(), Some(0));
    screen.wait_for("box1/status", |reported| reported["state"] == "offline");
}
