//! A box with nothing but attendance: the store, the sink of MQTT, and the unit between them.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::tz::TimeZone;
use ocellus::attendance::{Around, Attendance};
use ocellus::config;
use ocellus::mqtt::Mqtt;
use ocellus::pipeline::Sink;
use ocellus::store::Store;
use ocellus::supervisor::{Beat, Stop};
use ocellus::types::{
    Clock, Explanation, Identity, NoRecordings, PersonId, Rect, Sighting, SightingSink, Stamp, SystemClock,
    ZoneSet,
};

use crate::support::unit::{Unit, mqtt_config};

/// Quick rules: two sightings that agree, gone after 300 ms.
pub fn settings() -> config::AttendanceConfig {
    config::AttendanceConfig {
        agree_frames: 2,
        agree: Duration::from_millis(2_000),
        seen_every: Duration::from_millis(150),
        leave_after: Duration::from_millis(300),
        zone: TimeZone::UTC,
        queue: 1_024,
        ..config::AttendanceConfig::default()
    }
}

/// A sighting of `person` on `camera`, of a track of its own, now.
pub fn sighting(camera: &str, person: u64) -> Sighting {
    sighting_at(camera, person, SystemClock.now())
}

pub fn sighting_at(camera: &str, person: u64, captured: Stamp) -> Sighting {
    Sighting {
        camera: camera.into(),
        frame_seq: captured.mono_ns / 1_000,
        captured,
        time_ns: captured.mono_ns,
        track: person,
        rect: Rect::default(),
        identity: Some(Identity { person: PersonId(person), name: format!("Person {person}").into() }),
        similarity: 0.8,
        zones: ZoneSet::default(),
        experiment: None,
    }
}

/// Each alarm by name, with its cause; `None` where it ended.
type Alarms = Arc<Mutex<Vec<(String, Option<String>)>>>;

/// The unit of attendance, running.
pub struct Harness {
    pub attendance: Attendance,
    pub sightings: Arc<dyn SightingSink>,
    /// Alarms as they were raised and ended.
    pub alarms: Alarms,
    /// Cameras that give no frames.
    pub away: Arc<Mutex<Vec<String>>>,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl Harness {
    pub fn start(settings: &config::AttendanceConfig, store: &Store, mqtt: &Mqtt) -> Harness {
        Harness::run(Attendance::new(settings, &[]), store, mqtt, Vec::new())
    }

    /// The unit on what an earlier life of it left, and with more sinks.
    pub fn run(attendance: Attendance, store: &Store, mqtt: &Mqtt, others: Vec<Arc<dyn Sink>>) -> Harness {
        let sightings = attendance.sightings();
        let alarms = Alarms::default();
        let (stop, away) = (Stop::new(), Arc::<Mutex<Vec<String>>>::default());
        let thread = {
            let (attendance, store, mqtt, stop) =
                (attendance.clone(), store.clone(), mqtt.clone(), stop.clone());
            let (alarms, away) = (alarms.clone(), away.clone());
            let body = move || {
                let mut sinks: Vec<Arc<dyn Sink>> = vec![Arc::new(mqtt.clone())];
                sinks.extend(others);
                let alarm = |name: &str, why: Option<&Explanation>| {
                    let mut alarms = alarms.lock().unwrap();
                    let last = alarms.iter().rev().find(|alarm| alarm.0 == name);
                    let raised = last.is_some_and(|alarm| alarm.1.is_some());
                    if why.is_some() || raised {
                        alarms.push((name.to_owned(), why.map(ToString::to_string)));
                    }
                };
                let looks = |camera: &str| !away.lock().unwrap().iter().any(|known| known == camera);
                let (store, mqtt, sinks) = (&store, &mqtt, &sinks[..]);
                let synchronised = || true;
                let around = Around {
                    store,
                    sinks,
                    durable: mqtt,
                    kept: &Mqtt::attendance_kept,
                    clock: &SystemClock,
                    synchronised: &synchronised,
                    looks: &looks,
                    recordings: &NoRecordings,
                    alarm: &alarm,
                };
                attendance.run(&around, &stop, &Beat::new());
            };
            std::thread::Builder::new().name("attendance".into()).spawn(body).unwrap()
        };
        Harness { attendance, sightings, alarms, away, stop, thread: Some(thread) }
    }

    /// Two sightings: enough to be here.
    pub fn shows(&self, camera: &str, person: u64) {
        self.sightings.push(&sighting(camera, person));
        self.sightings.push(&sighting(camera, person));
    }

    /// Stops in order.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Store, sink and unit on the state directory `dir`.
pub struct Scenario {
    pub store: Store,
    pub unit: Unit,
    pub harness: Harness,
}

impl Scenario {
    pub fn start(settings: &config::AttendanceConfig, dir: &Path, port: u16) -> Scenario {
        Scenario::of(Attendance::new(settings, &[]), dir, port)
    }

    pub fn of(attendance: Attendance, dir: &Path, port: u16) -> Scenario {
        let store = Store::open(dir).unwrap().store;
        let unit = Unit::with_store(mqtt_config(port), dir, 64 << 20, Some(store.clone()));
        let harness = Harness::run(attendance, &store, &unit.mqtt, Vec::new());
        Scenario { store, unit, harness }
    }

    /// Stops in order: attendance first, as its events go to the sink.
    pub fn stop(self) {
        self.harness.stop();
        self.unit.stop();
    }
}
