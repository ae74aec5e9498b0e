//! What the box says to the world: the topics, the payloads with their schema names, and the JSON Schemas made from
//! the types. MQTT, the web page and the command line say the same words.

mod attendance;
mod day;
mod figures;
mod inspection;
mod payload;
pub mod schema;
pub mod table;
pub mod topic;

pub use attendance::AttendanceOut;
pub use day::{Day, DayEvent, DayRow, Names};
pub use figures::{Failing, Parts, Percentiles, Processing, Telemetry};
pub use inspection::{InspectionOut, TriggerStatus};
pub use payload::{
    Alarm, Answer, CameraState, CameraStatus, Detections, Envelope, EventOut, Gap, Payload, Progress,
    Service, Status, write,
};
pub use topic::Topics;
