//! What is wanted of a face, and of an answer.

use super::Match;
use crate::config::RecognitionConfig;
use crate::image::face::FaceGate;
use crate::types::Identity;

/// The bounds of recognition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// What a face must be to be judged at all.
    pub gate: FaceGate,
    /// Least cosine similarity of a person, -1 to 1; below, it is somebody unknown.
    pub min_similarity: f32,
    /// How much more similar than anybody else the person must be.
    pub margin: f32,
}

impl From<&RecognitionConfig> for Settings {
    fn from(config: &RecognitionConfig) -> Settings {
        let gate = FaceGate {
            min_eye_px: config.min_face_px,
            max_turn_deg: config.max_turn_deg,
            min_sharpness: config.min_sharpness,
            min_score: config.min_quality,
        };
        Settings { gate, min_similarity: config.min_similarity, margin: config.margin }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings::from(&RecognitionConfig::default())
    }
}

impl Settings {
    /// Whom the match stands for, if it is good enough.
    pub fn decide<'m>(&self, found: Option<&'m Match>) -> Option<&'m Identity> {
        let found = found?;
        let sure = found.similarity >= self.min_similarity && found.similarity - found.other >= self.margin;
        sure.then_some(&found.identity)
    }
}
