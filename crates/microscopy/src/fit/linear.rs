//! Least squares with bounds for one to three linear parameters, exact by trying each set of active bounds.

/// Greatest number of linear parameters.
pub(super) const MOST: usize = 3;

/// A linear least squares solution.
#[derive(Clone, Copy, Debug)]
pub(super) struct Linear {
    /// The factor of each column.
    pub factors: [f64; MOST],
    /// Whether each factor is inside its bounds, so that it moves with the other parameters.
    pub free: [bool; MOST],
}

/// The factors of `columns` that fit `values` best within `bounds`; a column of zeros keeps its start value.
pub(super) fn solve(
    columns: &[Vec<f64>],
    values: &[f64],
    bounds: &[[f64; 2]],
    starts: &[f64],
) -> Option<Linear> {
    let count = columns.len();
    let (triangle, right) = triangle(columns, values);
    let mut best: Option<(f64, Linear)> = None;
    // Digits in base 3 for each column: 0 free, 1 at its least, 2 at its greatest value. Number 0 is the solution
    // without bounds, which wins at once where it is allowed.
    for number in 0..3_usize.pow(u32::try_from(count).ok()?) {
        let mut linear = Linear { factors: [0.0; MOST], free: [false; MOST] };
        let mut rest = number;
        for index in 0..count {
            linear.free[index] = rest % 3 == 0 && triangle[index][index].is_finite();
            if rest % 3 > 0 {
                linear.factors[index] = bounds[index][rest % 3 - 1];
            }
            rest /= 3;
        }
        for index in 0..count {
            if columns[index].iter().all(|value| *value == 0.0) {
                linear.free[index] = false;
                linear.factors[index] = starts[index].clamp(bounds[index][0], bounds[index][1]);
            }
        }
        if !linear.factors.iter().all(|factor| factor.is_finite()) {
            continue;
        }
        if !reduced(&triangle, &right, count, &mut linear) {
            continue;
        }
        let allowed = (0..count).all(|index| {
            !linear.free[index]
                || (linear.factors[index] >= bounds[index][0] && linear.factors[index] <= bounds[index][1])
        });
        if !allowed {
            continue;
        }
        if number == 0 {
            return Some(linear);
        }
        let cost = cost(&triangle, &right, count, &linear.factors);
        if best.as_ref().is_none_or(|(least, _)| cost < *least) {
            best = Some((cost, linear));
        }
    }
    best.map(|(_, linear)| linear)
}

/// The columns of the triangle of a QR decomposition (Gram-Schmidt, twice), and the values in its basis.
fn triangle(columns: &[Vec<f64>], values: &[f64]) -> ([[f64; MOST]; MOST], [f64; MOST]) {
    let mut triangle = [[0.0; MOST]; MOST];
    let mut right = [0.0; MOST];
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(MOST);
    for (index, column) in columns.iter().enumerate() {
        let mut rest = column.clone();
        for _ in 0..2 {
            for (row, direction) in basis.iter().enumerate() {
                let share = dot(direction, &rest);
                triangle[index][row] += share;
                subtract(&mut rest, share, direction);
            }
        }
        let length = dot(&rest, &rest).sqrt();
        triangle[index][index] = length;
        if length > 0.0 {
            rest.iter_mut().for_each(|value| *value /= length);
        }
        right[index] = dot(&rest, values);
        basis.push(rest);
    }
    (triangle, right)
}

/// Solves for the free factors with the others held; false where the free columns depend on each other.
fn reduced(triangle: &[[f64; MOST]; MOST], right: &[f64; MOST], count: usize, linear: &mut Linear) -> bool {
    let mut target = *right;
    let mut columns = Vec::with_capacity(MOST);
    for (index, column) in triangle.iter().enumerate().take(count) {
        if linear.free[index] {
            columns.push((index, *column));
        } else {
            subtract(&mut target, linear.factors[index], column);
        }
    }
    let mut basis: Vec<[f64; MOST]> = Vec::with_capacity(MOST);
    let mut upper = [[0.0; MOST]; MOST];
    for (place, (_, column)) in columns.iter().enumerate() {
        let mut rest = *column;
        for _ in 0..2 {
            for (row, direction) in basis.iter().enumerate() {
                let share = dot(direction, &rest);
                upper[row][place] += share;
                subtract(&mut rest, share, direction);
            }
        }
        let (length, before) = (dot(&rest, &rest).sqrt(), dot(column, column).sqrt());
        if !length.is_finite() || length <= 1e-13 * before {
            return false;
        }
        upper[place][place] = length;
        basis.push(rest.map(|value| value / length));
    }
    for place in (0..columns.len()).rev() {
        let mut value = dot(&basis[place], &target);
        for later in place + 1..columns.len() {
            value -= upper[place][later] * linear.factors[columns[later].0];
        }
        linear.factors[columns[place].0] = value / upper[place][place];
    }
    true
}

fn cost(triangle: &[[f64; MOST]; MOST], right: &[f64; MOST], count: usize, factors: &[f64; MOST]) -> f64 {
    (0..count)
        .map(|row| {
            let sum: f64 = (0..count).map(|index| triangle[index][row] * factors[index]).sum();
            (right[row] - sum).powi(2)
        })
        .sum()
}

pub(super) fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

pub(super) fn subtract(from: &mut [f64], share: f64, direction: &[f64]) {
    for (value, step) in from.iter_mut().zip(direction) {
        *value -= share * step;
    }
}
