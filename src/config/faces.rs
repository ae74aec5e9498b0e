//! The sections about faces: the models, and what a face must be to be given a name.

use std::time::Duration;

/// `[faces]`: the models, their workers, and what holds for every camera that does not say otherwise.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FacesConfig {
    /// The embedding model; needed where a camera recognises.
    pub model: Option<String>,
    /// The model that finds faces in pictures at enrolment; by default that of the first camera that recognises.
    pub detector: Option<String>,
    /// Workers that stay ready for recognition.
    pub min_workers: usize,
    /// Most workers that recognise at once.
    pub max_workers: usize,
    /// Bounds of recognition.
    pub recognition: RecognitionConfig,
}

/// What a face and an answer must be; a camera's `recognise = { … }` over `[faces]`.
#[derive(Clone, Debug, PartialEq)]
pub struct RecognitionConfig {
    /// Least cosine similarity of a person; below, it is somebody unknown.
    pub min_similarity: f32,
    /// How much more similar than anybody else the person must be.
    pub margin: f32,
    /// Least distance of the eyes in the frame, px.
    pub min_face_px: f32,
    /// Least quality of a face, 0 to 1.
    pub min_quality: f32,
    /// Least sharpness of a face's crop.
    pub min_sharpness: f32,
    /// Most degrees that a head may be turned up, down or aside.
    pub max_turn_deg: f32,
    /// Answers in a row that must agree before a tracked face has a name, or is unknown.
    pub agree: u32,
    /// A face that has a name is looked at again after so long.
    pub recheck: Duration,
    /// Faces of a camera that may wait for a worker, each with its frame; one more is dropped and counted.
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
