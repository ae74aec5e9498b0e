//! THE road of one frame, from the ring to the sinks, readable in one sitting.
//!
//! ```text
//!  ring ──lease──▶ Item ──(pinned worker: preprocess ▶ infer ▶ decode)──▶ Reorder ▶ track ▶ sinks
//!       Lane::take        StageStation::work                              Lane::arrived
//! ```
//!
//! One [`Lane`] a camera. A lane is a feed of the scheduler: a free worker takes its next frame, works on it,
//! and whoever completes the frame that is next in order carries it, and those that waited behind it, to the
//! sinks. Nothing here allocates once warm, and nothing waits for a sink: while one worker hands reports on, the others
//! lay theirs down and go on working. What a trigger picks takes a road of its
//! own over the same workers: `acquire.rs`.

mod acquire;
mod choice;
mod counters;
mod deliver;
pub mod detect;
mod faces;
mod follower;
mod item;
mod part;
mod pool;
mod preview;
mod sink;
pub mod stage;

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

pub use acquire::{PartFeed, PartLane};
pub use choice::PartLaneSettings;
pub use counters::{Failures, LaneCounters};
pub use faces::{FaceCounters, FaceFeed, FaceFollower, FaceItem, FaceLane, FaceLaneSettings, FaceStation};
pub use follower::{Follower, PartFollower};
pub use item::{FrameItem, Item, StageStation};
pub use part::{PartItem, PartStage, Product};
pub use preview::{
    PartPictures, PictureItem, PictureStation, Preview, PreviewCounters, PreviewFeed, PreviewHub,
    PreviewSettings,
};
pub use sink::{Offer, Sink};

use pool::ReportPool;

use crate::ring::{Bell, Lease, Reader, Take};
use crate::scheduler::{Feed, Reorder};
use crate::tracking::{Events, Tracker};
use crate::types::{Clock, Frame, Label, Report, Stamp, SystemClock};

/// How one camera's frames are taken and judged.
pub struct LaneSettings {
    /// The camera's name.
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

/// One camera's road.
pub struct Lane {
    /// Its figures.
    pub counters: LaneCounters,
    /// Frames that failed one after the other.
    pub failures: Failures,
    camera: Label,
    window: u64,
    /// The bits of an `f32`; see [`Lane::set_min_score`].
    min_score: AtomicU32,
    /// Whether a stage takes its frames.
    attached: AtomicBool,
    sinks: Arc<[Arc<dyn Sink>]>,
    followers: Box<[Arc<dyn Follower>]>,
    intake: Mutex<Intake>,
    tail: Mutex<Tail>,
    /// Held by the worker that hands reports on; never together with the tail, where the others lay theirs down.
    delivery: Mutex<Delivery>,
    /// Detections that could not be followed.
    untracked: AtomicU64,
    /// Signalled when the last frame of a closed ring has been reported.
    drained: Condvar,
    closed: AtomicBool,
    /// Tickets given out, under the intake's lock.
    issued: AtomicU64,
    /// Tickets reported, under the tail's lock.
    delivered: AtomicU64,
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

/// Where complete reports are put in order; held for some instructions only.
struct Tail {
    reorder: Reorder<Arrived>,
    /// Whether a worker hands reports on: it takes along what is laid down meanwhile.
    delivering: bool,
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
            window: window as u64,
            min_score: AtomicU32::new(0),
            attached: AtomicBool::new(false),
            sinks,
            followers: followers.into(),
            intake: Mutex::new(Intake { reader, every: every.max(1), pass: 0 }),
            tail: Mutex::new(Tail { reorder: Reorder::new(window), delivering: false }),
            delivery: Mutex::new(Delivery { tracker, events: Events::new() }),
            untracked: AtomicU64::new(0),
            drained: Condvar::new(),
            closed: AtomicBool::new(false),
            issued: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
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
        self.delivered.load(Ordering::Acquire)
    }

    /// Findings below `score` are not reported from now on; 0 at first.
    pub fn set_min_score(&self, score: f32) {
        self.min_score.store(score.to_bits(), Ordering::Relaxed);
    }

    /// Says whether a stage takes this lane's frames; without one it can never drain.
    pub fn set_attached(&self, attached: bool) {
        self.attached.store(attached, Ordering::Release);
    }

    /// Whether a stage takes this lane's frames.
    pub fn is_attached(&self) -> bool {
        self.attached.load(Ordering::Acquire)
    }

    /// Waits until the ring is closed and every frame taken from it is reported; false after `patience`.
    pub fn wait_drained(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let mut tail = lock(&self.tail);
        loop {
            if self.is_drained() {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            tail = self.drained.wait_timeout(tail, left).unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
    }

    /// Step 1: a free worker takes the next frame, unless too many are under way.
    fn take(self: &Arc<Lane>) -> Option<Item> {
        let mut intake = lock(&self.intake);
        loop {
            let ticket = self.issued.load(Ordering::Relaxed);
            if ticket - self.delivered.load(Ordering::Acquire) >= self.window {
                return None;
            }
            let frame = match intake.reader.try_lease() {
                Take::Lease(frame) => frame,
                Take::Empty => return None,
                Take::Closed => {
                    drop(intake);
                    self.close();
                    return None;
                }
            };
            if intake.pass > 0 {
                intake.pass -= 1;
                continue;
            }
            intake.pass = intake.every - 1;
            self.issued.store(ticket + 1, Ordering::Release);
            drop(intake);
            return Some(self.item(ticket, frame));
        }
    }

    fn item(self: &Arc<Lane>, ticket: u64, frame: Lease<Frame>) -> Item {
        self.counters.taken.add(1);
        let mut report = self.pool.blank(&frame);
        if let Some(report) = Arc::get_mut(&mut report) {
            report.latency.wait_us = self.clock.now().latency_since(frame.captured);
        }
        Item::Frame(FrameItem::new(self.clone(), ticket, frame, report))
    }

    /// Step 3: the frame's report is complete; those that are next in order go to the sinks, one after the other, by
    /// the hand of one worker at a time. No lock that another worker needs is held meanwhile.
    fn arrived(&self, ticket: u64, report: Arc<Report>, frame: &Lease<Frame>) {
        let wanted = self.followers.iter().any(|follower| follower.wants_frames());
        let arrived = Arrived { report, at: self.clock.now(), frame: wanted.then(|| frame.clone()) };
        let mut tail = lock(&self.tail);
        tail.reorder.complete(ticket, arrived);
        self.deliver_ready(tail);
    }

    fn close(&self) {
        if !self.closed.swap(true, Ordering::AcqRel) {
            let _tail = lock(&self.tail);
            self.drained.notify_all();
        }
    }

    fn is_drained(&self) -> bool {
        self.closed.load(Ordering::Acquire)
            && self.issued.load(Ordering::Acquire) == self.delivered.load(Ordering::Acquire)
    }
}

/// A lane as a feed of the scheduler.
pub struct LaneFeed(pub Arc<Lane>);

impl Feed<Item> for LaneFeed {
    fn take(&self) -> Option<Item> {
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
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
