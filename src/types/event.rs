//! What is told once and must not be lost: the life of a tracked object.

use super::{Label, Rect, Stamp};

/// A step in the life of a tracked object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Seen for long enough to be believed.
    New,
    /// Still there.
    Update,
    /// Gone.
    End,
}

impl EventKind {
    /// The word on MQTT.
    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::New => "new",
            EventKind::Update => "update",
            EventKind::End => "end",
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
}
