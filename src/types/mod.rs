//! Types that the domains share: frames, findings, reports, events, commands and time. None of them does I/O.

mod acquisition;
mod age;
mod alarm;
mod attendance;
mod bounded;
mod command;
mod degradation;
mod delivery;
mod event;
mod experiment;
mod finding;
mod frame;
mod health;
mod inbox;
mod inspection;
mod number;
mod preview;
pub mod priority;
mod reading;
mod recording;
mod refusal;
mod report;
mod topics;
mod trigger;
mod zones;

pub use ocellus_runtime::RunState;
pub use ocellus_runtime::clock::{Clock, ManualClock, Stamp, SystemClock, rfc3339};

pub use acquisition::{Counts, Processing, Pulled, Rejected, TargetState};
pub use age::{AgeGate, Doubt};
pub use alarm::Alarms;
pub use attendance::{Attendance, AttendanceKind, Identity, PersonId, Presence, Sighting, SightingSink};
pub use bounded::Bounded;
pub(crate) use command::answers;
pub use command::{Attachment, CommandKind, Origin, Reply, Responder, with_usual_action};
pub use degradation::{Degradation, DegradationStep, FrameThinner};
pub use delivery::Delivered;
pub use event::{Direction, Event, EventKind, Events, MAX_EVENTS};
pub use experiment::{ExperimentError, ExperimentId, ExperimentReader};
pub use finding::Finding;
pub use frame::Frame;
pub use health::Condition;
pub use inbox::{IncomingPicture, PictureInbox};
pub use inspection::{
    AcquisitionId, Defect, Inspection, InspectionLatency, OnComplete, Outcome, RoiResult, Trigger,
    TriggerKind, Verdict,
};
pub use number::Numbering;
pub use ocellus_engine::{
    Label, MAX_BATCH, MAX_EMBEDDING, MAX_FINDINGS, Prediction, PredictionSink, Predictions, Value,
};
pub use ocellus_image::{
    Channels, Colour, Dtype, Fit, Matrix, Patch, PixelFormat, Placement, Planes, Point, Pose, Range, Rect,
    Resize,
};
pub use ocellus_text::{Explanation, hex, sha256, sha256_of};
pub use preview::{Layer, LiveView, LiveViews, PartPictureStore, Picture, Watch};
pub use reading::{Reading, Readings};
pub use recording::{
    NoRecording, NoRecordings, RecordedClip, RecordedEvent, RecordingArchive, RecordingEntry, RecordingFile,
    RecordingFilter, RecordingGap, RecordingId, RecordingNews, RecordingNotice, RecordingPage, RecordingPart,
    RecordingRequests,
};
pub use refusal::{Details, FailedPart, Refusal, RejectedOut, ReloadedCameras, ReloadedOut};
pub use report::{Fault, Latency, Report};
pub use topics::{TopicMessage, TopicQueue};
pub use trigger::{NotSelected, PortState, TriggerTarget};
pub use zones::{MAX_ZONES, ZoneSet};
