//! The sections about faces: the models, and the limits within which a face is recognised.

use std::time::Duration;

use crate::image::face::FaceGate;

/// `[faces]`: the models, their workers, and the defaults of every camera.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FacesConfig {
    /// The embedding model; required where a camera recognises.
    pub model: Option<String>,
    /// The model that finds faces in pictures at enrolment; the first recognising camera's model by default.
    pub detector: Option<String>,
    /// Workers that are reserved for recognition.
    pub min_workers: usize,
    /// Most workers that may recognise at the same time.
    pub max_workers: usize,
    /// Default limits of recognition for every camera.
    pub recognition: RecognitionConfig,
}

/// Limits of recognition; a camera's `recognise = { … }` overrides `[faces]`.
#[derive(Clone, Debug, PartialEq)]
pub struct RecognitionConfig {
    /// Least cosine similarity to a person; below it the face is unknown.
    pub min_similarity: f32,
    /// Least lead of the best person's similarity over that of the next person.
    pub margin: f32,
    /// The least quality of a face that is compared at all: `min_face_px`, `min_quality`, `min_sharpness`,
    /// `max_turn_deg`.
    pub gate: FaceGate,
    /// Consecutive results that must agree before a tracked face has a name or counts as unknown.
    pub agree: u32,
    /// Time after which a named face is recognised again.
    pub recheck: Duration,
    /// Faces of a camera that may wait for a worker, each with its frame; further faces are dropped and
    /// counted.
    pub queue: usize,
}

impl Default for RecognitionConfig {
    fn default() -> RecognitionConfig {
        RecognitionConfig {
            min_similarity: 0.6,
            margin: 0.05,
            gate: FaceGate { min_eye_px: 20.0, max_turn_deg: 40.0, min_sharpness: 0.01, min_score: 0.2 },
            agree: 2,
            recheck: Duration::from_secs(3),
            queue: 3,
        }
    }
}
