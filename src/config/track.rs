//! `track = { … }`, `zones = [ … ]` and `lines = [ … ]` of a camera: how objects are tracked, and the places
//! that cause events.

use std::time::Duration;

use crate::types::Point;

/// Most lines that a camera may have.
pub const MAX_LINES: usize = 16;

/// `track = { … }` of a camera: how detections become objects and events.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackConfig {
    /// Least IoU of a detection and the predicted place of its object.
    pub iou: f32,
    /// Detections with a score from here up to the camera's `min_score` keep objects alive, but are not
    /// reported and start none. Where this is `min_score` or more, there are no such detections.
    pub low_score: f32,
    /// Frames in which an object must be seen before its `new` event.
    pub min_frames: u32,
    /// Frames in which it may be missing before its `end` event.
    pub max_gap: u32,
    /// Least time between two `update` events of one object.
    pub update_every: Duration,
    /// The point of an object that enters zones and crosses lines.
    pub anchor: Anchor,
    /// Distance from a border that this point must reach before it has changed sides, as a fraction of the
    /// frame's shorter side.
    pub margin: f32,
}

impl Default for TrackConfig {
    fn default() -> TrackConfig {
        TrackConfig {
            iou: 0.3,
            low_score: 0.1,
            min_frames: 3,
            max_gap: 10,
            update_every: Duration::from_secs(1),
            anchor: Anchor::default(),
            margin: 0.01,
        }
    }
}

/// A reference point of a rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Anchor {
    /// The centre of the rectangle.
    #[default]
    Centre,
    /// The middle of the lower side, where a person stands.
    Bottom,
}

/// One zone of `zones`.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// Name of the zone, unique at the camera.
    pub name: String,
    /// Corners of a polygon that does not cross itself, in fractions of the frame, 0 to 1, in order around
    /// it.
    pub points: Vec<Point>,
    /// Time in the zone after which an object causes a `dwell` event; `None` means never.
    pub dwell: Option<Duration>,
}

/// One line of `lines`.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Name of the line, unique at the camera.
    pub name: String,
    /// Start of the line, in fractions of the frame, 0 to 1.
    pub from: Point,
    /// End of the line, in fractions of the frame, 0 to 1.
    pub to: Point,
}
