//! Evidence: the frame and results of an inspection, kept on disk so that its verdict can be replayed bit for
//! bit.
//!
//! ```text
//!  offer (never waits)          the unit's thread, at low priority
//!  decide ▶ copy the planes ──▶ encode ▶ make room ▶ .partial/… fsync ▶ rename
//!
//!  EVIDENCE/CAMERA/2026-11-21/42-ng/   evidence.json   every result with its exact bits, hashes, the seal
//!                                      planes.png      the frame's own bytes, lossless
//!                                      frame.jpg       the frame for people
//!                                      recipe.toml     the recipe's text
//! ```
//!
//! The seal detects damage and edits by hand. It contains no secret, so it does not protect against a forger
//! who computes a new one.

mod compare;
mod counters;
mod document;
mod error;
mod folder;
mod index;
mod open;
mod planes;
mod queue;
mod record;
mod results;
mod run;
mod seal;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use compare::{Replay, ResultDifference, compare};
pub use counters::{DESCRIBED, EvidenceCounters};
pub use document::{Document, KeptFile, KeptFrame, KeptRecipe, KeptTrigger, SCHEMA, Steps};
pub use error::EvidenceError;
pub use open::{OpenedEvidence, open};
pub use record::{GoldenRecord, ModelRecord, ProductRecord};
pub use results::{Exact, KeptBox, KeptDefect, KeptPose, KeptRoi};

use crate::config;
use crate::pipeline::{Offer, Sink};
use crate::supervisor::{Beat, Stop};
use crate::telemetry::synchronised;
use crate::types::{Attendance, Clock, Doubt, Event, Explanation, Frame, Inspection, Report, SystemClock};
use queue::{Admission, EvidenceQueue};

/// The time sources that decide whether a folder is too old.
pub struct Time<'a> {
    /// The clock that gives the present time.
    pub clock: &'a dyn Clock,
    /// Whether a time service has set it.
    pub synchronised: &'a dyn Fn() -> bool,
}

/// The sink; clones share one queue. A supervised unit must keep [`Evidence::run`] running.
#[derive(Clone)]
pub struct Evidence {
    queue: Arc<EvidenceQueue>,
}

impl Evidence {
    /// A sink that keeps its folders in `settings.dir`, or by default in `evidence` in `state_dir`.
    /// `config_hash` is the configuration's SHA-256, kept with every folder.
    pub fn new(settings: &config::EvidenceConfig, state_dir: &Path, config_hash: &str) -> Evidence {
        let root = settings.root(state_dir);
        Evidence { queue: Arc::new(EvidenceQueue::new(root, settings.clone(), config_hash.into())) }
    }

    /// Applies other settings after a reload. The root folder stays the one that the process began with.
    pub fn reconfigure(&self, settings: &config::EvidenceConfig, config_hash: &str) {
        self.queue.reconfigure(settings.clone(), config_hash.into());
    }

    /// Sets the record of the product that stage `stage_key` judges from now on; must be called before its
    /// first verdict. The record of an inspection is looked up by product and revisions, the latest first.
    pub fn product(&self, stage_key: &str, record: Arc<ProductRecord>) {
        self.queue.product(stage_key, record);
    }

    /// The counts since the process began.
    pub fn counters(&self) -> &EvidenceCounters {
        &self.queue.counters
    }

    /// The root folder of all evidence.
    pub fn root(&self) -> &PathBuf {
        &self.queue.root
    }

    /// Writes offered inspections, and removes folders beyond the bounds, until `stop`; jobs that wait then
    /// are still written. Calls `alarm` with the reason when evidence is being lost, and with `None` once it
    /// no longer is.
    ///
    /// Stop it only after the last acquisition has ended.
    pub fn run(&self, stop: &Stop, beat: &Beat, alarm: &dyn Fn(Option<&Explanation>)) {
        self.run_by(&Time { clock: &SystemClock, synchronised: &synchronised }, stop, beat, alarm);
    }

    /// Does the same as [`Evidence::run`] by another clock, for tests.
    pub fn run_by(&self, time: &Time<'_>, stop: &Stop, beat: &Beat, alarm: &dyn Fn(Option<&Explanation>)) {
        run::run(&self.queue, time, stop, beat, alarm);
    }

    /// Why folders that are older than `max_days` are not deleted now; `None` where they are.
    pub fn age_doubt(&self) -> Option<Doubt> {
        self.queue.doubt.lock().clone()
    }
}

impl Sink for Evidence {
    fn name(&self) -> &'static str {
        "evidence"
    }

    /// Ignores reports, which are not evidence.
    fn offer_report(&self, _: &Arc<Report>) -> Offer {
        Offer::Taken
    }

    /// Ignores events, which are not evidence.
    fn offer_event(&self, _: &Event) -> Offer {
        Offer::Taken
    }

    /// Copies the frame where this acquisition is to be kept. Without a frame (`missed`, `overrun`) there is
    /// nothing to replay, so nothing is kept. `Dropped` means that too many frames wait for the disk.
    fn offer_inspection(&self, inspection: &Arc<Inspection>, frame: Option<&Frame>) -> Offer {
        let Some(frame) = frame else { return Offer::Taken };
        match self.queue.place(inspection) {
            Admission::NotWanted => Offer::Taken,
            Admission::Full => Offer::Dropped,
            Admission::Free(slot) => slot.fill(inspection, frame),
        }
    }

    fn offer_attendance(&self, _: &Arc<Attendance>) -> Offer {
        Offer::Taken
    }
}
