//! Measured pixels as bytes from black to white, which is what models take.

use crate::timelapse::{Pixels, Plane};

/// Shares of the pixels that become black and white where no range is given, percent: those of Cellpose
/// (github.com/MouseLand/cellpose, `normalize99`).
const PERCENTILES: [usize; 2] = [1, 99];

/// Converts frames of one worker; its memory is used again.
#[derive(Debug)]
pub struct GreyScale {
    range: Option<[f32; 2]>,
    bytes: Vec<u8>,
    counts: Vec<u32>,
    sorted: Vec<f32>,
}

impl GreyScale {
    /// The values `range` become 0 and 255; without one, the 1st and the 99th percentile of each frame.
    pub fn new(range: Option<[f32; 2]>) -> GreyScale {
        GreyScale { range, bytes: Vec::new(), counts: Vec::new(), sorted: Vec::new() }
    }

    /// The bytes of the frame that was converted last, row by row.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Converts a frame. Not a number is black; a frame of one value is black.
    pub fn convert(&mut self, plane: &Plane) {
        let [low, high] = self.range.unwrap_or_else(|| match &plane.pixels {
            Pixels::U16(pixels) => self.of_counts(pixels),
            Pixels::F32(pixels) => self.of_sorted(pixels),
        });
        let scale = if high > low { 255.0 / (high - low) } else { 0.0 };
        // A cast saturates, and makes 0 of what is not a number.
        let byte = |value: f32| ((value - low) * scale + 0.5) as u8;
        self.bytes.clear();
        match &plane.pixels {
            Pixels::U16(pixels) => self.bytes.extend(pixels.iter().map(|pixel| byte(f32::from(*pixel)))),
            Pixels::F32(pixels) => self.bytes.extend(pixels.iter().map(|pixel| byte(*pixel))),
        }
    }

    fn of_counts(&mut self, pixels: &[u16]) -> [f32; 2] {
        self.counts.clear();
        self.counts.resize(usize::from(u16::MAX) + 1, 0);
        for pixel in pixels {
            self.counts[usize::from(*pixel)] += 1;
        }
        PERCENTILES.map(|percent| {
            let mut left = place(pixels.len(), percent);
            let value = self.counts.iter().position(|count| {
                let is_here = left < *count as usize;
                left = left.saturating_sub(*count as usize);
                is_here
            });
            value.unwrap_or(0) as f32
        })
    }

    fn of_sorted(&mut self, pixels: &[f32]) -> [f32; 2] {
        self.sorted.clear();
        self.sorted.extend(pixels.iter().filter(|pixel| pixel.is_finite()));
        if self.sorted.is_empty() {
            return [0.0; 2];
        }
        PERCENTILES.map(|percent| {
            let at = place(self.sorted.len(), percent);
            *self.sorted.select_nth_unstable_by(at, f32::total_cmp).1
        })
    }
}

/// Where a percentile stands among `count` sorted values.
fn place(count: usize, percent: usize) -> usize {
    count.saturating_sub(1) * percent / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(pixels: Pixels, range: Option<[f32; 2]>) -> Vec<u8> {
        let mut grey = GreyScale::new(range);
        grey.convert(&Plane { width: pixels.len(), height: 1, pixels });
        grey.bytes().to_vec()
    }

    #[test]
    fn a_range_and_percentiles_become_black_and_white_in_both_kinds_of_pixels() {
        let whole: Vec<u16> = (0..=200).map(|value| value * 100).collect();
        let floats = whole.iter().map(|value| f32::from(*value)).collect();
        // 201 values: the 1st percentile is the third of them, the 99th the third from behind.
        for pixels in [Pixels::U16(whole.clone()), Pixels::F32(floats)] {
            let found = bytes(pixels, None);
            assert_eq!((found[1], found[2], found[100], found[198], found[200]), (0, 0, 128, 255, 255));
        }
        assert_eq!(bytes(Pixels::U16(vec![0, 255, 300]), Some([0.0, 255.0])), [0, 255, 255]);
    }

    #[test]
    fn frames_of_one_value_of_nothing_and_of_no_numbers_are_black() {
        assert_eq!(bytes(Pixels::U16(vec![7; 4]), None), [0; 4]);
        assert_eq!(bytes(Pixels::F32(vec![f32::NAN; 2]), None), [0; 2]);
        assert_eq!(bytes(Pixels::F32(vec![f32::NAN, 1.0, f32::INFINITY]), Some([0.0, 2.0])), [0, 128, 255]);
        assert_eq!(bytes(Pixels::U16(Vec::new()), None), [0u8; 0]);
    }
}
