//! What a subscriber sees: topics, schemas, retained states, last will, commands.

use crate::support::broker::Broker;
use crate::support::subscriber::Subscriber;
use crate::support::unit::{Unit, event, mqtt_config, report};
use ocellus::commands::Command;
use ocellus::commands::preview::SnapshotRequest;
use ocellus::commands::service::RestartedOut;
use ocellus::contract::{CameraState, CameraStatus, Percentiles, Service, Status, Telemetry, schema};
use ocellus::pipeline::{Offer, Sink};
use ocellus::types::{Direction, Event, EventKind, Explanation, Report, ZoneSet};
use serde_json::{Value, json};

fn online() -> Status {
    Status {
        state: Service::Online,
        reasons: vec![],
        version: "0.1.0".into(),
        config_hash: "ab".into(),
        uptime_s: 1,
    }
}

fn camera() -> CameraStatus {
    let state = CameraState::Frozen;
    CameraStatus {
        camera: "front".into(),
        state,
        cause: Some("no frame".into()),
        fps: 0.0,
        frames: 7,
        drops: 1,
        experiment: None,
    }
}

fn telemetry() -> Telemetry {
    let mut telemetry =
        Telemetry { memory_bytes: 1 << 24, temperature_c: Some(48.5), ..Telemetry::default() };
    telemetry.queues.insert("mqtt".into(), 3);
    telemetry.latency.insert("infer".into(), Percentiles { p50_us: 6_300, p95_us: 7_000, p99_us: 9_000 });
    telemetry
}

fn holds(name: &str, message: &Value) {
    let (_, schema) = schema::all().into_iter().find(|(known, _)| *known == name).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<String> = validator.iter_errors(message).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{name}: {faults:?} in {message}");
    let without = |key: &str| {
        let mut broken = message.clone();
        broken.as_object_mut().unwrap().remove(key);
        broken
    };
    for key in ["schema", "seq", "time"] {
        assert!(!validator.is_valid(&without(key)), "{name}: a message without {key} passes");
    }
    assert!(!validator.is_valid(&json!({"schema": "other/1", "seq": 1, "time": ""})), "{name}");
}

#[test]
fn every_live_message_keeps_to_its_schema() {
    let broker = Broker::start();
    let subscriber = Subscriber::start(broker.port, "reader", "ocellus/box1/#");
    let dir = tempfile::tempdir().unwrap();
    let unit = Unit::start(mqtt_config(broker.port), dir.path()).up();
    unit.mqtt.retain("status", &online());
    unit.mqtt.retain("camera/front/status", &camera());
    unit.mqtt.alarm("hot", &Explanation::new("the box is at 90 °C", "clean its fan"));
    unit.mqtt.telemetry(&telemetry());
    assert_eq!(unit.mqtt.offer_report(&report(5)), Offer::Taken);
    assert_eq!(unit.mqtt.offer_event(&event(1)), Offer::Taken);
    subscriber.publish("ocellus/box1/cmd/ping/1", false, "{}");
    let said = [
        ("status", "box1/status"),
        ("camera", "front/status"),
        ("alarm", "alarm/hot"),
        ("telemetry", "box1/telemetry"),
        ("detections", "front/detections"),
        ("event", "front/event"),
        ("answer", "cmd/ping/1"),
    ];
    for (name, suffix) in said {
        // The request on the command's topic is none of ours.
        holds(name, &subscriber.wait_for(suffix, |value| value["schema"].is_string()));
    }
    let detections = &subscriber.json("front/detections")[0];
    assert_eq!(detections["findings"][0]["box"], json!({"x": 1.23, "y": 2.0, "w": 3.0, "h": 4.0}));
    assert_eq!(detections["findings"][0]["points"], json!([[1.5, 2.5]]));
    assert_eq!(detections["findings"][1].get("box"), None);
    assert_eq!((&detections["seq"], &detections["frame"]), (&json!(1), &json!(5)));
    let event = &subscriber.json("front/event")[0];
    assert_eq!(
        (&event["historical"], &event["seq"], &event["event"]),
        (&json!(false), &json!(1), &json!("new"))
    );
}

#[test]
fn the_schemas_in_docs_are_those_of_the_types() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/mqtt");
    for (name, schema) in schema::all() {
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        let file = dir.join(format!("{name}.json"));
        if std::env::var_os("OCELLUS_WRITE_SCHEMAS").is_some() {
            std::fs::write(&file, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(
            kept, text,
            "{name}: run this test with OCELLUS_WRITE_SCHEMAS=1 and look at the difference"
        );
    }
}

#[test]
fn a_late_subscriber_and_a_new_broker_learn_the_retained_states() {
    let mut broker = Broker::start();
    let dir = tempfile::tempdir().unwrap();
    let unit = Unit::start(mqtt_config(broker.port), dir.path()).up();
    unit.mqtt.retain("status", &Status { state: Service::Degraded, ..online() });
    unit.mqtt.retain("status", &online());
    unit.mqtt.alarm("hot", &Explanation::new("90 °C", ""));
    unit.mqtt.alarm("cold", &Explanation::new("-9 °C", ""));
    let late = Subscriber::start(broker.port, "late", "ocellus/box1/#");
    late.wait_for("box1/status", |status| status["state"] == "online");
    late.wait_for("alarm/cold", Value::is_object);
    unit.mqtt.clear_alarm("cold");
    late.wait_for("alarm/cold", Value::is_null);
    drop(late);
    // A broker that lost everything is told again.
    broker.stop();
    crate::support::wait_until("the loss is noticed", || unit.mqtt.link_fault().is_some());
    let fresh = Broker::start_on(broker.port);
    let later = Subscriber::start(fresh.port, "later", "ocellus/box1/#");
    later.wait_for("box1/status", |status| status["state"] == "online");
    later.wait_for("alarm/hot", Value::is_object);
    assert!(later.json("alarm/cold").iter().all(Value::is_null));
}

#[test]
fn an_alarm_that_a_dead_process_left_behind_is_cleared() {
    let broker = Broker::start();
    let other = Subscriber::start(broker.port, "other", "ocellus/box1/alarm/#");
    other.publish("ocellus/box1/alarm/old", true, r#"{"name":"old"}"#);
    other.wait_for("alarm/old", Value::is_object);
    let dir = tempfile::tempdir().unwrap();
    let _unit = Unit::start(mqtt_config(broker.port), dir.path()).up();
    other.wait_for("alarm/old", Value::is_null);
}

#[test]
fn an_orderly_end_says_offline_and_why() {
    let broker = Broker::start();
    let subscriber = Subscriber::start(broker.port, "reader", "ocellus/box1/#");
    let dir = tempfile::tempdir().unwrap();
    let unit = Unit::start(mqtt_config(broker.port), dir.path()).up();
    unit.mqtt.retain("status", &online());
    for track in 1..=50 {
        unit.mqtt.offer_event(&event(track));
    }
    unit.stop();
    let last = subscriber.wait_for("box1/status", |status| status["state"] == "offline");
    assert_eq!(last["reasons"], json!(["stopped"]));
    holds("status", &last);
    assert_eq!(subscriber.json("front/event").len(), 50, "all events go out before the end");
}

#[test]
fn commands_are_answered_on_their_own_topic() {
    let broker = Broker::start();
    let origin = Subscriber::start(broker.port, "asker", "ocellus/box1/cmd/#");
    let dir = tempfile::tempdir().unwrap();
    let unit = Unit::start(mqtt_config(broker.port), dir.path()).up();
    origin.publish("ocellus/box1/cmd/ping/a", false, "{}");
    origin.wait_for("ping/a", |answer| answer["status"] == "successful");
    origin.publish("ocellus/box1/cmd/dance/b", false, "{}");
    let refusal = origin.wait_for("dance/b", |answer| answer["status"] == "failed");
    assert!(refusal["reason"].as_str().unwrap().contains("ping, reload, snapshot"), "{refusal}");
    origin.publish("ocellus/box1/cmd/reload/c", false, vec![0xff, 0xfe]);
    let refusal = origin.wait_for("reload/c", |answer| answer["status"] == "failed");
    assert!(refusal["reason"].as_str().unwrap().contains("not JSON"), "{refusal}");
    origin.publish("ocellus/box1/cmd/reload/d", false, vec![b'x'; 100_000]);
    let refusal = origin.wait_for("reload/d", |answer| answer["status"] == "failed");
    assert!(refusal["reason"].as_str().unwrap().contains("100000 bytes"), "{refusal}");
    origin.publish("ocellus/box1/cmd/snapshot/e", false, r#"{"camera":"front"}"#);
    let command = unit.commands.recv_timeout(crate::support::PATIENCE).unwrap();
    let front = SnapshotRequest { camera: Some("front".into()), ..SnapshotRequest::default() };
    assert_eq!((&command.command, command.id.as_str()), (&Command::Snapshot(front), "e"));
    origin.wait_for("snapshot/e", |answer| answer["status"] == "executing");
    command.reply.successful(RestartedOut { unit: "a.jpg".into(), already_restarting: None }.into());
    let done = origin.wait_for("snapshot/e", |answer| answer["status"] == "successful");
    assert_eq!(done["result"], json!({ "unit": "a.jpg" }));
    holds("answer", &done);
    origin.publish("ocellus/box1/cmd/reload/f", false, "{}");
    drop(unit.commands.recv_timeout(crate::support::PATIENCE).unwrap());
    origin.wait_for("reload/f", |answer| answer["status"] == "failed");
    assert_eq!(unit.mqtt.link_fault(), None, "nothing of this cost the connection");
}

#[test]
fn clearing_a_retained_request_asks_for_nothing() {
    let broker = Broker::start();
    let origin = Subscriber::start(broker.port, "asker", "ocellus/box1/cmd/#");
    let dir = tempfile::tempdir().unwrap();
    let unit = Unit::start(mqtt_config(broker.port), dir.path()).up();
    origin.publish("ocellus/box1/cmd/reload/old", true, "");
    origin.publish("ocellus/box1/cmd/reload/older", false, "");
    origin.publish("ocellus/box1/cmd/ping/after", false, "{}");
    origin.wait_for("ping/after", |answer| answer["status"] == "successful");
    assert!(unit.commands.try_recv().is_err(), "nothing reached the box");
    assert!(origin.json("reload/old").iter().all(Value::is_null), "and nothing was answered");
    assert_eq!(unit.mqtt.counters().commands, 1);
}

#[test]
fn an_orderly_end_leaves_no_alarm_and_no_camera_that_is_there() {
    let broker = Broker::start();
    let subscriber = Subscriber::start(broker.port, "reader", "ocellus/box1/#");
    let dir = tempfile::tempdir().unwrap();
    let unit = Unit::start(mqtt_config(broker.port), dir.path()).up();
    unit.mqtt.retain("camera/front/status", &CameraStatus { state: CameraState::Online, ..camera() });
    unit.mqtt.alarm("hot", &Explanation::new("90 °C", ""));
    subscriber.wait_for("front/status", |status| status["state"] == "online");
    unit.stop();
    subscriber.wait_for("box1/status", |status| status["state"] == "offline");
    let late = Subscriber::start(broker.port, "late", "ocellus/box1/#");
    let left = late.wait_for("front/status", Value::is_object);
    assert_eq!((&left["state"], &left["cause"]), (&json!("offline"), &json!("the service has stopped")));
    holds("camera", &left);
    assert!(late.on("alarm/hot").is_empty(), "an alarm of a box that is off");
}

#[test]
fn reports_are_dropped_at_once_and_counted_while_no_broker_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let unit = Unit::start(mqtt_config(crate::support::broker::free_port()), dir.path());
    for frame in 0..10 {
        assert_eq!(unit.mqtt.offer_report(&report(frame)), Offer::Dropped);
    }
    assert_eq!(unit.mqtt.counters().reports_dropped_offline, 10);
}

#[test]
fn what_happens_at_places_and_whose_track_a_finding_is_keep_to_their_schemas() {
    let broker = Broker::start();
    let subscriber = Subscriber::start(broker.port, "reader", "ocellus/box1/#");
    let dir = tempfile::tempdir().unwrap();
    let unit = Unit::start(mqtt_config(broker.port), dir.path()).up();
    let at = |kind, place: &str| Event { kind, place: Some(place.into()), ..event(7) };
    let reported = [
        at(EventKind::ZoneEnter, "door"),
        Event { dwell_ms: Some(5_010), ..at(EventKind::Dwell, "door") },
        Event { dwell_ms: Some(7_500), ..at(EventKind::ZoneLeave, "door") },
        Event { direction: Some(Direction::LeftToRight), ..at(EventKind::LineCross, "gate") },
    ];
    for event in &reported {
        assert_eq!(unit.mqtt.offer_event(event), Offer::Taken);
    }
    let mut report = Report::clone(&report(5));
    let finding = &mut report.findings[0];
    (finding.track, finding.name) = (Some(7), Some("Ada".into()));
    finding.zones = ZoneSet::of(["door"]);
    assert_eq!(unit.mqtt.offer_report(&std::sync::Arc::new(report)), Offer::Taken);
    subscriber.wait_for("front/event", |event| event["event"] == "line_cross");
    let said = subscriber.json("front/event");
    said.iter().for_each(|message| holds("event", message));
    let words: Vec<_> =
        said.iter().map(|m| (&m["event"], &m["place"], &m["dwell_ms"], &m["direction"])).collect();
    let null = Value::Null;
    let expected = [
        (&json!("zone_enter"), &json!("door"), &null, &null),
        (&json!("dwell"), &json!("door"), &json!(5_010), &null),
        (&json!("zone_leave"), &json!("door"), &json!(7_500), &null),
        (&json!("line_cross"), &json!("gate"), &null, &json!("left_to_right")),
    ];
    assert_eq!(words, expected);
    let detections = subscriber.wait_for("front/detections", Value::is_object);
    holds("detections", &detections);
    let [first, second] = [0, 1].map(|at| &detections["findings"][at]);
    assert_eq!(
        (&first["track"], &first["name"], &first["zones"]),
        (&json!(7), &json!("Ada"), &json!(["door"]))
    );
    assert!(["track", "name", "zones"].iter().all(|key| second.get(key).is_none()), "{second}");
}
