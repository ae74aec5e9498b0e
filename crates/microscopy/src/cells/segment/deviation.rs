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

/// The greatest pixel of a frame over the least that is not 0, up to which sums of three means, and thirds of the sums, are
/// the same in whatever way they are computed in double precision.
///
/// Means of squares have 24 bits: they are multiples of 2⁻²⁴ of the least, which is a third of the least square or more.
/// Three of them together are below 9 × 2²⁴ × 3,860² of such steps, less than 2⁵¹, so that no sum is rounded. A third of a
/// sum lies on a border of rounding to single precision, or at least 2⁻⁵¹ of itself away from one; its product with the
/// rounded 1/3 errs by less, and meets a border where the third does. The same holds for means of values.
const EXACT: u32 = 3860;

const THIRD: f64 = 1.0 / 3.0;

/// Whether [`EXACT`] holds for a frame.
pub(super) fn sums_are_exact(pixels: &[u16]) -> bool {
    let (mut least, mut greatest) = (u16::MAX, 0);
    for pixel in pixels {
        // 0 becomes the greatest number, and the others one less.
        least = least.min(pixel.wrapping_sub(1));
        greatest = greatest.max(*pixel);
    }
    u32::from(greatest) <= (u32::from(least) + 1) * EXACT
}

/// Scratch memory for frames of one size.
#[derive(Debug)]
pub(super) struct Deviation {
    window: usize,
    width: usize,
    height: usize,
    /// Sums of each column over the rows of the window: values and squares.
    columns: [Vec<f64>; 2],
    /// Means of each column, rounded to single precision, continued on both sides by half a window.
    means: [Vec<f64>; 2],
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

    /// Computes `values` from the pixels of a frame. `exact`: sums of three are, see [`sums_are_exact`].
    pub(super) fn compute<S: Sample>(&mut self, pixels: &[S], exact: bool) {
        compute(self, pixels, exact);
    }
}

fn compute<S: Sample>(deviation: &mut Deviation, pixels: &[S], exact: bool) {
    let Deviation { window, width, height, columns, means, sums, values } = deviation;
    let (half, divisor, width) = (*window / 2, *window as f64, *width);
    let thirds = exact && *window == 3;
    let row = |y: isize| &pixels[reflect(y, *height) * width..][..width];
    columns.iter_mut().for_each(|sums| sums.fill(0.0));
    for y in -(half as isize)..=half as isize {
        add_row(columns, row(y));
    }
    for (y, out) in values.chunks_exact_mut(width).enumerate() {
        if y > 0 {
            let y = y as isize;
            advance(columns, row(y + half as isize), row(y - 1 - half as isize));
        }
        for ((columns, means), sums) in columns.iter().zip(&mut *means).zip(&mut *sums) {
            let inner = means[half..][..width].iter_mut().zip(columns);
            if thirds {
                inner.for_each(|(mean, sum)| *mean = single(sum * THIRD));
            } else {
                inner.for_each(|(mean, sum)| *mean = single(sum / divisor));
            }
            continue_row(means, width, half);
            if !thirds {
                run_along(means, *window, sums);
            }
        }
        // The logarithm by itself, since twice as many numbers of single precision fit into a vector.
        if thirds {
            finish_three(means, out);
            // The variance of whole numbers is 0 or above 2⁻²⁶.
            out.iter_mut().for_each(|value| *value = half_ln::<false>(*value));
        } else {
            finish(sums, divisor, out);
            out.iter_mut().for_each(|value| *value = half_ln::<true>(*value));
        }
    }
}

/// Half the logarithm of the variance, which is the logarithm of the deviation; 0 where there is none.
#[inline(always)]
fn half_ln<const SUBNORMAL: bool>(variance: f32) -> f32 {
    if variance > 0.0 { 0.5 * ln::<SUBNORMAL>(variance) } else { 0.0 }
}

/// A number as it is after it was kept in single precision.
#[inline(always)]
fn single(value: f64) -> f64 {
    f64::from(value as f32)
}

/// The row or column that stands at `at`, which may lie outside 0..length: the border is mirrored, and the last pixel
/// comes twice.
#[inline(always)]
fn reflect(at: isize, length: usize) -> usize {
    let at = at.rem_euclid(2 * length as isize) as usize;
    if at < length { at } else { 2 * length - 1 - at }
}

#[inline(always)]
fn add_row<S: Sample>(columns: &mut [Vec<f64>; 2], row: &[S]) {
    let [sums, squares] = columns;
    for ((sum, square), pixel) in sums.iter_mut().zip(squares).zip(row) {
        let value = pixel.value();
        *sum += f64::from(value);
        *square += f64::from(value * value);
    }
}

/// Takes the row `coming` into the window and `going` out of it.
#[inline(always)]
fn advance<S: Sample>(columns: &mut [Vec<f64>; 2], coming: &[S], going: &[S]) {
    let [sums, squares] = columns;
    for (((sum, square), coming), going) in sums.iter_mut().zip(squares).zip(coming).zip(going) {
        let (coming, going) = (coming.value(), going.value());
        *sum += f64::from(coming) - f64::from(going);
        *square += f64::from(coming * coming) - f64::from(going * going);
    }
}

/// Fills the ends of a row of means, which has `width` values from `half` on.
#[inline(always)]
fn continue_row(means: &mut [f64], width: usize, half: usize) {
    for step in 0..half {
        means[half - 1 - step] = means[half + reflect(-1 - step as isize, width)];
        means[half + width + step] = means[half + reflect((width + step) as isize, width)];
    }
}

#[inline(always)]
fn run_along(means: &[f64], window: usize, sums: &mut [f64]) {
    let mut sum: f64 = means[..window].iter().sum();
    sums[0] = sum;
    for ((out, coming), going) in sums[1..].iter_mut().zip(&means[window..]).zip(means) {
        sum += coming - going;
        *out = sum;
    }
}

#[inline(always)]
fn finish(sums: &[Vec<f64>; 2], divisor: f64, out: &mut [f32]) {
    for ((out, sum), square) in out.iter_mut().zip(&sums[0]).zip(&sums[1]) {
        *out = variance((sum / divisor) as f32, (square / divisor) as f32);
    }
}

#[inline(always)]
fn finish_three(means: &[Vec<f64>; 2], out: &mut [f32]) {
    let width = out.len();
    let [sums, squares] = means.each_ref().map(|means| {
        let (left, centre, right) = (&means[..width], &means[1..][..width], &means[2..][..width]);
        let sums = left.iter().zip(centre).zip(right).map(|((left, centre), right)| left + centre + right);
        sums.map(|sum| (sum * THIRD) as f32)
    });
    for ((out, mean), square) in out.iter_mut().zip(sums).zip(squares) {
        *out = variance(mean, square);
    }
}

#[inline(always)]
fn variance(mean: f32, square: f32) -> f32 {
    square - mean * mean
}
