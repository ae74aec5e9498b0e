//! `colour`: the perceived distance (ΔE) of the mean colour from the right one must be small.

use super::super::check::{Check, CheckError, Found, View};
use crate::image::Lab;
use crate::types::Channels;

#[derive(Clone)]
pub(in super::super) struct ColourCheck {
    right: Lab,
    max_delta_e: f32,
}

impl ColourCheck {
    pub fn new(right: Lab, max_delta_e: f32) -> ColourCheck {
        ColourCheck { right, max_delta_e }
    }

    /// The mean colour of a region, which is also what is learned from the master.
    pub fn mean(view: &mut View<'_>) -> Result<Lab, CheckError> {
        let mask = view.mask;
        Ok(Lab::mean(view.cut(Channels::Rgb)?, mask)?)
    }
}

impl Check for ColourCheck {
    fn run(&mut self, view: &mut View<'_>) -> Result<Found, CheckError> {
        let seen = ColourCheck::mean(view)?;
        let score = seen.delta_e(self.right);
        let text = Some(format!("L* {:.1} a* {:.1} b* {:.1}", seen.l, seen.a, seen.b));
        let good = score <= self.max_delta_e;
        Ok(Found { good, score, threshold: self.max_delta_e, unit: "delta_e", text, ..Found::default() })
    }

    fn fork(&self) -> Box<dyn Check> {
        Box::new(self.clone())
    }
}
