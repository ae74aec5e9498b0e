//! What a broker does not take, and what the box does not read, holds nothing else up.

use ocellus::commands::CommandAnswer;
use ocellus::commands::service::ConfigOut;
use ocellus::config::{MqttConfig as Settings, MqttProtocol};
use ocellus::contract::{CameraState, CameraStatus, Telemetry};
use ocellus::mqtt::Link;
use ocellus::pipeline::{Offer, Sink};
use ocellus::store::Store;
use ocellus::types::{CommandKind, Event, Report};
use serde_json::{Value, json};

use crate::mqtt::outbox::seqs;
use crate::support::broker::{Broker, Demands};
use crate::support::subscriber::Subscriber;
use crate::support::unit::{Unit, event, mqtt_config, report};
use crate::support::{PATIENCE, wait_until};

/// The longest packet that the broker takes.
const LIMIT: usize = 4_000;

fn strict() -> Broker {
    Broker::demanding(&Demands { max_packet: Some(LIMIT), ..Demands::default() })
}

fn speaking(protocol: MqttProtocol, port: u16) -> Settings {
    Settings { protocol, ..mqtt_config(port) }
}

fn long() -> String {
    "x".repeat(LIMIT)
}

fn long_event(track: u64) -> Event {
    Event { label: long().as_str().into(), ..event(track) }
}

fn camera(cause: &str) -> CameraStatus {
    CameraStatus {
        camera: "front".into(),
        state: CameraState::Offline,
        cause: Some(cause.into()),
        fps: 0.0,
        frames: 7,
        drops: 1,
        experiment: None,
    }
}

/// Every kind of message that the broker does not take, and beside each of them one that it takes.
fn every_kind(protocol: MqttProtocol) {
    let broker = strict();
    let watcher = Subscriber::start(broker.port, "watcher", "ocellus/box1/#");
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap().store;
    // Events of an earlier life, in which no broker was there.
    let away = speaking(protocol, crate::support::broker::free_port());
    let unit = Unit::with_store(away, dir.path(), 64 << 20, Some(store.clone()));
    for track in 1..=9 {
        let event = if track == 4 { long_event(track) } else { event(track) };
        assert_eq!(unit.mqtt.offer_event(&event), Offer::Taken);
    }
    wait_until("all is on disk", || unit.mqtt.queued().1 == 0 && unit.mqtt.counters().commits > 0);
    unit.stop();

    let unit = Unit::with_store(speaking(protocol, broker.port), dir.path(), 64 << 20, Some(store.clone()));
    unit.mqtt.retain("camera/front/status", &camera(&long()));
    unit.mqtt.retain("camera/side/status", &camera("no frame"));
    wait_until("the events that the broker takes", || seqs(&watcher.json("front/event")).len() == 9);
    let gap = watcher.wait_for("front/event", |message| message["schema"] == "ocellus.gap/1");
    assert_eq!((&gap["from"], &gap["to"]), (&json!(4), &json!(4)), "{gap}");
    assert!(gap["reason"].as_str().unwrap().contains("the broker refused it"), "{gap}");
    watcher.wait_for("side/status", Value::is_object);

    watcher.publish("ocellus/box1/cmd/snapshot/1", false, "{}");
    let command = unit.commands.recv_timeout(PATIENCE).unwrap();
    assert_eq!(command.command.kind(), CommandKind::Snapshot);
    command.reply.successful(text(long()));
    let failed = watcher.wait_for("snapshot/1", |answer| answer["status"] == "failed");
    let reason = failed["reason"].as_str().unwrap();
    assert!(reason.starts_with("the answer has 41") && reason.contains(" bytes, the broker "), "{reason}");

    let is_listed = |topic: &str| store.letters().unwrap().iter().any(|letter| letter.topic == topic);
    let mut wide = Report::clone(&report(1));
    wide.camera = "wide".into();
    wide.findings[0].label = long().as_str().into();
    let (wide, mut frame) = (std::sync::Arc::new(wide), 2);
    wait_until("the reports that the broker does not take are known", || {
        unit.mqtt.offer_report(&wide);
        unit.mqtt.offer_report(&report(frame));
        frame += 1;
        std::thread::sleep(std::time::Duration::from_millis(20));
        is_listed("camera/wide/detections")
    });
    wait_until("reports that it takes", || {
        unit.mqtt.offer_report(&report(90_000));
        watcher.json("front/detections").iter().any(|report| report["frame"] == 90_000)
    });
    let mut figures = Telemetry::default();
    figures.counters.extend((0..LIMIT as u64).map(|n| (n.to_string(), n)));
    wait_until("telemetry that the broker does not take is known", || {
        unit.mqtt.telemetry(&figures);
        std::thread::sleep(std::time::Duration::from_millis(20));
        is_listed("telemetry")
    });
    let dropped = unit.mqtt.counters().refused_dropped;
    wait_until("the next ones are dropped at once", || {
        unit.mqtt.offer_report(&wide);
        unit.mqtt.telemetry(&figures);
        std::thread::sleep(std::time::Duration::from_millis(5));
        unit.mqtt.counters().refused_dropped > dropped + 3
    });

    watcher.publish("ocellus/box1/cmd/ping/2", false, "{}");
    watcher.wait_for("ping/2", |answer| answer["status"] == "successful");
    let alarm = watcher.wait_for("alarm/mqtt-refused", Value::is_object);
    assert!(alarm["cause"].as_str().unwrap().contains("ocellus status"), "{alarm}");
    let listed: Vec<String> = store.letters().unwrap().into_iter().map(|letter| letter.topic).collect();
    for topic in
        ["camera/front/event", "camera/front/status", "cmd/snapshot/1", "camera/wide/detections", "telemetry"]
    {
        assert_eq!(listed.iter().filter(|listed| *listed == topic).count(), 1, "{topic} in {listed:?}");
    }
    assert_eq!(unit.mqtt.counters().set_aside as usize, listed.len());
    let connections = unit.mqtt.counters().connections;
    if protocol != MqttProtocol::V311 {
        assert_eq!(connections, 1, "a broker that says what it takes is never made to hang up");
    }
    assert_eq!(unit.mqtt.link(), Link::Up);
}

/// An answer that is as long as its text.
fn text(text: String) -> CommandAnswer {
    ConfigOut { text, hash: String::new(), path: String::new() }.into()
}

#[test]
fn of_every_kind_what_a_broker_hangs_up_over_is_set_aside_and_the_rest_flows() {
    every_kind(MqttProtocol::V311);
}

#[test]
fn of_every_kind_what_a_broker_of_mqtt_5_says_it_does_not_take_is_not_even_sent() {
    every_kind(MqttProtocol::Auto);
}

#[test]
fn a_broker_that_restarts_over_and_over_costs_no_event() {
    let mut broker = Broker::start();
    let watcher = Subscriber::start(broker.port, "watcher", "ocellus/box1/#");
    let dir = tempfile::tempdir().unwrap();
    let unit = Unit::start(speaking(MqttProtocol::V311, broker.port), dir.path()).up();
    for round in 0..4 {
        for track in 1..=100 {
            unit.mqtt.offer_event(&event(round * 100 + track));
        }
        broker.stop();
        wait_until("the loss is noticed", || unit.mqtt.link() != Link::Up);
        broker.restart();
        wait_until("the link is up again", || unit.mqtt.link() == Link::Up);
    }
    wait_until("all arrived", || seqs(&watcher.json("front/event")).len() == 400);
    assert_eq!(unit.mqtt.counters().set_aside, 0);
}

#[test]
fn an_answer_of_megabytes_that_comes_back_to_us_is_no_request_and_costs_nothing() {
    for protocol in [MqttProtocol::V311, MqttProtocol::V5] {
        let broker = Broker::start();
        let watcher = Subscriber::start(broker.port, "watcher", "ocellus/box1/cmd/#");
        let dir = tempfile::tempdir().unwrap();
        let unit = Unit::start(speaking(protocol, broker.port), dir.path()).up();
        for (id, bytes) in [("a", 100_000), ("b", 3 << 20)] {
            watcher.publish(&format!("ocellus/box1/cmd/snapshot/{id}"), false, r#"{"retain":true}"#);
            let command = unit.commands.recv_timeout(PATIENCE).unwrap();
            command.reply.successful(text("x".repeat(bytes)));
            watcher.wait_for(&format!("snapshot/{id}"), |answer| answer["status"] == "successful");
        }
        watcher.publish("ocellus/box1/cmd/snapshot/c", false, "{}");
        let command = unit.commands.recv_timeout(PATIENCE).unwrap();
        command.reply.successful(text("x".repeat(9 << 20)));
        let failed = watcher.wait_for("snapshot/c", |answer| answer["status"] == "failed");
        assert!(failed["reason"].as_str().unwrap().contains("at most 8388608 are sent"), "{failed}");
        assert_eq!(unit.mqtt.counters().connections, 1);
        // The retained answers come to the next life, too.
        let unit = unit.again(dir.path()).up();
        // Again and again: the broker may get a request before it gets the new connection's subscription.
        let mut asked = 0;
        wait_until("a ping that is answered", || {
            asked += 1;
            watcher.publish(&format!("ocellus/box1/cmd/ping/{asked}"), false, "{}");
            let pings = (1..=asked).flat_map(|id| watcher.json(&format!("ping/{id}")));
            pings.into_iter().any(|answer| answer["status"] == "successful")
        });
        for id in ["a", "b"] {
            let reported = watcher.json(&format!("snapshot/{id}"));
            let words: Vec<&str> = reported.iter().filter_map(|answer| answer["status"].as_str()).collect();
            assert_eq!(words, ["executing", "successful"], "{protocol:?} {id}");
        }
        assert_eq!((unit.mqtt.counters().connections, unit.mqtt.alarms()), (2, vec![]));
    }
}

#[test]
fn retained_messages_of_megabytes_are_passed_over_and_named_while_the_box_stays() {
    for protocol in [MqttProtocol::V311, MqttProtocol::V5] {
        let broker = Broker::start();
        let (command, alarm) = ("ocellus/box1/cmd/reload/evil", "ocellus/box1/alarm/evil");
        broker.publish_retained(command, 20 << 20);
        broker.publish_retained(alarm, 2 << 20);
        let watcher = Subscriber::start(broker.port, "watcher", "ocellus/box1/alarm/mqtt-oversize");
        let origin = Subscriber::start(broker.port, "asker", "ocellus/box1/cmd/ping/#");
        let dir = tempfile::tempdir().unwrap();
        let unit = Unit::start(speaking(protocol, broker.port), dir.path()).up();
        let reported = watcher.wait_for("mqtt-oversize", |alarm| {
            alarm["cause"].as_str().is_some_and(|cause| cause.contains("cmd/reload/evil (20971520 bytes)"))
        });
        assert!(reported["cause"].as_str().unwrap().contains("mosquitto_pub -r -n"), "{reported}");
        // While it is there, too.
        broker.publish_retained("ocellus/box1/cmd/reload/worse", 2 << 20);
        watcher.wait_for("mqtt-oversize", |alarm| {
            alarm["cause"].as_str().is_some_and(|cause| cause.contains("cmd/reload/worse (2097152 bytes)"))
        });
        origin.publish("ocellus/box1/cmd/ping/1", false, "{}");
        origin.wait_for("ping/1", |answer| answer["status"] == "successful");
        assert_eq!((unit.mqtt.counters().connections, unit.mqtt.link()), (1, Link::Up));
        assert!(unit.commands.try_recv().is_err(), "nothing of it is a request");
        assert_eq!(unit.mqtt.counters().oversize_received, 3);
    }
}
