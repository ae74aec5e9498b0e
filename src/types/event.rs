//! Events of tracked objects, which are reported once and must not be lost: their life cycle, zones and
//! lines.

use super::{Label, RecordedEvent, RecordingId, Rect, Stamp};

/// Most events of one frame. Further events are reported with the next frame.
pub const MAX_EVENTS: usize = 256;

/// The events of one frame, in memory of fixed size.
pub type Events = heapless::Vec<Event, MAX_EVENTS>;

/// A step in the life of a tracked object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The object was seen in enough frames to be confirmed.
    New,
    /// The object is still tracked.
    Update,
    /// The object was lost, and its track ends.
    End,
    /// The object has entered a zone.
    ZoneEnter,
    /// The object has left a zone, or was lost inside it.
    ZoneLeave,
    /// The object has stayed in a zone for longer than the zone's `dwell_ms`; reported once for each stay.
    Dwell,
    /// The object has crossed a line.
    LineCross,
}

impl EventKind {
    /// The word that stands for it on MQTT.
    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::New => "new",
            EventKind::Update => "update",
            EventKind::End => "end",
            EventKind::ZoneEnter => "zone_enter",
            EventKind::ZoneLeave => "zone_leave",
            EventKind::Dwell => "dwell",
            EventKind::LineCross => "line_cross",
        }
    }
}

impl EventKind {
    /// The word that asks a camera to record around it; `None` for the life of an object.
    pub fn recorded_as(self) -> Option<RecordedEvent> {
        match self {
            EventKind::ZoneEnter | EventKind::ZoneLeave | EventKind::Dwell => Some(RecordedEvent::Zone),
            EventKind::LineCross => Some(RecordedEvent::Line),
            EventKind::New | EventKind::Update | EventKind::End => None,
        }
    }
}

/// The direction in which a line was crossed. Left and right are as seen by somebody who stands at the line's
/// `from` and faces its `to`, with the picture seen from above: on a line drawn upwards they are the
/// picture's left and right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the left side of the line to its right.
    LeftToRight,
    /// From the right side of the line to its left.
    RightToLeft,
}

impl Direction {
    /// The word that stands for it on MQTT.
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::LeftToRight => "left_to_right",
            Direction::RightToLeft => "right_to_left",
        }
    }
}

/// One event of one tracked object.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Name of the camera that tracks the object.
    pub camera: Label,
    /// The frame that caused it.
    pub frame_seq: u64,
    /// When that frame was captured.
    pub captured: Stamp,
    /// What happened to the object.
    pub kind: EventKind,
    /// The object's number: unique on this box, also across restarts.
    pub track: u64,
    /// Class name of the object.
    pub label: Label,
    /// Best score so far, 0 to 1.
    pub score: f32,
    /// Where it was last, in frame px.
    pub rect: Rect,
    /// When the object was first seen.
    pub since: Stamp,
    /// The zone or line of the event; `None` where it concerns neither.
    pub place: Option<Label>,
    /// Time spent in the zone, ms; only with `ZoneLeave` and `Dwell`.
    pub dwell_ms: Option<u64>,
    /// Direction of the crossing; only with `LineCross`.
    pub direction: Option<Direction>,
    /// The recording that shows it, where one was asked for.
    pub recording: Option<RecordingId>,
    /// The experiment that the frame belongs to, where one was set.
    pub experiment: Option<Label>,
}
