//! Limits that a face and an answer of recognition must meet.

use super::Match;
use crate::config::RecognitionConfig;
use crate::image::face::FaceGate;
use crate::types::Identity;

/// The limits of recognition for one camera.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The quality that a face needs to be compared at all.
    pub gate: FaceGate,
    /// Least cosine similarity to a person, -1 to 1; a face below it is unknown.
    pub min_similarity: f32,
    /// How much more similar than any other person the best one must be.
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
    /// The identity that the match proves; `None` where it is not good enough.
    pub fn decide<'m>(&self, found: Option<&'m Match>) -> Option<&'m Identity> {
        let found = found?;
        let sure = found.similarity >= self.min_similarity && found.similarity - found.other >= self.margin;
        sure.then_some(&found.identity)
    }
}
