//! Settings and counters of the recognition of one camera's faces.

use crate::config::RecognitionConfig;
use crate::telemetry::{Counter, Histogram};
use crate::types::Label;

/// Settings of the recognition of one camera's faces.
#[derive(Clone, Debug)]
pub struct FaceLaneSettings {
    /// The name of the camera.
    pub camera: Label,
    /// The limits that a face and an answer must meet, and how many faces may wait.
    pub recognition: RecognitionConfig,
    /// Whether the camera's frames wait for the answers about earlier faces (files that are read as fast as
    /// possible). Then no face finds the queue full, and results do not depend on the speed of the machine.
    pub in_step: bool,
}

/// The figures of one camera's faces; all of them only grow.
#[derive(Debug, Default)]
pub struct FaceCounters {
    /// Faces that were given to recognition.
    pub asked: Counter,
    /// Faces that were compared with the gallery.
    pub answered: Counter,
    /// Faces whose crop was not good enough.
    pub unfit: Counter,
    /// Faces worth a look that were dropped because the queue was full.
    pub dropped: Counter,
    /// Faces whose recognition failed or panicked.
    pub failed: Counter,
    /// Sightings that were reported.
    pub reported: Counter,
    /// Time from planes to crop and quality, microseconds.
    pub align_us: Histogram,
    /// Time from crop to embedding, microseconds.
    pub embed_us: Histogram,
    /// Time from embedding to match, microseconds.
    pub match_us: Histogram,
}
