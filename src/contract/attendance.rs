//! What is said about attendance on its topic.

use schemars::JsonSchema;
use serde::Serialize;

use super::payload::{Payload, score};
use crate::types::{Attendance, rfc3339};

/// `camera/NAME/attendance`. `time` is when it was so: of the frame that decided it; for `leave` of the last sighting.
#[derive(Serialize, JsonSchema)]
pub struct AttendanceOut<'a> {
    /// The camera that saw the person; for `leave`: last.
    pub camera: &'a str,
    /// Number of the event on this box, across all cameras and restarts. A message that is sent again has the same.
    pub id: u64,
    /// The person's number in the gallery.
    pub person: u64,
    /// The person's name at that time.
    pub name: &'a str,
    /// `enter`, `seen` or `leave`.
    pub event: &'static str,
    /// Best cosine similarity of the sightings that decided it, -1 to 1.
    pub similarity: f32,
    /// The tracked object.
    pub track: u64,
    /// The frame that decided it.
    pub frame: u64,
    /// When the presence began, RFC 3339, UTC.
    pub since: String,
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
        }
    }
}

impl Payload for AttendanceOut<'_> {
    const SCHEMA: &'static str = "ocellus.attendance/1";
}
