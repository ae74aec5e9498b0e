//! Edge-to-edge distance along a patch's width.

use super::{ImageError, Mask, Patch};

/// Which way an edge goes, left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polarity {
    /// From dark to bright.
    Rising,
    /// From bright to dark.
    Falling,
    /// Either; asked for, never found.
    Any,
}

/// An edge that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// From the patch's left edge, px; between two pixels is a whole number.
    pub at: f32,
    /// `Rising` or `Falling`.
    pub polarity: Polarity,
    /// The step, grey values.
    pub contrast: f32,
}

/// Two edges and what lies between them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distance {
    /// From `from` to `to`, px.
    pub px: f32,
    /// The first edge of its kind.
    pub from: Edge,
    /// The last edge of its kind.
    pub to: Edge,
}

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum CaliperError {
    /// The edge that begins the distance is not there.
    #[error(
        "no {kind} edge of {min_contrast} grey values begins the distance; the strongest such step is \
             {strongest:.1}"
    )]
    NoFrom {
        /// `rising`, `falling` or `rising or falling`.
        kind: &'static str,
        /// As asked for.
        min_contrast: f32,
        /// Of its kind, grey values; 0 where there is none.
        strongest: f32,
    },
    /// The edge that ends the distance is not there, or not to the right of the one that begins it.
    #[error(
        "no {kind} edge of {min_contrast} grey values ends the distance, to the right of the one at \
             {from_px:.1} px; the strongest such step is {strongest:.1}"
    )]
    NoTo {
        /// `rising`, `falling` or `rising or falling`.
        kind: &'static str,
        /// As asked for.
        min_contrast: f32,
        /// Of its kind, grey values; 0 where there is none.
        strongest: f32,
        /// Where the distance begins.
        from_px: f32,
    },
    /// The patch or mask cannot be read.
    #[error(transparent)]
    Image(#[from] ImageError),
}

/// Measures along the width. One a worker; it allocates only when a wider patch comes.
#[derive(Clone, Debug, Default)]
pub struct Caliper {}

impl Caliper {
    /// A caliper for patches of any size.
    pub fn new() -> Caliper {
        Caliper::default()
    }

    /// The edges of at least `min_contrast` grey values, left to right, in a grey patch averaged over its height
    /// (where `mask` leaves px in).
    ///
    /// # Errors
    /// A patch that is not grey, a mask of another size or with nothing inside.
    pub fn edges(
        &mut self,
        _patch: &Patch,
        _mask: Option<&Mask>,
        _min_contrast: f32,
    ) -> Result<&[Edge], ImageError> {
        unimplemented!("in the making")
    }

    /// From the first edge of kind `from` to the last edge of kind `to`.
    ///
    /// # Errors
    /// As [`Caliper::edges`]; an edge that is missing, by its name.
    pub fn distance(
        &mut self,
        _patch: &Patch,
        _mask: Option<&Mask>,
        (_from, _to): (Polarity, Polarity),
        _min_contrast: f32,
    ) -> Result<Distance, CaliperError> {
        unimplemented!("in the making")
    }
}
