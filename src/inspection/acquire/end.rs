//! The end of an acquisition: entered with the result of its regions, or with the reason why it has no frame, and
//! then delivered in order, by one thread at a time, and without the lane's lock.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::{CompletedPart, LaneState, PartLane};
use crate::inspection::part::PulledTrigger;
use crate::ring::Lease;
use crate::supervisor::panic_text;
use crate::types::{AcquisitionId, Clock, Frame, Inspection, OnComplete, Outcome, RecordingId, Verdict};

/// How an acquisition without a frame ended, and why.
type End = (Outcome, Arc<str>);

/// Which thread delivers ends.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum By {
    /// A worker, or the thread that expires triggers: it may take the time that a sink needs for a frame.
    Worker,
    /// A thread that captures or reads a serial line: it leaves ends that have a frame to the others.
    Quick,
}

impl PartLane {
    /// Step 4: enters the end of an acquisition whose last region is done, and delivers what is next in
    /// order.
    pub(in crate::inspection) fn judged(
        &self,
        id: AcquisitionId,
        mut inspection: Inspection,
        frame: &Lease<Frame>,
        on_complete: Option<&Arc<dyn OnComplete>>,
    ) {
        let mut state = self.state.lock();
        let Some(pulled) = state.taken.remove(&id) else {
            let camera = &self.settings.camera;
            return tracing::error!(%camera, "acquisition {id} ended after it had been given up");
        };
        inspection.recording = self.recording_of(&inspection);
        let done = CompletedPart {
            inspection: Arc::new(inspection),
            product: pulled.product.clone(),
            frame: Some(frame.clone()),
            on_complete: on_complete.cloned(),
            taken: true,
        };
        let outcome = done.inspection.outcome;
        let total_us = done.inspection.latency.total_us;
        self.end(&mut state, (id, pulled.ticket), (outcome, total_us), done);
        drop(state);
        self.deliver(By::Worker);
    }

    /// Ends an acquisition without a frame; `taken` means that it counts as under way until it is reported.
    pub(super) fn without_frame(
        &self,
        state: &mut LaneState,
        pulled: &Arc<PulledTrigger>,
        (outcome, cause): End,
        taken: bool,
    ) {
        let total_us = self.clock.now().latency_since(pulled.trigger.at);
        let mut inspection = pulled.without_frame(&self.settings.camera, outcome, cause, total_us);
        inspection.recording = self.recording_of(&inspection);
        let (inspection, product) = (Arc::new(inspection), pulled.product.clone());
        let done = CompletedPart {
            inspection,
            product,
            frame: None,
            on_complete: pulled.on_complete.clone(),
            taken,
        };
        state.taken.remove(&pulled.id);
        self.end(state, (pulled.id, pulled.ticket), (outcome, total_us), done);
    }

    /// The recording that shows the part, where the camera records around such ends.
    fn recording_of(&self, inspection: &Inspection) -> Option<RecordingId> {
        let recordings = &self.settings.recordings.as_ref()?.0;
        let cause = format_args!("{}, acquisition {}", inspection.outcome.as_str(), inspection.id);
        let (camera, event) = (&self.settings.camera, inspection.outcome.recorded_as());
        recordings.request(camera, event, inspection.trigger.at, &cause)
    }

    fn end(
        &self,
        state: &mut LaneState,
        (id, ticket): (AcquisitionId, u64),
        (outcome, total_us): (Outcome, u32),
        done: CompletedPart,
    ) {
        match state.ledger.end(id, outcome, total_us) {
            Ok(()) => self.order.complete(ticket, done),
            Err(error) => tracing::error!(camera = %self.settings.camera, "{error}"),
        }
    }

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
            drop(self.state.lock());
            self.changed.notify_all();
        }
    }

    /// Updates the state before the end is reported, because the next trigger may follow the report at once.
    /// So one frame more than `queue` may be leased while a sink reads it; a ring has slots to spare for
    /// that.
    fn note_end(&self, done: &CompletedPart) {
        let mut state = self.state.lock();
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
