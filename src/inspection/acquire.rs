//! The life of one acquisition, from its trigger to its report.
//!
//! ```text
//!  trigger ──pull──▶ waiting ──(a frame is committed)──▶ chosen ──(pinned workers: find ▶ ROIs side by side)──▶
//!          gets its number    leased from the ring's history   Inspector                      Acquisition
//!  ──judged──▶ InOrder: in the order of numbers ──▶ the trigger's requester ▶ sinks
//! ```
//!
//! Each camera that inspects has one [`PartLane`]. The capture thread chooses a frame as soon as it is
//! committed, so that no trigger depends on how busy the workers are, and leases it before it can be
//! overwritten.

mod end;
mod feed;
mod select;

use end::By;
pub use feed::PartFeed;
pub(super) use feed::Regions;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::choice::{self, PartLaneSettings, RingLook};
use super::ledger::{AcquisitionLedger, Begun};
use super::part::{Acquisition, Product, PulledTrigger};
use crate::pipeline::Sink;
use crate::ring::{Bell, Lease, Ring};
use crate::scheduler::InOrder;
use crate::telemetry::Histogram;
use crate::types::{
    AcquisitionId, Clock, Counts, Frame, Inspection, Label, OnComplete, Outcome, Point, Pulled as Answer,
    Rejected, Stamp, SystemClock, TargetState, Trigger,
};

/// Ends that may wait behind an acquisition before it is given up. The limit is high, because a flood of
/// triggers that all overrun gives thousands of ends within one normal inspection, and each takes only some
/// hundred bytes.
const MOST_BEHIND: usize = 16_384;

/// The acquisitions of one camera, from trigger to report.
pub struct PartLane {
    settings: PartLaneSettings,
    ring: Ring<Frame>,
    sinks: Arc<[Arc<dyn Sink>]>,
    bell: Arc<Bell>,
    // A panic under the lock leaves it consistent, because the counts are changed last.
    state: Mutex<LaneState>,
    /// How many triggers wait for a frame; an atomic, because every commit reads it without taking the lock.
    waiting: AtomicUsize,
    /// Signalled when a trigger begins to wait, an end is ready, or the lane is closed.
    changed: Condvar,
    /// Time from the trigger to the sinks, microseconds.
    pub total_us: Histogram,
    /// Puts ends into the order of their numbers.
    order: InOrder<CompletedPart>,
    /// Receives judged parts after the sinks, where one is set.
    follower: OnceLock<JudgedFollower>,
    clock: SystemClock,
}

struct LaneState {
    ledger: AcquisitionLedger,
    /// Acquisitions that hold a frame or wait for one, and those that have ended and wait for their turn to
    /// be reported. The number must stay below the ring's slots, because each may lease one.
    under_way: usize,
    /// The last acquisition that was taken, and the last whose end was reported.
    acknowledged: AcquisitionId,
    valid: AcquisitionId,
    /// How often the verdict on each region was not `ok`.
    faults: BTreeMap<Label, u64>,
    product: Option<Arc<Product>>,
    /// Why no part can be judged now: the product is being changed, or its change failed. `None` where parts
    /// can be.
    blocked: Option<Arc<str>>,
    /// Products that were promised and are not settled yet; parts are judged again once there are none.
    promised: usize,
    /// Why the camera gives no frames; `None` while it does.
    away: Option<Arc<str>>,
    /// Every acquisition that was taken and has not ended, so that it can be ended no matter which thread
    /// holds it.
    taken: BTreeMap<AcquisitionId, Arc<PulledTrigger>>,
    waiting: VecDeque<Arc<PulledTrigger>>,
    /// Acquisitions that have their frame and wait for a worker.
    chosen: VecDeque<Acquisition>,
}

/// Receives each judged part after the sinks: its record, the corners of its regions (recipe px) and its
/// frame, whose slot stays leased for as long as the follower keeps the lease. Must not block.
pub type JudgedFollower = Box<dyn Fn(&Arc<Inspection>, &Arc<[Vec<Point>]>, &Lease<Frame>) + Send + Sync>;

/// An acquisition that has ended and waits until those before it have ended too.
struct CompletedPart {
    inspection: Arc<Inspection>,
    product: Arc<Product>,
    frame: Option<Lease<Frame>>,
    on_complete: Option<Arc<dyn OnComplete>>,
    /// Whether it counts towards `under_way` until it is reported.
    taken: bool,
}

impl PartLane {
    /// A lane that takes its frames from `ring` and reports to `sinks`; `bell` wakes idle workers. Until a product is
    /// selected every trigger ends as `error`.
    pub fn new(
        settings: PartLaneSettings,
        ring: Ring<Frame>,
        sinks: Arc<[Arc<dyn Sink>]>,
        bell: Arc<Bell>,
    ) -> Arc<PartLane> {
        let state = LaneState {
            ledger: AcquisitionLedger::new(1, settings.queue),
            under_way: 0,
            acknowledged: 0,
            valid: 0,
            faults: BTreeMap::new(),
            product: None,
            blocked: None,
            promised: 0,
            away: Some("the camera has not given a frame yet".into()),
            taken: BTreeMap::new(),
            waiting: VecDeque::with_capacity(settings.queue),
            chosen: VecDeque::with_capacity(settings.queue),
        };
        Arc::new(PartLane {
            order: InOrder::unbounded(settings.queue + 1, bell.clone()),
            settings,
            ring,
            sinks,
            bell,
            state: Mutex::new(state),
            waiting: AtomicUsize::new(0),
            changed: Condvar::new(),
            total_us: Histogram::default(),
            follower: OnceLock::new(),
            clock: SystemClock,
        })
    }

    /// The name of the camera.
    pub fn camera(&self) -> &Label {
        &self.settings.camera
    }

    /// Sets the follower that receives judged parts in the order of their numbers. Only the first call has an
    /// effect.
    pub fn follow(&self, follower: JudgedFollower) {
        let _ = self.follower.set(follower);
    }

    /// Counts of all triggers so far, by how they ended.
    pub fn counts(&self) -> Counts {
        self.state.lock().ledger.counts()
    }

    /// The present state of the camera as a target of triggers.
    pub fn target(&self) -> TargetState {
        let state = self.state.lock();
        TargetState {
            ready: state.away.is_none()
                && state.blocked.is_none()
                && state.product.is_some()
                && state.under_way < self.settings.queue,
            product: state.product.as_ref().map(|product| product.name.clone()),
            acknowledged: state.acknowledged,
            valid: state.valid,
            counts: state.ledger.counts(),
        }
    }

    /// How often the verdict on each region was not `ok`, the most frequent first.
    pub fn pareto(&self) -> Vec<(Label, u64)> {
        let mut faults: Vec<_> =
            self.state.lock().faults.iter().map(|(roi, count)| (roi.clone(), *count)).collect();
        faults.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        faults
    }

    /// Counts input on a trigger's line that was rejected.
    pub fn add_rejected(&self, rejected: &Rejected) {
        self.state.lock().ledger.add_rejected(rejected);
    }

    /// Sets whether the camera gives frames (`None`) or why it does not. Without frames, triggers that wait
    /// and triggers that arrive end as missed.
    pub fn set_away(&self, cause: Option<&str>) {
        let mut state = self.state.lock();
        state.away = cause.map(Arc::from);
        if let Some(cause) = state.away.clone() {
            while let Some(pulled) = state.waiting.pop_front() {
                self.without_frame(&mut state, &pulled, (Outcome::Missed, cause.clone()), true);
            }
            self.waiting.store(0, Ordering::Release);
        }
        drop(state);
        self.deliver(By::Quick);
    }

    /// Step 1: a trigger gets its number. It ends at once where no product is selected, the camera gives no
    /// frames, or too many acquisitions are under way; otherwise it waits for the frame of `moment`.
    pub fn pull(
        self: &Arc<PartLane>,
        trigger: Trigger,
        moment: Stamp,
        on_complete: Option<Arc<dyn OnComplete>>,
    ) -> Answer {
        let mut state = self.state.lock();
        // Under the lock, so that numbers grow in the order in which triggers are taken.
        let Begun { id, overrun } = state.ledger.begin_as(self.settings.numbers.next());
        let selected = state.product.clone();
        let product = selected.clone().unwrap_or_else(|| Arc::new(Product::none()));
        let ticket = self.order.issue();
        let pulled = Arc::new(PulledTrigger { id, ticket, trigger, moment, product, on_complete });
        let refused = match (&state.away, selected) {
            _ if state.blocked.is_some() => {
                Some((Outcome::Error, state.blocked.clone().unwrap_or_else(|| "".into())))
            }
            (_, None) => Some((Outcome::Error, "no product is selected; select one".into())),
            (Some(cause), _) => Some((Outcome::Missed, cause.clone())),
            _ if overrun || state.under_way >= self.settings.queue => {
                Some((Outcome::Overrun, self.overrun()))
            }
            _ => None,
        };
        if let Some((outcome, cause)) = refused {
            self.without_frame(&mut state, &pulled, (outcome, cause), false);
            drop(state);
            self.deliver(By::Quick);
            return Answer { id, taken: false };
        }
        state.acknowledged = id;
        state.under_way += 1;
        state.taken.insert(id, pulled.clone());
        state.waiting.push_back(pulled);
        self.choose(&mut state);
        drop(state);
        self.changed.notify_all();
        self.deliver(By::Quick);
        Answer { id, taken: true }
    }

    /// Step 2, on the capture thread: a frame was committed. Costs one load while no trigger waits.
    pub fn frame_committed(self: &Arc<PartLane>) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.choose(&mut self.state.lock());
            self.deliver(By::Quick);
        }
    }

    /// Ends triggers that have waited too long, then sleeps until the next may be due, at most `patience`.
    /// The caller runs this in a loop.
    pub fn expire(self: &Arc<PartLane>, patience: Duration) {
        self.deliver(By::Worker);
        let mut state = self.state.lock();
        self.choose(&mut state);
        if let Some(id) = state.ledger.overdue(MOST_BEHIND) {
            let cause = "its inspection does not end; see the log for the worker that hangs";
            self.give_up(&mut state, id, cause);
        }
        if self.order.is_ready() {
            drop(state);
            return self.deliver(By::Worker);
        }
        let now = self.clock.now().mono_ns;
        let due = state.waiting.iter().map(|pulled| self.settings.deadline_ns(pulled.moment)).min();
        let pause = due.map_or(patience, |due| Duration::from_nanos(due.saturating_sub(now)).min(patience));
        self.changed.wait_for(&mut state, pause);
    }

    /// Ends an acquisition that another thread holds; its own late end is then refused.
    fn give_up(&self, state: &mut LaneState, id: AcquisitionId, cause: &str) {
        if let Some(pulled) = state.taken.get(&id).cloned() {
            self.without_frame(state, &pulled, (Outcome::Error, cause.into()), true);
        }
    }

    /// Ends every acquisition that is under way as `error`, because the workers that hold them are being
    /// stopped.
    pub fn abandon(&self, cause: &str) {
        let mut state = self.state.lock();
        let left: Vec<AcquisitionId> = state.taken.keys().copied().collect();
        left.into_iter().for_each(|id| self.give_up(&mut state, id, cause));
        let chosen = std::mem::take(&mut state.chosen);
        drop(state);
        self.deliver(By::Worker);
        // Each chosen acquisition holds the lane, and the lane holds them: this breaks the cycle.
        drop(chosen);
    }

    /// Ends the lane: triggers that wait for a frame are missed.
    pub fn close(&self) {
        self.set_away(Some("the camera has ended"));
        self.changed.notify_all();
    }

    /// Whether no acquisition is under way and every end was delivered.
    pub fn is_idle(&self) -> bool {
        let state = self.state.lock();
        state.ledger.counts().in_flight == 0 && self.order.is_idle()
    }

    /// Gives every waiting trigger its frame, or its end where that is decided; the caller delivers the ends.
    fn choose(self: &Arc<PartLane>, state: &mut LaneState) {
        // Stored before the ring is read, so that a frame that is committed after the read finds a trigger
        // waiting.
        self.waiting.store(state.waiting.len(), Ordering::SeqCst);
        let now = self.clock.now();
        for _ in 0..state.waiting.len() {
            let Some(pulled) = state.waiting.pop_front() else { break };
            match choice::look(&self.ring, &self.settings, pulled.moment, now) {
                RingLook::Chosen(frame) => {
                    state.chosen.push_back(Acquisition::new(self.clone(), pulled, frame, now));
                    self.bell.ring();
                }
                RingLook::Wait => state.waiting.push_back(pulled),
                RingLook::Missed(cause) => self.without_frame(state, &pulled, (Outcome::Missed, cause), true),
            }
        }
        self.waiting.store(state.waiting.len(), Ordering::SeqCst);
    }

    fn overrun(&self) -> Arc<str> {
        let queue = self.settings.queue;
        format!("{queue} acquisitions are under way already; raise queue, or pull more slowly").into()
    }
}
