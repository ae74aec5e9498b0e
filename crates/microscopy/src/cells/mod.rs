//! The steps of a run: segmentation, background, tracking, and measurement of cells.
//!
//! The method and its numbers are PyAMA's (github.com/SoftmatterLMU-RaedlerGroup/pyama at 5a552bf6): local
//! standard deviation, tiled background, bounding boxes that overlap, sums in the mask.

use crate::Plane;

/// Where the foreground is: 1, or 0 for background; `width * height` bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mask {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// 0 or 1, row by row.
    pub pixels: Vec<u8>,
}

/// Which cell each pixel belongs to: its id from 1, or 0 for background.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Ids, row by row.
    pub pixels: Vec<u16>,
}

/// Settings of segmentation by the logarithm of the local standard deviation.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentSettings {
    /// Side of the window of the standard deviation, pixels, odd.
    pub window: usize,
    /// Bins of the histogram.
    pub bins: usize,
    /// Standard deviations above the mode.
    pub sigmas: f32,
    /// Side of the square of opening and closing, pixels, odd.
    pub morphology: usize,
    /// Erosions, then dilations, of opening and closing.
    pub iterations: usize,
}

/// Figures of one segmented frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SegmentFigures {
    /// Least logarithm of the standard deviation.
    pub min: f32,
    /// Greatest logarithm of the standard deviation.
    pub max: f32,
    /// Values above it are foreground.
    pub threshold: f32,
    /// Foreground pixels of the final mask.
    pub foreground: usize,
}

/// Settings of the background.
#[derive(Clone, Debug, PartialEq)]
pub struct BackgroundSettings {
    /// Side of a tile, pixels.
    pub tile: usize,
    /// Side of the square by which the mask is dilated, pixels, odd.
    pub dilation: usize,
}

/// Settings of the tracker.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackSettings {
    /// Least overlap of two bounding boxes, intersection over union.
    pub min_iou: f64,
    /// Least area of a cell, pixels.
    pub min_area: Option<usize>,
    /// Greatest area of a cell, pixels.
    pub max_area: Option<usize>,
    /// Cells that appear after the first frame get ids too. PyAMA: no.
    pub late_cells: bool,
    /// Frames in which a cell may be missing before its track ends. PyAMA: 0.
    pub max_gap: usize,
}

/// What is measured in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Feature {
    /// Pixels of the mask.
    Area,
    /// 4 pi area / perimeter², 0 to 1.
    Circularity,
    /// Root of the ratio of the eigenvalues of the covariance of the pixels' coordinates.
    AspectRatio,
    /// Sum of image − weight × background in the mask.
    IntensityTotal,
    /// Population variance of the image in the mask.
    IntensityVariance,
}

/// Settings of measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasureSettings {
    /// Share of the background that is subtracted, 0 to 1.
    pub background_weight: f64,
    /// Side of the square by which the mask is eroded for intensities; 0: not at all.
    pub erosion: usize,
}

/// Which traces are kept.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterSettings {
    /// Cells with fewer frames are dropped.
    pub min_frames: usize,
    /// Cells whose bounding box comes nearer than this to a border in any frame are dropped, pixels.
    pub border: usize,
}

/// One cell in one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct CellRow {
    /// The cell's id.
    pub cell: u32,
    /// Index of the frame.
    pub frame: usize,
    /// Centre of the bounding box, x and y, pixels.
    pub position: [f64; 2],
    /// Bounding box x0, y0, x1, y1, pixels, as PyAMA writes it.
    pub bbox: [f64; 4],
    /// Values of the features, in the order in which they were asked for.
    pub values: Vec<f64>,
}

/// Why a trace is not in the results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// It has fewer frames than are required.
    TooShort {
        /// Frames that it has.
        frames: usize,
    },
    /// It came too near to a border.
    Border {
        /// The first frame in which it did.
        frame: usize,
        /// Distance in that frame, pixels.
        distance: usize,
    },
}

/// Why a step could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum CellsError {}

/// Segments frames; holds scratch memory for one thread.
#[derive(Debug)]
pub struct Segmenter {}

impl Segmenter {
    /// For frames of this size.
    ///
    /// # Errors
    /// A setting is out of its limits, or the frame is empty.
    pub fn new(width: usize, height: usize, settings: &SegmentSettings) -> Result<Segmenter, CellsError> {
        let _ = (width, height, settings);
        unimplemented!()
    }

    /// Writes the foreground of `plane` into `mask`.
    pub fn segment(&mut self, plane: &Plane, mask: &mut Mask) -> SegmentFigures {
        let _ = (plane, mask);
        unimplemented!()
    }
}

/// Estimates the background of frames; holds scratch memory for one thread.
#[derive(Debug)]
pub struct Background {}

impl Background {
    /// For frames of this size. Works for every size, also where PyAMA has fewer than the four tiles it needs.
    ///
    /// # Errors
    /// A setting is out of its limits, or the frame is empty.
    pub fn new(width: usize, height: usize, settings: &BackgroundSettings) -> Result<Background, CellsError> {
        let _ = (width, height, settings);
        unimplemented!()
    }

    /// Writes the background of `plane`, whose cells are `mask`, into `background`: `width * height` values.
    pub fn estimate(&mut self, plane: &Plane, mask: &Mask, background: &mut Vec<f32>) {
        let _ = (plane, mask, background);
        unimplemented!()
    }
}

/// Gives cells their ids, frame after frame.
#[derive(Debug)]
pub struct Tracker {}

impl Tracker {
    /// For frames of this size.
    pub fn new(width: usize, height: usize, settings: &TrackSettings) -> Tracker {
        let _ = (width, height, settings);
        unimplemented!()
    }

    /// Labels the next frame.
    ///
    /// # Errors
    /// More ids than 65,535.
    pub fn track(&mut self, mask: &Mask, labels: &mut Labels) -> Result<(), CellsError> {
        let _ = (mask, labels);
        unimplemented!()
    }

    /// Tracks in the form of the Cell Tracking Challenge: id, first frame, last frame, parent (0).
    pub fn tracks(&self) -> Vec<[u32; 4]> {
        unimplemented!()
    }
}

/// Measures the cells of frames; holds scratch memory for one thread.
#[derive(Debug)]
pub struct Measurer {}

impl Measurer {
    /// For frames of this size.
    pub fn new(width: usize, height: usize, settings: &MeasureSettings) -> Measurer {
        let _ = (width, height, settings);
        unimplemented!()
    }

    /// Measures `features` of every cell of `labels` in `plane`; one row a cell, by id. `background` is needed
    /// by features of intensity: empty means none.
    pub fn measure(
        &mut self,
        frame: usize,
        labels: &Labels,
        plane: &Plane,
        background: &[f32],
        features: &[Feature],
        rows: &mut Vec<CellRow>,
    ) {
        let _ = (frame, labels, plane, background, features, rows);
        unimplemented!()
    }
}

/// Applies the filters to the rows of one position, sorted by cell and frame: which cells are dropped, and why.
pub fn filter(
    rows: &[CellRow],
    width: usize,
    height: usize,
    settings: &FilterSettings,
) -> Vec<(u32, DropReason)> {
    let _ = (rows, width, height, settings);
    unimplemented!()
}
