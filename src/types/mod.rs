//! The words of the house: what a frame, a finding, a report and a moment are.
//! Nothing here does I/O, and nothing here knows another module.

mod age;
mod attendance;
mod bounded;
mod class;
mod command;
mod event;
mod finding;
mod frame;
mod health;
mod inspection;
mod number;
mod patch;
mod preview;
mod report;
mod tensor;
mod zones;

pub use ocellus_runtime::RunState;
pub use ocellus_runtime::clock::{Clock, ManualClock, Stamp, SystemClock, rfc3339};

pub use age::{AgeGate, Doubt};
pub use attendance::{Attendance, AttendanceKind, Identity, PersonId, Presence, Sighting, SightingSink};
pub use bounded::Bounded;
pub use class::Class;
pub use command::{Attachment, Command, CommandKind, Origin, Refusal, Reply, Responder};
pub use event::{Direction, Event, EventKind};
pub use finding::{Finding, Label, Point, Rect, Value};
pub use frame::{Colour, Frame, Matrix, PixelFormat, Planes, Range};
pub use health::Condition;
pub use inspection::{
    AcquisitionId, Defect, Inspection, InspectionLatency, OnComplete, Outcome, Pose, RoiResult, Trigger,
    TriggerKind, Verdict,
};
pub use number::Numbering;
pub use patch::{Channels, Patch};
pub use preview::{Layer, LiveView, LiveViews, PartPictureStore, Picture, Watch};
pub use report::{Fault, Latency, MAX_EMBEDDING, MAX_FINDINGS, Report};
pub use tensor::{Dtype, Fit, MAX_BATCH, Placement, Resize};
pub use zones::{MAX_ZONES, ZoneSet};
