//! Exactly once: written before it is told, and told again only where nobody has it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use ocellus::attendance::Attendance;
use ocellus::config;
use ocellus::mqtt::Mqtt;
use ocellus::pipeline::{Offer, Sink};
use ocellus::store::Store;
use ocellus::types::{self, Event, Frame, Inspection, Report, SystemClock};

use crate::attendance::scenario::{Harness, Scenario, settings, sighting};
use crate::support::broker::Broker;
use crate::support::messages::{listen, numbers};
use crate::support::unit::{Unit, mqtt_config};
use crate::support::wait_until;

const TOPIC: &str = "/attendance";

/// A sink that keeps nothing: the page.
#[derive(Default)]
struct Page(Mutex<Vec<u64>>);

impl Sink for Page {
    fn name(&self) -> &'static str {
        "page"
    }
    fn offer_report(&self, _: &Arc<Report>) -> Offer {
        Offer::Dropped
    }
    fn offer_event(&self, _: &Event) -> Offer {
        Offer::Dropped
    }
    fn offer_inspection(&self, _: &Arc<Inspection>, _: Option<&Frame>) -> Offer {
        Offer::Dropped
    }
    fn offer_attendance(&self, attendance: &Arc<types::Attendance>) -> Offer {
        self.0.lock().unwrap().push(attendance.id);
        Offer::Taken
    }
}

fn patient() -> config::AttendanceConfig {
    config::AttendanceConfig { leave_after: std::time::Duration::from_secs(600), ..settings() }
}

fn sink_of(port: u16, dir: &std::path::Path) -> Mqtt {
    let device = config::Device { name: "box1".into(), state_dir: dir.into() };
    Mqtt::new(&mqtt_config(port), &device, Arc::new(SystemClock))
}

#[test]
fn what_was_written_and_not_put_into_the_outbox_is_reported_after_the_next_start() {
    let (broker, dir) = (Broker::start(), tempfile::tempdir().unwrap());
    let watcher = listen(broker.port);
    {
        // The sink's own threads never run: as if the power failed between the book and the outbox.
        let store = Store::open(dir.path()).unwrap().store;
        let harness = Harness::start(&patient(), &store, &sink_of(broker.port, dir.path()));
        (1..=5).for_each(|person| harness.shows("front", person));
        wait_until("five events are in the book", || harness.attendance.counters().events.get() == 5);
        harness.stop();
        assert_eq!(Mqtt::attendance_kept(&store).unwrap(), 0);
    }
    let scenario = Scenario::start(&patient(), dir.path(), broker.port);
    wait_until("all five arrive", || watcher.json(TOPIC).len() == 5);
    scenario.harness.shows("front", 6);
    wait_until("and the sixth", || watcher.json(TOPIC).len() == 6);
    wait_until("the broker has all", || scenario.unit.mqtt.counters().events_acked >= 6);
    // What is put into the outbox while the link comes up follows the live ones, so that the order is not always theirs.
    let mut ids = numbers(&watcher, TOPIC, "id");
    ids.sort_unstable();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6]);
    scenario.stop();
    // Again with nothing new: the outbox is ahead of nothing, and nothing is told.
    let scenario = Scenario::start(&patient(), dir.path(), broker.port);
    (1..=6).for_each(|person| scenario.harness.shows("front", person));
    scenario.harness.shows("front", 7);
    wait_until("the seventh", || watcher.json(TOPIC).iter().any(|message| message["person"] == 7));
    let enters: Vec<_> =
        watcher.json(TOPIC).into_iter().filter(|message| message["event"] == "enter").collect();
    let mut ids: Vec<_> = enters.iter().filter_map(|message| message["person"].as_u64()).collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6, 7], "nobody enters twice because of a restart");
    scenario.stop();
}

#[test]
fn a_unit_that_is_built_again_tells_nobody_twice() {
    let (broker, dir) = (Broker::start(), tempfile::tempdir().unwrap());
    let watcher = listen(broker.port);
    let store = Store::open(dir.path()).unwrap().store;
    let unit = Unit::with_store(mqtt_config(broker.port), dir.path(), 64 << 20, Some(store.clone())).up();
    let page = Arc::new(Page::default());
    let attendance = Attendance::new(&patient(), &[]);
    for life in 0..4 {
        let harness = Harness::run(attendance.clone(), &store, &unit.mqtt, vec![page.clone()]);
        for person in 1..=3 {
            harness.shows("front", life * 3 + person);
        }
        wait_until("three more", || attendance.counters().events.get() == (life + 1) * 3);
        harness.stop();
    }
    wait_until("all twelve arrive", || watcher.json(TOPIC).len() >= 12);
    unit.mqtt.offer_event(&crate::support::unit::event(1));
    watcher.wait_for("front/event", |message| message["track"] == 1);
    assert_eq!(numbers(&watcher, TOPIC, "id"), (1..=12).collect::<Vec<_>>());
    assert_eq!(*page.0.lock().unwrap(), (1..=12).collect::<Vec<_>>());
    unit.stop();
}

#[test]
fn what_a_full_sink_did_not_take_is_offered_again_in_order() {
    let (broker, dir) = (Broker::start(), tempfile::tempdir().unwrap());
    let watcher = listen(broker.port);
    let store = Store::open(dir.path()).unwrap().store;
    let mqtt = sink_of(broker.port, dir.path());
    // Its queue is full of objects' events, and nobody empties it.
    let flood =
        (0..).take_while(|n| mqtt.offer_event(&crate::support::unit::event(*n)) == Offer::Taken).count();
    let harness = Harness::start(&patient(), &store, &mqtt);
    (1..=9).for_each(|person| harness.shows("front", person));
    wait_until("nine events are in the book", || harness.attendance.counters().events.get() == 9);
    let unit = Unit::of(mqtt, mqtt_config(broker.port), dir.path(), store.clone());
    wait_until("the flood is over", || watcher.json("front/event").len() >= flood);
    harness.shows("front", 10);
    wait_until("all ten arrive", || watcher.json(TOPIC).len() >= 10);
    assert_eq!(numbers(&watcher, TOPIC, "id"), (1..=10).collect::<Vec<_>>());
    harness.stop();
    unit.stop();
}

#[test]
fn a_store_that_was_damaged_gives_numbers_that_were_never_used() {
    let (broker, dir) = (Broker::start(), tempfile::tempdir().unwrap());
    let watcher = listen(broker.port);
    let scenario = Scenario::start(&patient(), dir.path(), broker.port);
    scenario.harness.shows("front", 1);
    wait_until("the first", || watcher.json(TOPIC).len() == 1);
    scenario.stop();
    let db = dir.path().join("store/db");
    wait_until("the store is closed", || {
        let bytes = vec![0x5a; std::fs::metadata(&db).unwrap().len() as usize];
        std::fs::write(&db, bytes).unwrap();
        Store::open(dir.path()).is_ok_and(|opened| opened.set_aside.is_some())
    });
    let scenario = Scenario::start(&patient(), dir.path(), broker.port);
    scenario.harness.shows("front", 2);
    // The topic also announces what may be missing, without an id.
    wait_until("the second", || numbers(&watcher, TOPIC, "id").len() == 2);
    let ids = numbers(&watcher, TOPIC, "id");
    assert!(ids[0] == 1 && (2..=100).contains(&ids[1]), "a small hole, as after a loss of power: {ids:?}");
    scenario.stop();
}

#[test]
fn each_number_comes_once_whatever_the_rate() {
    let (broker, dir) = (Broker::start(), tempfile::tempdir().unwrap());
    let watcher = listen(broker.port);
    let scenario = Scenario::start(&settings(), dir.path(), broker.port);
    for round in 0..40 {
        (0..12).for_each(|n| {
            scenario.harness.sightings.push(&sighting(["a", "b", "c"][n as usize % 3], (round + n) % 50 + 1))
        });
        std::thread::sleep(std::time::Duration::from_millis(15));
    }
    wait_until("everybody has left", || {
        let events = scenario.store.attendance().after(0, 10_000).unwrap();
        let count = |kind| events.iter().filter(|event| event.kind == kind).count();
        let (enter, leave) = (count(types::AttendanceKind::Enter), count(types::AttendanceKind::Leave));
        enter > 0 && enter == leave && watcher.json(TOPIC).len() >= events.len()
    });
    let mut seen = HashMap::new();
    for id in numbers(&watcher, TOPIC, "id") {
        *seen.entry(id).or_insert(0) += 1;
    }
    assert!(seen.values().all(|count| *count == 1), "{seen:?}");
    scenario.stop();
}
