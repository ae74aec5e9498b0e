//! The logarithm of the local standard deviation.
//!
//! Means are taken as `scipy.ndimage.uniform_filter` takes them, so that masks come out the same: columns first,
//! then rows; each sum runs along in double precision, and what lies between the two is kept in single precision.

use super::ln::ln;

/// A pixel of a frame.
pub(super) trait Sample: Copy {
    fn value(self) -> f32;
}

impl Sample for u16 {
    #[inline(always)]
    fn value(self) -> f32 {
        f32::from(self)
    }
}

impl Sample for f32 {
    #[inline(always)]
    fn value(self) -> f32 {
        self
    }
}

/// For windows of 3: up to this mean of squares three of them are added without any rounding in double precision,
/// in whatever order. The least of them that is not 0 is 1/3, which has digits down to 2⁻²⁵; 2²⁸ × 2²⁵ = 2⁵³.
const EXACT: f32 = (1 << 26) as f32;

/// Scratch memory for frames of one size.
#[derive(Debug)]
pub(super) struct Deviation {
    window: usize,
    width: usize,
    height: usize,
    /// Sums of each column over the rows of the window: values and squares.
    columns: [Vec<f64>; 2],
    /// Means of each column, continued on both sides by half a window.
    means: [Vec<f32>; 2],
    /// Sums along a row.
    sums: [Vec<f64>; 2],
    /// The result, row by row.
    pub(super) values: Vec<f32>,
}

impl Deviation {
    pub(super) fn new(width: usize, height: usize, window: usize) -> Deviation {
        let padded = width + window - 1;
        Deviation {
            window,
            width,
            height,
            columns: [vec![0.0; width], vec![0.0; width]],
            means: [vec![0.0; padded], vec![0.0; padded]],
            sums: [vec![0.0; width], vec![0.0; width]],
            values: vec![0.0; width * height],
        }
    }

    /// Computes `values` from the pixels of a frame. `integers`: the pixels are whole numbers from 0 on.
    pub(super) fn compute<S: Sample>(&mut self, pixels: &[S], integers: bool) {
        let half = (self.window / 2) as isize;
        let row = |y: isize| &pixels[reflect(y, self.height) * self.width..][..self.width];
        self.columns.iter_mut().for_each(|sums| sums.fill(0.0));
        for y in -half..=half {
            add_row(&mut self.columns, row(y));
        }
        for y in 0..self.height as isize {
            if y > 0 {
                advance(&mut self.columns, row(y + half), row(y - 1 - half));
            }
            let divisor = self.window as f64;
            let mut greatest: f32 = 0.0;
            for (sums, means) in self.columns.iter().zip(&mut self.means) {
                greatest = 0.0;
                for (mean, sum) in means[half as usize..].iter_mut().zip(sums) {
                    *mean = (sum / divisor) as f32;
                    greatest = greatest.max(*mean);
                }
                continue_row(means, self.width, half as usize);
            }
            let out = &mut self.values[y as usize * self.width..][..self.width];
            if self.window == 3 && integers && greatest < EXACT {
                finish_three(&self.means, out);
            } else {
                for (means, sums) in self.means.iter().zip(&mut self.sums) {
                    run_along(means, self.window, sums);
                }
                finish(&self.sums, divisor, out);
            }
        }
    }
}

/// The row or column that stands at `at`, which may lie outside 0..length: the border is mirrored, and the last pixel
/// comes twice.
fn reflect(at: isize, length: usize) -> usize {
    let at = at.rem_euclid(2 * length as isize) as usize;
    if at < length { at } else { 2 * length - 1 - at }
}

fn add_row<S: Sample>(columns: &mut [Vec<f64>; 2], row: &[S]) {
    let [sums, squares] = columns;
    for ((sum, square), pixel) in sums.iter_mut().zip(squares).zip(row) {
        let value = pixel.value();
        *sum += f64::from(value);
        *square += f64::from(value * value);
    }
}

/// Takes the row `coming` into the window and `going` out of it.
fn advance<S: Sample>(columns: &mut [Vec<f64>; 2], coming: &[S], going: &[S]) {
    let [sums, squares] = columns;
    for (((sum, square), coming), going) in sums.iter_mut().zip(squares).zip(coming).zip(going) {
        let (coming, going) = (coming.value(), going.value());
        *sum += f64::from(coming) - f64::from(going);
        *square += f64::from(coming * coming) - f64::from(going * going);
    }
}

/// Fills the ends of a row of means, which has `width` values from `half` on.
fn continue_row(means: &mut [f32], width: usize, half: usize) {
    for step in 0..half {
        means[half - 1 - step] = means[half + reflect(-1 - step as isize, width)];
        means[half + width + step] = means[half + reflect((width + step) as isize, width)];
    }
}

fn run_along(means: &[f32], window: usize, sums: &mut [f64]) {
    let mut sum: f64 = means[..window].iter().map(|mean| f64::from(*mean)).sum();
    sums[0] = sum;
    for ((out, coming), going) in sums[1..].iter_mut().zip(&means[window..]).zip(means) {
        sum += f64::from(*coming) - f64::from(*going);
        *out = sum;
    }
}

fn finish(sums: &[Vec<f64>; 2], divisor: f64, out: &mut [f32]) {
    for ((out, sum), square) in out.iter_mut().zip(&sums[0]).zip(&sums[1]) {
        *out = deviation((sum / divisor) as f32, (square / divisor) as f32);
    }
}

fn finish_three(means: &[Vec<f32>; 2], out: &mut [f32]) {
    let [sums, squares] = means;
    let three = |means: &[f32], at: usize| {
        let sum = f64::from(means[at]) + f64::from(means[at + 1]) + f64::from(means[at + 2]);
        (sum / 3.0) as f32
    };
    let (sums, squares) = (&sums[..out.len() + 2], &squares[..out.len() + 2]);
    for (at, out) in out.iter_mut().enumerate() {
        *out = deviation(three(sums, at), three(squares, at));
    }
}

/// Half the logarithm of the variance, or 0 where there is none.
#[inline(always)]
fn deviation(mean: f32, square: f32) -> f32 {
    let variance = square - mean * mean;
    if variance > 0.0 { 0.5 * ln(variance) } else { 0.0 }
}
