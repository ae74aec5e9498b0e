//! Resampling by Lanczos-3 (a windowed sinc; Duchon 1979), row by row, widened where it shrinks.
//!
//! Half-pixel centres, weights beyond the border dropped and the rest normalised: as Pillow's `LANCZOS`.

use std::f64::consts::PI;

/// Lobes of the filter.
const LOBES: f64 = 3.0;

/// The first source sample of each output, and its weights.
#[derive(Clone, Debug)]
struct Axis {
    starts: Vec<usize>,
    weights: Vec<f32>,
    /// Weights of each output; unused ones are zero.
    most: usize,
}

impl Axis {
    /// Outputs of `count` samples over `size` source samples, which begin at `origin` of `source` samples.
    fn new(source: usize, origin: f64, size: f64, count: usize) -> Axis {
        let scale = size / count as f64;
        let stretch = scale.max(1.0);
        let support = LOBES * stretch;
        let most = ((2.0 * support).ceil() as usize + 1).min(source);
        let mut axis = Axis { starts: Vec::with_capacity(count), weights: vec![0.0; count * most], most };
        for (i, slot) in axis.weights.chunks_exact_mut(most).enumerate() {
            let centre = (origin + (i as f64 + 0.5) * scale).clamp(0.0, source as f64);
            let first = (centre - support + 0.5).floor().max(0.0) as usize;
            let start = first.min(source - most);
            let weight = |at: usize| lanczos((at as f64 + 0.5 - centre) / stretch);
            let weights: Vec<f64> = (start..start + most).map(weight).collect();
            let sum: f64 = weights.iter().sum();
            for (slot, weight) in slot.iter_mut().zip(weights) {
                *slot = (weight / sum) as f32;
            }
            axis.starts.push(start);
        }
        axis
    }

    fn of(&self, i: usize) -> (usize, &[f32]) {
        (self.starts[i], &self.weights[i * self.most..][..self.most])
    }
}

fn lanczos(x: f64) -> f64 {
    if x.abs() >= LOBES {
        return 0.0;
    }
    let sinc = |x: f64| if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) };
    sinc(x) * sinc(x / LOBES)
}

/// A part of a picture in another size. Holds as many resampled rows as an output row takes.
#[derive(Debug)]
pub struct Resampler<'a> {
    source: &'a [u8],
    width: usize,
    channels: usize,
    columns: Axis,
    rows: Axis,
    /// Source rows, resampled sideways: row `y` lies at `y % kept.len()`.
    kept: Vec<Vec<f32>>,
    at: Vec<Option<usize>>,
    sum: Vec<f32>,
}

impl<'a> Resampler<'a> {
    /// All of `source` (packed rows of `size` px) in `target` px, width and height.
    pub fn new(source: &'a [u8], size: [usize; 2], channels: usize, target: [usize; 2]) -> Resampler<'a> {
        Resampler::part(source, size, channels, [0.0, 0.0, size[0] as f64, size[1] as f64], target)
    }

    /// As much of the middle of `source` as has the shape of `target`: the picture covers it.
    pub fn cover(source: &'a [u8], size: [usize; 2], channels: usize, target: [usize; 2]) -> Resampler<'a> {
        let [w, h] = size.map(|side| side as f64);
        let [to_w, to_h] = target.map(|side| side as f64);
        let scale = (w / to_w).min(h / to_h);
        let (part_w, part_h) = (to_w * scale, to_h * scale);
        let part = [(w - part_w) / 2.0, (h - part_h) / 2.0, part_w, part_h];
        Resampler::part(source, size, channels, part, target)
    }

    fn part(
        source: &'a [u8],
        [width, height]: [usize; 2],
        channels: usize,
        [x, y, w, h]: [f64; 4],
        [to_w, to_h]: [usize; 2],
    ) -> Resampler<'a> {
        let columns = Axis::new(width, x, w, to_w);
        let rows = Axis::new(height, y, h, to_h);
        let kept = vec![vec![0.0; to_w * channels]; rows.most];
        let (at, sum) = (vec![None; rows.most], vec![0.0; to_w * channels]);
        Resampler { source, width, channels, columns, rows, kept, at, sum }
    }

    /// Computes output row `y` into `out`: target width × channels bytes. Rows in ascending order are computed once.
    pub fn row(&mut self, y: usize, out: &mut [u8]) {
        let (start, weights) = self.rows.of(y);
        let most = weights.len();
        for row in start..start + most {
            if self.at[row % most] != Some(row) {
                let stride = self.width * self.channels;
                let source = &self.source[row * stride..][..stride];
                match self.channels {
                    1 => sideways::<1>(source, &self.columns, &mut self.kept[row % most]),
                    3 => sideways::<3>(source, &self.columns, &mut self.kept[row % most]),
                    _ => sideways::<4>(source, &self.columns, &mut self.kept[row % most]),
                }
                self.at[row % most] = Some(row);
            }
        }
        // Half a step, so that cutting off rounds.
        self.sum.fill(0.5);
        for (row, weight) in (start..).zip(weights) {
            for (sum, value) in self.sum.iter_mut().zip(&self.kept[row % most]) {
                *sum += value * weight;
            }
        }
        out.iter_mut().zip(&self.sum).for_each(|(out, sum)| *out = sum.clamp(0.0, 255.0) as u8);
    }
}

fn sideways<const C: usize>(source: &[u8], columns: &Axis, out: &mut [f32]) {
    for (i, pixel) in out.chunks_exact_mut(C).enumerate() {
        let (start, weights) = columns.of(i);
        let mut sum = [0.0f32; C];
        for (value, weight) in source[start * C..].chunks_exact(C).zip(weights) {
            for c in 0..C {
                sum[c] += f32::from(value[c]) * weight;
            }
        }
        pixel.copy_from_slice(&sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(source: &[u8], size: [usize; 2], channels: usize, target: [usize; 2]) -> Vec<u8> {
        let mut resampler = Resampler::new(source, size, channels, target);
        let mut out = vec![0; target[0] * target[1] * channels];
        let rows = out.chunks_exact_mut(target[0] * channels).enumerate();
        rows.for_each(|(y, row)| resampler.row(y, row));
        out
    }

    #[test]
    fn the_same_size_gives_the_same_pixels_and_a_plain_picture_stays_plain() {
        let source: Vec<u8> = (0..7 * 5 * 3u32).map(|n| (n * n % 251) as u8).collect();
        assert_eq!(whole(&source, [7, 5], 3, [7, 5]), source);
        for target in [[1, 1], [3, 2], [40, 31]] {
            assert!(whole(&[77; 9 * 8], [9, 8], 1, target).iter().all(|value| *value == 77), "{target:?}");
        }
    }

    #[test]
    fn covering_takes_the_middle() {
        // Three columns of 10 px: only the middle one covers a square of 10 px.
        let row: Vec<u8> = [10u8, 200, 90].iter().flat_map(|value| [*value; 10]).collect();
        let source = row.repeat(10);
        let mut resampler = Resampler::cover(&source, [30, 10], 1, [4, 4]);
        let mut out = [0; 4];
        resampler.row(2, &mut out);
        assert!(out[1..3].iter().all(|value| value.abs_diff(200) < 8), "{out:?}");
    }
}
