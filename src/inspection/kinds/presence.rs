//! `presence`: the fraction of px whose grey value lies in a range must be within bounds.

use std::ops::RangeInclusive;

use super::super::check::{Check, CheckError, Found, View};
use crate::image;
use crate::types::Channels;

#[derive(Clone)]
pub(in super::super) struct PresenceCheck {
    grey: RangeInclusive<u8>,
    min_share: f32,
    max_share: f32,
}

impl PresenceCheck {
    pub fn new(grey: RangeInclusive<u8>, min_share: f32, max_share: f32) -> PresenceCheck {
        PresenceCheck { grey, min_share, max_share }
    }
}

impl Check for PresenceCheck {
    fn run(&mut self, view: &mut View<'_>) -> Result<Found, CheckError> {
        let mask = view.mask;
        let seen = image::GreyLevels::measure(view.cut(Channels::Gray)?, mask, self.grey.clone())?;
        let good = (self.min_share..=self.max_share).contains(&seen.share);
        let threshold = if seen.share > self.max_share { self.max_share } else { self.min_share };
        Ok(Found { good, score: seen.share, threshold, unit: "share", ..Found::default() })
    }

    fn fork(&self) -> Box<dyn Check> {
        Box::new(self.clone())
    }
}
