//! Evidence: what an inspection saw, kept on disk so that its verdict can be replayed bit for bit.
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
//! The seal finds what was damaged or edited by hand. It holds no secret, so it is no proof against a forger who
//! computes it anew.

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
use crate::types::{Attendance, Clock, Doubt, Event, Frame, Inspection, Report, SystemClock};
use queue::{Admission, EvidenceQueue};

/// What folders are judged by where their age matters.
pub struct Time<'a> {
    /// The clock that gives the present time.
    pub clock: &'a dyn Clock,
    /// Whether a time service has set it.
    pub synchronised: &'a dyn Fn() -> bool,
}

/// The sink's face; clones are the same sink. [`Evidence::run`] is to be kept alive by a unit.
#[derive(Clone)]
pub struct Evidence {
    queue: Arc<EvidenceQueue>,
}

impl Evidence {
    /// A sink that keeps its folders where `settings.dir` says, else in `evidence` in `state_dir`. `config_hash` is
    /// the configuration's SHA-256, kept with every folder.
    pub fn new(settings: &config::EvidenceConfig, state_dir: &Path, config_hash: &str) -> Evidence {
        let root = settings.dir.clone().unwrap_or_else(|| state_dir.join("evidence"));
        Evidence { queue: Arc::new(EvidenceQueue::new(root, settings.clone(), config_hash.into())) }
    }

    /// A reload: other rules for what comes from now on. The folder stays the one that the process began with.
    pub fn reconfigure(&self, settings: &config::EvidenceConfig, config_hash: &str) {
        self.queue.reconfigure(settings.clone(), config_hash.into());
    }

    /// What is known about the product that stage `stage_key` judges from now on; to be called before its first
    /// verdict. What an inspection was judged by is looked up by product and revisions, the latest first.
    pub fn product(&self, stage_key: &str, record: Arc<ProductRecord>) {
        self.queue.product(stage_key, record);
    }

    /// The counts so far.
    pub fn counters(&self) -> &EvidenceCounters {
        &self.queue.counters
    }

    /// Where the folders are kept.
    pub fn root(&self) -> &PathBuf {
        &self.queue.root
    }

    /// Writes what was offered, and removes what is beyond the bounds, until `stop`; what waits then is still
    /// written. `alarm` is told why evidence is being lost, and `None` once it no longer is.
    ///
    /// Whoever stops it should do so after the last acquisition has ended.
    pub fn run(&self, stop: &Stop, beat: &Beat, alarm: &dyn Fn(Option<&str>)) {
        self.run_by(&Time { clock: &SystemClock, synchronised: &synchronised }, stop, beat, alarm);
    }

    /// The same by another clock.
    pub fn run_by(&self, time: &Time<'_>, stop: &Stop, beat: &Beat, alarm: &dyn Fn(Option<&str>)) {
        run::run(&self.queue, time, stop, beat, alarm);
    }

    /// Why folders that are older than `max_days` are not deleted now, if that is so.
    pub fn age_doubt(&self) -> Option<Doubt> {
        self.queue.doubt.lock().clone()
    }
}

impl Sink for Evidence {
    fn name(&self) -> &'static str {
        "evidence"
    }

    /// Reports are no evidence: nothing to do.
    fn offer_report(&self, _: &Arc<Report>) -> Offer {
        Offer::Taken
    }

    /// Events are no evidence: nothing to do.
    fn offer_event(&self, _: &Event) -> Offer {
        Offer::Taken
    }

    /// Copies the frame where this acquisition is one to be kept. Without a frame (`missed`, `overrun`) there is
    /// nothing to replay, and nothing is kept. `Dropped`: as many frames wait for the disk as may.
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
