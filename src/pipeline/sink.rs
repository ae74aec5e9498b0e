//! Where reports and events go. Every sink has the same small face.

use std::sync::Arc;

use crate::types::{Attendance, Event, Frame, Inspection, Report};

/// What a sink did with what it was offered. Both are counted by the road.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// It will deliver it, as far as its contract goes.
    Taken,
    /// It could not, and said so at once: a sink never makes a frame wait.
    Dropped,
}

/// A consumer at the end of the road. `offer_*` never blocks and allocates nothing in the steady state.
pub trait Sink: Send + Sync {
    /// Its name in counters and messages.
    fn name(&self) -> &'static str;
    /// Offers the report of one frame (best effort).
    fn offer_report(&self, report: &Arc<Report>) -> Offer;
    /// Offers an event, to be kept until delivered.
    fn offer_event(&self, event: &Event) -> Offer;
    /// Offers the record of an acquisition, to be kept until delivered, and the frame that was inspected, where one
    /// was: whoever wants its pixels copies them now.
    fn offer_inspection(&self, inspection: &Arc<Inspection>, frame: Option<&Frame>) -> Offer;
    /// Offers an attendance event, which is on disk already, to be kept until delivered.
    fn offer_attendance(&self, attendance: &Arc<Attendance>) -> Offer;
}
