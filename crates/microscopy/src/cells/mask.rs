//! Masks and label images, and how to get them from what other programs and models compute.

use super::CellsError;
use super::bits::Bits;
use super::components::{Components, Run};
use super::error::{check_frame, check_size};

/// Where the foreground is: 1, or 0 for background; `width * height` bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mask {
    /// Pixels in a row.
    pub width: usize,
    /// Rows of the frame.
    pub height: usize,
    /// 0 or 1, row by row. Other values count as 1.
    pub pixels: Vec<u8>,
}

impl Mask {
    /// The mask of pixels whose probability of being foreground is above `threshold`; NaN is background.
    ///
    /// # Errors
    /// The frame is empty or too large, or there are not `width * height` probabilities.
    pub fn from_probabilities(
        width: usize,
        height: usize,
        probabilities: &[f32],
        threshold: f32,
    ) -> Result<Mask, CellsError> {
        check_frame(width, height)?;
        check_size("probability map", (width, height), (width, height), probabilities.len())?;
        let pixels = probabilities.iter().map(|probability| u8::from(*probability > threshold));
        Ok(Mask { width, height, pixels: pixels.collect() })
    }

    /// The mask of all pixels that are not 0 in `pixels`, for instance of a picture that another program made.
    ///
    /// # Errors
    /// The frame is empty or too large, or there are not `width * height` pixels.
    pub fn from_pixels(width: usize, height: usize, pixels: &[u8]) -> Result<Mask, CellsError> {
        check_frame(width, height)?;
        check_size("mask", (width, height), (width, height), pixels.len())?;
        let pixels = pixels.iter().map(|pixel| u8::from(*pixel != 0));
        Ok(Mask { width, height, pixels: pixels.collect() })
    }

    /// The connected components (4 neighbours), numbered from 1 in the raster order of their first pixels, as
    /// `scipy.ndimage.label` and `skimage.measure.label` number them.
    ///
    /// # Errors
    /// The frame is empty or too large, the mask has not as many pixels as its size says, or there are more components than
    /// 65,535.
    pub fn components(&self) -> Result<Labels, CellsError> {
        let size = (self.width, self.height);
        check_frame(self.width, self.height)?;
        check_size("mask", size, size, self.pixels.len())?;
        let mut bits = Bits::default();
        bits.pack(self.width, self.height, &self.pixels);
        let mut components = Components::default();
        if components.label(&bits) > usize::from(u16::MAX) {
            return Err(CellsError::TooManyCells { frame: 0 });
        }
        let mut pixels = vec![0; self.width * self.height];
        for (run, owner) in components.runs.iter().zip(&components.owner) {
            // At most 65,535, as was checked.
            pixels[run.range(self.width)].fill((owner + 1) as u16);
        }
        Ok(Labels { width: self.width, height: self.height, pixels })
    }
}

/// Which cell each pixel belongs to: its id from 1, or 0 for background.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// Pixels in a row.
    pub width: usize,
    /// Rows of the frame.
    pub height: usize,
    /// Ids, row by row.
    pub pixels: Vec<u16>,
}

impl Labels {
    /// The mask of all cells.
    pub fn mask(&self) -> Mask {
        let pixels = self.pixels.iter().map(|label| u8::from(*label != 0));
        Mask { width: self.width, height: self.height, pixels: pixels.collect() }
    }
}

/// Pixels that are skipped together where all of them are background.
const SKIPPED: usize = 32;

/// Calls `run` with the label and the place of each unbroken row of one label, in raster order.
pub(super) fn runs_of(labels: &Labels, mut run: impl FnMut(u16, Run)) {
    for (y, row) in labels.pixels.chunks_exact(labels.width.max(1)).enumerate() {
        let mut x = 0;
        while x < row.len() {
            let ahead = row.get(x..x + SKIPPED);
            if ahead.is_some_and(|ahead| ahead.iter().fold(0, |any, label| any | label) == 0) {
                x += SKIPPED;
                continue;
            }
            let label = row[x];
            let from = x;
            while x < row.len() && row[x] == label {
                x += 1;
            }
            if label != 0 {
                run(label, Run { y: y as u32, from: from as u32, to: x as u32 });
            }
        }
    }
}
