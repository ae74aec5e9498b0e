//! The sections about faces: the models, and the limits within which a face is recognised.

use std::time::Duration;

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
    /// Least distance between the eyes in the frame, px.
    pub min_face_px: f32,
    /// Least quality of a face, 0 to 1.
    pub min_quality: f32,
    /// Least sharpness of a face's crop.
    pub min_sharpness: f32,
    /// Most degrees that a head may be turned up, down or aside.
    pub max_turn_deg: f32,
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
            min_face_px: 20.0,
            min_quality: 0.2,
            min_sharpness: 0.01,
            max_turn_deg: 40.0,
            agree: 2,
            recheck: Duration::from_secs(3),
            queue: 3,
        }
    }
}
