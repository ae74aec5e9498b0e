//! The steps of a run: segmentation, background, tracking, and measurement of cells.
//!
//! The method and its numbers are PyAMA's (github.com/SoftmatterLMU-RaedlerGroup/pyama at 5a552bf6): local
//! standard deviation, tiled background, bounding boxes that overlap, sums in the mask. Each step keeps its memory:
//! nothing is allocated for a frame once frames like it were seen, apart from rows of results and crowds of cells.

mod background;
mod bits;
mod components;
mod error;
mod features;
mod filter;
mod mask;
#[cfg(test)]
mod masks_tests;
mod measure;
#[cfg(test)]
mod measure_tests;
mod morphology;
#[cfg(test)]
mod naive;
mod segment;
mod settings;
mod track;

pub use background::{Background, BackgroundFigures};
pub use error::{CellsError, MAX_PIXELS};
pub use features::{Feature, FeatureChannel, UnknownFeature};
pub use filter::{DropReason, filter};
pub use mask::{Labels, Mask};
pub use measure::{MeasureFigures, Measurer};
pub use segment::{SegmentFigures, Segmenter};
pub use settings::{BackgroundSettings, FilterSettings, MeasureSettings, SegmentSettings, TrackSettings};
pub use track::Tracker;

use mask::runs_of;

/// One cell in one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct CellRow {
    /// The cell's id, from 1.
    pub cell: u32,
    /// Index of the frame.
    pub frame: usize,
    /// Centre of the bounding box, x and y, pixels.
    pub position: [f64; 2],
    /// Bounding box x0, y0, x1, y1, pixels, as PyAMA writes it: x1 and y1 still belong to the cell.
    pub bbox: [f64; 4],
    /// Values of the features, in the order in which they were asked for.
    pub values: Vec<f64>,
}
