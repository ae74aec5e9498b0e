//! The payload of `camera/NAME/event`.

use schemars::JsonSchema;
use serde::Serialize;

use super::payload::{BoxPx, Payload, score};
use super::recording::recording_path;
use crate::types::{Direction, Event, Stamp, rfc3339};

/// Latency of an event, in microseconds.
#[derive(Serialize, JsonSchema)]
pub struct EventLatency {
    /// From the capture of the frame to the outbox.
    pub total_us: u64,
}

/// `camera/NAME/event`: one event of one tracked object.
#[derive(Serialize, JsonSchema)]
pub struct EventOut<'a> {
    /// Name of the camera that tracks the object.
    pub camera: &'a str,
    /// Number of the frame that caused it.
    pub frame: u64,
    /// `new`, `update` or `end`; `zone_enter`, `zone_leave` or `dwell` at a zone; `line_cross` at a line. An
    /// object's first event is `new` and its last is `end`; it leaves every zone before `end`.
    pub event: &'static str,
    /// The object's number, unique on this box, also across restarts.
    pub track: u64,
    /// Class name of the object.
    pub label: &'a str,
    /// Best score so far, 0 to 1.
    pub score: f32,
    /// Last known bounds of the object, in frame px.
    #[serde(rename = "box")]
    pub rect: BoxPx,
    /// When the object was first seen, RFC 3339, UTC.
    pub since: String,
    /// The zone or line that the event is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<&'a str>,
    /// Time spent in the zone, ms; only with `zone_leave` and `dwell`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dwell_ms: Option<u64>,
    /// Direction of a `line_cross`: `left_to_right` or `right_to_left`, as seen by somebody who stands at the
    /// line's `from` and faces its `to`. On a line drawn upwards they are the picture's left and right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<&'static str>,
    /// Path of the recording that shows it, on the box's web server, where the camera records around such events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording: Option<String>,
    /// The experiment that the frame belongs to, as the camera's command port set it; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<&'a str>,
    /// Delays of the event.
    pub latency: EventLatency,
}

impl<'a> EventOut<'a> {
    /// The payload of `event`; `now` is used to compute the latency.
    pub fn new(event: &'a Event, now: Stamp) -> EventOut<'a> {
        EventOut {
            camera: &event.camera,
            frame: event.frame_seq,
            event: event.kind.as_str(),
            track: event.track,
            label: &event.label,
            score: score(event.score),
            rect: event.rect.into(),
            since: rfc3339(event.since.wall_ns),
            place: event.place.as_deref(),
            dwell_ms: event.dwell_ms,
            direction: event.direction.map(Direction::as_str),
            recording: event.recording.map(recording_path),
            experiment: event.experiment.as_deref(),
            latency: EventLatency { total_us: now.micros_since(event.captured) },
        }
    }
}

impl Payload for EventOut<'_> {
    const SCHEMA: &'static str = "ocellus.event/2";
}
