//! `classify`: the best class must be an expected one, with a sufficient score.

use super::super::check::{Check, CheckError, Found, View};
use super::super::models::ModelPath;

pub(in super::super) struct ClassifyCheck {
    road: ModelPath,
    expect: Vec<String>,
    min_score: f32,
}

impl ClassifyCheck {
    pub fn new(road: ModelPath, expect: Vec<String>, min_score: f32) -> ClassifyCheck {
        ClassifyCheck { road, expect, min_score }
    }
}

impl Check for ClassifyCheck {
    fn run(&mut self, view: &mut View<'_>) -> Result<Found, CheckError> {
        let seen = self.road.run(view)?;
        let best = seen.predictions.items.first();
        let (score, label) = best.map_or((0.0, ""), |best| (best.score, &*best.label));
        let good = score >= self.min_score && self.expect.iter().any(|expected| expected == label);
        let text = best.map(|best| best.label.to_string());
        Ok(Found { good, score, threshold: self.min_score, unit: "score", text, ..Found::default() })
    }

    fn fork(&self) -> Box<dyn Check> {
        Box::new(ClassifyCheck::new(self.road.fork(), self.expect.clone(), self.min_score))
    }
}
