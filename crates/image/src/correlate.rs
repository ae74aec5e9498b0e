//! The sums of normalised cross-correlation, all in whole numbers, so that every machine gives the same
//! order.

use super::Patch;
use super::simd::{CORRELATE_BLOCK, Isa};

/// A picture of weights, its rows filled up with zeros to whole blocks of the kernel.
#[derive(Clone, Debug)]
pub(super) struct Weights {
    values: Vec<i16>,
    padded: usize,
    /// Sum of the weights.
    pub sum: i64,
}

impl Weights {
    /// `weight(x, y)` for each px, within ±1024.
    pub fn new((width, height): (usize, usize), weight: impl Fn(usize, usize) -> i16) -> Weights {
        let padded = width.next_multiple_of(CORRELATE_BLOCK);
        let mut values = vec![0; padded * height];
        for (y, row) in values.chunks_exact_mut(padded).enumerate() {
            row[..width].iter_mut().enumerate().for_each(|(x, value)| *value = weight(x, y));
        }
        let sum = values.iter().map(|&value| i64::from(value)).sum();
        Weights { values, padded, sum }
    }

    /// Σ weight × grey with the weights' corner at px (`x`, `y`) of a padded patch.
    pub fn times(&self, isa: Isa, patch: &Patch, x: usize, y: usize) -> i64 {
        isa.correlate(&patch.data[y * patch.width + x..], patch.width, &self.values, self.padded)
    }

    /// Σ weight × other weight.
    pub fn dot(&self, other: &Weights) -> i64 {
        self.values.iter().zip(&other.values).map(|(&a, &b)| i64::from(a) * i64::from(b)).sum()
    }
}

/// Padding, so that whole blocks can be read beyond the last row, where the weights are zeros.
pub(super) fn pad(patch: &mut Patch) {
    patch.data.resize(patch.width * patch.height + CORRELATE_BLOCK, 0);
}

/// Sums and sums of squares of every rectangle of a patch, by integral images.
#[derive(Clone, Debug, Default)]
pub(super) struct Integral {
    sums: Vec<[u64; 2]>,
    stride: usize,
}

impl Integral {
    /// Computes the tables of `patch` again, in the memory they have.
    pub fn rebuild(&mut self, patch: &Patch) {
        self.stride = patch.width + 1;
        self.sums.clear();
        self.sums.resize(self.stride * (patch.height + 1), [0; 2]);
        for y in 0..patch.height {
            let (above, here) = self.sums[y * self.stride..][..2 * self.stride].split_at_mut(self.stride);
            let mut row = [0; 2];
            for ((value, above), here) in patch.row(y).iter().zip(&above[1..]).zip(&mut here[1..]) {
                let value = u64::from(*value);
                row = [row[0] + value, row[1] + value * value];
                *here = [above[0] + row[0], above[1] + row[1]];
            }
        }
    }

    /// Σ grey and Σ grey² of a `width` × `height` rectangle at (`x`, `y`).
    pub fn moments(&self, x: usize, y: usize, (width, height): (usize, usize)) -> Moments {
        let at = |x: usize, y: usize| self.sums[y * self.stride + x];
        let (a, b) = (at(x, y), at(x + width, y));
        let (c, d) = (at(x, y + height), at(x + width, y + height));
        let [sum, squares] = [0, 1].map(|k| (d[k] + a[k] - b[k] - c[k]) as i64);
        Moments { count: (width * height) as i64, sum, squares }
    }
}

/// The moments of some px.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Moments {
    pub count: i64,
    pub sum: i64,
    pub squares: i64,
}

impl Moments {
    /// The moments of all px of a (padded) patch.
    pub fn of(patch: &Patch) -> Moments {
        let pixels = &patch.data[..patch.width * patch.height];
        let rows = pixels.chunks(4096);
        let (sum, squares) = rows.fold((0, 0), |(sum, squares), row| {
            let more: u32 = row.iter().map(|&v| u32::from(v)).sum();
            let most: u32 = row.iter().map(|&v| u32::from(v) * u32::from(v)).sum();
            (sum + i64::from(more), squares + i64::from(most))
        });
        Moments { count: pixels.len() as i64, sum, squares }
    }

    /// The variance times count², which is a whole number.
    pub fn spread(&self) -> i64 {
        self.count * self.squares - self.sum * self.sum
    }

    /// Standard deviation, grey values.
    pub fn deviation(&self) -> f64 {
        (self.spread() as f64).sqrt() / self.count as f64
    }
}

/// Normalised cross-correlation, -1 to 1, of weights of `spread` and `product` with px of `moments`.
/// It is 0 for px without any texture.
pub(super) fn score(weights: &Weights, spread: i64, product: i64, moments: &Moments) -> f32 {
    let both = spread as f64 * moments.spread() as f64;
    if both <= 0.0 {
        return 0.0;
    }
    let joint = moments.count * product - weights.sum * moments.sum;
    (joint as f64 / both.sqrt()) as f32
}
