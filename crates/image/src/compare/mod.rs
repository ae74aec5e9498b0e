//! Golden comparison by pixels: [`Learned`] folds the goldens' mean, spread and edges into two planes of bounds,
//! a [`Comparer`] holds a test patch against them, and [`picture()`] shows what it found.
//!
//! The steps for one patch: light evened out (if asked for), smoothed, flattened → every sample against its bounds
//! (SIMD, one bit a px) → specks removed → fragments joined into 8-connected defects → those too small dropped.
//!
//! An edge is where a shift within the tolerance could look like a difference: where the goldens' mean varies by
//! more than `threshold` inside the neighbourhood (Beucher's morphological gradient). There a px is good when its
//! value lies within the range of that neighbourhood, give or take `edge_threshold`.

mod bits;
mod comparer;
mod error;
mod learned;
mod light;
mod nearby;
mod picture;
mod prepare;
mod regions;
mod settings;
mod shape;
mod statistics;

pub use comparer::{Comparer, Comparison, MAX_DEFECTS, PatchDifference};
pub use error::CompareError;
pub use learned::Learned;
pub use picture::picture;
pub use settings::{CompareSettings, DifferencePolarity};
pub use shape::PatchShape;

#[cfg(test)]
mod tests;
