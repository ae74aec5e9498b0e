//! `classify`: the best class must be an expected one, and sure enough.

use super::super::check::{Check, CheckError, Found, View};
use super::super::models::Road;

pub(in super::super) struct Classify {
    road: Road,
    expect: Vec<String>,
    min_score: f32,
}

impl Classify {
    pub fn new(road: Road, expect: Vec<String>, min_score: f32) -> Classify {
        Classify { road, expect, min_score }
    }
}

impl Check for Classify {
    fn run(&mut self, view: &mut View<'_>) -> Result<Found, CheckError> {
        let seen = self.road.run(view)?;
        let best = seen.predictions.items.first();
        let (score, label) = best.map_or((0.0, ""), |best| (best.score, &*best.label));
        let good = score >= self.min_score && self.expect.iter().any(|expected| expected == label);
        let text = best.map(|best| best.label.to_string());
        Ok(Found { good, score, threshold: self.min_score, unit: "score", text, ..Found::default() })
    }

    fn fork(&self) -> Box<dyn Check> {
        Box::new(Classify::new(self.road.fork(), self.expect.clone(), self.min_score))
    }
}
