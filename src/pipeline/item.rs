//! A frame as a work item. Dropping the item delivers its report, so that no frame can get lost.

use std::sync::Arc;

use super::Lane;
use crate::ring::Lease;
use crate::scheduler::WorkItem;
use crate::types::{Fault, Frame, Report};

/// A frame, and the report that the stage fills.
pub struct FrameItem {
    lane: Arc<Lane>,
    ticket: u64,
    frame: Lease<Frame>,
    /// `None` only while it is being dropped.
    report: Option<Arc<Report>>,
}

impl FrameItem {
    pub(super) fn new(lane: Arc<Lane>, ticket: u64, frame: Lease<Frame>, report: Arc<Report>) -> FrameItem {
        FrameItem { lane, ticket, frame, report: Some(report) }
    }

    /// The frame, and its report to be filled.
    pub fn open(&mut self) -> Option<(&Frame, &mut Report)> {
        // Always succeeds, because nothing else holds an item's report before the item is dropped.
        let report = self.report.as_mut().and_then(Arc::get_mut)?;
        Some((&self.frame, report))
    }
}

impl WorkItem for FrameItem {
    fn fail(&mut self, stage: &str, cause: &str) {
        let FrameItem { lane, frame, .. } = self;
        tracing::warn!(camera = %lane.camera, frame = frame.seq, stage, "the frame failed: {cause}");
        if let Some((_, report)) = self.open() {
            report.fault = Some(Fault { stage: stage.into(), cause: cause.into() });
        }
    }
}

impl Drop for FrameItem {
    fn drop(&mut self) {
        if let Some(report) = self.report.take() {
            self.lane.arrived(self.ticket, report, &self.frame);
        }
    }
}
