//! Bilinear samples along a line through a plane, in fixed point: the same bits on every machine.
//!
//! Positions are Q32 in `i64`, weights Q11, samples out Q7, as between the passes into a tensor.

use super::simd::SAMPLE_BITS;

/// Fraction bits of a position.
const POSITION_BITS: u32 = 32;
/// Fraction bits of a weight; two of them and a byte fill 30 bits.
const WEIGHT_BITS: u32 = 11;
const ONE: u32 = 1 << WEIGHT_BITS;

/// Positions a step apart, in samples of a plane whose first sample's centre is at (0, 0).
#[derive(Clone, Copy, Debug)]
pub(super) struct SamplePath {
    x: i64,
    y: i64,
    dx: i64,
    dy: i64,
}

impl SamplePath {
    /// From `start`, by `step`.
    pub fn new(start: (f64, f64), step: (f64, f64)) -> SamplePath {
        let fixed = |v: f64| (v * (1i64 << POSITION_BITS) as f64).round() as i64;
        SamplePath { x: fixed(start.0), y: fixed(start.1), dx: fixed(step.0), dy: fixed(step.1) }
    }

    /// These positions without the first `count`.
    pub fn skip(self, count: usize) -> SamplePath {
        SamplePath { x: self.x + self.dx * count as i64, y: self.y + self.dy * count as i64, ..self }
    }

    /// Whether all four neighbours of each of `count` positions are samples of a `width` × `height` plane.
    fn inside(&self, count: usize, width: usize, height: usize) -> bool {
        let within = |from: i64, step: i64, size: usize| {
            let last = from + step * (count as i64 - 1);
            (from.min(last)) >= 0 && (from.max(last) >> POSITION_BITS) + 1 < size as i64
        };
        within(self.x, self.dx, width) && within(self.y, self.dy, height)
    }

    fn is_level(&self) -> bool {
        self.dy == 0 && self.dx == 1 << POSITION_BITS
    }

    /// Whole part and weight of a coordinate.
    #[inline(always)]
    fn split(at: i64) -> (i64, u32) {
        (at >> POSITION_BITS, (at as u32) >> (POSITION_BITS - WEIGHT_BITS))
    }
}

/// One channel of one plane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Channel<'a> {
    /// From the channel's first byte on.
    pub data: &'a [u8],
    /// Bytes from row to row.
    pub stride: usize,
    /// Bytes from sample to sample: 1 to 4.
    pub step: usize,
    /// Samples in a row.
    pub width: usize,
    /// How many rows there are.
    pub height: usize,
}

impl Channel<'_> {
    /// The samples at `line`'s positions, Q7; outside the plane lies `border`, or its edge samples go on.
    pub fn sample(&self, line: SamplePath, border: Option<u8>, out: &mut [i16]) {
        match self.step {
            1 => self.sample_step::<1>(line, border, out),
            2 => self.sample_step::<2>(line, border, out),
            3 => self.sample_step::<3>(line, border, out),
            _ => self.sample_step::<4>(line, border, out),
        }
    }

    fn sample_step<const STEP: usize>(&self, line: SamplePath, border: Option<u8>, out: &mut [i16]) {
        if !line.inside(out.len(), self.width, self.height) {
            match border {
                Some(border) => self.bordered::<STEP>(line, border, out),
                None => self.clamped::<STEP>(line, out),
            }
        } else if line.is_level() {
            self.level::<STEP>(line, out);
        } else {
            self.slanted::<STEP>(line, out);
        }
    }

    /// Whole steps along a row: the same four weights throughout.
    fn level<const STEP: usize>(&self, line: SamplePath, out: &mut [i16]) {
        let ((x, fx), (y, fy)) = (SamplePath::split(line.x), SamplePath::split(line.y));
        let at = y as usize * self.stride + x as usize * STEP;
        let bytes = out.len() * STEP + 1;
        let (top, bottom) = (&self.data[at..][..bytes], &self.data[at + self.stride..][..bytes]);
        for (i, out) in out.iter_mut().enumerate() {
            let (left, right) = (i * STEP, i * STEP + STEP);
            *out = blend([top[left], top[right], bottom[left], bottom[right]], fx, fy);
        }
    }

    /// Any direction, no position near an edge.
    fn slanted<const STEP: usize>(&self, line: SamplePath, out: &mut [i16]) {
        let SamplePath { mut x, mut y, dx, dy } = line;
        for out in out {
            let ((column, fx), (row, fy)) = (SamplePath::split(x), SamplePath::split(y));
            let at = row as usize * self.stride + column as usize * STEP;
            let (top, bottom) = (&self.data[at..=at + STEP], &self.data[at + self.stride..][..=STEP]);
            *out = blend([top[0], top[STEP], bottom[0], bottom[STEP]], fx, fy);
            x += dx;
            y += dy;
        }
    }

    /// Any direction, also where positions lie outside the plane.
    fn clamped<const STEP: usize>(&self, line: SamplePath, out: &mut [i16]) {
        let SamplePath { mut x, mut y, dx, dy } = line;
        let (right, bottom) = (self.width as i64 - 1, self.height as i64 - 1);
        for out in out {
            let ((column, fx), (row, fy)) = (SamplePath::split(x), SamplePath::split(y));
            let columns = [column, column + 1].map(|at| at.clamp(0, right) as usize * STEP);
            let rows = [row, row + 1].map(|at| at.clamp(0, bottom) as usize * self.stride);
            let byte = |row: usize, column: usize| self.data[rows[row] + columns[column]];
            *out = blend([byte(0, 0), byte(0, 1), byte(1, 0), byte(1, 1)], fx, fy);
            x += dx;
            y += dy;
        }
    }

    /// Any direction, anywhere; what lies outside is `border`.
    fn bordered<const STEP: usize>(&self, line: SamplePath, border: u8, out: &mut [i16]) {
        let SamplePath { mut x, mut y, dx, dy } = line;
        let (width, height) = (self.width as i64, self.height as i64);
        for out in out {
            let ((column, fx), (row, fy)) = (SamplePath::split(x), SamplePath::split(y));
            let byte = |row: i64, column: i64| {
                let inside = (0..height).contains(&row) && (0..width).contains(&column);
                if inside { self.data[row as usize * self.stride + column as usize * STEP] } else { border }
            };
            let four =
                [byte(row, column), byte(row, column + 1), byte(row + 1, column), byte(row + 1, column + 1)];
            *out = blend(four, fx, fy);
            x += dx;
            y += dy;
        }
    }
}

/// Four neighbours (top left, top right, bottom left, bottom right) to a Q7 sample, rounded.
#[inline(always)]
fn blend(four: [u8; 4], fx: u32, fy: u32) -> i16 {
    let [a, b, c, d] = four.map(u32::from);
    let (top, bottom) = (a * (ONE - fx) + b * fx, c * (ONE - fx) + d * fx);
    let shift = 2 * WEIGHT_BITS - SAMPLE_BITS;
    ((top * (ONE - fy) + bottom * fy + (1 << (shift - 1))) >> shift) as i16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_road_gives_the_samples_of_the_clamped_one(
            start in (0f64..30.0, 0f64..20.0),
            step in prop::sample::select(vec![(1.0, 0.0), (0.9, 0.1), (0.5, 0.0), (-0.3, 0.4)]),
            count in 1usize..40,
            padding in 0usize..5,
            bytes in 1usize..=4,
            data in prop::collection::vec(any::<u8>(), 48 * 4 * 40 + 40 * 4),
        ) {
            let channel = Channel { data: &data, stride: 48 * bytes + padding, step: bytes, width: 48, height: 40 };
            let line = SamplePath::new(start, step);
            let (mut fast, mut plain) = (vec![0; count], vec![0; count]);
            channel.sample(line, None, &mut fast);
            match bytes {
                1 => channel.clamped::<1>(line, &mut plain),
                2 => channel.clamped::<2>(line, &mut plain),
                3 => channel.clamped::<3>(line, &mut plain),
                _ => channel.clamped::<4>(line, &mut plain),
            }
            prop_assert_eq!(fast, plain);
        }
    }

    #[test]
    fn a_whole_position_gives_the_byte_itself() {
        let data: Vec<u8> = (0..=255).collect();
        let channel = Channel { data: &data, stride: 16, step: 1, width: 16, height: 16 };
        let mut out = [0; 16];
        channel.sample(SamplePath::new((0.0, 15.0), (1.0, 0.0)), None, &mut out);
        assert!(out.iter().zip(240..).all(|(&sample, byte)| sample == byte << SAMPLE_BITS), "{out:?}");
    }
}
