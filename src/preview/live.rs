//! A camera's live picture: draws the newest frame while there are viewers, as work of the lowest priority.
//!
//! ```text
//!  lane ──follow──▶ ┌ newest frame and its report ┐
//!  ring ──newest──▶ └ (cameras without a lane)    ┘ ──take──▶ worker: copy ▶ draw ▶ JPEG ──▶ hub ──▶ all viewers
//!  parts ─judged──▶ judged parts, held for a while ┘                                    └──▶ pictures of parts
//! ```
//!
//! There is one slot for the live frame, so that only the newest is ever drawn, and a few for judged parts.
//! Without viewers a frame costs one load and no lease.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;

use super::hub::{PreviewCounters, PreviewHub};
use super::picture::{PictureItem, What};
use crate::annotate::{Look, Place};
use crate::pipeline::Follower;
use crate::ring::{Bell, Lease, Ring};
use crate::scheduler::Feed;
use crate::types::{
    Clock, Degradation, Frame, Inspection, Label, Outcome, PartPictureStore, Point, Report, SystemClock,
};

/// The store of part pictures, set once the service has one.
pub type PartPictures = Arc<OnceLock<Arc<dyn PartPictureStore>>>;

/// How the pictures of a camera are made.
pub struct PreviewSettings {
    /// The name of the camera.
    pub camera: Label,
    /// The most live pictures in a second.
    pub fps: u32,
    /// Size and quality of the pictures.
    pub look: Look,
    /// How long the picture of a judged part stays before live pictures continue.
    pub hold: Duration,
    /// Judged parts that may wait for a worker; each holds a slot of the ring.
    pub parts: usize,
    /// Zones and lines that are drawn.
    pub places: Vec<Place>,
    /// Whether frames come from a lane; otherwise they are taken from the ring.
    pub follows: bool,
    /// The store of pictures of judged parts.
    pub part_pictures: PartPictures,
    /// What is done without at present: overlays, or the rate of live pictures.
    pub degradation: Degradation,
}

/// One camera's live picture.
pub struct Preview {
    pub(super) settings: PreviewSettings,
    pub(super) hub: Arc<PreviewHub>,
    ring: Ring<Frame>,
    bell: Arc<Bell>,
    /// Whether the state has work for a worker; an atomic, so that workers need the lock only then.
    loaded: AtomicBool,
    /// Until when the picture of a judged part stays, monotonic nanoseconds.
    pub(super) held_ns: AtomicU64,
    // A panic under the lock leaves it consistent, because each step adds or removes one thing.
    state: Mutex<PreviewState>,
    pub(super) clock: SystemClock,
}

#[derive(Default)]
struct PreviewState {
    live: Option<Live>,
    /// When the next live frame is due, monotonic nanoseconds.
    due_ns: u64,
    /// Number of the last frame that was taken from the ring.
    last: Option<u64>,
    parts: VecDeque<JudgedPart>,
}

/// A live frame that waits to be drawn.
pub(super) struct Live {
    pub(super) frame: Lease<Frame>,
    pub(super) report: Option<Arc<Report>>,
}

/// A judged part that waits to be drawn.
pub(super) struct JudgedPart {
    pub(super) frame: Lease<Frame>,
    pub(super) inspection: Arc<Inspection>,
    /// The corners of each region, recipe px.
    pub(super) outlines: Arc<[Vec<Point>]>,
}

impl Preview {
    /// The live picture of the camera that fills `ring`, shown at `hub`; `bell` wakes idle workers.
    pub fn new(
        settings: PreviewSettings,
        hub: Arc<PreviewHub>,
        ring: Ring<Frame>,
        bell: Arc<Bell>,
    ) -> Arc<Preview> {
        Arc::new(Preview {
            settings,
            hub,
            ring,
            bell,
            loaded: AtomicBool::new(false),
            held_ns: AtomicU64::new(0),
            state: Mutex::default(),
            clock: SystemClock,
        })
    }

    /// Counts and times of this camera's pictures.
    pub fn counters(&self) -> &PreviewCounters {
        &self.hub.counters
    }

    /// Called on the capture thread after each commit. Costs two loads while there are no viewers.
    pub fn frame_committed(&self) {
        if !self.settings.follows && self.hub.is_asked() && self.is_due() {
            // All workers are woken, because not every worker draws; this happens at most a few times a
            // second.
            self.bell.ring_all();
        }
    }

    fn is_due(&self) -> bool {
        let now = self.clock.now().mono_ns;
        now >= self.held_ns.load(Ordering::Relaxed) && now >= self.state.lock().due_ns
    }

    /// Takes the next picture for a worker to draw.
    fn take(self: &Arc<Preview>) -> Option<PictureItem> {
        let asked = self.hub.is_asked();
        if !self.loaded.load(Ordering::Acquire) && !asked {
            return None;
        }
        let mut state = self.state.lock();
        if let Some(part) = state.parts.pop_front() {
            self.note_loaded(&state);
            return Some(PictureItem::new(self.clone(), What::JudgedPart(part)));
        }
        if !asked {
            // The last viewer has left, so the slot goes back to the ring.
            state.live = None;
            self.note_loaded(&state);
            return None;
        }
        let now = self.clock.now().mono_ns;
        if now < self.held_ns.load(Ordering::Relaxed) {
            return None;
        }
        let live = state.live.take().or_else(|| self.take_from_ring(&mut state, now))?;
        self.note_loaded(&state);
        Some(PictureItem::new(self.clone(), What::Live(live)))
    }

    /// The ring's newest frame, where no lane brings frames and one is due, or where a viewer has just come.
    fn take_from_ring(&self, state: &mut PreviewState, now: u64) -> Option<Live> {
        let is_first = self.hub.is_kicked();
        if !is_first && (self.settings.follows || now < state.due_ns) {
            return None;
        }
        let frame = self.ring.newest()?;
        if !is_first && state.last == Some(frame.seq) {
            return None;
        }
        state.last = Some(frame.seq);
        self.advance(state, now);
        Some(Live { frame, report: None })
    }

    /// Sets when the next live frame is due, so that there are `fps` a second on average.
    fn advance(&self, state: &mut PreviewState, now: u64) {
        let period =
            1_000_000_000 / u64::from(self.settings.degradation.preview_fps(self.settings.fps).max(1));
        let next = state.due_ns + period;
        state.due_ns = if next <= now { now + period } else { next };
    }

    fn note_loaded(&self, state: &PreviewState) {
        self.loaded.store(state.live.is_some() || !state.parts.is_empty(), Ordering::Release);
    }

    /// Shows a judged part to viewers, and keeps its picture where it is not good. `outlines` are the corners
    /// of each region, recipe px. Does not block.
    pub fn judged(&self, inspection: &Arc<Inspection>, outlines: &Arc<[Vec<Point>]>, frame: &Lease<Frame>) {
        let is_kept = inspection.outcome != Outcome::Ok && self.settings.part_pictures.get().is_some();
        if is_kept || self.hub.is_asked() {
            let (inspection, outlines) = (inspection.clone(), outlines.clone());
            self.keep(JudgedPart { frame: frame.clone(), inspection, outlines });
        }
    }

    /// Keeps a judged part until a worker is free. Where too many wait, it drops the oldest good one, or else
    /// the oldest.
    fn keep(&self, part: JudgedPart) {
        let mut state = self.state.lock();
        if state.parts.len() >= self.settings.parts.max(1) {
            let good = state.parts.iter().position(|part| part.inspection.outcome == Outcome::Ok);
            state.parts.remove(good.unwrap_or(0));
            self.hub.counters.parts_missed.add(1);
        }
        state.parts.push_back(part);
        self.note_loaded(&state);
        drop(state);
        self.bell.ring_all();
    }
}

impl Follower for Preview {
    fn wants_frames(&self) -> bool {
        self.hub.is_asked()
    }

    fn follow(&self, report: &Arc<Report>, frame: &Lease<Frame>) {
        let now = self.clock.now().mono_ns;
        if now < self.held_ns.load(Ordering::Relaxed) {
            return;
        }
        let mut state = self.state.lock();
        if state.live.is_some() {
            self.hub.counters.replaced.add(1);
        } else if now < state.due_ns {
            return;
        } else {
            self.advance(&mut state, now);
        }
        state.live = Some(Live { frame: frame.clone(), report: Some(report.clone()) });
        self.note_loaded(&state);
        drop(state);
        self.bell.ring_all();
    }
}

/// A camera's live picture as a feed of the scheduler.
pub struct PreviewFeed(pub Arc<Preview>);

impl Feed<PictureItem> for PreviewFeed {
    fn take(&self) -> Option<PictureItem> {
        self.0.take()
    }

    fn owner(&self) -> &str {
        &self.0.settings.camera
    }

    fn waiting(&self) -> usize {
        let state = self.0.state.lock();
        state.parts.len() + usize::from(state.live.is_some())
    }
}
