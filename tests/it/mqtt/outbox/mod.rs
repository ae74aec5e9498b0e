//! Nothing that was taken is lost: broker away, service killed, disk full, bound reached.

mod refused;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::broker::Broker;
use crate::support::subscriber::Subscriber;
use crate::support::unit::{Unit, event, mqtt_config};
use ocellus::mqtt::Link;
use ocellus::pipeline::{Offer, Sink};
use serde_json::Value;

const DIR: &str = "OCELLUS_TEST_DIR";
const PORT: &str = "OCELLUS_TEST_PORT";

fn seqs(messages: &[Value]) -> BTreeSet<u64> {
    messages.iter().filter_map(|message| message["seq"].as_u64()).collect()
}

/// Each number from 1 to the highest, and each time a number came, the same object.
fn assert_whole(messages: &[Value]) {
    let seen = seqs(messages);
    let last = *seen.last().expect("something arrived");
    let missing: Vec<u64> = (1..=last).filter(|seq| !seen.contains(seq)).collect();
    assert!(missing.is_empty(), "of {last} these are missing: {missing:?}");
    let mut tracks = std::collections::BTreeMap::new();
    for message in messages {
        let track = tracks.entry(message["seq"].as_u64()).or_insert(&message["track"]);
        assert_eq!(*track, &message["track"], "one number, two events: {message}");
    }
}

#[test]
fn a_broker_that_goes_and_comes_back_gets_everything() {
    let mut broker = Broker::start();
    let subscriber = Subscriber::start(broker.port, "reader", "ocellus/box1/camera/#");
    let dir = tempfile::tempdir().unwrap();
    let unit = Unit::start(mqtt_config(broker.port), dir.path()).up();
    let mut track = 0;
    let mut offer = |count| {
        for _ in 0..count {
            track += 1;
            assert_eq!(unit.mqtt.offer_event(&event(track)), Offer::Taken);
        }
    };
    offer(100);
    broker.stop();
    offer(300);
    crate::support::wait_until("the loss is noticed", || unit.mqtt.link() != Link::Up);
    offer(1_000);
    crate::support::wait_until("all is on disk", || unit.mqtt.queued().1 == 0);
    broker.restart();
    crate::support::wait_until("the link is up again", || unit.mqtt.link() == Link::Up);
    offer(100);
    crate::support::wait_until("all numbers arrived", || {
        seqs(&subscriber.json("front/event")).len() == 1_500
    });
    let got = subscriber.json("front/event");
    assert_whole(&got);
    let stored = got.iter().filter(|message| message["historical"] == true).count();
    assert!(stored >= 1_000, "what came late says so: {stored}");
    crate::support::wait_until("the outbox is empty", || unit.mqtt.counters().events_acked >= 1_500);
}

#[test]
fn a_frozen_broker_is_noticed_and_a_quiet_one_is_kept() {
    let broker = Broker::start();
    let subscriber = Subscriber::start(broker.port, "reader", "ocellus/box1/camera/#");
    let dir = tempfile::tempdir().unwrap();
    let quick =
        ocellus::config::MqttConfig { keep_alive: Duration::from_secs(1), ..mqtt_config(broker.port) };
    let unit = Unit::start(quick, dir.path()).up();
    // mosquitto hangs up on a client that says nothing for one and a half times its keep-alive.
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!((unit.mqtt.link(), unit.mqtt.counters().connections), (Link::Up, 1));
    broker.freeze();
    unit.mqtt.offer_event(&event(1));
    unit.wait_for_fault("answer");
    unit.mqtt.offer_event(&event(2));
    broker.thaw();
    crate::support::wait_until("both arrived", || seqs(&subscriber.json("front/event")).len() == 2);
    assert_whole(&subscriber.json("front/event"));
}

#[test]
fn a_unit_that_is_built_again_goes_on_where_the_first_one_ended() {
    let broker = Broker::start();
    let subscriber = Subscriber::start(broker.port, "reader", "ocellus/box1/#");
    let dir = tempfile::tempdir().unwrap();
    let mut unit = Unit::start(mqtt_config(broker.port), dir.path()).up();
    unit.mqtt.alarm("hot", &ocellus::types::Explanation::new("90 °C", ""));
    unit.mqtt.offer_event(&event(1));
    crate::support::wait_until("acknowledged", || unit.mqtt.counters().events_acked == 1);
    unit = unit.again(dir.path()).up();
    unit.mqtt.offer_event(&event(2));
    crate::support::wait_until("both arrived", || seqs(&subscriber.json("front/event")).len() == 2);
    let alarms = || -> Vec<bool> { subscriber.json("alarm/hot").iter().map(Value::is_object).collect() };
    crate::support::wait_until("the alarm is told again", || alarms() == [true, false, true]);
    assert_eq!(unit.mqtt.counters().connections, 2);
}

#[test]
fn live_results_go_before_the_stored_ones() {
    let mut broker = Broker::start();
    let subscriber = Subscriber::start(broker.port, "reader", "ocellus/box1/camera/#");
    let dir = tempfile::tempdir().unwrap();
    broker.stop();
    let unit = Unit::start(mqtt_config(broker.port), dir.path());
    for track in 1..=5_000 {
        unit.mqtt.offer_event(&event(track));
    }
    crate::support::wait_until("all is on disk", || unit.mqtt.queued().1 == 0);
    broker.restart();
    crate::support::wait_until("the link is up", || unit.mqtt.link() == Link::Up);
    unit.mqtt.offer_event(&event(5_001));
    crate::support::wait_until("all arrived", || subscriber.json("front/event").len() >= 5_001);
    let got = subscriber.json("front/event");
    let live = got.iter().position(|message| message["track"] == 5_001).unwrap();
    assert!(live < 4_000, "the live one came as number {live}");
    assert_eq!(got[live]["historical"], false);
    assert_whole(&got);
}

/// Not a test: the process that the next one kills. It offers events until then, or, told to finish, only
/// sends what is left.
#[test]
#[ignore = "run as a child by the test below"]
fn child_offers_events() {
    let (Ok(dir), Ok(port)) = (std::env::var(DIR), std::env::var(PORT)) else { return };
    let unit = Unit::start(mqtt_config(port.parse().unwrap()), Path::new(&dir));
    let began = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    for n in 0.. {
        // The track number tells events of different processes apart.
        unit.mqtt.offer_event(&event((began & 0xffff_ffff) << 20 | n));
        std::thread::sleep(Duration::from_micros(300));
    }
}

fn spawn_child(dir: &Path, port: u16) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "mqtt::outbox::child_offers_events", "--ignored", "--nocapture"])
        .env(DIR, dir)
        .env(PORT, port.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_process_killed_at_random_moments_loses_no_number() {
    let broker = Broker::start();
    let subscriber = Subscriber::start(broker.port, "reader", "ocellus/box1/camera/#");
    let dir = tempfile::tempdir().unwrap();
    let mut chance = 0x9e37_79b9_u64 ^ u64::from(broker.port);
    for _ in 0..10 {
        let before = subscriber.count();
        let mut child = spawn_child(dir.path(), broker.port);
        crate::support::wait_until("the child publishes", || subscriber.count() > before);
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(Duration::from_millis(chance >> 33 & 0xff));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let unit = Unit::start(mqtt_config(broker.port), dir.path()).up();
    unit.mqtt.offer_event(&event(1));
    subscriber.wait_for("front/event", |message| message["track"] == 1);
    // The stored ones follow the live one; when the outbox is empty, all that was ever durable was sent.
    let mut count = 0;
    crate::support::wait_until("the stream falls silent", || {
        std::thread::sleep(Duration::from_millis(300));
        std::mem::replace(&mut count, subscriber.count()) == count
    });
    assert_whole(&subscriber.json("front/event"));
    unit.stop();
}

#[test]
fn a_killed_process_is_announced_by_its_last_will() {
    let broker = Broker::start();
    let subscriber = Subscriber::start(broker.port, "reader", "ocellus/box1/#");
    let dir = tempfile::tempdir().unwrap();
    let mut child = spawn_child(dir.path(), broker.port);
    subscriber.wait_for("front/event", Value::is_object);
    child.kill().unwrap();
    child.wait().unwrap();
    let will = subscriber.wait_for("box1/status", |status| status["state"] == "offline");
    assert_eq!(will["reasons"], serde_json::json!(["connection lost"]));
    assert_eq!(will["schema"], "ocellus.status/1");
}

#[test]
fn reaching_the_bound_is_announced_as_a_gap() {
    let mut broker = Broker::start();
    let subscriber = Subscriber::start(broker.port, "reader", "ocellus/box1/camera/#");
    broker.stop();
    let dir = tempfile::tempdir().unwrap();
    let unit = Unit::bounded(mqtt_config(broker.port), dir.path(), 20_000);
    for track in 1..=500 {
        unit.mqtt.offer_event(&event(track));
    }
    crate::support::wait_until("all was treated", || {
        unit.mqtt.queued().1 == 0 && unit.mqtt.counters().outbox_dropped > 300
    });
    broker.restart();
    let gap = subscriber.wait_for("front/event", |message| message["schema"] == "ocellus.gap/1");
    assert_eq!(gap["from"], 1);
    let to = gap["to"].as_u64().unwrap();
    assert_eq!(to, unit.mqtt.counters().outbox_dropped);
    subscriber.wait_for("front/event", |message| message["seq"] == 500);
    let kept: Vec<Value> =
        subscriber.json("front/event").into_iter().filter(|m| m["schema"] == "ocellus.event/2").collect();
    assert_eq!(seqs(&kept), (to + 1..=500).collect(), "what is not in the gap has arrived");
}

#[test]
fn events_wait_in_memory_while_the_disk_is_full_and_none_is_lost() {
    let Some(disk) = crate::support::disk::SmallDisk::mount(6 << 20) else {
        return;
    };
    let broker = Broker::start();
    let subscriber = Subscriber::start(broker.port, "reader", "ocellus/box1/#");
    let unit = Unit::start(mqtt_config(broker.port), disk.path()).up();
    unit.mqtt.offer_event(&event(1));
    subscriber.wait_for("front/event", |message| message["track"] == 1);
    disk.fill();
    let mut track = 1;
    crate::support::wait_until("the disk refuses", || {
        track += 1;
        assert_eq!(unit.mqtt.offer_event(&event(track)), Offer::Taken);
        unit.mqtt.counters().commits_failed > 0
    });
    let alarm = subscriber.wait_for("alarm/outbox", Value::is_object);
    assert!(alarm["cause"].as_str().unwrap().contains("full"), "{alarm}");
    disk.free();
    crate::support::wait_until("the alarm is over", || unit.mqtt.alarms().is_empty());
    crate::support::wait_until("all numbers arrived", || {
        seqs(&subscriber.json("front/event")).len() as u64 == track
    });
    assert_whole(&subscriber.json("front/event"));
}
