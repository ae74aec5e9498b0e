//! The public contract: topics, payloads with schema names, and the JSON Schemas generated from the types.
//! MQTT, REST, the web page and the command line share these types.

mod attendance;
mod audit;
mod batch;
mod command;
mod day;
mod degradation;
mod event;
mod figures;
mod inspection;
mod intake;
mod job_answers;
mod jobs;
mod payload;
mod recording;
pub mod rest;
pub mod schema;
pub mod table;
pub mod topic;

pub use attendance::AttendanceOut;
pub use batch::{BatchProgress, BatchState};
pub use command::{CommandStatus, CommandValue, OutputState};
pub use day::{Day, DayEvent, DayRow, Names};
pub use degradation::{DegradationChange, DegradationOut};
pub use event::EventOut;
pub use figures::{Failing, Parts, Percentiles, Processing, Telemetry};
pub use inspection::{InspectionOut, TriggerStatus};
pub use intake::{
    BadLineOut, BadOut, Beyond, ChannelOut, ChannelUpdate, IntakeList, IntakeOut, SeriesOut, SourceOut,
    SourceState,
};
pub use job_answers::{ClipOut, FetchedOut, GeneratedOut, UploadedFileOut, UploadedOut};
pub use jobs::{
    AddedOut, AttemptOut, BatchedOut, JobFileOut, JobOut, JobResult, JobState, JobsHealthOut, JobsOut,
    NoJobState, QueueOut, ReportOut, UpscaledAllOut, UpscaledOut, VariationOut, VariationsOut, WorkflowOut,
};
pub use payload::{
    Alarm, Answer, CameraState, CameraStatus, Detections, Envelope, Gap, Payload, Progress, RetainedState,
    Service, Status, write,
};
pub use recording::{MissedOut, RecordingOut, recording_path};
pub use topic::Topics;
