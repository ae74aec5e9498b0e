//! Drift of the lighting: one gain and one offset, from medians, so that a defect does not move them.

use super::PatchShape;

/// Number of samples that are read, which is enough for two medians.
const SAMPLES: usize = 16 * 1024;
/// Below and above, a camera may have clipped: such samples do not follow the light.
const UNCLIPPED: std::ops::RangeInclusive<u8> = 6..=249;
/// Grey values between the halves' medians that a gain can be computed from.
const MIN_CONTRAST: f32 = 24.0;
/// The greatest change that counts as drift. Beyond it the picture is not corrected, and will differ.
const GAIN: std::ops::RangeInclusive<f32> = 0.75..=1.33;
const OFFSET: f32 = 48.0;
/// Fraction bits of a [`Correction`].
const BITS: u32 = 12;

/// The reference: samples of the first golden on a grid, the dark half and the bright half apart.
#[derive(Debug)]
pub(super) struct LightReference {
    halves: [Half; 2],
}

#[derive(Debug, Default)]
struct Half {
    /// Row, sample of the row, reference value.
    samples: Vec<(u32, u32, u8)>,
    median: f32,
}

/// v × gain + offset, fixed point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Correction {
    gain: i32,
    offset: i32,
}

impl LightReference {
    /// Picks the grid of `golden` (packed), without what `mask` leaves out and what is clipped.
    pub fn new(shape: PatchShape, golden: &[u8], mask: Option<&[u8]>) -> LightReference {
        let row = shape.row();
        let step = golden.len().div_ceil(SAMPLES).max(1);
        // A step that shares a divisor with the row would look at a few columns only.
        let step = (step..).find(|step| gcd(*step, row) == 1).unwrap_or(step);
        let counts = |i: usize| mask.is_none_or(|mask| mask[i / shape.channels.count()] != 0);
        let mut samples: Vec<_> = (0..golden.len())
            .step_by(step)
            .filter(|&i| counts(i) && UNCLIPPED.contains(&golden[i]))
            .map(|i| ((i / row) as u32, (i % row) as u32, golden[i]))
            .collect();
        samples.sort_unstable_by_key(|&(y, x, v)| (v, y, x));
        let bright = samples.split_off(samples.len() / 2);
        LightReference { halves: [samples, bright].map(Half::new) }
    }

    /// What brings `data` to the reference's light; nothing where that is not a matter of light.
    pub fn correction(&self, data: &[u8], stride: usize) -> Correction {
        let [dark, bright] = &self.halves;
        if bright.samples.is_empty() {
            return Correction::NONE;
        }
        let (low, high) =
            (dark.median + dark.drift(data, stride), bright.median + bright.drift(data, stride));
        let contrast = bright.median - dark.median;
        let gain = if contrast < MIN_CONTRAST { 1.0 } else { contrast / (high - low).max(1.0) };
        let offset = (dark.median + bright.median) / 2.0 - gain * (low + high) / 2.0;
        // About the middle of the range, or a pure gain would show as an offset.
        let shift = (gain - 1.0) * 128.0 + offset;
        if GAIN.contains(&gain) && shift.abs() <= OFFSET {
            Correction::new(gain, offset)
        } else {
            Correction::NONE
        }
    }
}

impl Half {
    /// Builds a half from its samples, which are sorted by value.
    fn new(samples: Vec<(u32, u32, u8)>) -> Half {
        let median = samples.get(samples.len() / 2).map_or(0.0, |sample| f32::from(sample.2));
        Half { samples, median }
    }

    /// The median of test − reference.
    fn drift(&self, data: &[u8], stride: usize) -> f32 {
        let mut histogram = [0u32; 511];
        for &(y, x, reference) in &self.samples {
            let value = data[y as usize * stride + x as usize];
            histogram[255 + usize::from(value) - usize::from(reference)] += 1;
        }
        let mut left = self.samples.len() as u32 / 2;
        for (bin, &count) in histogram.iter().enumerate() {
            if left < count {
                // Within the bin as if its samples were spread evenly: a drift is seldom a whole number.
                return bin as f32 - 255.5 + (left as f32 + 0.5) / count as f32;
            }
            left -= count;
        }
        0.0
    }
}

impl Correction {
    pub const NONE: Correction = Correction { gain: 1 << BITS, offset: 0 };

    fn new(gain: f32, offset: f32) -> Correction {
        let fixed = |v: f32| (v * (1 << BITS) as f32).round() as i32;
        Correction { gain: fixed(gain), offset: fixed(offset) }
    }

    pub fn apply(self, from: &[u8], to: &mut [u8]) {
        let offset = self.offset + (1 << (BITS - 1));
        for (to, &from) in to.iter_mut().zip(from) {
            *to = ((i32::from(from) * self.gain + offset) >> BITS).clamp(0, 255) as u8;
        }
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}
