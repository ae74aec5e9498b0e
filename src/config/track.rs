//! `track = { … }`, `zones = [ … ]` and `lines = [ … ]` of a camera: how objects are followed, and by which places.

use std::time::Duration;

pub use crate::types::MAX_ZONES;
use crate::types::Point;

/// Most lines of a camera.
pub const MAX_LINES: usize = 16;

/// `track = { … }`
#[derive(Clone, Debug, PartialEq)]
pub struct TrackConfig {
    /// Least IoU of a detection and the place where its object is expected.
    pub iou: f32,
    /// Detections from here up to the camera's `min_score` keep objects alive, but are not reported and begin none;
    /// from `min_score` on there are none of those.
    pub low_score: f32,
    /// Frames an object must be seen before `new` is told.
    pub min_frames: u32,
    /// Frames it may be missed before `end` is told.
    pub max_gap: u32,
    /// Least time between two `update`s of one object.
    pub update_every: Duration,
    /// The point of an object that is in a zone or not, and that crosses lines.
    pub anchor: Anchor,
    /// How far that point must get from a border before it counts as having changed sides, as a share of the frame's
    /// shorter side.
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

/// A point of a rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Anchor {
    /// Its centre.
    #[default]
    Centre,
    /// The middle of its lower side: where somebody stands.
    Bottom,
}

/// One of `zones`.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// Unique among the camera's zones.
    pub name: String,
    /// The corners of a polygon that does not cross itself, in shares of the frame, in order around it.
    pub points: Vec<Point>,
    /// An object that stays for longer is told of.
    pub dwell: Option<Duration>,
}

/// One of `lines`.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Unique among the camera's lines.
    pub name: String,
    /// Where it begins, in shares of the frame.
    pub from: Point,
    /// Where it ends.
    pub to: Point,
}
