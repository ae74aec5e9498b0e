//! `measure`: the distance from the first edge to the last along the region's width, in px or mm.

use super::super::check::{Check, CheckError, Found, View};
use crate::image::{Caliper, EdgePolarity};
use crate::types::Channels;

#[derive(Clone)]
pub(in super::super) struct Span {
    pub edges: (EdgePolarity, EdgePolarity),
    pub min_contrast: f32,
    /// The shortest good distance, in `unit`.
    pub min: f32,
    pub max: f32,
    pub unit: &'static str,
    /// How much of `unit` one px is.
    pub per_px: f32,
}

#[derive(Clone)]
pub(in super::super) struct MeasureCheck {
    span: Span,
    caliper: Caliper,
}

impl MeasureCheck {
    pub fn new(span: Span) -> MeasureCheck {
        MeasureCheck { span, caliper: Caliper::new() }
    }
}

impl Check for MeasureCheck {
    fn run(&mut self, view: &mut View<'_>) -> Result<Found, CheckError> {
        let Span { edges, min_contrast, min, max, unit, per_px } = self.span;
        let mask = view.mask;
        let patch = view.cut(Channels::Gray)?;
        let score = self.caliper.distance(patch, mask, edges, min_contrast)?.px * per_px;
        let threshold = if score > max { max } else { min };
        Ok(Found { good: (min..=max).contains(&score), score, threshold, unit, ..Found::default() })
    }

    fn fork(&self) -> Box<dyn Check> {
        Box::new(self.clone())
    }
}
