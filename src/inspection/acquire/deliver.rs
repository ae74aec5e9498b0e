//! How the ends of acquisitions leave the lane: in order, by one thread at a time, and without the lane's lock.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{CompletedPart, PartLane, lock};
use crate::supervisor::panic_text;
use crate::types::Verdict;

/// Which thread delivers ends.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum By {
    /// A worker, or the thread that expires triggers: it may take the time that a sink needs for a frame.
    Worker,
    /// A thread that captures or reads a serial line: it leaves ends that have a frame to the others.
    Quick,
}

impl PartLane {
    /// Step 5: delivers the ends that are next in order, on one thread at a time and without the lock, so
    /// that a sink that copies the frame delays neither triggers nor capture nor the other workers.
    pub(super) fn deliver(&self, by: By) {
        let may = |done: &CompletedPart| by == By::Worker || done.frame.is_none();
        self.order.deliver(may, |done| {
            self.note_end(&done);
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.hand_on(&done))) {
                let (camera, id, cause) = (&self.settings.camera, done.inspection.id, panic_text(&*panic));
                tracing::error!(%camera, "the end of acquisition {id} was not reported to all: panicked: {cause}");
            }
        });
        if by == By::Quick && self.order.is_ready() {
            // The thread that expires triggers delivers them. Taking its lock here makes sure that it either
            // sees them or is woken.
            drop(lock(&self.state));
            self.changed.notify_all();
        }
    }

    /// Updates the state before the end is reported, because the next trigger may follow the report at once.
    /// So one frame more than `queue` may be leased while a sink reads it; a ring has slots to spare for
    /// that.
    fn note_end(&self, done: &CompletedPart) {
        let mut state = lock(&self.state);
        state.valid = done.inspection.id;
        state.under_way -= usize::from(done.taken);
        for roi in done.inspection.rois.iter().filter(|roi| roi.verdict != Verdict::Ok) {
            *state.faults.entry(roi.name.clone()).or_default() += 1;
        }
    }

    /// Reports the end to the trigger's requester first, then to the sinks.
    fn hand_on(&self, done: &CompletedPart) {
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
