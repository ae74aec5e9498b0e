//! What else looks at a camera's frames once their reports are in order: recognition, the preview.

use std::sync::{Arc, Weak};

use super::Lane;
use crate::ring::Lease;
use crate::types::{Events, Frame, Report};

/// Follows one lane, in frame order, one frame at a time, on whichever worker completed the frame. Must not block,
/// and allocates nothing in the steady state. A frame's slot stays leased for as long as a follower keeps its lease.
pub trait Follower: Send + Sync {
    /// It follows `lane` from now on.
    fn joined(&self, lane: &Weak<Lane>) {
        let _ = lane;
    }

    /// Whether the next report may be marked now. One that says no calls [`Lane::resume`] as soon as it can.
    fn is_ready(&self) -> bool {
        true
    }

    /// Whether it wants the next frames: while nobody does, their slots are free before their reports are in order.
    fn wants_frames(&self) -> bool;

    /// The report is tracked, and not yet offered to the sinks: what is known of its findings (names) is put in now.
    fn mark(&self, report: &mut Report, events: &Events, frame: &Lease<Frame>) {
        let _ = (report, events, frame);
    }

    /// The report has been offered to the sinks.
    fn follow(&self, report: &Arc<Report>, frame: &Lease<Frame>) {
        let _ = (report, frame);
    }

    /// The camera is gone for good; every track has ended.
    fn ended(&self) {}
}
