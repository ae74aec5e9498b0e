//! The numbers of the method, with PyAMA's as defaults, and their limits.

use super::CellsError;

/// Settings of segmentation by the logarithm of the local standard deviation.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentSettings {
    /// Side of the window of the standard deviation, pixels, odd, 3 to 255.
    pub window: usize,
    /// Bins of the histogram, 2 to 65,536.
    pub bins: usize,
    /// Standard deviations above the mode, −1,000 to 1,000.
    pub sigmas: f32,
    /// Side of the square of opening and closing, pixels, odd, 1 to 255. 1 leaves the mask as it is.
    pub morphology: usize,
    /// Erosions, then dilations, of opening and closing, 0 to 100. 0 leaves the mask as it is.
    pub iterations: usize,
}

impl Default for SegmentSettings {
    fn default() -> SegmentSettings {
        SegmentSettings { window: 3, bins: 200, sigmas: 3.0, morphology: 7, iterations: 3 }
    }
}

impl SegmentSettings {
    /// Checks each setting against its limits.
    ///
    /// # Errors
    /// The first setting that is out of its limits.
    pub fn validate(&self) -> Result<(), CellsError> {
        let odd = |value: usize, least: usize| value % 2 == 1 && (least..=255).contains(&value);
        let window = "an odd number from 3 to 255";
        check("segment.window", odd(self.window, 3), &self.window, window, "3")?;
        let bins = "a number from 2 to 65536";
        check("segment.bins", (2..=65_536).contains(&self.bins), &self.bins, bins, "200")?;
        // Written so that NaN is refused.
        let sigmas = self.sigmas.abs() <= 1000.0;
        check("segment.sigmas", sigmas, &self.sigmas, "a number from -1000 to 1000", "3")?;
        let side = "an odd number from 1 to 255";
        check("segment.morphology", odd(self.morphology, 1), &self.morphology, side, "7")?;
        let iterations = self.iterations <= 100;
        check("segment.iterations", iterations, &self.iterations, "a number from 0 to 100", "3")
    }

    /// Pixels by which all iterations together erode or dilate on each side.
    pub(super) fn reach(&self) -> usize {
        self.morphology / 2 * self.iterations
    }
}

/// Settings of the background.
#[derive(Clone, Debug, PartialEq)]
pub struct BackgroundSettings {
    /// Side of a tile, pixels, 8 to 65,536; tiles overlap by half.
    pub tile: usize,
    /// Side of the square by which the mask is dilated, pixels, odd, 1 to 1,023.
    pub dilation: usize,
}

impl Default for BackgroundSettings {
    fn default() -> BackgroundSettings {
        BackgroundSettings { tile: 256, dilation: 21 }
    }
}

impl BackgroundSettings {
    /// Checks each setting against its limits.
    ///
    /// # Errors
    /// The first setting that is out of its limits.
    pub fn validate(&self) -> Result<(), CellsError> {
        // Below 8 px two tiles of a side could have the same centre, and no curve goes through both.
        let tile = (8..=65_536).contains(&self.tile);
        check("background.tile", tile, &self.tile, "a number from 8 to 65536", "256")?;
        let dilation = self.dilation % 2 == 1 && self.dilation <= 1023;
        check("background.dilation", dilation, &self.dilation, "an odd number from 1 to 1023", "21")
    }
}

/// Settings of the tracker.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackSettings {
    /// Least overlap of two bounding boxes, intersection over union, 0 to 1. Boxes apart are never paired.
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

impl Default for TrackSettings {
    fn default() -> TrackSettings {
        TrackSettings { min_iou: 0.1, min_area: None, max_area: None, late_cells: false, max_gap: 0 }
    }
}

impl TrackSettings {
    /// Checks each setting against its limits.
    ///
    /// # Errors
    /// The first setting that is out of its limits, or a least area above the greatest.
    pub fn validate(&self) -> Result<(), CellsError> {
        let iou = (0.0..=1.0).contains(&self.min_iou);
        check("track.min_iou", iou, &self.min_iou, "a number from 0 to 1", "0.1")?;
        match (self.min_area, self.max_area) {
            (Some(min), Some(max)) if min > max => Err(CellsError::AreaLimits { min, max }),
            _ => Ok(()),
        }
    }
}

/// Settings of the measurement of cells.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasureSettings {
    /// Share of the background that is subtracted, 0 to 1.
    pub background_weight: f64,
    /// Side of the square by which the mask is eroded for `intensity_total`, 0 to 255; 0: not at all.
    pub erosion: usize,
}

impl Default for MeasureSettings {
    fn default() -> MeasureSettings {
        MeasureSettings { background_weight: 1.0, erosion: 0 }
    }
}

impl MeasureSettings {
    /// Checks each setting against its limits. PyAMA cuts the weight to 0 to 1 instead, in silence.
    ///
    /// # Errors
    /// The first setting that is out of its limits.
    pub fn validate(&self) -> Result<(), CellsError> {
        let weight = (0.0..=1.0).contains(&self.background_weight);
        let limits = "a number from 0 to 1";
        check("measure.background_weight", weight, &self.background_weight, limits, "1")?;
        check("measure.erosion", self.erosion <= 255, &self.erosion, "a number from 0 to 255", "0")
    }
}

/// Which traces are kept.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterSettings {
    /// Cells with fewer frames are dropped.
    pub min_frames: usize,
    /// Cells whose bounding box comes nearer than this to a border in any frame are dropped, pixels.
    pub border: usize,
}

impl Default for FilterSettings {
    fn default() -> FilterSettings {
        FilterSettings { min_frames: 30, border: 50 }
    }
}

fn check(
    setting: &'static str,
    possible: bool,
    value: &dyn std::fmt::Display,
    limits: &'static str,
    default: &'static str,
) -> Result<(), CellsError> {
    if possible {
        return Ok(());
    }
    Err(CellsError::Setting { setting, value: value.to_string(), limits, default })
}
