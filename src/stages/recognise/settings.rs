//! What is wanted of a face, and of an answer.

use super::Match;
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

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            gate: FaceGate { min_eye_px: 20.0, max_turn_deg: 40.0, min_sharpness: 0.01, min_score: 0.2 },
            min_similarity: 0.6,
            margin: 0.05,
        }
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
