//! How one camera's faces are recognised, and what is counted.

use std::time::Duration;

use crate::recognition::Settings;
use crate::telemetry::{Counter, Histogram};
use crate::types::Label;

/// How the faces of one camera are recognised.
#[derive(Clone, Debug)]
pub struct FaceLaneSettings {
    /// The name of the camera.
    pub camera: Label,
    /// Bounds of a face and of an answer.
    pub recognition: Settings,
    /// Answers in a row that must agree before a face has a name, or is unknown.
    pub agree: u32,
    /// A face that has a name is looked at again after so long.
    pub recheck: Duration,
    /// Faces that may wait for a worker.
    pub queue: usize,
    /// The camera's frames wait for the answers about the faces of those before (files read as fast as it goes): no
    /// face finds the queue full, and what is known at a frame does not depend on how fast the machine is.
    pub in_step: bool,
}

/// The figures of one camera's faces; all of them only grow.
#[derive(Debug, Default)]
pub struct FaceCounters {
    /// Faces that were given to recognition.
    pub asked: Counter,
    /// Faces that were held against the gallery.
    pub answered: Counter,
    /// Faces whose crop was not good enough.
    pub unfit: Counter,
    /// Faces worth a look that found the queue full.
    pub dropped: Counter,
    /// Faces whose recognition failed or panicked.
    pub failed: Counter,
    /// Sightings that were reported.
    pub reported: Counter,
    /// Planes to crop and quality, microseconds.
    pub align_us: Histogram,
    /// Crop to embedding, microseconds.
    pub embed_us: Histogram,
    /// Embedding to match, microseconds.
    pub match_us: Histogram,
}
