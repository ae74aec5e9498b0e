//! Attendance as a unit of its own: sightings wait in a bounded queue for the rules, what follows is written to the
//! book on disk, and only then told to the sinks.
//!
//! ```text
//!  Witness::saw ─▶ queue ─▶ rules ─▶ book (event and presence in one batch) ─▶ sinks
//!                                      └── at the start, and after a full queue: what the outbox does not have yet
//! ```

pub mod command;
mod counters;
mod day;
pub mod rules;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use parking_lot::Mutex;

use crate::attendance::rules::Settings;
use crate::config::{self, Config};
use crate::pipeline::Sink;
use crate::store::{Store, StoreError};
use crate::supervisor::{Beat, Stop};
use crate::types::{Clock, Doubt, Sighting, SightingSink};

pub use command::DayRequest;
pub use counters::{AttendanceCounters, DESCRIBED};
pub use day::day;

/// The attendance of a box. Clones are the same.
#[derive(Clone)]
pub struct Attendance(Arc<AttendanceShared>);

struct AttendanceShared {
    sightings: SyncSender<Sighting>,
    /// Held by the unit's present life.
    inbox: Mutex<Receiver<Sighting>>,
    settings: Mutex<Settings>,
    /// Counts changes of the settings.
    revision: AtomicU64,
    counters: AttendanceCounters,
    /// Why nothing is deleted by age, if that is so.
    doubt: Mutex<Option<Doubt>>,
    /// The highest event that was offered to sinks that do not keep it on disk.
    offered: AtomicU64,
}

/// What the unit works with.
pub struct Around<'a> {
    /// Where the book lies.
    pub store: &'a Store,
    /// Who is told of each event. Those that do not keep it on disk are told once a process.
    pub sinks: &'a [Arc<dyn Sink>],
    /// The sink that keeps events on disk until the broker has them; what it did not take is offered again.
    pub durable: &'a dyn Sink,
    /// The id of the last event that this sink has kept.
    pub kept: &'a dyn Fn(&Store) -> Result<u64, StoreError>,
    /// The clock that dates events.
    pub clock: &'a dyn Clock,
    /// Whether a time service has set the clock.
    pub synchronised: &'a dyn Fn() -> bool,
    /// Whether a camera gives frames.
    pub looks: &'a dyn Fn(&str) -> bool,
    /// Raises an alarm with its cause, or ends it.
    pub alarm: &'a dyn Fn(&str, Option<&str>),
}

impl Attendance {
    /// Without a sighting yet.
    pub fn new(all: &config::AttendanceConfig, cameras: &[config::CameraConfig]) -> Attendance {
        let (sightings, inbox) = sync_channel(all.queue);
        Attendance(Arc::new(AttendanceShared {
            sightings,
            inbox: Mutex::new(inbox),
            settings: Mutex::new(Settings::of(all, cameras)),
            revision: AtomicU64::new(0),
            counters: AttendanceCounters::default(),
            doubt: Mutex::default(),
            offered: AtomicU64::new(0),
        }))
    }

    /// Other settings from now on; who is here stays. The queue's length stays too.
    pub fn reconfigure(&self, config: &Config) {
        *self.0.settings.lock() = Settings::of(&config.attendance, &config.cameras);
        self.0.revision.fetch_add(1, Ordering::AcqRel);
    }

    /// Who has to be told of sightings.
    pub fn sightings(&self) -> Arc<dyn SightingSink> {
        self.0.clone()
    }

    /// What became of them.
    pub fn counters(&self) -> &AttendanceCounters {
        &self.0.counters
    }

    /// Why events that are older than `keep_days` are not deleted now, if that is so.
    pub fn age_doubt(&self) -> Option<Doubt> {
        self.0.doubt.lock().clone()
    }

    /// Sightings that wait for the rules.
    pub fn waiting(&self) -> u64 {
        self.0.counters.waiting.get().max(0) as u64
    }

    /// Runs until `stop`; what waits then is written first.
    pub fn run(&self, around: &Around<'_>, stop: &Stop, beat: &Beat) {
        worker::run(&self.0, around, stop, beat);
    }
}

impl SightingSink for AttendanceShared {
    /// Dropped, and counted, where the queue is full: the disk does not keep up.
    fn push(&self, sighting: &Sighting) {
        match self.sightings.try_send(sighting.clone()) {
            Ok(()) => self.counters.waiting.add(1),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => self.counters.dropped.inc(),
        }
    }
}
