//! `detect`: the number of objects that a detector finds in the region must be within bounds.

use super::super::check::{Check, CheckError, Found, View};
use super::super::models::ModelPath;
use crate::types::Defect;

#[derive(Clone)]
pub(in super::super) struct Wanted {
    pub classes: Vec<String>,
    pub min_score: f32,
    pub min_count: u32,
    pub max_count: u32,
}

pub(in super::super) struct DetectCheck {
    road: ModelPath,
    wanted: Wanted,
}

impl DetectCheck {
    pub fn new(road: ModelPath, wanted: Wanted) -> DetectCheck {
        DetectCheck { road, wanted }
    }
}

impl Check for DetectCheck {
    fn run(&mut self, view: &mut View<'_>) -> Result<Found, CheckError> {
        let Wanted { classes, min_score, min_count, max_count } = &self.wanted;
        let seen = self.road.run(view)?;
        let counts = |label: &str| classes.is_empty() || classes.iter().any(|class| class == label);
        let found: Vec<Defect> = (seen.predictions.items.iter())
            .filter(|finding| finding.score >= *min_score && counts(&finding.label))
            .filter_map(|finding| {
                let rect = seen.to_recipe(finding.rect()?);
                Some(Defect { label: finding.label.clone(), rect, area_px: 0, score: finding.score })
            })
            .collect();
        let count = found.len() as u32;
        let good = (*min_count..=*max_count).contains(&count);
        // A count below the range is compared with its lower bound, any other with its upper bound.
        let threshold = if count < *min_count { *min_count } else { *max_count } as f32;
        // Objects count as defects only where there are too many of them.
        let defects = if count > *max_count { found } else { Vec::new() };
        Ok(Found { good, score: count as f32, threshold, unit: "count", defects, ..Found::default() })
    }

    fn fork(&self) -> Box<dyn Check> {
        Box::new(DetectCheck::new(self.road.fork(), self.wanted.clone()))
    }
}
