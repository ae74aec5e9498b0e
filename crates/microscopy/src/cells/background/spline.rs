//! Interpolating splines: through every given point, with continuous curvature.
//!
//! Cubic and "not a knot", as FITPACK makes them with k = 3 and s = 0: the knots are the points without the second
//! and the last but one. With fewer than four points the degree is one less than there are points: a parabola, a
//! line, a constant. Outside the first and last point the value there is continued.

/// Greatest degree of the polynomials.
const CUBIC: usize = 3;

/// The part of a spline along one axis that does not depend on the values: a matrix to be solved for coefficients, and
/// the weights of coefficients at each pixel.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    points: usize,
    /// The collocation matrix, factored in place: row by row, `2 * CUBIC + 1` values around the diagonal.
    matrix: Vec<f64>,
    /// For each pixel the first coefficient that counts, and the weights of it and the next three.
    pub(super) weights: Vec<(u32, [f64; CUBIC + 1])>,
}

/// Values of a row of the matrix.
const BAND: usize = 2 * CUBIC + 1;

impl Axis {
    /// For values at `centres`, which rise, to be evaluated at pixels 0 to `length` − 1.
    pub(super) fn new(centres: &[f64], length: usize) -> Axis {
        let points = centres.len();
        let degree = CUBIC.min(points - 1);
        let knots = knots(centres, degree);
        let mut matrix = vec![0.0; points * BAND];
        for (row, &centre) in centres.iter().enumerate() {
            let (first, weights) = basis(&knots, degree, points, centre);
            for (at, weight) in weights[..=degree].iter().enumerate() {
                // Weights of 0 may lie outside the band where a centre is a knot.
                if *weight != 0.0 {
                    matrix[row * BAND + CUBIC + first + at - row] = *weight;
                }
            }
        }
        factor(&mut matrix, points);
        let (from, to) = (centres[0], centres[points - 1]);
        let weights = (0..length).map(|pixel| {
            let (first, weights) = basis(&knots, degree, points, (pixel as f64).clamp(from, to));
            (first as u32, weights)
        });
        Axis { points, matrix, weights: weights.collect() }
    }

    /// Replaces values at the centres by coefficients. Value i of `lines` lines lies at `i * stride`, and the lines lie
    /// beside each other.
    pub(super) fn solve(&self, values: &mut [f64], stride: usize, lines: usize, apart: usize) {
        for line in 0..lines {
            let at = |row: usize| line * apart + row * stride;
            for row in 0..self.points {
                for back in 1..=CUBIC.min(row) {
                    values[at(row)] -= self.matrix[row * BAND + CUBIC - back] * values[at(row - back)];
                }
            }
            for row in (0..self.points).rev() {
                for ahead in 1..=CUBIC.min(self.points - 1 - row) {
                    values[at(row)] -= self.matrix[row * BAND + CUBIC + ahead] * values[at(row + ahead)];
                }
                values[at(row)] /= self.matrix[row * BAND + CUBIC];
            }
        }
    }
}

/// The first and last point as often as the degree demands, and between them all points but the second and the last
/// but one (cubic), or none.
fn knots(centres: &[f64], degree: usize) -> Vec<f64> {
    let last = centres.len() - 1;
    let inner = if degree == CUBIC { &centres[2..last - 1] } else { &[] };
    let ends = |point: f64| std::iter::repeat_n(point, degree + 1);
    ends(centres[0]).chain(inner.iter().copied()).chain(ends(centres[last])).collect()
}

/// The first of the B-splines that are not 0 at `x`, and the values of it and those after it (de Boor, 1978).
fn basis(knots: &[f64], degree: usize, points: usize, x: f64) -> (usize, [f64; CUBIC + 1]) {
    // The interval between knots that holds x; the last one includes its end.
    let span = knots.partition_point(|knot| *knot <= x).clamp(degree + 1, points) - 1;
    let mut weights = [0.0; CUBIC + 1];
    weights[0] = 1.0;
    for order in 1..=degree {
        let mut carried = 0.0;
        for at in 0..order {
            let (right, left) = (knots[span + 1 + at], knots[span + 1 + at - order]);
            let share = weights[at] / (right - left);
            weights[at] = carried + (right - x) * share;
            carried = (x - left) * share;
        }
        weights[order] = carried;
    }
    (span - degree, weights)
}

/// Gaussian elimination without exchanges, which collocation matrices of B-splines do not need (de Boor and Pinkus,
/// 1977).
fn factor(matrix: &mut [f64], points: usize) {
    for pivot in 0..points {
        for row in pivot + 1..(pivot + 1 + CUBIC).min(points) {
            let at = row * BAND + CUBIC + pivot - row;
            let factor = matrix[at] / matrix[pivot * BAND + CUBIC];
            matrix[at] = factor;
            for ahead in 1..=CUBIC {
                if pivot + ahead < points {
                    matrix[at + ahead] -= factor * matrix[pivot * BAND + CUBIC + ahead];
                }
            }
        }
    }
}
