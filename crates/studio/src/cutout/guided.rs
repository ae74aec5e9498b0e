//! The guided filter with a colour guide (He, Sun and Tang, "Guided Image Filtering", PAMI 2013), over a band of rows.
//!
//! Box sums come from running sums of columns, so a px costs the same at every radius, and memory is rows: nothing is as
//! large as the picture. Sums are integers, and coefficients are rounded to a fixed point before they are averaged:
//! nothing drifts, and every band gives exactly the rows that the whole picture gives.

use std::ops::Range;

use ocellus_image::Patch;

use crate::{StudioError, Watch};

/// The largest radius, px: the sums of (2 × 128 + 1)² products of bytes fit 32 bits.
pub(super) const MAX_RADIUS: usize = 128;
/// Fraction bits of the coefficients.
const FIXED: f64 = 65_536.0;

/// Sums of a window: I (3), p, the products of I (6) and those of I with p (3).
type Sums = [u32; 16];
/// Slopes a (3) and offset b of q = a · I + b, in fixed point; b for I and q of 0 to 1.
type Line = [i64; 4];

/// One pass of the filter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guided {
    pub radius: usize,
    /// Regulariser, for colours of 0 to 1.
    pub epsilon: f64,
    /// Whether the input is made steeper first.
    pub sharpen: bool,
}

impl Guided {
    /// Rows `range` of the filtered `alpha`, guided by the RGB `guide` of the same size.
    pub fn rows(
        &self,
        guide: &Patch,
        alpha: &[u8],
        range: Range<usize>,
        watch: &Watch<'_>,
    ) -> Result<Vec<u8>, StudioError> {
        let (width, height, r) = (guide.width, guide.height, self.radius);
        let first = range.start.saturating_sub(r);
        // Lines are computed twice, when they enter a window and when they leave it: keeping them would take 16 bytes a px
        // of 2 r + 1 rows for each worker.
        let mut entering = Lines::new(self, guide, alpha, first);
        let mut leaving = Lines::new(self, guide, alpha, first);
        let mut lines = vec![[0i32; 4]; width];
        let mut columns = vec![Line::default(); width];
        let mut out = vec![0; range.len() * width];
        for (y, out) in range.zip(out.chunks_exact_mut(width)) {
            watch.check()?;
            while entering.next <= (y + r).min(height - 1) {
                entering.compute(&mut lines);
                add(&mut columns, &lines, 1);
            }
            while leaving.next + r < y {
                leaving.compute(&mut lines);
                add(&mut columns, &lines, -1);
            }
            let rows = entering.next - leaving.next;
            apply(guide.row(y), &columns, r, rows, out);
        }
        Ok(out)
    }
}

fn add(columns: &mut [Line], row: &[[i32; 4]], sign: i64) {
    for (column, line) in columns.iter_mut().zip(row) {
        for (sum, value) in column.iter_mut().zip(line) {
            *sum += sign * i64::from(*value);
        }
    }
}

/// q = mean(a) · I + mean(b), rounded to 0 to 255.
fn apply(guide: &[u8], columns: &[Line], r: usize, rows: usize, out: &mut [u8]) {
    let width = columns.len();
    let mut sums = Line::default();
    let grow = |sums: &mut Line, column: &Line, sign: i64| {
        sums.iter_mut().zip(column).for_each(|(sum, value)| *sum += sign * value);
    };
    columns.iter().take(r).for_each(|column| grow(&mut sums, column, 1));
    for (x, (out, pixel)) in out.iter_mut().zip(guide.chunks_exact(3)).enumerate() {
        if let Some(column) = columns.get(x + r) {
            grow(&mut sums, column, 1);
        }
        if let Some(gone) = x.checked_sub(r + 1) {
            grow(&mut sums, &columns[gone], -1);
        }
        let count = ((x + r + 1).min(width) - x.saturating_sub(r)) * rows;
        let slope: i64 = sums[..3].iter().zip(pixel).map(|(a, value)| a * i64::from(*value)).sum();
        let q = (slope + 255 * sums[3]) as f64 / (count as f64 * FIXED);
        *out = (q + 0.5).clamp(0.0, 255.0) as u8;
    }
}

/// Computes the line of each px, row after row.
struct Lines<'a> {
    filter: &'a Guided,
    guide: &'a Patch,
    alpha: &'a [u8],
    columns: Vec<Sums>,
    /// Rows of the guide in `columns`.
    rows: Range<usize>,
    /// The row that comes next.
    next: usize,
    steeper: [u8; 256],
}

impl<'a> Lines<'a> {
    fn new(filter: &'a Guided, guide: &'a Patch, alpha: &'a [u8], first: usize) -> Lines<'a> {
        let above = first.saturating_sub(filter.radius);
        let steeper = std::array::from_fn(|n| if filter.sharpen { steeper(n as u8) } else { n as u8 });
        let columns = vec![Sums::default(); guide.width];
        Lines { filter, guide, alpha, columns, rows: above..above, next: first, steeper }
    }

    fn compute(&mut self, out: &mut [[i32; 4]]) {
        let r = self.filter.radius;
        while self.rows.end <= (self.next + r).min(self.guide.height - 1) {
            self.change(self.rows.end, u32::wrapping_add);
            self.rows.end += 1;
        }
        while self.rows.start + r < self.next {
            self.change(self.rows.start, u32::wrapping_sub);
            self.rows.start += 1;
        }
        let width = self.columns.len();
        let mut sums = Sums::default();
        self.columns.iter().take(r).for_each(|column| merge(&mut sums, column, u32::wrapping_add));
        for (x, out) in out.iter_mut().enumerate() {
            if let Some(column) = self.columns.get(x + r) {
                merge(&mut sums, column, u32::wrapping_add);
            }
            if let Some(gone) = x.checked_sub(r + 1) {
                merge(&mut sums, &self.columns[gone], u32::wrapping_sub);
            }
            let count = ((x + r + 1).min(width) - x.saturating_sub(r)) * self.rows.len();
            *out = line(&sums, count as f64, self.filter.epsilon);
        }
        self.next += 1;
    }

    /// Adds row `y` to the sums of the columns, or takes it away.
    fn change(&mut self, y: usize, by: impl Fn(u32, u32) -> u32 + Copy) {
        let alpha = &self.alpha[y * self.columns.len()..];
        for ((column, pixel), p) in self.columns.iter_mut().zip(self.guide.row(y).chunks_exact(3)).zip(alpha)
        {
            let p = u32::from(self.steeper[usize::from(*p)]);
            let [i, j, k] = [pixel[0], pixel[1], pixel[2]].map(u32::from);
            let values = [i, j, k, p, i * i, i * j, i * k, j * j, j * k, k * k, i * p, j * p, k * p, 0, 0, 0];
            merge(column, &values, by);
        }
    }
}

#[inline]
fn merge(sums: &mut Sums, values: &Sums, by: impl Fn(u32, u32) -> u32) {
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum = by(*sum, *value));
}

/// A smooth step from 1/8 to 7/8.
fn steeper(value: u8) -> u8 {
    let t = ((f32::from(value) - 31.875) / 191.25).clamp(0.0, 1.0);
    (t * t * (3.0 - 2.0 * t) * 255.0).round() as u8
}

/// Least squares in a window of `n` px: (Σ + ε) a = cov(I, p), b = mean(p) − a · mean(I).
fn line(sums: &Sums, n: f64, epsilon: f64) -> [i32; 4] {
    let fixed = |value: f64| (value * FIXED).round() as i32;
    let p = f64::from(sums[3]);
    // Where p is the same everywhere, the line is flat: most of every picture.
    if sums[3] == 0 || p == n * 255.0 {
        return [0, 0, 0, fixed(p / (n * 255.0))];
    }
    let unit = 1.0 / (n * 255.0);
    let mean: [f64; 3] = [sums[0], sums[1], sums[2]].map(f64::from);
    // n Σxy − Σx Σy is exact: both products are below 2^53.
    let covariance = |at: usize, a: f64, b: f64| (n * f64::from(sums[at]) - a * b) * unit * unit;
    let [i, j, k] = mean;
    let (ii, ij, ik) = (covariance(4, i, i) + epsilon, covariance(5, i, j), covariance(6, i, k));
    let (jj, jk, kk) = (covariance(7, j, j) + epsilon, covariance(8, j, k), covariance(9, k, k) + epsilon);
    let with = [covariance(10, i, p), covariance(11, j, p), covariance(12, k, p)];
    // The inverse of a symmetric matrix by its cofactors.
    let (c_ii, c_ij, c_ik) = (jj * kk - jk * jk, ik * jk - ij * kk, ij * jk - ik * jj);
    let (c_jj, c_jk, c_kk) = (ii * kk - ik * ik, ij * ik - ii * jk, ii * jj - ij * ij);
    let inverse = 1.0 / (ii * c_ii + ij * c_ij + ik * c_ik);
    let dot = |row: [f64; 3]| (row[0] * with[0] + row[1] * with[1] + row[2] * with[2]) * inverse;
    let a = [dot([c_ii, c_ij, c_ik]), dot([c_ij, c_jj, c_jk]), dot([c_ik, c_jk, c_kk])];
    let b = (p - a[0] * i - a[1] * j - a[2] * k) * unit;
    [fixed(a[0]), fixed(a[1]), fixed(a[2]), fixed(b)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocellus_image::Channels;

    fn guide(width: usize, height: usize) -> (Patch, Vec<u8>) {
        let noise = |n: usize| ((n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as usize;
        let data = (0..width * height * 3)
            .map(|n| if n / 3 % width > width / 2 { 40 + noise(n) / 8 } else { 180 + noise(n) / 8 } as u8);
        let data = data.collect();
        let alpha = (0..width * height).map(|n| if n % width > width / 2 + 3 { 255 } else { 0 }).collect();
        (Patch { width, height, channels: Channels::Rgb, data }, alpha)
    }

    /// The definition, in f64 and without running sums.
    fn plain(guide: &Patch, alpha: &[u8], r: usize, epsilon: f64) -> Vec<f64> {
        let (w, h) = (guide.width, guide.height);
        let window = |x: usize, y: usize| {
            let rows = y.saturating_sub(r)..(y + r + 1).min(h);
            rows.flat_map(move |y| (x.saturating_sub(r)..(x + r + 1).min(w)).map(move |x| y * w + x))
        };
        let value = |px: usize, c: usize| f64::from(guide.data[px * 3 + c]) / 255.0;
        let lines: Vec<[f64; 4]> = (0..w * h)
            .map(|px| {
                let (x, y) = (px % w, px / w);
                let n = window(x, y).count() as f64;
                let mean = |of: &dyn Fn(usize) -> f64| window(x, y).map(of).sum::<f64>() / n;
                let p = |px: usize| f64::from(alpha[px]) / 255.0;
                let mu: Vec<f64> = (0..3).map(|c| mean(&|px| value(px, c))).collect();
                let mut rows = [[0.0; 4]; 3];
                for a in 0..3 {
                    for b in 0..3 {
                        rows[a][b] = mean(&|px| value(px, a) * value(px, b)) - mu[a] * mu[b];
                    }
                    rows[a][a] += epsilon;
                    rows[a][3] = mean(&|px| value(px, a) * p(px)) - mu[a] * mean(&p);
                }
                // Gauss and Jordan.
                for at in 0..3 {
                    let pivot = rows[at];
                    for (_, row) in rows.iter_mut().enumerate().filter(|(other, _)| *other != at) {
                        let factor = row[at] / pivot[at];
                        (at..4).for_each(|c| row[c] -= factor * pivot[c]);
                    }
                }
                let a: Vec<f64> = (0..3).map(|c| rows[c][3] / rows[c][c]).collect();
                [a[0], a[1], a[2], mean(&p) - (0..3).map(|c| a[c] * mu[c]).sum::<f64>()]
            })
            .collect();
        let filtered = (0..w * h).map(|px| {
            let n = window(px % w, px / w).count() as f64;
            let mean = |c: usize| window(px % w, px / w).map(|px| lines[px][c]).sum::<f64>() / n;
            255.0 * ((0..3).map(|c| mean(c) * value(px, c)).sum::<f64>() + mean(3))
        });
        filtered.map(|q| q.clamp(0.0, 255.0)).collect()
    }

    #[test]
    fn it_is_the_definition_within_a_grey_level() {
        for (w, h, radius) in [(23, 17, 3), (9, 30, 12), (1, 5, 2)] {
            let (guide, alpha) = guide(w, h);
            let filter = Guided { radius, epsilon: 1e-3, sharpen: false };
            let rows = filter.rows(&guide, &alpha, 0..h, &Watch::none()).unwrap();
            for (px, (have, want)) in rows.iter().zip(plain(&guide, &alpha, radius, 1e-3)).enumerate() {
                assert!((f64::from(*have) - want).abs() < 0.6, "{w} x {h}, px {px}: {have}, {want}");
            }
        }
    }

    #[test]
    fn bands_give_exactly_the_rows_of_the_whole() {
        let (guide, alpha) = guide(40, 61);
        for sharpen in [false, true] {
            let filter = Guided { radius: 5, epsilon: 1e-4, sharpen };
            let whole = filter.rows(&guide, &alpha, 0..61, &Watch::none()).unwrap();
            for range in [0..1, 3..20, 20..61, 60..61] {
                let rows = filter.rows(&guide, &alpha, range.clone(), &Watch::none()).unwrap();
                assert!(rows == whole[range.start * 40..range.end * 40], "{range:?}");
            }
        }
    }
}
