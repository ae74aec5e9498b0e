//! Bounded queue between the sinks and the writer thread; producers never block.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::counters::EvidenceCounters;
use super::planes::Shot;
use super::record::ProductRecord;
use crate::config;
use crate::pipeline::Offer;
use crate::supervisor::Stop;
use crate::types::{Doubt, Frame, Inspection, Label, Outcome};

/// The longest sleep of the unit's thread: it beats that often, and sees a stop that late.
const LOOK: Duration = Duration::from_millis(100);
/// How many products are remembered, because an acquisition under way may be of a former one.
const PRODUCTS: usize = 64;
/// How many buffers are kept for the next frames. A burst needs more, which go back to the system after it.
const SPARE: usize = 2;

/// One inspection that waits to be written.
pub(super) struct EvidenceJob {
    pub(super) inspection: Arc<Inspection>,
    pub(super) shot: Shot,
    pub(super) record: Option<Arc<ProductRecord>>,
    pub(super) config_hash: Arc<str>,
}

/// Shared between the sink's clones and the unit's thread.
pub(super) struct EvidenceQueue {
    pub(super) root: PathBuf,
    pub(super) counters: EvidenceCounters,
    /// The alarm that is raised. It lives here, because it must outlive a restart of the thread.
    pub(super) standing: Mutex<Standing>,
    /// Why nothing is deleted by age now; `None` where the clock can be trusted.
    pub(super) doubt: Mutex<Option<Doubt>>,
    state: Mutex<QueueState>,
    changed: Condvar,
}

/// The alarm that is raised, with the drops that it has counted.
#[derive(Default)]
pub(super) struct Standing {
    pub(super) raised: Option<(EvidenceLoss, Duration)>,
    /// Drops that the alarm has reported.
    pub(super) dropped: u64,
}

/// Why evidence is being lost.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum EvidenceLoss {
    /// The disk, or an encoder, refuses.
    Disk,
    /// The disk is too slow.
    Queue,
}

struct QueueState {
    settings: config::EvidenceConfig,
    config_hash: Arc<str>,
    /// Products by the key of their stage, the latest last.
    products: Vec<(String, Arc<ProductRecord>)>,
    /// Number of good parts so far, by camera.
    oks: Vec<(Label, u64)>,
    jobs: VecDeque<EvidenceJob>,
    /// Frames in memory that are being copied, wait, or are being written.
    held: usize,
    spare: Vec<Vec<u8>>,
}

/// The decision about an inspection that was offered.
pub(super) enum Admission<'a> {
    /// The settings do not keep this inspection.
    NotWanted,
    /// Too many frames wait already; the drop was counted.
    Full,
    /// Room for its frame was reserved.
    Free(FrameSlot<'a>),
}

/// The reserved room for one frame.
pub(super) struct FrameSlot<'a> {
    held: MemoryShare<'a>,
    record: Option<Arc<ProductRecord>>,
    config_hash: Arc<str>,
}

/// Counts one frame as held in memory until this is dropped, also where copying or writing it panics.
pub(super) struct MemoryShare<'a> {
    queue: &'a EvidenceQueue,
    /// A buffer that the next frame is copied into.
    pub(super) buffer: Vec<u8>,
}

/// What the unit's thread does next.
pub(super) enum NextJob {
    /// Write the evidence of this inspection.
    EvidenceJob(EvidenceJob),
    /// Nothing came for a while.
    Idle,
    /// It was asked to stop, and all is written.
    Over,
}

impl EvidenceQueue {
    pub(super) fn new(
        root: PathBuf,
        settings: config::EvidenceConfig,
        config_hash: Arc<str>,
    ) -> EvidenceQueue {
        let state = QueueState {
            settings,
            config_hash,
            products: Vec::new(),
            oks: Vec::new(),
            jobs: VecDeque::new(),
            held: 0,
            spare: Vec::with_capacity(SPARE),
        };
        EvidenceQueue {
            root,
            counters: EvidenceCounters::default(),
            standing: Mutex::default(),
            doubt: Mutex::default(),
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    pub(super) fn reconfigure(&self, settings: config::EvidenceConfig, config_hash: Arc<str>) {
        let mut state = self.state.lock();
        (state.settings, state.config_hash) = (settings, config_hash);
    }

    pub(super) fn settings(&self) -> config::EvidenceConfig {
        self.state.lock().settings.clone()
    }

    pub(super) fn product(&self, stage_key: &str, record: Arc<ProductRecord>) {
        let products = &mut self.state.lock().products;
        products.retain(|(key, known)| key != stage_key || !is_same(known, &record));
        products.push((stage_key.to_owned(), record));
        let surplus = products.len().saturating_sub(PRODUCTS);
        products.drain(..surplus);
    }

    /// Decides whether to keep an inspection, and reserves room for its frame.
    pub(super) fn place(&self, inspection: &Inspection) -> Admission<'_> {
        let mut state = self.state.lock();
        if !state.wants(inspection) {
            return Admission::NotWanted;
        }
        if state.held >= state.settings.queue {
            self.counters.dropped.inc();
            return Admission::Full;
        }
        state.held += 1;
        let held = MemoryShare { queue: self, buffer: state.spare.pop().unwrap_or_default() };
        let known = state.products.iter().rev().find(|(_, record)| judged(record, inspection));
        let record = known.map(|(_, record)| record.clone());
        Admission::Free(FrameSlot { held, record, config_hash: state.config_hash.clone() })
    }

    /// Takes the next job for the unit's thread; waits a moment where there is none.
    pub(super) fn next(&self, stop: &Stop) -> NextJob {
        let mut state = self.state.lock();
        if state.jobs.is_empty() && !stop.is_stopped() {
            self.changed.wait_for(&mut state, LOOK);
        }
        match state.jobs.pop_front() {
            Some(job) => NextJob::EvidenceJob(job),
            None if stop.is_stopped() && state.held == 0 => NextJob::Over,
            None => NextJob::Idle,
        }
    }

    /// The memory share of a job that the unit's thread has taken.
    pub(super) fn held(&self) -> MemoryShare<'_> {
        MemoryShare { queue: self, buffer: Vec::new() }
    }
}

impl QueueState {
    fn wants(&mut self, inspection: &Inspection) -> bool {
        let settings = &self.settings;
        settings.enabled
            && match inspection.outcome {
                Outcome::Ng => settings.keep_ng,
                Outcome::Error => settings.keep_error,
                Outcome::Ok => self.wants_ok(&inspection.camera),
                Outcome::Missed | Outcome::Overrun => false,
            }
    }

    /// Whether to keep a good part: the first of each camera, and every n-th after it.
    fn wants_ok(&mut self, camera: &Label) -> bool {
        let every = u64::from(self.settings.keep_ok_every);
        if every == 0 {
            return false;
        }
        let at = self.oks.iter().position(|(known, _)| known == camera).unwrap_or_else(|| {
            self.oks.push((camera.clone(), 0));
            self.oks.len() - 1
        });
        let seen = &mut self.oks[at].1;
        *seen += 1;
        (*seen - 1).is_multiple_of(every)
    }
}

impl Drop for MemoryShare<'_> {
    fn drop(&mut self) {
        let mut state = self.queue.state.lock();
        state.held -= 1;
        if state.spare.len() < SPARE && self.buffer.capacity() > 0 {
            state.spare.push(std::mem::take(&mut self.buffer));
        }
    }
}

impl FrameSlot<'_> {
    /// Copies the frame and queues it for the unit's thread.
    pub(super) fn fill(self, inspection: &Arc<Inspection>, frame: &Frame) -> Offer {
        let FrameSlot { mut held, record, config_hash } = self;
        let queue = held.queue;
        // Copied outside of the lock, so that another camera may copy at the same time.
        let Some(shot) = Shot::copy(frame, std::mem::take(&mut held.buffer)) else {
            queue.counters.failed.inc();
            return Offer::Dropped;
        };
        // From here on the job in the queue counts as the frame's share of memory.
        std::mem::forget(held);
        queue.state.lock().jobs.push_back(EvidenceJob {
            inspection: inspection.clone(),
            shot,
            record,
            config_hash,
        });
        queue.changed.notify_one();
        Offer::Taken
    }
}

fn is_same(one: &ProductRecord, other: &ProductRecord) -> bool {
    one.product == other.product
        && one.recipe_revision == other.recipe_revision
        && one.golden_revision == other.golden_revision
}

fn judged(record: &ProductRecord, inspection: &Inspection) -> bool {
    *record.product == *inspection.product
        && record.recipe_revision == inspection.recipe_revision
        && record.golden_revision == inspection.golden_revision
}
