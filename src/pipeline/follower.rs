//! The interface of further consumers of a camera's ordered reports: recognition and the preview.

use std::sync::{Arc, Weak};

use super::Lane;
use crate::ring::Lease;
use crate::types::{Events, Frame, Report};

/// Follows one lane in frame order, one frame at a time, on the worker that delivers the report. Must not
/// block, and must not allocate in the steady state. A frame's slot stays leased for as long as a follower
/// keeps its lease.
pub trait Follower: Send + Sync {
    /// Called once, before the first frame of `lane`.
    fn joined(&self, lane: &Weak<Lane>) {
        let _ = lane;
    }

    /// Whether the next report may be marked now. After `false` the follower calls [`Lane::resume`] as soon
    /// as it can.
    fn is_ready(&self) -> bool {
        true
    }

    /// Whether it wants the next frames. While no follower does, slots are freed before their reports are in
    /// order.
    fn wants_frames(&self) -> bool;

    /// Adds data (such as names) to the findings of a report that is tracked but not yet offered to the
    /// sinks.
    fn mark(&self, report: &mut Report, events: &Events, frame: &Lease<Frame>) {
        let _ = (report, events, frame);
    }

    /// Called after the report was offered to the sinks.
    fn follow(&self, report: &Arc<Report>, frame: &Lease<Frame>) {
        let _ = (report, frame);
    }

    /// Called when the camera was removed and every track has ended.
    fn ended(&self) {}
}
