//! How the ends of acquisitions leave the lane: in order, by one thread at a time, and without the lane's lock.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Done, PartLane, lock};
use crate::supervisor::panic_text;
use crate::types::Verdict;

/// Which thread hands ends on.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum By {
    /// A worker, or the thread behind the triggers: it may take the time that a sink needs for a frame.
    Worker,
    /// One that captures or reads a serial line: it leaves ends that have a frame to the others.
    Quick,
}

impl PartLane {
    /// Step 5: what is next in order is handed on, by one thread at a time and without the lock: a sink that copies the
    /// frame holds up neither the line that triggers nor capture nor the other workers.
    pub(super) fn deliver(&self, by: By) {
        let may = |done: &Done| by == By::Worker || done.frame.is_none();
        self.order.deliver(may, |done| {
            self.note_end(&done);
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.hand_on(&done))) {
                let (camera, id, cause) = (&self.settings.camera, done.inspection.id, panic_text(&*panic));
                tracing::error!(%camera, "the end of acquisition {id} was not reported to all: panicked: {cause}");
            }
        });
        if by == By::Quick && self.order.is_ready() {
            // The thread behind the triggers takes them. Under its lock, so that it either sees them or is woken.
            drop(lock(&self.state));
            self.changed.notify_all();
        }
    }

    /// Before the end is reported: the next trigger may answer it at once. So one frame more than `queue` may be leased
    /// for as long as a sink looks at it; a ring has slots to spare for that.
    fn note_end(&self, done: &Done) {
        let mut state = lock(&self.state);
        state.valid = done.inspection.id;
        state.under_way -= usize::from(done.taken);
        for roi in done.inspection.rois.iter().filter(|roi| roi.verdict != Verdict::Ok) {
            *state.faults.entry(roi.name.clone()).or_default() += 1;
        }
    }

    /// First to the trigger's requester, then to the sinks.
    fn hand_on(&self, done: &Done) {
        self.total_us.record(u64::from(done.inspection.latency.total_us));
        if let Some(on_complete) = &done.on_complete {
            on_complete.completed(&done.inspection);
        }
        for sink in self.sinks.iter() {
            sink.offer_inspection(&done.inspection, done.frame.as_deref());
        }
        if let (Some(follower), Some(frame)) = (self.follower.get(), &done.frame) {
            follower(&done.inspection, &done.product.outlines, frame);
        }
    }
}
