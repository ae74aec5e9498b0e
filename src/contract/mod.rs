//! What the box says to the world: the topics, the payloads with their schema names, and the JSON Schemas made from
//! the types. MQTT, the web page and the command line say the same words.

mod attendance;
mod audit;
mod day;
mod event;
mod figures;
mod inspection;
mod payload;
pub mod rest;
pub mod schema;
pub mod table;
pub mod topic;

pub use attendance::AttendanceOut;
pub use day::{Day, DayEvent, DayRow, Names};
pub use event::EventOut;
pub use figures::{Failing, Parts, Percentiles, Processing, Telemetry};
pub use inspection::{InspectionOut, TriggerStatus};
pub use payload::{
    Alarm, Answer, CameraState, CameraStatus, Detections, Envelope, Gap, Payload, Progress, Service, Status,
    write,
};
pub use topic::Topics;
