//! The threshold: mode of the histogram plus some standard deviations of what lies below the mode.

/// Scratch memory of the histogram.
#[derive(Debug)]
pub(super) struct Threshold {
    sigmas: f32,
    /// Borders of the bins, one more than bins, as `numpy.histogram` computes them in single precision.
    edges: Vec<f32>,
    counts: Vec<u32>,
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
/// Sums that run beside each other in a block.
const LANES: usize = 8;

impl Threshold {
    pub(super) fn new(bins: usize, sigmas: f32) -> Threshold {
        Threshold { sigmas, edges: vec![0.0; bins + 1], counts: vec![0; bins] }
    }

    /// The threshold of `values`. Those that are NaN do not count, and there are `excluded` of them.
    pub(super) fn find(&mut self, values: &[f32], excluded: usize) -> Range {
        if excluded == values.len() {
            return Range::default();
        }
        let (min, max) = extremes(values);
        let mode = self.mode(values, min, max, excluded);
        let threshold = mode + self.sigmas * deviation_up_to(values, mode);
        Range { min, max, threshold }
    }

    /// The centre of the fullest bin, of the first one where several are.
    fn mode(&mut self, values: &[f32], min: f32, max: f32, excluded: usize) -> f32 {
        // As numpy has it: one value alone stands in the middle of a range of 1.
        let (first, last) = if min == max { (min - 0.5, max + 0.5) } else { (min, max) };
        let bins = self.counts.len();
        let step = (last - first) / bins as f32;
        for (at, edge) in self.edges.iter_mut().enumerate() {
            *edge = at as f32 * step + first;
        }
        self.edges[bins] = last;
        self.counts.fill(0);
        let (span, scale) = (last - first, bins as f32);
        let mut places = [0.0f32; BLOCK];
        for block in values.chunks(BLOCK) {
            for (place, value) in places.iter_mut().zip(block) {
                *place = (value - first) / span * scale;
            }
            for (place, value) in places.iter().zip(block) {
                // NaN becomes 0 here, and is taken out below.
                let bin = (*place as usize).min(bins - 1);
                let bin = bin - usize::from(*value < self.edges[bin]);
                let bin = bin + usize::from(bin + 1 < bins && *value >= self.edges[bin + 1]);
                self.counts[bin] += 1;
            }
        }
        self.counts[0] -= excluded as u32;
        let mut fullest = 0;
        for (bin, count) in self.counts.iter().enumerate() {
            if *count > self.counts[fullest] {
                fullest = bin;
            }
        }
        (self.edges[fullest] + self.edges[fullest + 1]) / 2.0
    }
}

/// The least and the greatest value that is not NaN.
fn extremes(values: &[f32]) -> (f32, f32) {
    let (mut min, mut max) = ([f32::INFINITY; LANES], [f32::NEG_INFINITY; LANES]);
    let blocks = values.chunks_exact(LANES);
    let rest = blocks.remainder();
    for block in blocks {
        for lane in 0..LANES {
            // In this form NaN leaves the extremes alone.
            min[lane] = if block[lane] < min[lane] { block[lane] } else { min[lane] };
            max[lane] = if block[lane] > max[lane] { block[lane] } else { max[lane] };
        }
    }
    let least = min.iter().chain(rest).fold(f32::INFINITY, |least, value| value.min(least));
    let greatest = max.iter().chain(rest).fold(f32::NEG_INFINITY, |greatest, value| value.max(greatest));
    (least, greatest)
}

/// The population standard deviation of all values up to `limit`; 0 where there are none.
fn deviation_up_to(values: &[f32], limit: f32) -> f32 {
    let (mut count, mut sum, mut squares) = (0u64, 0.0f64, 0.0f64);
    for block in values.chunks(BLOCK) {
        // Few are added in single precision, and differences to the limit are small: little is lost.
        let (mut counts, mut sums, mut square) = ([0u32; LANES], [0.0f32; LANES], [0.0f32; LANES]);
        let mut add = |lane: usize, value: f32| {
            let below = value <= limit;
            let difference = if below { value - limit } else { 0.0 };
            counts[lane] += u32::from(below);
            sums[lane] += difference;
            square[lane] += difference * difference;
        };
        let eights = block.chunks_exact(LANES);
        let rest = eights.remainder();
        for eight in eights {
            for (lane, value) in eight.iter().enumerate() {
                add(lane, *value);
            }
        }
        for (lane, value) in rest.iter().enumerate() {
            add(lane, *value);
        }
        count += counts.iter().map(|count| u64::from(*count)).sum::<u64>();
        sum += f64::from(sums.iter().sum::<f32>());
        squares += f64::from(square.iter().sum::<f32>());
    }
    if count == 0 {
        return 0.0;
    }
    let mean = sum / count as f64;
    (squares / count as f64 - mean * mean).max(0.0).sqrt() as f32
}
