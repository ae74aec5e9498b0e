//! The promise of the outbox, held against the real binary: killed at random moments, the broker gone for a while,
//! and still no number missing at a subscriber.

use std::time::{Duration, SystemTime};

use ocellus::store::Store;

use crate::support::broker::Broker;
use crate::support::fixture::{Fixture, Stub};
use crate::support::kills::by_number;
use crate::support::messages::counter;
use crate::support::random::Random;
use crate::support::subscriber::Subscriber;
use crate::support::wait_until;

const ROUNDS: u64 = 50;
/// The rounds without a broker.
const DARK: std::ops::Range<u64> = 20..26;

/// Three objects, an `update` of each in every frame.
const CAMERA: &str = "[[camera]]\nname = \"a\"\nsource = \"scene:?width=64&height=64&fps=60\"\n\
    detect = { model = \"m\" }\ntrack = { min_frames = 1, update_every_ms = 0 }\n";

#[test]
fn no_event_is_missing_after_fifty_kills_and_a_broker_that_was_away() {
    let (mut broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = Subscriber::start(broker.port, "watcher", "ocellus/box1/#");
    fixture.config(broker.port, &(fixture.stub("m", &Stub { things: 3, ..Stub::default() }) + CAMERA));
    let seed = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64 | 1;
    println!("seed of the kills: {seed}");
    let mut random = Random(seed);
    for round in 0..ROUNDS {
        if round == DARK.start {
            broker.stop();
        }
        if round == DARK.end {
            broker.restart();
        }
        let mut service = fixture.run();
        // From the first instructions to well into the stream of events.
        std::thread::sleep(Duration::from_millis(20 + random.below(900)));
        assert!(service.is_running(), "round {round}: it ended by itself");
        service.kill();
    }
    let mut service = fixture.run();
    let started = watcher.count();
    wait_until("life after the kills", || watcher.count() > started + 100);
    wait_until("an empty outbox", || {
        let (taken, acked) = (counter(&watcher, "mqtt/events_taken"), counter(&watcher, "mqtt/events_acked"));
        taken.is_some() && acked >= taken
    });
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    let store = Store::open(&fixture.state_dir).unwrap();
    assert_eq!(store.set_aside, None);
    assert_eq!(store.store.outbox(1 << 28).unwrap().len(), 0, "events stayed behind after an orderly end");

    let mut count = 0;
    wait_until("a silent broker", || std::mem::replace(&mut count, watcher.count()) == watcher.count());
    let messages = watcher.json("a/event");
    let historical = messages.iter().filter(|event| event["historical"] == true).count();
    let (events, repeated) = by_number(messages, "seq");
    let last = *events.keys().last().unwrap();
    let missing: Vec<u64> = (1..=last).filter(|seq| !events.contains_key(seq)).collect();
    println!("{last} events, {repeated} of them sent again, {historical} marked historical");
    assert!(missing.is_empty(), "missing of {last}: {missing:?}");
    assert!(
        last > 500 && historical > 0,
        "too little happened to show anything: {last} events, {historical} historical"
    );
}
