//! What is told once and must not be lost: the life of a tracked object, and the places it comes by.

use super::{Label, Rect, Stamp};

/// Most events of one frame. What finds no room is reported with the next frame.
pub const MAX_EVENTS: usize = 256;

/// The events of one frame.
pub type Events = heapless::Vec<Event, MAX_EVENTS>;

/// A step in the life of a tracked object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Seen for long enough to be believed.
    New,
    /// Still there.
    Update,
    /// Gone.
    End,
    /// Has come into a zone.
    ZoneEnter,
    /// Has left a zone, or has gone while it was in it.
    ZoneLeave,
    /// Has stayed in a zone for longer than the zone's `dwell_ms`; told once a stay.
    Dwell,
    /// Has crossed a line.
    LineCross,
}

impl EventKind {
    /// The word on MQTT.
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

/// Which way a line was crossed. Left and right are the hands of somebody who stands at the line's `from`, looks at
/// its `to`, and sees the picture from above: on a line drawn upwards they are the picture's own left and right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the left hand to the right.
    LeftToRight,
    /// From the right hand to the left.
    RightToLeft,
}

impl Direction {
    /// The word on MQTT.
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
    /// The camera's name.
    pub camera: Label,
    /// The frame that caused it.
    pub frame_seq: u64,
    /// When that frame was captured.
    pub captured: Stamp,
    /// What happened.
    pub kind: EventKind,
    /// The object: unique on this box, also across restarts.
    pub track: u64,
    /// Its class.
    pub label: Label,
    /// Best score so far, 0 to 1.
    pub score: f32,
    /// Where it was last, in frame px.
    pub rect: Rect,
    /// When it was first seen.
    pub since: Stamp,
    /// The zone or line, where the event is about one.
    pub place: Option<Label>,
    /// How long it has been in the zone, ms: with `ZoneLeave` and `Dwell`.
    pub dwell_ms: Option<u64>,
    /// Which way it went: with `LineCross`.
    pub direction: Option<Direction>,
}
