//! Kept events through the whole sink: on disk, published with QoS 1, acknowledged by a local mosquitto,
//! deleted. Prints events a second, and what durability adds to the latency of one event.
//!
//! The state directory is made under `OCELLUS_BENCH_DIR`, else in the build directory: a tmpfs would flatter.

#[path = "../tests/support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ocellus::pipeline::{Offer, Sink};
use ocellus::store::{Class, Store};
use support::broker::Broker;
use support::subscriber::Subscriber;
use support::unit::{Unit, event, mqtt_config, report};

const EVENTS: u64 = 50_000;
const SINGLES: usize = 300;

fn state_dir() -> tempfile::TempDir {
    let base = std::env::var("OCELLUS_BENCH_DIR").unwrap_or_else(|_| env!("CARGO_TARGET_TMPDIR").into());
    tempfile::tempdir_in(base).expect("a directory for the store")
}

fn percentile(times: &mut [Duration], share: f64) -> Duration {
    times.sort_unstable();
    times[((times.len() - 1) as f64 * share) as usize]
}

/// Resident memory of this process (sink, store, subscriber and all).
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// What a connected sink that has nothing to do takes of memory.
fn idle() {
    let broker = Broker::start();
    let dir = state_dir();
    let before = resident_kib();
    let store = Store::open(dir.path()).unwrap().store;
    println!("store open: {} KiB resident over the {before} KiB before", resident_kib() - before);
    let unit = Unit::with_store(mqtt_config(broker.port), dir.path(), 64 << 20, Some(store)).up();
    println!("connected: {} KiB over before", resident_kib() - before);
    unit.mqtt.offer_event(&event(1));
    support::wait_until("it is acknowledged", || unit.mqtt.counters().events_acked == 1);
    println!("idle sink and store: {} KiB resident over the {before} KiB before", resident_kib() - before);
}

/// Events a second from the first offer to the last acknowledgement.
fn throughput() -> f64 {
    let broker = Broker::start();
    let dir = state_dir();
    let unit = Unit::start(mqtt_config(broker.port), dir.path()).up();
    let began = Instant::now();
    for track in 0..EVENTS {
        while unit.mqtt.offer_event(&event(track)) == Offer::Dropped {
            std::thread::yield_now();
        }
    }
    support::wait_until("all are acknowledged", || unit.mqtt.counters().events_acked == EVENTS);
    let rate = EVENTS as f64 / began.elapsed().as_secs_f64();
    let disk = std::fs::metadata(dir.path().join("store/db")).map_or(0, |file| file.len());
    println!(
        "   {EVENTS} events in {} group commits; afterwards {} KiB on disk, {} KiB resident",
        unit.mqtt.counters().commits,
        disk >> 10,
        resident_kib()
    );
    rate
}

/// One commit of one 300-byte message: what the disk costs.
fn commit_alone() -> (Duration, Duration) {
    let dir = state_dir();
    let mut outbox = Store::open(dir.path()).unwrap().store.outbox(64 << 20).unwrap();
    let stream: Arc<str> = "s".into();
    let mut times: Vec<Duration> = (0..SINGLES)
        .map(|_| {
            let began = Instant::now();
            outbox.stage(Class::Event, &stream, |_, out| out.extend_from_slice(&[b'x'; 300]));
            outbox.commit().unwrap();
            began.elapsed()
        })
        .collect();
    (percentile(&mut times, 0.5), percentile(&mut times, 0.99))
}

/// Offer to a subscriber's callback, one at a time: a durable event, and a report that is not kept.
fn latency(kept: bool) -> (Duration, Duration) {
    let broker = Broker::start();
    let suffix = if kept { "front/event" } else { "front/detections" };
    let subscriber = Subscriber::start(broker.port, "bench", "ocellus/box1/camera/#");
    let dir = state_dir();
    let unit = Unit::start(mqtt_config(broker.port), dir.path()).up();
    let mut offered = Vec::new();
    for n in 0..SINGLES {
        offered.push(Instant::now());
        let offer = if kept {
            unit.mqtt.offer_event(&event(n as u64))
        } else {
            unit.mqtt.offer_report(&report(n as u64))
        };
        assert_eq!(offer, Offer::Taken);
        support::wait_until("the message", || subscriber.count() > n);
    }
    let arrived = subscriber.times(suffix);
    let mut times: Vec<Duration> = arrived.iter().zip(&offered).map(|(at, from)| *at - *from).collect();
    (percentile(&mut times, 0.5), percentile(&mut times, 0.99))
}

fn main() {
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    idle();
    for round in 1..=3 {
        println!("round {round}");
        println!("   durable and acknowledged: {:.0} events/s", throughput());
        let (p50, p99) = commit_alone();
        println!("   one commit alone (300 bytes): p50 {p50:?}, p99 {p99:?}");
        let (kept, kept_99) = latency(true);
        let (plain, plain_99) = latency(false);
        println!("   offer to subscriber, kept event:  p50 {kept:?}, p99 {kept_99:?}");
        println!("   offer to subscriber, report:      p50 {plain:?}, p99 {plain_99:?}");
        println!("   durability adds: p50 {:?}", kept.saturating_sub(plain));
    }
}
