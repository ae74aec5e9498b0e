//! Coefficient tables of the separable resampling filter, in the two layouts that the kernels read.
//!
//! The filter is the triangle of Pillow's `Image.BILINEAR` (`Resample.c`): half-pixel centres, the support scaled
//! by the shrink factor for [`Resize::Antialias`], weights beyond the picture dropped and the rest normalised.
//! With an unscaled support it is OpenCV's `INTER_LINEAR`. Where a centre lies outside the picture, its edge
//! pixel is taken, so that a region reaching outside sees the edge replicated.

use std::ops::Range;

use crate::Resize;

/// The sum of a vertical row of weights: Q15.
pub(super) const V_ONE: f64 = 32768.0;
/// The sum of a horizontal row of weights: Q14, so that a single weight still fits an `i16`.
pub(super) const H_ONE: f64 = 16384.0;
/// Horizontal weights come in blocks of this many samples: one 128-bit load.
pub(super) const BLOCK: usize = 8;
/// Horizontal outputs are computed in groups of this many.
pub(super) const GROUP: usize = 8;

/// One axis of a resampling: output i's centre lies at `origin + (i + 0.5) × scale` in source samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct ResampleAxis {
    /// Source samples in this direction.
    pub size: usize,
    /// Position of the output's left or top edge, source samples.
    pub origin: f64,
    /// Source samples in one output sample.
    pub scale: f64,
    /// How many outputs there are.
    pub count: usize,
    pub resize: Resize,
}

impl ResampleAxis {
    /// Weights of output `i`, summing to 1, into `weights`; returns the first source sample.
    fn weigh(&self, i: usize, weights: &mut Vec<f64>) -> usize {
        weights.clear();
        let centre = self.origin + (i as f64 + 0.5) * self.scale;
        if !(0.0..=self.size as f64).contains(&centre) {
            weights.push(1.0);
            return if centre < 0.0 { 0 } else { self.size - 1 };
        }
        let support = match self.resize {
            Resize::Antialias => self.scale.max(1.0),
            Resize::Bilinear => 1.0,
        };
        let first = (centre - support).floor().max(0.0) as usize;
        let end = ((centre + support).ceil() as usize).min(self.size);
        let weight = |at: usize| (1.0 - ((at as f64 + 0.5 - centre) / support).abs()).max(0.0);
        let start = (first..end).find(|&at| weight(at) > 0.0).unwrap_or(first);
        weights.extend((start..end).map(weight));
        while weights.last() == Some(&0.0) && weights.len() > 1 {
            weights.pop();
        }
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        start
    }
}

/// Rounds running sums, not weights: the fixed-point weights then sum to `one` exactly.
fn quantise(weights: &[f64], one: f64) -> impl Iterator<Item = i32> + '_ {
    let (mut sum, mut given) = (0.0, 0);
    weights.iter().map(move |weight| {
        sum += weight * one;
        let now = sum.round() as i32 - given;
        given += now;
        now
    })
}

/// Vertical weights: for each output row its first source row and its Q15 weights.
#[derive(Debug, Default)]
pub(super) struct RowWeights {
    start: Vec<u32>,
    end: Vec<u32>,
    weights: Vec<u16>,
}

impl RowWeights {
    /// Computes the table again, in the memory it has.
    pub fn rebuild(&mut self, axis: &ResampleAxis, scratch: &mut Vec<f64>) {
        self.start.clear();
        self.end.clear();
        self.weights.clear();
        for i in 0..axis.count {
            self.start.push(axis.weigh(i, scratch) as u32);
            // One weight of 32768 would not fit the i16 that NEON's doubling multiply takes.
            self.weights.extend(quantise(scratch, V_ONE).map(|weight| weight.min(32767) as u16));
            self.end.push(self.weights.len() as u32);
        }
    }

    /// The first source row of output row `i`, and the weights from there on.
    pub fn row(&self, i: usize) -> (usize, &[u16]) {
        let from = if i == 0 { 0 } else { self.end[i - 1] as usize };
        (self.start[i] as usize, &self.weights[from..self.end[i] as usize])
    }

    /// Source rows that output row `i + 1` needs and `i` did not, counted from `i`'s first: to be prefetched.
    pub fn ahead(&self, i: usize) -> Range<usize> {
        if i + 1 >= self.start.len() {
            return 0..0;
        }
        let (here, weights) = self.row(i);
        let (next, next_weights) = self.row(i + 1);
        (next.max(here + weights.len()) - here)..(next + next_weights.len()).saturating_sub(here)
    }
}

/// Horizontal weights, laid out for kernels that compute eight outputs at once.
///
/// ```text
/// group g (outputs o0..o7), block b (samples 8b..8b+8):
///   w(o0)×8 w(o4)×8 | w(o1)×8 w(o5)×8 | w(o2)×8 w(o6)×8 | w(o3)×8 w(o7)×8
/// ```
///
/// so that two outputs fill one 256-bit register and a tree of pairwise adds ends in order. Where no output has
/// more than two weights, the layout is w(o0)×2 w(o1)×2 … instead: [`ColumnWeights::pairs`].
#[derive(Debug, Default)]
pub(super) struct ColumnWeights {
    start: Vec<u32>,
    weights: Vec<i16>,
    blocks: usize,
    pairs: bool,
    first: usize,
    end: usize,
    reach: usize,
}

impl ColumnWeights {
    /// Computes the table again, in the memory it has.
    pub fn rebuild(&mut self, axis: &ResampleAxis, scratch: &mut Vec<f64>) {
        let (mut longest, mut first, mut end) = (0, usize::MAX, 0);
        self.start.clear();
        for i in 0..axis.count {
            let start = axis.weigh(i, scratch);
            self.start.push(start as u32);
            longest = longest.max(scratch.len());
            first = first.min(start);
            end = end.max(start + scratch.len());
        }
        (self.first, self.end, self.blocks) = (first, end, longest.div_ceil(BLOCK));
        self.pairs = longest <= 2;
        // The outputs that fill up the last group weigh nothing, wherever they point.
        self.start.resize(axis.count.next_multiple_of(GROUP), first as u32);
        self.rebase(0);
        self.weights.clear();
        self.weights.resize(self.start.len() * if self.pairs { 2 } else { self.blocks * BLOCK }, 0);
        for i in 0..axis.count {
            axis.weigh(i, scratch);
            for (nth, weight) in quantise(scratch, H_ONE).enumerate() {
                let at = self.place(i, nth);
                self.weights[at] = weight as i16;
            }
        }
    }

    fn place(&self, output: usize, nth: usize) -> usize {
        if self.pairs {
            return output * 2 + nth;
        }
        let (group, lane) = (output / GROUP, output % GROUP);
        let slot = (lane % 4) * 2 + lane / 4;
        ((group * self.blocks + nth / BLOCK) * GROUP + slot) * BLOCK + nth % BLOCK
    }

    /// The source samples that are touched: first, and one past the last.
    pub fn touched(&self) -> (usize, usize) {
        (self.first, self.end)
    }

    /// Makes the starts relative to source sample `first`, the first of the row that the kernels will be given.
    pub fn rebase(&mut self, first: usize) {
        self.start.iter_mut().for_each(|start| *start -= first as u32);
        self.reach = self.start.iter().max().map_or(0, |&start| start as usize) + self.slack();
    }

    /// Samples that a row must have for every block to lie inside it.
    pub fn reach(&self) -> usize {
        self.reach
    }

    /// Outputs, filled up to whole groups.
    pub fn padded(&self) -> usize {
        self.start.len()
    }

    /// Samples that a row of the touched span must be longer than it, for whole blocks to be read.
    pub fn slack(&self) -> usize {
        self.blocks * BLOCK
    }

    /// For each output its first sample.
    pub fn starts(&self) -> &[u32] {
        &self.start
    }

    /// The weights, in the layout drawn above.
    pub fn weights(&self) -> &[i16] {
        &self.weights
    }

    /// Whether no output has more than two weights, and the weights lie in pairs.
    pub fn pairs(&self) -> bool {
        self.pairs
    }

    /// Blocks of eight weights for each output.
    pub fn blocks(&self) -> usize {
        self.blocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(size: usize, count: usize, resize: Resize) -> ResampleAxis {
        ResampleAxis { size, origin: 0.0, scale: size as f64 / count as f64, count, resize }
    }

    #[test]
    fn fixed_point_weights_sum_to_one_exactly() {
        for (size, count) in [(1080, 180), (720, 224), (7, 3), (3, 7), (640, 1)] {
            for resize in [Resize::Antialias, Resize::Bilinear] {
                let mut rows = RowWeights::default();
                rows.rebuild(&axis(size, count, resize), &mut Vec::new());
                for i in 0..count {
                    let (start, weights) = rows.row(i);
                    let sum: u32 = weights.iter().map(|&weight| u32::from(weight)).sum();
                    assert!(sum == 32768 || (weights == [32767]), "{size}->{count}: {weights:?}");
                    assert!(start + weights.len() <= size);
                }
            }
        }
    }

    #[test]
    fn shrinking_by_six_takes_twelve_rows_and_two_when_not_antialiased() {
        let mut rows = RowWeights::default();
        rows.rebuild(&axis(1080, 180, Resize::Antialias), &mut Vec::new());
        assert_eq!((rows.row(5).0, rows.row(5).1.len()), (27, 12));
        rows.rebuild(&axis(1080, 180, Resize::Bilinear), &mut Vec::new());
        assert_eq!((rows.row(5).0, rows.row(5).1.len()), (32, 2));
    }

    #[test]
    fn a_centre_outside_takes_the_edge_pixel() {
        let outside = ResampleAxis { size: 4, origin: -9.0, scale: 20.0, count: 2, resize: Resize::Bilinear };
        let mut weights = Vec::new();
        assert_eq!(ResampleAxis { origin: -19.0, ..outside }.weigh(0, &mut weights), 0);
        assert_eq!(outside.weigh(1, &mut weights), 3);
        assert_eq!(weights, [1.0]);
    }
}
