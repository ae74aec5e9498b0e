//! `pixels`: each px is compared with the golden pictures, relative to their spread.

use std::sync::Arc;

use super::super::check::{Check, CheckError, Found, View};
use crate::image::compare::{Comparer, Comparison, Learned, picture};
use crate::types::{Defect, Label, Patch};

pub(in super::super) struct PixelsCheck {
    learned: Arc<Learned>,
    comparer: Comparer,
    comparison: Comparison,
    label: Label,
}

impl PixelsCheck {
    pub fn new(learned: Arc<Learned>) -> PixelsCheck {
        let (comparer, comparison) = (Comparer::new(), Comparison::default());
        PixelsCheck { learned, comparer, comparison, label: "difference".into() }
    }
}

impl Check for PixelsCheck {
    fn run(&mut self, view: &mut View<'_>) -> Result<Found, CheckError> {
        let region = view.region;
        let patch = view.cut(self.learned.shape().channels)?;
        self.comparer.run(&self.learned, patch, &mut self.comparison)?;
        let Comparison { defects, area_px, .. } = &self.comparison;
        let defects: Vec<Defect> = (defects.iter())
            .map(|difference| Defect {
                label: self.label.clone(),
                rect: region.rect_to_recipe(difference.rect),
                area_px: difference.area_px,
                score: f32::from(difference.peak),
            })
            .collect();
        Ok(Found {
            good: defects.is_empty(),
            score: *area_px as f32,
            threshold: self.learned.settings().min_area_px as f32,
            unit: "px",
            defects,
            ..Found::default()
        })
    }

    fn picture(&mut self, view: &mut View<'_>) -> Result<Option<Patch>, CheckError> {
        let patch = view.cut(self.learned.shape().channels)?;
        self.comparer.run(&self.learned, patch, &mut self.comparison)?;
        Ok(Some(picture(&self.learned, patch, &self.comparison)))
    }

    fn fork(&self) -> Box<dyn Check> {
        Box::new(PixelsCheck::new(self.learned.clone()))
    }
}
