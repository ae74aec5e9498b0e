//! The writer on a real store, turn by turn.

use super::*;
use crate::config;
use crate::mqtt::Mqtt;
use crate::pipeline::Sink;
use crate::store::Body;
use crate::types::{Event, EventKind, Rect, SystemClock};

fn mqtt() -> Mqtt {
    let cfg = config::MqttConfig {
        host: "127.0.0.1".into(),
        port: 1,
        tls: None,
        prefix: "ocellus".into(),
        client_id: "c".into(),
        username: None,
        password_file: None,
        keep_alive: Duration::from_secs(5),
        telemetry_every: Duration::from_secs(5),
        protocol: config::MqttProtocol::Auto,
        max_answer_bytes: 1 << 20,
        commands: Vec::new(),
    };
    let device = config::Device { name: "box1".into(), state_dir: "/nowhere".into() };
    Mqtt::new(&cfg, &device, Arc::new(SystemClock))
}

fn event(track: u64) -> Event {
    let now = crate::types::Clock::now(&SystemClock);
    Event {
        camera: "front".into(),
        frame_seq: track,
        captured: now,
        kind: EventKind::New,
        track,
        label: "part".into(),
        score: 0.9,
        rect: Rect { x: 1.0, y: 2.0, w: 3.0, h: 4.0 },
        since: now,
        place: None,
        dwell_ms: None,
        direction: None,
        recording: None,
        experiment: None,
    }
}

/// Number and track of everything that is on disk.
fn on_disk(writer: &mut OutboxWriter) -> Vec<(u64, u64)> {
    let outbox = writer.outbox.as_mut().unwrap();
    outbox.all_back();
    let outcome = outbox.fetch(99).unwrap().into_iter().map(|entry| match entry.body {
        Body::Message { seq, payload } => {
            let said: serde_json::Value = serde_json::from_slice(&payload).unwrap();
            (seq, said["track"].as_u64().unwrap())
        }
        other => panic!("{other:?}"),
    });
    outcome.collect()
}

#[test]
fn a_flush_that_fails_once_doubles_no_event() {
    let dir = tempfile::tempdir().unwrap();
    let mqtt = mqtt();
    let store = Store::open(dir.path()).unwrap().store;
    let mut writer = OutboxWriter::new(mqtt.shared.clone(), Some(store), dir.path(), 1 << 20);
    assert!(writer.ready());
    for track in 1..=3 {
        mqtt.offer_event(&event(track));
    }
    writer.outbox.as_mut().unwrap().next_flush_fails = true;
    writer.turn(true);
    assert_eq!(mqtt.counters().commits_failed, 1);
    // Events that come meanwhile wait in the same queue.
    mqtt.offer_event(&event(4));
    assert!(writer.ready());
    writer.turn(true);
    assert_eq!(on_disk(&mut writer), [(1, 1), (2, 2), (3, 3), (4, 4)]);
    assert_eq!((writer.group.len(), mqtt.counters().commits_failed), (0, 1));
}

#[test]
fn what_was_acknowledged_while_the_store_was_closed_is_not_given_again() {
    let dir = tempfile::tempdir().unwrap();
    let mqtt = mqtt();
    let store = Store::open(dir.path()).unwrap().store;
    let mut writer = OutboxWriter::new(mqtt.shared.clone(), Some(store), dir.path(), 1 << 20);
    assert!(writer.ready());
    mqtt.offer_event(&event(1));
    mqtt.offer_event(&event(2));
    writer.turn(true);
    let key = writer.outbox.as_mut().unwrap().fetch(1).unwrap()[0].key;
    let full = std::io::ErrorKind::StorageFull.into();
    writer.fail(&StoreError::DiskFull { path: dir.path().into(), source: full });
    writer.shared.exchange.with_to_writer(|state| state.acked.push(key));
    writer.turn(false);
    assert!(writer.ready());
    assert_eq!(on_disk(&mut writer), [(2, 2)]);
    assert_eq!(mqtt.counters().events_acked, 1);
}

#[test]
fn what_the_broker_refused_while_the_store_was_closed_is_set_aside_when_it_opens() {
    let dir = tempfile::tempdir().unwrap();
    let mqtt = mqtt();
    let store = Store::open(dir.path()).unwrap().store;
    let mut writer = OutboxWriter::new(mqtt.shared.clone(), Some(store.clone()), dir.path(), 1 << 20);
    assert!(writer.ready());
    mqtt.offer_event(&event(1));
    mqtt.offer_event(&event(2));
    writer.turn(true);
    let key = writer.outbox.as_mut().unwrap().fetch(1).unwrap()[0].key;
    let full = std::io::ErrorKind::StorageFull.into();
    writer.fail(&StoreError::DiskFull { path: dir.path().into(), source: full });
    let aside = Aside {
        key: Some(key),
        topic: "camera/front/event".into(),
        bytes: 300,
        reason: "it has 300 bytes".into(),
        news: true,
    };
    writer.shared.exchange.with_to_writer(|state| state.aside.push(aside));
    writer.turn(false);
    assert_eq!(mqtt.counters().set_aside, 0, "the list is closed, too");
    assert!(writer.ready());
    let outbox = writer.outbox.as_mut().unwrap();
    outbox.all_back();
    let bodies: Vec<Body> = outbox.fetch(9).unwrap().into_iter().map(|entry| entry.body).collect();
    assert!(
        matches!(bodies[..], [Body::Refused { from: 1, to: 1 }, Body::Message { seq: 2, .. }]),
        "{bodies:?}"
    );
    assert_eq!((store.letters().unwrap().len(), mqtt.counters().set_aside), (1, 1));
    writer.turn(true);
    assert_eq!(store.letters().unwrap().len(), 1, "it is listed once");
}

#[test]
fn what_the_broker_does_not_take_leaves_the_outbox_and_is_listed_with_an_alarm() {
    let dir = tempfile::tempdir().unwrap();
    let mqtt = mqtt();
    let store = Store::open(dir.path()).unwrap().store;
    let mut writer = OutboxWriter::new(mqtt.shared.clone(), Some(store.clone()), dir.path(), 1 << 20);
    assert!(writer.ready());
    mqtt.offer_event(&event(1));
    writer.turn(true);
    let key = writer.outbox.as_mut().unwrap().fetch(1).unwrap()[0].key;
    let aside = |key, news| Aside {
        key,
        topic: "camera/front/event".into(),
        bytes: 300,
        reason: "it has 300 bytes, the broker closed the connection over it".into(),
        news,
    };
    mqtt.shared
        .exchange
        .with_to_writer(|state| state.aside = vec![aside(Some(key), true), aside(None, false)]);
    writer.turn(true);
    assert_eq!((mqtt.counters().set_aside, mqtt.counters().refused_dropped), (1, 1));
    let letters = store.letters().unwrap();
    assert_eq!((letters.len(), letters[0].seq, letters[0].bytes), (1, Some(1), 300));
    let alarms = mqtt.alarms();
    assert!(
        alarms[0].why.cause.contains("camera/front/event") && alarms[0].why.remedy.contains("ocellus status"),
        "{alarms:?}"
    );
    let outbox = writer.outbox.as_mut().unwrap();
    outbox.all_back();
    assert_eq!(outbox.fetch(9).unwrap()[0].body, Body::Refused { from: 1, to: 1 });
}
