//! Segmentation: texture, threshold, holes filled, opened, closed.

mod deviation;
mod ln;
#[cfg(test)]
mod tests;
mod threshold;

use crate::{Pixels, Plane};

use super::bits::{Bits, pack_word};
use super::components::Components;
use super::error::{check_frame, check_size};
use super::morphology::{Reach, dilate, erode};
use super::{CellsError, Mask, SegmentSettings};

use deviation::{Deviation, sums_are_exact};
use threshold::Threshold;

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
    /// Pixels that are no usable numbers: NaN, infinite, or beyond ±1.8e19. They are background in the mask.
    pub non_finite: usize,
}

/// Segments frames; holds scratch memory for one thread.
#[derive(Debug)]
pub struct Segmenter {
    width: usize,
    height: usize,
    reach: usize,
    deviation: Deviation,
    threshold: Threshold,
    bits: Bits,
    scratch: Bits,
    components: Components,
    /// Where the frame has no usable number.
    unusable: Vec<u32>,
    /// The frame with numbers put in there.
    filled: Vec<f32>,
}

/// Whether a value can be computed with: the square of anything larger is no finite number of single precision.
pub(super) fn is_usable(value: f32) -> bool {
    value.abs() <= 1.8e19
}

impl Segmenter {
    /// For frames of this size, down to one pixel.
    ///
    /// # Errors
    /// A setting is out of its limits, the frame is empty, or it has more than [`super::MAX_PIXELS`].
    pub fn new(width: usize, height: usize, settings: &SegmentSettings) -> Result<Segmenter, CellsError> {
        settings.validate()?;
        check_frame(width, height)?;
        Ok(Segmenter {
            width,
            height,
            reach: settings.reach(),
            deviation: Deviation::new(width, height, settings.window),
            threshold: Threshold::new(settings.bins, settings.sigmas),
            bits: Bits::new(width, height),
            scratch: Bits::new(width, height),
            components: Components::default(),
            unusable: Vec::new(),
            filled: Vec::new(),
        })
    }

    /// Writes the foreground of `plane` into `mask`, which gets the size of the frame.
    ///
    /// # Errors
    /// The plane has another size than this was made for.
    pub fn segment(&mut self, plane: &Plane, mask: &mut Mask) -> Result<SegmentFigures, CellsError> {
        let size = (self.width, self.height);
        check_size("picture", size, (plane.width, plane.height), plane.pixels.len())?;
        self.unusable.clear();
        match &plane.pixels {
            Pixels::U16(pixels) => self.deviation.compute(pixels, sums_are_exact(pixels)),
            Pixels::F32(pixels) => self.compute_float(pixels),
        }
        let range = self.threshold.find(&self.deviation.values, self.unusable.len());
        cut(&self.deviation.values, range.threshold, &mut self.bits);
        self.components.fill_holes(&mut self.bits);
        erode(&mut self.bits, Reach::both(self.reach));
        // The dilation that ends the opening, and the one that begins the closing.
        dilate(&mut self.bits, 2 * self.reach, &mut self.scratch);
        erode(&mut self.bits, Reach::both(self.reach));
        for at in &self.unusable {
            self.bits.clear_bit(*at as usize);
        }
        (mask.width, mask.height) = size;
        self.bits.unpack(&mut mask.pixels);
        Ok(SegmentFigures {
            min: range.min,
            max: range.max,
            threshold: range.threshold,
            foreground: self.bits.count(),
            non_finite: self.unusable.len(),
        })
    }

    fn compute_float(&mut self, pixels: &[f32]) {
        if pixels.iter().all(|value| is_usable(*value)) {
            return self.deviation.compute(pixels, false);
        }
        // The number before stands in, so that the gap makes no edge that would be taken for a cell.
        self.filled.clear();
        let mut last = pixels.iter().copied().find(|value| is_usable(*value)).unwrap_or(0.0);
        for (at, &value) in pixels.iter().enumerate() {
            if is_usable(value) {
                last = value;
            } else {
                self.unusable.push(at as u32);
            }
            self.filled.push(last);
        }
        self.deviation.compute(&self.filled, false);
        for at in &self.unusable {
            self.deviation.values[*at as usize] = f32::NAN;
        }
    }
}

/// Sets the bits of values above the threshold.
fn cut(values: &[f32], threshold: f32, bits: &mut Bits) {
    for (y, row) in values.chunks_exact(bits.width).enumerate() {
        for (values, word) in row.chunks(64).zip(bits.row_mut(y)) {
            let mut above = [0; 64];
            for (above, value) in above.iter_mut().zip(values) {
                *above = u8::from(*value > threshold);
            }
            *word = pack_word(&above);
        }
    }
}
