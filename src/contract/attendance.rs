//! The payload of attendance events.

use schemars::JsonSchema;
use serde::Serialize;

use super::payload::{Payload, score};
use super::recording::recording_path;
use crate::types::{Attendance, rfc3339};

/// `camera/NAME/attendance`. `time` is that of the frame that decided the event; for `leave` that of the last
/// sighting.
#[derive(Serialize, JsonSchema)]
pub struct AttendanceOut<'a> {
    /// The camera that saw the person; for `leave` the one that saw the person last.
    pub camera: &'a str,
    /// Number of the event on this box, across all cameras and restarts. A message that is sent again has the
    /// same number.
    pub id: u64,
    /// The person's number in the gallery.
    pub person: u64,
    /// The person's name at that time.
    pub name: &'a str,
    /// `enter`, `seen` or `leave`.
    pub event: &'static str,
    /// Best cosine similarity of the sightings that decided it, -1 to 1.
    pub similarity: f32,
    /// Number of the tracked object whose face it was.
    pub track: u64,
    /// Number of the frame that decided it.
    pub frame: u64,
    /// When the presence began, RFC 3339, UTC.
    pub since: String,
    /// Path of the recording that shows it, on the box's web server, where the camera records around such events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording: Option<String>,
    /// The experiment that the frame belongs to, as the camera's command port set it; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<&'a str>,
}

impl<'a> From<&'a Attendance> for AttendanceOut<'a> {
    fn from(event: &'a Attendance) -> AttendanceOut<'a> {
        AttendanceOut {
            camera: &event.camera,
            id: event.id,
            person: event.person.0,
            name: &event.name,
            event: event.kind.as_str(),
            similarity: score(event.similarity),
            track: event.track,
            frame: event.frame_seq,
            since: rfc3339(event.since_ns),
            recording: event.recording.map(recording_path),
            experiment: event.experiment.as_deref(),
        }
    }
}

impl Payload for AttendanceOut<'_> {
    const SCHEMA: &'static str = "ocellus.attendance/1";
}
