//! The path of one frame from the ring to the sinks.
//!
//! ```text
//!  ring ──lease──▶ FrameItem ──(pinned worker: preprocess ▶ infer ▶ decode)──▶ InOrder ▶ track ▶ sinks
//!       Lane::take             Detector::run                                  Lane::arrived
//! ```
//!
//! Each camera has one [`Lane`], a feed of the scheduler: a free worker takes its next frame and works on it.
//! The worker that completes the frame that is next in order delivers its report, and those that waited
//! behind it, to the sinks. Nothing here allocates once warm, and nothing waits for a sink: while one worker
//! delivers reports, the others queue theirs and go on working. Other domains run their work on the same
//! workers, in their own stages.

mod counters;
mod deliver;
mod detect;
mod detection;
mod error;
mod follower;
mod item;
mod pool;
mod runtime;
mod sink;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

pub use counters::{Failures, LaneCounters};
pub use detect::{Detect, Detector};
pub use detection::{Detection, DetectionError};
pub use error::StageError;
pub use follower::Follower;
pub use item::FrameItem;
pub use runtime::SharedRuntime;
pub use sink::{Offer, Sink};

use pool::ReportPool;

use crate::ring::{Bell, Lease, Reader, Take};
use crate::scheduler::{Feed, InOrder};
use crate::tracking::Tracker;
use crate::types::{Clock, Degradation, Events, Frame, Label, RecordingRequests, Report, Stamp, SystemClock};

/// How one camera's frames are taken and processed.
pub struct LaneSettings {
    /// The name of the camera.
    pub camera: Label,
    /// Every n-th frame of the ring is taken; at least 1.
    pub every: u32,
    /// What is done without at present: frames may be taken more rarely.
    pub degradation: Degradation,
    /// Frames that may be under way at once, which also bounds how far a result may be out of order.
    pub window: usize,
    /// Tracks objects over frames; `None` where the camera does not track.
    pub tracker: Option<Tracker>,
    /// Further consumers of its frames, called in this order.
    pub followers: Vec<Arc<dyn Follower>>,
    /// Records around events, where the camera is recorded.
    pub recordings: Option<Arc<dyn RecordingRequests>>,
}

/// The processing of one camera's frames, from the ring to the sinks.
pub struct Lane {
    /// Counts and latencies of this lane.
    pub counters: LaneCounters,
    /// Counts frames that failed in a row.
    pub failures: Failures,
    camera: Label,
    /// The bits of an `f32`; see [`Lane::set_min_score`].
    min_score: AtomicU32,
    sinks: Arc<[Arc<dyn Sink>]>,
    followers: Box<[Arc<dyn Follower>]>,
    recordings: Option<Arc<dyn RecordingRequests>>,
    // A panic under either lock leaves the state consistent, because the counts are changed last.
    intake: Mutex<Intake>,
    /// Puts complete reports into the order of their frames.
    order: InOrder<Arrived>,
    /// Locked by the worker that delivers reports.
    delivery: Mutex<Delivery>,
    /// Detections that the tracker had no room for.
    untracked: AtomicU64,
    bell: Arc<Bell>,
    pool: ReportPool,
    clock: SystemClock,
}

/// Takes frames from the ring, for one worker at a time.
struct Intake {
    reader: Reader<Frame>,
    every: u32,
    degradation: Degradation,
    /// Frames to skip before the next one is taken.
    pass: u32,
}

/// State that depends on earlier reports.
struct Delivery {
    tracker: Option<Tracker>,
    events: Events,
    /// The experiment of the last report, to which the ends of tracks after it belong.
    experiment: Option<Label>,
}

/// A complete report that waits for those before it.
struct Arrived {
    report: Arc<Report>,
    at: Stamp,
    /// The report's frame, where a follower wants it.
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
        let LaneSettings { camera, every, degradation, window, tracker, followers, recordings } = settings;
        let pool = ReportPool::new(camera.clone(), window);
        let lane = Arc::new(Lane {
            counters: LaneCounters::default(),
            failures: Failures::default(),
            camera,
            min_score: AtomicU32::new(0),
            sinks,
            followers: followers.into(),
            recordings,
            intake: Mutex::new(Intake { reader, every: every.max(1), degradation, pass: 0 }),
            order: InOrder::new(window, bell.clone()),
            delivery: Mutex::new(Delivery { tracker, events: Events::new(), experiment: None }),
            untracked: AtomicU64::new(0),
            bell,
            pool,
            clock: SystemClock,
        });
        let weak = Arc::downgrade(&lane);
        lane.followers.iter().for_each(|follower| follower.joined(&weak));
        lane
    }

    /// Frames that were skipped because a newer one was there: the drops of the `latest` policy.
    pub fn skipped(&self) -> u64 {
        self.intake.lock().reader.skipped()
    }

    /// Detections that were not tracked because there were too many objects.
    pub fn untracked(&self) -> u64 {
        self.untracked.load(Ordering::Relaxed)
    }

    /// Number of frames whose reports were delivered.
    pub fn delivered(&self) -> u64 {
        self.order.delivered()
    }

    /// Sets the least score of findings that are reported; it is 0 at first.
    pub fn set_min_score(&self, score: f32) {
        self.min_score.store(score.to_bits(), Ordering::Relaxed);
    }

    /// Waits until the ring is closed and every frame taken from it is reported; false after `patience`.
    pub fn wait_drained(&self, patience: Duration) -> bool {
        self.order.wait_drained(patience)
    }

    /// Step 1: a free worker takes the next frame, unless too many are under way.
    fn take(self: &Arc<Lane>) -> Option<FrameItem> {
        let mut intake = self.intake.lock();
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
            intake.pass = intake.degradation.detect_every(intake.every) - 1;
            // Issued under the intake's lock, so that tickets are in the order of the frames.
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

    /// Step 3: enters a frame's complete report. Reports that are next in order go to the sinks, one after
    /// the other, on one worker at a time, which holds no lock that another worker needs.
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

    fn owner(&self) -> &str {
        &self.0.camera
    }

    fn waiting(&self) -> usize {
        self.0.intake.lock().reader.backlog() as usize
    }
}

/// Drops the findings below `least`.
fn keep(report: &mut Report, least: f32) {
    let before = report.findings.len();
    report.findings.retain(|finding| finding.score >= least);
    if report.findings.len() < before {
        // Findings that did not fit into the report had lower scores than those that were just dropped.
        report.overflow = 0;
    }
}
