//! Attendance as a supervised unit: sightings wait in a bounded queue for the rules. The events that follow
//! are written to the attendance log on disk, and only then sent to the sinks.
//!
//! ```text
//!  SightingSink::push ─▶ queue ─▶ rules ─▶ log (event and presence in one batch) ─▶ sinks
//!                                           └── at the start, and after a full queue: what the outbox lacks
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

use crate::attendance::rules::RuleSettings;
use crate::config::{self, Config};
use crate::pipeline::Sink;
use crate::store::{Store, StoreError};
use crate::supervisor::{Beat, Stop};
use crate::types::{Clock, Doubt, Explanation, RecordingRequests, Sighting, SightingSink};

pub use command::DayRequest;
pub use counters::{AttendanceCounters, DESCRIBED};
pub use day::{answer, day};

/// The attendance unit of this device; clones share one queue.
#[derive(Clone)]
pub struct Attendance(Arc<AttendanceShared>);

struct AttendanceShared {
    sightings: SyncSender<Sighting>,
    /// Locked by the unit's thread while it runs, so that a restarted one waits for its predecessor.
    inbox: Mutex<Receiver<Sighting>>,
    settings: Mutex<RuleSettings>,
    /// Counts changes of the settings, so that the worker sees a new one without a lock.
    revision: AtomicU64,
    counters: AttendanceCounters,
    /// Why nothing is deleted by age now; `None` where the clock can be trusted.
    doubt: Mutex<Option<Doubt>>,
    /// The highest event that was offered to sinks that do not keep it on disk.
    offered: AtomicU64,
}

/// The services that the unit's thread uses.
pub struct Around<'a> {
    /// The store that holds the attendance log.
    pub store: &'a Store,
    /// The sinks that receive each event. Those that do not keep it on disk receive it once in a process.
    pub sinks: &'a [Arc<dyn Sink>],
    /// The sink that keeps events on disk until the broker has them; an event that it dropped is offered
    /// again.
    pub durable: &'a dyn Sink,
    /// Reads the id of the last event that `durable` has kept.
    pub kept: &'a dyn Fn(&Store) -> Result<u64, StoreError>,
    /// The clock that dates events.
    pub clock: &'a dyn Clock,
    /// Whether a time service has set the clock.
    pub synchronised: &'a dyn Fn() -> bool,
    /// Whether a camera gives frames.
    pub looks: &'a dyn Fn(&str) -> bool,
    /// Records the camera around its events.
    pub recordings: &'a dyn RecordingRequests,
    /// Raises the alarm of this name with its cause, or ends it (`None`).
    pub alarm: &'a dyn Fn(&str, Option<&Explanation>),
}

impl Attendance {
    /// A unit that has received no sighting yet; its queue has the length that `all` sets.
    pub fn new(all: &config::AttendanceConfig, cameras: &[config::CameraConfig]) -> Attendance {
        let (sightings, inbox) = sync_channel(all.queue);
        Attendance(Arc::new(AttendanceShared {
            sightings,
            inbox: Mutex::new(inbox),
            settings: Mutex::new(RuleSettings::of(all, cameras)),
            revision: AtomicU64::new(0),
            counters: AttendanceCounters::default(),
            doubt: Mutex::default(),
            offered: AtomicU64::new(0),
        }))
    }

    /// Applies other settings. People who are present stay so, and the queue keeps its length.
    pub fn reconfigure(&self, config: &Config) {
        *self.0.settings.lock() = RuleSettings::of(&config.attendance, &config.cameras);
        self.0.revision.fetch_add(1, Ordering::AcqRel);
    }

    /// The sink that recognition pushes sightings to.
    pub fn sightings(&self) -> Arc<dyn SightingSink> {
        self.0.clone()
    }

    /// Counts of sightings and events since the process began.
    pub fn counters(&self) -> &AttendanceCounters {
        &self.0.counters
    }

    /// Why events that are older than `keep_days` are not deleted now; `None` where they are.
    pub fn age_doubt(&self) -> Option<Doubt> {
        self.0.doubt.lock().clone()
    }

    /// Number of sightings that wait for the rules.
    pub fn waiting(&self) -> u64 {
        self.0.counters.waiting.get().max(0) as u64
    }

    /// Runs until `stop`, and writes events that wait before it returns.
    pub fn run(&self, around: &Around<'_>, stop: &Stop, beat: &Beat) {
        worker::run(&self.0, around, stop, beat);
    }
}

impl SightingSink for AttendanceShared {
    /// Drops and counts the sighting where the queue is full, which means that the disk does not keep up.
    fn push(&self, sighting: &Sighting) {
        match self.sightings.try_send(sighting.clone()) {
            Ok(()) => self.counters.waiting.add(1),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => self.counters.dropped.inc(),
        }
    }
}
