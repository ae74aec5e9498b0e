//! THE road of one frame, from the ring to the sinks, readable in one sitting.
//!
//! ```text
//!  ring ──lease──▶ FrameItem ──(pinned worker: preprocess ▶ infer ▶ decode)──▶ InOrder ▶ track ▶ sinks
//!       Lane::take             Detector::run                                  Lane::arrived
//! ```
//!
//! One [`Lane`] a camera. A lane is a feed of the scheduler: a free worker takes its next frame, works on it,
//! and whoever completes the frame that is next in order carries it, and those that waited behind it, to the
//! sinks. Nothing here allocates once warm, and nothing waits for a sink: while one worker hands reports on, the others
//! lay theirs down and go on working. Other domains bring
//! work of their own to the same workers, each to stages of its own.

mod counters;
mod deliver;
mod detect;
mod error;
mod follower;
mod item;
mod pool;
mod sink;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

pub use counters::{Failures, LaneCounters};
pub use detect::{Detect, Detector};
pub use error::StageError;
pub use follower::Follower;
pub use item::FrameItem;
pub use sink::{Offer, Sink};

use pool::ReportPool;

use crate::ring::{Bell, Lease, Reader, Take};
use crate::scheduler::{Feed, InOrder};
use crate::tracking::Tracker;
use crate::types::{Clock, Events, Frame, Label, Report, Stamp, SystemClock};

/// How one camera's frames are taken and judged.
pub struct LaneSettings {
    /// The name of the camera.
    pub camera: Label,
    /// Every n-th frame that the ring offers; at least 1.
    pub every: u32,
    /// Frames that may be under way at once; also how far a result may overtake.
    pub window: usize,
    /// Follows objects, if wished.
    pub tracker: Option<Tracker>,
    /// Who else looks at its frames, in this order.
    pub followers: Vec<Arc<dyn Follower>>,
}

/// The way of one camera's frames.
pub struct Lane {
    /// What it counts and measures.
    pub counters: LaneCounters,
    /// Frames that failed one after the other.
    pub failures: Failures,
    camera: Label,
    /// The bits of an `f32`; see [`Lane::set_min_score`].
    min_score: AtomicU32,
    sinks: Arc<[Arc<dyn Sink>]>,
    followers: Box<[Arc<dyn Follower>]>,
    intake: Mutex<Intake>,
    /// Where complete reports are put in order.
    order: InOrder<Arrived>,
    /// Held by the worker that hands reports on.
    delivery: Mutex<Delivery>,
    /// Detections that could not be followed.
    untracked: AtomicU64,
    bell: Arc<Bell>,
    pool: ReportPool,
    clock: SystemClock,
}

/// Where frames come in; one worker at a time.
struct Intake {
    reader: Reader<Frame>,
    every: u32,
    /// Frames to pass over before the next one is taken.
    pass: u32,
}

/// What has memory of the reports before.
struct Delivery {
    tracker: Option<Tracker>,
    events: Events,
}

/// A complete report that waits for those before it.
struct Arrived {
    report: Arc<Report>,
    at: Stamp,
    /// Its frame, where a follower wants it.
    frame: Option<Lease<Frame>>,
}

impl Lane {
    /// A lane that reads from `reader` and reports to `sinks`; `bell` wakes idle workers.
    pub fn new(
        settings: LaneSettings,
        reader: Reader<Frame>,
        sinks: Arc<[Arc<dyn Sink>]>,
        bell: Arc<Bell>,
    ) -> Arc<Lane> {
        let LaneSettings { camera, every, window, tracker, followers } = settings;
        let pool = ReportPool::new(camera.clone(), window);
        let lane = Arc::new(Lane {
            counters: LaneCounters::default(),
            failures: Failures::default(),
            camera,
            min_score: AtomicU32::new(0),
            sinks,
            followers: followers.into(),
            intake: Mutex::new(Intake { reader, every: every.max(1), pass: 0 }),
            order: InOrder::new(window, bell.clone()),
            delivery: Mutex::new(Delivery { tracker, events: Events::new() }),
            untracked: AtomicU64::new(0),
            bell,
            pool,
            clock: SystemClock,
        });
        let weak = Arc::downgrade(&lane);
        lane.followers.iter().for_each(|follower| follower.joined(&weak));
        lane
    }

    /// Frames that were passed over because a newer one was there: the `latest` policy's drops.
    pub fn skipped(&self) -> u64 {
        lock(&self.intake).reader.skipped()
    }

    /// Detections that could not be followed because too many objects were.
    pub fn untracked(&self) -> u64 {
        self.untracked.load(Ordering::Relaxed)
    }

    /// Frames whose reports were handed on.
    pub fn delivered(&self) -> u64 {
        self.order.delivered()
    }

    /// Findings below `score` are not reported from now on; 0 at first.
    pub fn set_min_score(&self, score: f32) {
        self.min_score.store(score.to_bits(), Ordering::Relaxed);
    }

    /// Waits until the ring is closed and every frame taken from it is reported; false after `patience`.
    pub fn wait_drained(&self, patience: Duration) -> bool {
        self.order.wait_drained(patience)
    }

    /// Step 1: a free worker takes the next frame, unless too many are under way.
    fn take(self: &Arc<Lane>) -> Option<FrameItem> {
        let mut intake = lock(&self.intake);
        loop {
            if !self.order.has_place() {
                return None;
            }
            let frame = match intake.reader.try_lease() {
                Take::Lease(frame) => frame,
                Take::Empty => return None,
                Take::Closed => {
                    self.order.close();
                    return None;
                }
            };
            if intake.pass > 0 {
                intake.pass -= 1;
                continue;
            }
            intake.pass = intake.every - 1;
            // Still under the intake's lock, so that tickets are in the order of the frames.
            let ticket = self.order.issue();
            drop(intake);
            return Some(self.item(ticket, frame));
        }
    }

    fn item(self: &Arc<Lane>, ticket: u64, frame: Lease<Frame>) -> FrameItem {
        self.counters.taken.add(1);
        let mut report = self.pool.blank(&frame);
        if let Some(report) = Arc::get_mut(&mut report) {
            report.latency.wait_us = self.clock.now().latency_since(frame.captured);
        }
        FrameItem::new(self.clone(), ticket, frame, report)
    }

    /// Step 3: the frame's report is complete; those that are next in order go to the sinks, one after the other, by
    /// the hand of one worker at a time. No lock that another worker needs is held meanwhile.
    fn arrived(&self, ticket: u64, report: Arc<Report>, frame: &Lease<Frame>) {
        let wanted = self.followers.iter().any(|follower| follower.wants_frames());
        let arrived = Arrived { report, at: self.clock.now(), frame: wanted.then(|| frame.clone()) };
        self.order.complete(ticket, arrived);
        self.deliver_ready();
    }
}

/// A lane as a feed of the scheduler.
pub struct LaneFeed(pub Arc<Lane>);

impl Feed<FrameItem> for LaneFeed {
    fn take(&self) -> Option<FrameItem> {
        self.0.take()
    }

    fn waiting(&self) -> usize {
        lock(&self.0.intake).reader.backlog() as usize
    }
}

/// Drops the findings below `least`.
fn keep(report: &mut Report, least: f32) {
    let before = report.findings.len();
    report.findings.retain(|finding| finding.score >= least);
    if report.findings.len() < before {
        // What found no room was worse than these.
        report.overflow = 0;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a panic leaves behind a lock here is whole: the counts are changed last.
    mutex.lock()
}
