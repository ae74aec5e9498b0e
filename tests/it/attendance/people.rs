//! What a subscriber is told of people who come and go.

use std::time::Duration;

use ocellus::config;
use ocellus::types::{Clock, PersonId, SystemClock, ZoneSet};
use serde_json::Value;

use crate::attendance::scenario::{Harness, Scenario, settings, sighting};
use crate::support::broker::Broker;
use crate::support::messages::{assert_valid, assert_without_holes, listen, numbers};
use crate::support::subscriber::Subscriber;
use crate::support::{PATIENCE, wait_until};

const TOPIC: &str = "/attendance";

fn said(from: &Subscriber) -> Vec<(String, u64, String)> {
    let text = |message: &Value, key: &str| message[key].as_str().unwrap_or_default().to_owned();
    let messages = from.json(TOPIC);
    messages.iter().map(|m| (text(m, "event"), m["person"].as_u64().unwrap(), text(m, "camera"))).collect()
}

#[test]
fn a_person_who_walks_by_two_cameras_enters_once_and_leaves_once() {
    let (broker, dir) = (Broker::start(), tempfile::tempdir().unwrap());
    let watcher = listen(broker.port);
    let scenario = Scenario::start(&settings(), dir.path(), broker.port);
    let deadline = SystemClock.now().plus(Duration::from_millis(600)).mono_ns;
    while SystemClock.now().mono_ns < deadline {
        scenario.harness.sightings.push(&sighting("front", 1));
        scenario.harness.sightings.push(&sighting("back", 1));
        std::thread::sleep(Duration::from_millis(20));
    }
    let leave = watcher.wait_for(TOPIC, |message| message["event"] == "leave");
    assert_eq!((&leave["camera"], &leave["name"]), (&"back".into(), &"Person 1".into()));
    assert_valid(&watcher);
    let reported = said(&watcher);
    assert_eq!(reported[0].0, "enter");
    assert!(reported.len() >= 4, "some seen in between: {reported:?}");
    assert!(reported[1..reported.len() - 1].iter().all(|(event, ..)| event == "seen"), "{reported:?}");
    assert_without_holes("ids", &{
        let mut ids = numbers(&watcher, TOPIC, "id");
        ids.sort_unstable();
        ids
    });
    let last = watcher.json(TOPIC).into_iter().rfind(|message| message["event"] == "seen").unwrap();
    assert!(leave["time"].as_str() >= last["time"].as_str(), "dated with the last sighting: {leave}");
    assert_eq!(leave["since"], watcher.json(TOPIC)[0]["since"]);
    scenario.stop();
}

#[test]
fn unknown_and_flapping_faces_make_no_event_and_are_counted() {
    let (broker, dir) = (Broker::start(), tempfile::tempdir().unwrap());
    let watcher = listen(broker.port);
    let scenario = Scenario::start(&settings(), dir.path(), broker.port);
    for n in 0..40 {
        let mut flapping = sighting("front", n % 2 + 1);
        flapping.track = 77;
        scenario.harness.sightings.push(&flapping);
        scenario.harness.sightings.push(&ocellus::types::Sighting { identity: None, track: 78, ..flapping });
    }
    scenario.harness.shows("front", 9);
    watcher.wait_for(TOPIC, |message| message["event"] == "leave");
    assert!(said(&watcher).iter().all(|(_, person, _)| *person == 9), "{:?}", said(&watcher));
    let rules = &scenario.harness.attendance.counters().rules;
    assert_eq!((rules.unknown.get(), rules.disagreed.get()), (40, 39));
    scenario.stop();
}

#[test]
fn a_camera_that_is_away_is_no_absence() {
    let (broker, dir) = (Broker::start(), tempfile::tempdir().unwrap());
    let watcher = listen(broker.port);
    let scenario = Scenario::start(&settings(), dir.path(), broker.port);
    scenario.harness.away.lock().unwrap().push("front".into());
    scenario.harness.shows("front", 1);
    scenario.harness.shows("back", 2);
    watcher.wait_for(TOPIC, |message| message["event"] == "leave" && message["person"] == 2);
    // Person 1 was seen no later: what ended 2's presence has passed for 1 as well.
    assert!(!said(&watcher).iter().any(|(event, person, _)| event == "leave" && *person == 1));
    scenario.harness.away.lock().unwrap().clear();
    watcher.wait_for(TOPIC, |message| message["event"] == "leave" && message["person"] == 1);
    scenario.stop();
}

#[test]
fn zones_roles_and_a_new_configuration_while_people_are_here() {
    let (broker, dir) = (Broker::start(), tempfile::tempdir().unwrap());
    let watcher = listen(broker.port);
    let text = |rest: &str| {
        format!(
            "[attendance]\nagree_frames = 2\nleave_after_ms = 600000\ntime_zone = \"UTC\"\n{rest}\n\
             [model.scene]\npath = \"models/scene.tflite\"\n\
             [[camera]]\nname = \"hall\"\nsource = \"scene:\"\n\
             detect = {{ model = \"scene\" }}\ntrack = {{}}\nzones = [{{ name = \"door\", points = [[0, 0], [1, 0], [1, 1]] }}]\n\
             attendance = {{ zones = [\"door\"] }}\n\
             [[camera]]\nname = \"gate\"\nsource = \"scene:\"\nattendance = {{ role = \"exit\" }}\n"
        )
    };
    let parse = |rest: &str| {
        config::Config::parse(&text(rest), "box.toml".as_ref(), "".as_ref()).unwrap_or_else(|f| panic!("{f}"))
    };
    let config = parse("");
    let attendance = ocellus::attendance::Attendance::new(&config.attendance, &config.cameras);
    let scenario = Scenario::of(attendance, dir.path(), broker.port);
    scenario.harness.shows("hall", 1);
    let inside = |person| {
        for _ in 0..2 {
            let mut inside = sighting("hall", person);
            inside.zones = ZoneSet::of(["door"]);
            scenario.harness.sightings.push(&inside);
        }
    };
    inside(2);
    watcher.wait_for(TOPIC, |message| message["person"] == 2 && message["event"] == "enter");
    // Hours that are over every day but for a minute in the night: nobody enters any more, who is here stays.
    let minute = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).time();
    let other = if minute.hour() < 12 { ("22:00", "22:01") } else { ("02:00", "02:01") };
    let closed =
        format!("schedule = [{{ days = [\"mon-sun\"], from = \"{}\", to = \"{}\" }}]", other.0, other.1);
    scenario.harness.attendance.reconfigure(&parse(&closed));
    wait_until("the schedule is in force", || {
        inside(3);
        std::thread::sleep(Duration::from_millis(20));
        scenario.harness.attendance.counters().rules.closed.get() > 10
    });
    scenario.harness.attendance.reconfigure(&parse(""));
    wait_until("person 2 is on the way out", || {
        scenario.harness.shows("gate", 2);
        std::thread::sleep(Duration::from_millis(20));
        said(&watcher).iter().any(|(event, person, _)| event == "leave" && *person == 2)
    });
    assert_eq!(scenario.harness.attendance.counters().rules.elsewhere.get(), 2);
    let reported: Vec<_> = said(&watcher).into_iter().filter(|(_, person, _)| *person != 3).collect();
    assert_eq!(reported, [("enter".into(), 2, "hall".into()), ("leave".into(), 2, "gate".into())]);
    scenario.stop();
}

#[test]
fn a_person_who_is_erased_leaves_no_event_behind() {
    let (broker, dir) = (Broker::start(), tempfile::tempdir().unwrap());
    let watcher = listen(broker.port);
    let patient = config::AttendanceConfig { leave_after: Duration::from_secs(1), ..settings() };
    let scenario = Scenario::start(&patient, dir.path(), broker.port);
    scenario.harness.shows("front", 1);
    scenario.harness.shows("front", 2);
    wait_until("both are here", || said(&watcher).len() == 2);
    assert_eq!(scenario.store.attendance().forget(PersonId(1)).unwrap(), 1);
    scenario.harness.shows("front", 1);
    watcher.wait_for(TOPIC, |message| message["event"] == "leave" && message["person"] == 2);
    assert_eq!(said(&watcher).len(), 3, "{:?}", said(&watcher));
    let left = scenario.store.attendance().after(0, 99).unwrap();
    assert!(left.iter().all(|event| event.person == PersonId(2)));
    scenario.stop();
}

#[test]
fn a_full_queue_drops_and_counts_and_raises_an_alarm() {
    let (broker, dir) = (Broker::start(), tempfile::tempdir().unwrap());
    let store = ocellus::store::Store::open(dir.path()).unwrap().store;
    let unit = crate::support::unit::Unit::with_store(
        crate::support::unit::mqtt_config(broker.port),
        dir.path(),
        1 << 20,
        Some(store.clone()),
    );
    let small = config::AttendanceConfig { queue: 4, ..settings() };
    let attendance = ocellus::attendance::Attendance::new(&small, &[]);
    let sightings = attendance.sightings();
    (0..10).for_each(|_| sightings.push(&sighting("front", 1)));
    assert_eq!((attendance.counters().dropped.get(), attendance.waiting()), (6, 4));
    let harness = Harness::run(attendance, &store, &unit.mqtt, Vec::new());
    let deadline = std::time::Instant::now() + PATIENCE;
    while harness.alarms.lock().unwrap().is_empty() {
        assert!(std::time::Instant::now() < deadline, "no alarm about dropped sightings");
        (0..100).for_each(|_| harness.sightings.push(&sighting("front", 1)));
    }
    assert_eq!(harness.alarms.lock().unwrap()[0].0, "attendance-queue");
    harness.stop();
}
