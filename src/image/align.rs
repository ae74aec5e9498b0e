//! Where a part lies: its fiducials are looked for, and the turn and shift that fit them best is its pose.

use super::TemplateError;
use crate::types::{Planes, Point, Pose, Rect};

/// How far a part may lie from where it lay on the master.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reach {
    /// How far a fiducial may have moved, px in each direction.
    pub search_px: u32,
    /// How far the part may be turned, degrees to either side.
    pub max_angle_deg: f32,
    /// Least normalised cross-correlation of a fiducial, 0 to 1.
    pub min_score: f32,
}

/// Why a part's pose could not be told. Fiducials count from 1, in the recipe's order.
#[derive(Debug, thiserror::Error)]
pub enum AlignError {
    /// Nothing to align by.
    #[error("no fiducial is given; draw at least one on the master picture")]
    NoFiducials,
    /// A fiducial reaches beyond the master picture.
    #[error("fiducial {fiducial} reaches outside the master picture of {width}x{height} px; draw it inside")]
    Outside {
        /// Which one.
        fiducial: usize,
        /// Of the master, px.
        width: usize,
        /// Of the master, px.
        height: usize,
    },
    /// A fiducial that cannot serve as one, or a picture that cannot be read.
    #[error("fiducial {fiducial}: {source}")]
    Template {
        /// Which one.
        fiducial: usize,
        /// What is wrong with it.
        source: TemplateError,
    },
    /// A fiducial is not where it is looked for.
    #[error(
        "fiducial {fiducial} not found: its best match scores {score:.2}, {min_score:.2} is the least; \
             is the part there, lit and unobstructed?"
    )]
    NotFound {
        /// Which one.
        fiducial: usize,
        /// Of its best match.
        score: f32,
        /// What was asked for.
        min_score: f32,
    },
    /// The fiducials are not where a rigid part has them: mirrored, another product, or a false match.
    #[error(
        "the fiducials do not fit together: one lies {residual_px:.1} px from where the others put it \
             ({max_px:.1} px are allowed); is it the right part, the right way up?"
    )]
    Residual {
        /// The largest distance, px.
        residual_px: f32,
        /// What is allowed.
        max_px: f32,
    },
    /// The part is turned farther than the recipe allows.
    #[error("the part is turned by {angle_deg:.2} degrees, {max_angle_deg:.2} are allowed")]
    Turned {
        /// As found, clockwise.
        angle_deg: f32,
        /// What is allowed, to either side.
        max_angle_deg: f32,
    },
}

/// A part that was found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Found {
    /// Recipe px to frame px.
    pub pose: Pose,
    /// The least score of the fiducials, -1 to 1.
    pub score: f32,
    /// The largest distance of a fiducial from where the pose puts it, px; 0 for a single one.
    pub residual_px: f32,
}

/// Finds a part by its fiducials. One a worker (a clone shares the templates); once warm it allocates nothing.
#[derive(Clone, Debug)]
pub struct Aligner {}

impl Aligner {
    /// Cuts the fiducials (`rects`, recipe px, as upright rectangles) from the master picture.
    ///
    /// # Errors
    /// No fiducial, one that reaches outside the master or has no texture, a reach that cannot be searched.
    pub fn new(_master: &Planes<'_>, _rects: &[Rect], _reach: Reach) -> Result<Aligner, AlignError> {
        unimplemented!("in the making")
    }

    /// Where the part lies in the frame. One fiducial gives the shift, and the turn by trying; two or more give
    /// both by least squares.
    ///
    /// # Errors
    /// A fiducial that is not found, fiducials that do not fit together, a part that is turned too far.
    pub fn find(&mut self, _planes: &Planes<'_>) -> Result<Found, AlignError> {
        unimplemented!("in the making")
    }
}

/// The turn and shift that bring `from` (recipe px) nearest to `to` (frame px) in the sense of least squares, and
/// the largest distance that is left, px. One pair gives a shift alone.
/// Source: K. S. Arun, T. S. Huang, S. D. Blostein, "Least-squares fitting of two 3-D point sets", 1987, in 2-D.
///
/// # Panics
/// When the slices differ in length or are empty.
pub fn rigid(_from: &[Point], _to: &[Point]) -> (Pose, f32) {
    unimplemented!("in the making")
}
