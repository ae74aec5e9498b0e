//! How an acquisition is entered as ended: with the result of its regions, or with the reason why it has no frame.

use std::sync::Arc;

use super::deliver::By;
use super::{CompletedPart, LaneState, PartLane, lock};
use crate::inspection::part::Pulled;
use crate::ring::Lease;
use crate::types::{AcquisitionId, Clock, Frame, Inspection, OnComplete, Outcome};

/// How an acquisition without a frame ended, and why.
type End = (Outcome, Arc<str>);

impl PartLane {
    /// Step 4: enters the end of an acquisition whose last region is done, and delivers what is next in
    /// order.
    pub(in crate::inspection) fn judged(
        &self,
        id: AcquisitionId,
        inspection: Inspection,
        frame: &Lease<Frame>,
        on_complete: Option<&Arc<dyn OnComplete>>,
    ) {
        let mut state = lock(&self.state);
        let Some(pulled) = state.taken.remove(&id) else {
            let camera = &self.settings.camera;
            return tracing::error!(%camera, "acquisition {id} ended after it had been given up");
        };
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
        pulled: &Arc<Pulled>,
        (outcome, cause): End,
        taken: bool,
    ) {
        let total_us = self.clock.now().latency_since(pulled.trigger.at);
        let inspection = pulled.without_frame(&self.settings.camera, outcome, cause, total_us);
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
}
