//! The threshold: mode of the histogram plus some standard deviations of what lies below the mode.

/// Scratch memory of the histogram.
#[derive(Debug)]
pub(super) struct Threshold {
    sigmas: f32,
    /// Borders of the bins, one more than bins, as `numpy.histogram` computes them in single precision.
    edges: Vec<f32>,
    /// Four counts for each bin, used in turn: a count that was just written is slow to read.
    counts: Vec<[u32; 4]>,
}

/// Least and greatest value, and what is above the threshold is foreground.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Range {
    pub(super) min: f32,
    pub(super) max: f32,
    pub(super) threshold: f32,
}

/// Values that are worked on together.
const BLOCK: usize = 64;
/// Values of a vector.
const LANES: usize = 8;
/// Added to a small number, it leaves the nearest whole number in the last bits.
const WHOLE: f32 = 12_582_912.0;

impl Threshold {
    pub(super) fn new(bins: usize, sigmas: f32) -> Threshold {
        Threshold { sigmas, edges: vec![0.0; bins + 1], counts: vec![[0; 4]; bins] }
    }

    /// The threshold of `values`. Those that are NaN do not count, and there are `excluded` of them.
    pub(super) fn find(&mut self, values: &[f32], excluded: usize) -> Range {
        if excluded == values.len() {
            return Range::default();
        }
        let (min, max) = extremes(values);
        count(self, values, min, max);
        // NaN was counted in the first bin.
        self.counts[0][0] = self.counts[0].iter().sum::<u32>() - excluded as u32;
        self.counts[0][1..].fill(0);
        let mode = self.mode();
        let threshold = mode + self.sigmas * deviation_up_to(values, mode);
        Range { min, max, threshold }
    }

    /// Counts each value where it lies among the edges.
    fn count_exactly(&mut self, values: &[f32], first: f32, scale: f32) {
        let last = self.counts.len() - 1;
        for value in values {
            // NaN becomes 0. A place may be wrong by many bins only where the edges themselves coincide.
            let mut bin = (((value - first) * scale) as usize).min(last);
            while bin > 0 && *value < self.edges[bin] {
                bin -= 1;
            }
            while bin < last && *value >= self.edges[bin + 1] {
                bin += 1;
            }
            self.counts[bin][0] += 1;
        }
    }

    /// The centre of the fullest bin, of the first one where several are.
    fn mode(&self) -> f32 {
        let (mut fullest, mut most) = (0, 0);
        for (bin, counts) in self.counts.iter().enumerate() {
            let count = counts.iter().sum();
            if count > most {
                (fullest, most) = (bin, count);
            }
        }
        (self.edges[fullest] + self.edges[fullest + 1]) / 2.0
    }
}

/// Fills the histogram. NaN counts in the first bin.
pub(super) fn count(threshold: &mut Threshold, values: &[f32], min: f32, max: f32) {
    // As numpy has it: one value alone stands in the middle of a range of 1.
    let (first, last) = if min == max { (min - 0.5, max + 0.5) } else { (min, max) };
    let bins = threshold.counts.len();
    let step = (last - first) / bins as f32;
    for (at, edge) in threshold.edges.iter_mut().enumerate() {
        *edge = at as f32 * step + first;
    }
    threshold.edges[bins] = last;
    threshold.counts.fill([0; 4]);
    let scale = bins as f32 / (last - first);
    // How far, in bins, the computed place of a value may be from its place among the edges: rounding of the place,
    // and that of the edges, which is coarse where the range is narrow and far from 0.
    let coarse = min.abs().max(max.abs()) * f32::EPSILON * scale;
    let tolerance = 4.0 * (bins as f32 * f32::EPSILON + coarse);
    let (blocks, rest) = values.as_chunks::<BLOCK>();
    for block in blocks {
        let mut places = [0; BLOCK];
        let mut doubtful = 0;
        for (place, value) in places.iter_mut().zip(block) {
            let exact = (value - first) * scale;
            let border = (exact + WHOLE) - WHOLE;
            // Also true for NaN.
            let sure = (exact - border).abs() > tolerance;
            doubtful |= u32::from(!sure);
            *place = (exact - 0.5 + WHOLE).to_bits() - WHOLE.to_bits();
        }
        if doubtful != 0 {
            threshold.count_exactly(block, first, scale);
            continue;
        }
        let (fours, _) = places.as_chunks::<4>();
        for four in fours {
            for (lane, place) in four.iter().enumerate() {
                threshold.counts[*place as usize][lane] += 1;
            }
        }
    }
    threshold.count_exactly(rest, first, scale);
}

/// The least and the greatest value that is not NaN.
pub(super) fn extremes(values: &[f32]) -> (f32, f32) {
    let (mut min, mut max) = ([f32::INFINITY; BLOCK], [f32::NEG_INFINITY; BLOCK]);
    let (blocks, rest) = values.as_chunks::<BLOCK>();
    for block in blocks {
        for ((min, max), value) in min.iter_mut().zip(&mut max).zip(block) {
            // NaN leaves both alone.
            *min = min.min(*value);
            *max = max.max(*value);
        }
    }
    let least = min.iter().chain(rest).fold(f32::INFINITY, |least, value| least.min(*value));
    let greatest = max.iter().chain(rest).fold(f32::NEG_INFINITY, |greatest, value| greatest.max(*value));
    (least, greatest)
}

/// The population standard deviation of all values up to `limit`; 0 where there are none.
fn deviation_up_to(values: &[f32], limit: f32) -> f32 {
    let (count, sum, squares) = moments_up_to(values, limit, limit);
    if count == 0 {
        return 0.0;
    }
    let (mean, square) = (sum / f64::from(count), squares / f64::from(count));
    let variance = square - mean * mean;
    if variance > square / 16.0 {
        return variance.sqrt() as f32;
    }
    // Much cancelled: once more around the mean.
    let (_, _, squares) = moments_up_to(values, limit, (f64::from(limit) + mean) as f32);
    (squares / f64::from(count)).sqrt() as f32
}

/// Number of the values up to `limit`, and the sums of their differences to `centre` and of the squares of these.
pub(super) fn moments_up_to(values: &[f32], limit: f32, centre: f32) -> (u32, f64, f64) {
    let (mut count, mut sum, mut squares) = (0, 0.0, 0.0);
    let (blocks, rest) = values.as_chunks::<BLOCK>();
    let mut last = [f32::NAN; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    for block in blocks.iter().chain([&last]) {
        // Few are added in single precision: little is lost.
        let (mut counts, mut sums, mut square) = ([0u32; LANES], [0.0f32; LANES], [0.0f32; LANES]);
        for eight in block.as_chunks::<LANES>().0 {
            for lane in 0..LANES {
                let below = eight[lane] <= limit;
                let difference = if below { eight[lane] - centre } else { 0.0 };
                counts[lane] += u32::from(below);
                sums[lane] += difference;
                square[lane] += difference * difference;
            }
        }
        count += counts.iter().sum::<u32>();
        sum += f64::from(sums.iter().sum::<f32>());
        squares += f64::from(square.iter().sum::<f32>());
    }
    (count, sum, squares)
}
