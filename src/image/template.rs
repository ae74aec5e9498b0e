//! A grey template in a frame, by normalised cross-correlation.

use super::{ImageError, Patch};
use crate::types::{Planes, Point};

/// Why a template could not be made or looked for.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// Too small to be recognised by.
    #[error("a template of {width}x{height} px is too small; its sides must be 8 to 1024 px")]
    Size {
        /// Width in px.
        width: usize,
        /// Height in px.
        height: usize,
    },
    /// Nothing to recognise it by.
    #[error(
        "the template has no texture (standard deviation {deviation:.1} grey values, 2 are needed); \
             choose a place with an edge in both directions"
    )]
    Textureless {
        /// Of its grey values.
        deviation: f32,
    },
    /// The search asks for too much, or for no number.
    #[error(
        "a search of {reach_px} px and {max_angle_deg} degrees to either side is not possible; \
             at most 2048 px and 0 to 180 degrees are"
    )]
    Reach {
        /// As asked for.
        reach_px: u32,
        /// As asked for.
        max_angle_deg: f32,
    },
    /// The picture could not be read.
    #[error(transparent)]
    Image(#[from] ImageError),
}

/// A grey picture that is looked for, with all that can be worked out beforehand.
#[derive(Clone, Debug)]
pub struct Template {
    _levels: Vec<Patch>,
}

/// Where a template was found best.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Match {
    /// The template's centre, frame px.
    pub centre: Point,
    /// Clockwise turn of what was found against the template, degrees.
    pub angle_deg: f32,
    /// Normalised cross-correlation, -1 to 1; light and contrast do not matter.
    pub score: f32,
}

impl Template {
    /// Takes a grey patch of 8 × 8 to 1024 × 1024 px.
    ///
    /// # Errors
    /// A patch that is not grey, too small or too large, or without texture.
    pub fn new(_patch: &Patch) -> Result<Template, TemplateError> {
        unimplemented!("in the making")
    }

    /// Width and height, px.
    pub fn size(&self) -> (usize, usize) {
        unimplemented!("in the making")
    }
}

/// Looks for templates. One a worker; once it has seen a template and a reach it allocates nothing.
#[derive(Debug, Default)]
pub struct Matcher {}

impl Matcher {
    /// A matcher for any template.
    pub fn new() -> Matcher {
        Matcher::default()
    }

    /// The best place of `template` whose centre lies within `reach_px` of `around` (frame px) in each direction,
    /// turned by up to `max_angle_deg` to either side. There is always one; its score says how good it is.
    ///
    /// # Errors
    /// Planes that do not hold their rows, a reach beyond what can be searched.
    pub fn find(
        &mut self,
        _planes: &Planes<'_>,
        _template: &Template,
        _around: Point,
        _reach_px: u32,
        _max_angle_deg: f32,
    ) -> Result<Match, TemplateError> {
        unimplemented!("in the making")
    }
}
