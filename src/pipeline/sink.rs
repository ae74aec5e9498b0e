//! The interface of all sinks, which receive reports and events.

use std::sync::Arc;

use crate::types::{Attendance, Event, Frame, Inspection, Report};

/// Whether a sink accepted an offer. The lane counts both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// The sink accepted it and delivers it as its contract promises.
    Taken,
    /// The sink had no room and dropped it at once, because a sink never makes a frame wait.
    Dropped,
}

/// A consumer at the end of the pipeline. `offer_*` never blocks and allocates nothing in the steady state.
pub trait Sink: Send + Sync {
    /// Its name in counters and messages.
    fn name(&self) -> &'static str;
    /// Offers the report of one frame (best effort).
    fn offer_report(&self, report: &Arc<Report>) -> Offer;
    /// Offers an event, to be kept until delivered.
    fn offer_event(&self, event: &Event) -> Offer;
    /// Offers the record of an acquisition, to be kept until delivered, and its frame where it has one. A
    /// sink that needs the pixels copies them during the call.
    fn offer_inspection(&self, inspection: &Arc<Inspection>, frame: Option<&Frame>) -> Offer;
    /// Offers an attendance event, which is on disk already, to be kept until delivered.
    fn offer_attendance(&self, attendance: &Arc<Attendance>) -> Offer;
}
