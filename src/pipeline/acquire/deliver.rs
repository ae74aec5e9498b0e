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
        let mut state = lock(&self.state);
        let may = |done: &Done| by == By::Worker || done.frame.is_none();
        if state.delivering || !state.ledger.next_is(may) {
            return;
        }
        state.delivering = true;
        while state.ledger.next_is(may) {
            let Some((id, done)) = state.ledger.next_ended() else { break };
            state.valid = id;
            // Before the end is told: the next trigger may answer it at once. So one frame more than `queue` may be
            // leased for as long as a sink looks at it; a ring has slots to spare for that.
            state.under_way -= usize::from(done.taken);
            for roi in done.inspection.rois.iter().filter(|roi| roi.verdict != Verdict::Ok) {
                *state.faults.entry(roi.name.clone()).or_default() += 1;
            }
            drop(state);
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.hand_on(&done))) {
                let (camera, cause) = (&self.settings.camera, panic_text(&*panic));
                tracing::error!(%camera, "the end of acquisition {id} was not told to all: panicked: {cause}");
            }
            drop(done);
            state = lock(&self.state);
        }
        state.delivering = false;
        let left = state.ledger.has_ended();
        drop(state);
        if left {
            // The thread behind the triggers takes them.
            self.changed.notify_all();
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
            follower.judged(&done.inspection, &done.product, frame);
        }
    }
}
