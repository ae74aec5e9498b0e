//! JSON Schemas of everything that is published, generated from the types.

use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;
use serde_json::Value;

use super::attendance::AttendanceOut;
use super::batch::BatchProgress;
use super::command::CommandStatus;
use super::degradation::DegradationOut;
use super::event::EventOut;
use super::figures::Telemetry;
use super::inspection::{InspectionOut, TriggerStatus};
use super::intake::IntakeOut;
use super::jobs::JobOut;
use super::payload::{Alarm, Answer, CameraStatus, Detections, Envelope, Gap, Payload, Status};
use super::recording::RecordingOut;

/// An envelope of the outbox, which also states whether the message is late.
#[derive(Serialize, JsonSchema)]
#[schemars(bound = "T: JsonSchema")]
struct Kept<'a, T: Payload> {
    /// Whether it was stored while no broker was connected, or was sent before without an acknowledgement.
    historical: bool,
    #[serde(flatten)]
    envelope: Envelope<'a, T>,
}

/// The schemas by file name (without `.json`), in the order of the contract.
pub fn all() -> Vec<(&'static str, Value)> {
    vec![
        one::<Envelope<Status>>("status", Status::SCHEMA),
        one::<Envelope<CameraStatus>>("camera", CameraStatus::SCHEMA),
        one::<Envelope<Detections>>("detections", Detections::SCHEMA),
        one::<Kept<EventOut>>("event", EventOut::SCHEMA),
        one::<Kept<InspectionOut>>("inspection", InspectionOut::SCHEMA),
        one::<Kept<AttendanceOut>>("attendance", AttendanceOut::SCHEMA),
        one::<Kept<RecordingOut>>("recording", RecordingOut::SCHEMA),
        one::<Envelope<TriggerStatus>>("trigger", TriggerStatus::SCHEMA),
        one::<Kept<Gap>>("gap", Gap::SCHEMA),
        one::<Envelope<Telemetry>>("telemetry", Telemetry::SCHEMA),
        one::<Envelope<Alarm>>("alarm", Alarm::SCHEMA),
        one::<Envelope<DegradationOut>>("degradation", DegradationOut::SCHEMA),
        one::<Envelope<BatchProgress>>("batch-progress", BatchProgress::SCHEMA),
        one::<Envelope<JobOut>>("job", JobOut::SCHEMA),
        one::<Envelope<CommandStatus>>("command-status", CommandStatus::SCHEMA),
        one::<Envelope<IntakeOut>>("intake", IntakeOut::SCHEMA),
        one::<Envelope<Answer>>("answer", Answer::SCHEMA),
    ]
}

fn one<T: JsonSchema>(name: &'static str, id: &str) -> (&'static str, Value) {
    let mut schema: Schema = schema_for!(T);
    schema.insert("title".into(), id.into());
    // A reader can compare the `schema` field of a message with this constant.
    if let Some(field) = schema.pointer_mut("/properties/schema").and_then(Value::as_object_mut) {
        field.insert("const".into(), id.into());
    }
    (name, schema.to_value())
}
