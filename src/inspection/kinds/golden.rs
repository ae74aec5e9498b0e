//! `golden`: cosine similarity to the golden pictures under an embedding model; the nearest golden counts.

use std::sync::Arc;

use super::super::check::{Check, CheckError, Found, View};
use super::super::models::ModelPath;

pub(in super::super) struct GoldenCheck {
    road: ModelPath,
    /// Embeddings of the golden pictures, scaled to length one.
    goldens: Arc<[Vec<f32>]>,
    min_similarity: f32,
}

impl GoldenCheck {
    pub fn new(road: ModelPath, goldens: Arc<[Vec<f32>]>, min_similarity: f32) -> GoldenCheck {
        GoldenCheck { road, goldens, min_similarity }
    }

    /// The embedding of a region, scaled to length one; golden pictures are learned in this form.
    pub fn vector(road: &mut ModelPath, view: &mut View<'_>) -> Result<Vec<f32>, CheckError> {
        let seen = road.run(view)?;
        let length =
            seen.predictions.embedding.iter().map(|v| v * v).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        Ok(seen.predictions.embedding.iter().map(|v| v / length).collect())
    }
}

impl Check for GoldenCheck {
    fn run(&mut self, view: &mut View<'_>) -> Result<Found, CheckError> {
        let seen = self.road.run(view)?;
        let vector = &seen.predictions.embedding;
        let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        let similarity =
            |golden: &Vec<f32>| golden.iter().zip(vector).map(|(a, b)| a * b).sum::<f32>() / length;
        let score = self.goldens.iter().map(similarity).fold(f32::NEG_INFINITY, f32::max);
        let good = score >= self.min_similarity;
        Ok(Found { good, score, threshold: self.min_similarity, unit: "cosine", ..Found::default() })
    }

    fn fork(&self) -> Box<dyn Check> {
        Box::new(GoldenCheck::new(self.road.fork(), self.goldens.clone(), self.min_similarity))
    }
}
