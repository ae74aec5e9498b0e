//! Names tracked faces: chooses which faces of a track to recognise, learns the answers, and reports
//! sightings.
//!
//! ```text
//!  Lane ─mark─▶ FaceLane ─(a better face than before)─▶ queue ─FaceFeed─▶ workers: align ▶ embed ▶ match
//!       ◀─names─         ◀────────────── InOrder ◀──────────────────────────────── FaceItem
//!                        └──▶ SightingSink::push, in the order of the frames
//! ```
//!
//! Each camera has one [`FaceLane`]. A face waits with a lease of its frame, so the queue is short; a track
//! has at most one look under way. Nothing here allocates once warm, and nothing waits.
//!
//! Where frames are read as fast as possible (`in_step`), all answers about a frame's faces arrive before the
//! next report is marked: the lane waits meanwhile (see [`Follower::is_ready`]), and through its window the
//! reader does too. The names at a frame then depend only on the frames before it, and not on speed and load.

mod clock;
mod item;
mod settings;
mod track;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use parking_lot::Mutex;

pub use item::FaceItem;
pub use settings::{FaceCounters, FaceLaneSettings};

use crate::config::RecognitionConfig;
use crate::pipeline::{Follower, Lane};
use crate::recognition::{FaceAnswer, FaceQuality, Gallery};
use crate::ring::{Bell, Lease};
use crate::scheduler::{Feed, InOrder};
use crate::types::{
    EventKind, Events, Finding, Frame, Identity, Label, MAX_FINDINGS, Report, Sighting, SightingSink, Value,
};
use clock::LaneClock;
use item::{Face, SeenFace};
use track::{Habit, Track};

/// How often a face that needs no further look is reported, nanoseconds.
const REPORT_NS: u64 = 1_000_000_000;
/// Places in the order beyond the queue, for looks on the workers and for sightings that need no look.
const UNDER_WAY: usize = 64;

/// The faces of one camera, from its reports to recognition and back.
pub struct FaceLane {
    /// Counts and times of this camera's faces.
    pub counters: FaceCounters,
    settings: FaceLaneSettings,
    /// Faces that may wait for a worker.
    queue: usize,
    habit: Habit,
    unknown: Label,
    gallery: Arc<Gallery>,
    sightings: Arc<dyn SightingSink>,
    bell: Arc<Bell>,
    /// Whether a stage takes its faces.
    attached: AtomicBool,
    /// The lane of the camera's frames, whose reports wait for the answers in step.
    lane: OnceLock<Weak<Lane>>,
    // A panic under the lock leaves it consistent, because the counts are changed last.
    state: Mutex<FaceLaneState>,
    /// Puts answers, and faces that need none, into the order of the frames.
    order: InOrder<CompletedFace>,
}

struct FaceLaneState {
    clock: LaneClock,
    /// Looks that were started and whose answers have not been learned yet.
    under_way: usize,
    tracks: Vec<Track>,
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    ticket: u64,
    face: Face,
    frame: Lease<Frame>,
}

/// The result at a place in the order.
enum CompletedFace {
    /// A look ended; with an answer unless it failed.
    Look(SeenFace, Option<FaceAnswer>),
    /// A face that was recognised before is still there.
    Still(SeenFace, Option<Identity>, f32),
}

impl FaceLane {
    /// A lane that recognises by `gallery` and reports to `sightings`; `bell` wakes idle workers.
    pub fn new(
        settings: FaceLaneSettings,
        gallery: Arc<Gallery>,
        sightings: Arc<dyn SightingSink>,
        bell: Arc<Bell>,
    ) -> Arc<FaceLane> {
        let RecognitionConfig { agree, recheck, queue, .. } = settings.recognition;
        let habit = Habit { agree: agree.max(1), recheck_ns: recheck.as_nanos() as u64 };
        // In step every face of a frame needs a place, because all are done before the next frame.
        let queue = if settings.in_step { queue.max(MAX_FINDINGS) } else { queue };
        let state = FaceLaneState {
            clock: LaneClock::new(settings.in_step),
            under_way: 0,
            tracks: Vec::with_capacity(MAX_FINDINGS),
            waiting: VecDeque::with_capacity(queue),
        };
        Arc::new(FaceLane {
            counters: FaceCounters::default(),
            settings,
            queue,
            habit,
            unknown: "unknown".into(),
            gallery,
            sightings,
            order: InOrder::new(queue + UNDER_WAY, bell.clone()),
            bell,
            attached: AtomicBool::new(false),
            lane: OnceLock::new(),
            state: Mutex::new(state),
        })
    }

    /// Sets whether a stage takes its faces. Without one, no face is queued, and those that wait are dropped.
    pub fn set_attached(&self, attached: bool) {
        self.attached.store(attached, Ordering::Release);
        if !attached {
            let mut state = self.state.lock();
            while let Some(Waiting { ticket, face, .. }) = state.waiting.pop_front() {
                self.counters.dropped.add(1);
                self.order.complete(ticket, CompletedFace::Look(face.seen, None));
            }
            drop(state);
            self.deliver();
        }
        self.resume();
    }

    /// Lets the lane deliver reports that waited for answers. Must not be called with the state locked,
    /// because the lane locks its own state first.
    fn resume(&self) {
        if let Some(lane) = self.lane.get().filter(|_| self.settings.in_step).and_then(Weak::upgrade) {
            lane.resume();
        }
    }

    /// Waits until no look is under way; returns false after `patience`.
    pub fn wait_idle(&self, patience: Duration) -> bool {
        self.order.wait_idle(patience)
    }

    /// Takes the face that has waited longest, for a worker.
    fn take(self: &Arc<FaceLane>) -> Option<FaceItem> {
        let Waiting { ticket, face, frame } = self.state.lock().waiting.pop_front()?;
        Some(FaceItem::new(self.clone(), ticket, frame, face))
    }

    /// Enters the end of a look.
    fn arrived(&self, ticket: u64, seen: SeenFace, answer: Option<FaceAnswer>) {
        self.order.complete(ticket, CompletedFace::Look(seen, answer));
        if self.deliver() {
            self.resume();
        }
    }

    /// Learns and reports the results that are next in order; true where that was the last look under way.
    /// Must not be called with the state locked.
    fn deliver(&self) -> bool {
        let mut is_last = false;
        self.order.deliver(
            |_| true,
            |done| match done {
                CompletedFace::Look(seen, answer) => is_last |= self.looked(seen, answer),
                CompletedFace::Still(seen, identity, similarity) => self.report(seen, identity, similarity),
            },
        );
        is_last
    }

    /// Learns the answer of a look; true where no other is under way.
    fn looked(&self, seen: SeenFace, answer: Option<FaceAnswer>) -> bool {
        let mut state = self.state.lock();
        state.under_way -= 1;
        let is_last = state.under_way == 0;
        let mut track = state.tracks.iter_mut().find(|track| track.id == seen.track);
        if let Some(track) = &mut track {
            track.pending = false;
        }
        let Some(answer) = answer else { return is_last };
        self.count(&answer);
        // The sighting is reported even where the track has ended meanwhile, because the face was seen.
        let says = match track {
            Some(track) => {
                let says = track.answered(&answer, self.habit);
                if says {
                    track.reported_ns = seen.now_ns;
                }
                says
            }
            None => answer.flaw.is_none() && answer.version == self.gallery.version(),
        };
        drop(state);
        if says {
            let similarity = answer.similarity();
            self.report(seen, answer.identity, similarity);
        }
        is_last
    }

    fn count(&self, answer: &FaceAnswer) {
        self.counters.align_us.record(u64::from(answer.align_us));
        if answer.flaw.is_some() {
            return self.counters.unfit.add(1);
        }
        self.counters.answered.add(1);
        self.counters.embed_us.record(u64::from(answer.embed_us));
        self.counters.match_us.record(u64::from(answer.match_us));
    }

    fn report(&self, seen: SeenFace, identity: Option<Identity>, similarity: f32) {
        self.counters.reported.add(1);
        let camera = self.settings.camera.clone();
        let SeenFace { track, rect, zones, frame_seq, captured, experiment, now_ns: time_ns } = seen;
        let sighting = Sighting {
            camera,
            frame_seq,
            captured,
            time_ns,
            track,
            rect,
            identity,
            similarity,
            zones,
            experiment,
        };
        self.sightings.push(&sighting);
    }

    /// Writes the known name of a tracked face into the report, and starts a look where one is worth it. True
    /// where it started one.
    fn consider(
        &self,
        state: &mut FaceLaneState,
        finding: &mut Finding,
        version: u64,
        frame: &Lease<Frame>,
    ) -> bool {
        let (Some(id), Value::Object { rect, points }) = (finding.track, &finding.value) else {
            return false;
        };
        let (rect, Ok(points)) = (*rect, <[_; 6]>::try_from(points.as_slice())) else { return false };
        let now = state.clock.now_ns();
        let at = state.place(id, version, now);
        let full = state.waiting.len() >= self.queue;
        let has_place = self.order.has_place();
        let track = &mut state.tracks[at];
        track.seen_ns = now;
        track.follow(version);
        finding.name = track.name(&self.unknown);
        let quality = FaceQuality::of(&points);
        let seen = || {
            let (zones, experiment) = (finding.zones.clone(), frame.experiment.clone());
            let (frame_seq, captured) = (frame.seq, frame.captured);
            SeenFace { track: id, rect, zones, frame_seq, captured, experiment, now_ns: now }
        };
        if track.wants(&quality, now, self.habit) && self.settings.recognition.gate.flaw(&quality).is_none() {
            if full || !has_place {
                self.counters.dropped.add(1);
                return false;
            }
            track.asked(now);
            let face = Face { seen: seen(), points };
            state.waiting.push_back(Waiting { ticket: self.order.issue(), face, frame: frame.clone() });
            state.under_way += 1;
            self.counters.asked.add(1);
            return true;
        }
        let due = now.saturating_sub(track.reported_ns) >= REPORT_NS && !track.pending && has_place;
        if let Some((identity, similarity)) = track.verdict().filter(|_| due) {
            let identity = identity.clone();
            track.reported_ns = now;
            self.order.complete(self.order.issue(), CompletedFace::Still(seen(), identity, similarity));
        }
        false
    }
}

impl FaceLaneState {
    /// The place of track `id`. Where all places are taken, a new track replaces the one that was not seen
    /// for longest.
    fn place(&mut self, id: u64, version: u64, now_ns: u64) -> usize {
        if let Some(at) = self.tracks.iter().position(|track| track.id == id) {
            return at;
        }
        let fresh = Track::new(id, version, now_ns);
        if self.tracks.len() < self.tracks.capacity() {
            self.tracks.push(fresh);
            return self.tracks.len() - 1;
        }
        let stalest = self.tracks.iter().enumerate().min_by_key(|(_, track)| track.seen_ns);
        let at = stalest.map_or(0, |(at, _)| at);
        self.tracks[at] = fresh;
        at
    }
}

/// A camera's faces as a follower of its lane.
pub struct FaceFollower(pub Arc<FaceLane>);

impl Follower for FaceFollower {
    fn joined(&self, lane: &Weak<Lane>) {
        // A face lane serves one lane only, since a second would not wait for answers.
        let _ = self.0.lane.set(lane.clone());
    }

    fn is_ready(&self) -> bool {
        !self.0.settings.in_step || self.0.state.lock().under_way == 0
    }

    fn wants_frames(&self) -> bool {
        self.0.attached.load(Ordering::Acquire)
    }

    fn mark(&self, report: &mut Report, events: &Events, frame: &Lease<Frame>) {
        let lane = &*self.0;
        let version = lane.gallery.version();
        let attached = self.wants_frames();
        let mut asked = false;
        let mut state = lane.state.lock();
        state.clock.tick(frame);
        for finding in report.findings.iter_mut().filter(|_| attached) {
            asked |= lane.consider(&mut state, finding, version, frame);
        }
        for event in events.iter().filter(|event| event.kind == EventKind::End) {
            state.tracks.retain(|track| track.id != event.track);
        }
        drop(state);
        // No resume is needed here, because the calling lane checks again whether all answers have arrived.
        lane.deliver();
        if asked {
            lane.bell.ring();
        }
    }

    fn ended(&self) {
        self.0.state.lock().tracks.clear();
    }
}

/// A camera's faces as a feed of the scheduler.
pub struct FaceFeed(pub Arc<FaceLane>);

impl Feed<FaceItem> for FaceFeed {
    fn take(&self) -> Option<FaceItem> {
        self.0.take()
    }

    fn owner(&self) -> &str {
        &self.0.settings.camera
    }

    fn waiting(&self) -> usize {
        self.0.state.lock().waiting.len()
    }
}
