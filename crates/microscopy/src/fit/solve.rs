//! Variable projection: the linear parameters are solved exactly for each set of the others, which a projected
//! Levenberg-Marquardt search moves inside their bounds.

use super::linear::{self, MOST, dot, subtract};
use super::models::Formula;

/// Most steps of one search.
const STEPS: usize = 60;

/// A parameter that is searched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    /// Its index among all parameters of the model.
    pub index: usize,
    /// Whether its logarithm is searched.
    pub logarithmic: bool,
    /// Its least and greatest value.
    pub bounds: [f64; 2],
}

impl Axis {
    fn inward(&self, value: f64) -> f64 {
        if self.logarithmic { value.ln() } else { value }
    }

    fn outward(&self, value: f64) -> f64 {
        let value = if self.logarithmic { value.exp() } else { value };
        // The exponential of a logarithm misses a bound by rounding; a bound is met exactly.
        let [least, greatest] = self.bounds;
        let near = |bound: f64| self.logarithmic && (value - bound).abs() <= 4.0 * f64::EPSILON * bound.abs();
        if near(least) || value < least {
            least
        } else if near(greatest) || value > greatest {
            greatest
        } else {
            value
        }
    }
}

/// A parameter in which the model is linear.
#[derive(Clone, Copy, Debug)]
pub(super) struct Factor {
    /// Its index among all parameters of the model.
    pub index: usize,
    /// Its least and greatest value.
    pub bounds: [f64; 2],
    /// The value it keeps where the data say nothing about it.
    pub start: f64,
}

/// A trace and the model that is fitted to it.
#[derive(Debug)]
pub(super) struct Problem<'a> {
    pub formula: Formula,
    pub axes: Vec<Axis>,
    pub factors: Vec<Factor>,
    pub hours: &'a [f64],
    pub values: &'a [f64],
}

/// A point of the search: all parameters and the sum of squares.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub all: Vec<f64>,
    pub cost: f64,
    free: [bool; MOST],
}

/// Buffers that are used again from one evaluation to the next.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    columns: [Vec<f64>; MOST],
    residuals: Vec<f64>,
    slopes: Vec<Vec<f64>>,
    basis: Vec<Vec<f64>>,
}

impl Problem<'_> {
    /// Solves the linear parameters for the others in `all`; None where the curve is not finite.
    pub(super) fn evaluate(&self, mut all: Vec<f64>, buffers: &mut Buffers) -> Option<Point> {
        let count = self.factors.len();
        self.formula.columns(&all, self.hours, &mut buffers.columns);
        let mut bounds = [[0.0; 2]; MOST];
        let mut starts = [0.0; MOST];
        for (place, factor) in self.factors.iter().enumerate() {
            (bounds[place], starts[place]) = (factor.bounds, factor.start);
        }
        let columns = &buffers.columns[..count];
        let linear = linear::solve(columns, self.values, &bounds[..count], &starts[..count])?;
        buffers.residuals.clear();
        buffers.residuals.extend_from_slice(self.values);
        for (place, factor) in self.factors.iter().enumerate() {
            subtract(&mut buffers.residuals, linear.factors[place], &columns[place]);
            all[factor.index] = linear.factors[place];
        }
        let cost = dot(&buffers.residuals, &buffers.residuals);
        cost.is_finite().then_some(Point { all, cost, free: linear.free })
    }

    /// The derivatives of the curve by each axis at `point`, without what the free linear parameters can make good;
    /// leaves the residuals of `point` in the buffers.
    fn slopes(&self, point: &Point, axes: &[Axis], at: &[f64], buffers: &mut Buffers) -> Option<()> {
        self.formula.columns(&point.all, self.hours, &mut buffers.columns);
        buffers.residuals.clear();
        buffers.residuals.extend_from_slice(self.values);
        buffers.basis.clear();
        for (place, factor) in self.factors.iter().enumerate() {
            subtract(&mut buffers.residuals, point.all[factor.index], &buffers.columns[place]);
            if point.free[place] {
                let mut direction = buffers.columns[place].clone();
                let before = dot(&direction, &direction).sqrt();
                for _ in 0..2 {
                    buffers.basis.iter().for_each(|other| {
                        let share = dot(other, &direction);
                        subtract(&mut direction, share, other);
                    });
                }
                let length = dot(&direction, &direction).sqrt();
                if length > 1e-13 * before {
                    direction.iter_mut().for_each(|value| *value /= length);
                    buffers.basis.push(direction);
                }
            }
        }
        buffers.slopes.resize_with(axes.len(), Vec::new);
        for (place, axis) in axes.iter().enumerate() {
            let step = 1e-6 * if axis.logarithmic { 1.0 } else { at[place].abs().max(0.1) };
            let greatest = axis.inward(axis.bounds[1]);
            let step = if at[place] + step > greatest { -step } else { step };
            let mut all = point.all.clone();
            let moved = at[place] + step;
            all[axis.index] = if axis.logarithmic { moved.exp() } else { moved };
            self.formula.columns(&all, self.hours, &mut buffers.columns);
            let slope = &mut buffers.slopes[place];
            slope.clear();
            slope
                .extend(self.values.iter().zip(&buffers.residuals).map(|(value, residual)| residual - value));
            for (index, factor) in self.factors.iter().enumerate() {
                subtract(slope, -point.all[factor.index], &buffers.columns[index]);
            }
            slope.iter_mut().for_each(|value| *value /= step);
            for direction in &buffers.basis {
                let share = dot(direction, slope);
                subtract(slope, share, direction);
            }
            if !slope.iter().all(|value| value.is_finite()) {
                return None;
            }
        }
        Some(())
    }

    /// Searches downhill from `start` inside the bounds of `axes`, at most `steps` steps.
    pub(super) fn search(&self, start: Point, axes: &[Axis], steps: usize, buffers: &mut Buffers) -> Point {
        let mut point = start;
        let mut at: Vec<f64> = axes.iter().map(|axis| axis.inward(point.all[axis.index])).collect();
        let (mut damping, mut growth) = (1e-3, 2.0);
        let mut idle = 0;
        for _ in 0..steps {
            if self.slopes(&point, axes, &at, buffers).is_none() {
                return point;
            }
            let gradient: Vec<f64> =
                buffers.slopes.iter().map(|slope| -dot(slope, &buffers.residuals)).collect();
            let moving: Vec<usize> = (0..axes.len())
                .filter(|&place| {
                    let value = point.all[axes[place].index];
                    let [least, greatest] = axes[place].bounds;
                    gradient[place] != 0.0
                        && !(value <= least && gradient[place] > 0.0)
                        && !(value >= greatest && gradient[place] < 0.0)
                })
                .collect();
            if moving.is_empty() {
                return point;
            }
            let mut accepted = false;
            for _ in 0..12 {
                let Some(step) = damped_step(&buffers.slopes, &gradient, &moving, damping) else { break };
                let mut all = point.all.clone();
                let mut next = at.clone();
                for (&place, step) in moving.iter().zip(&step) {
                    let limit = if axes[place].logarithmic { 3.0 } else { f64::INFINITY };
                    let low = axes[place].inward(axes[place].bounds[0]);
                    let high = axes[place].inward(axes[place].bounds[1]);
                    next[place] = (at[place] + step.clamp(-limit, limit)).clamp(low, high);
                    all[axes[place].index] = axes[place].outward(next[place]);
                }
                if next == at {
                    return point;
                }
                match self.evaluate(all, buffers) {
                    Some(better) if better.cost < point.cost => {
                        idle = if point.cost - better.cost <= 1e-10 * point.cost { idle + 1 } else { 0 };
                        (point, at, accepted) = (better, next, true);
                        damping = (damping / 5.0).max(1e-12);
                        growth = 2.0;
                        break;
                    }
                    _ => {
                        damping *= growth;
                        growth *= 2.0;
                    }
                }
            }
            if !accepted || idle >= 2 {
                return point;
            }
        }
        point
    }

    /// The best point known after `starts` searches; `own` is the model's own start, which is always one of them.
    pub(super) fn solve(&self, own: &[f64], starts: usize, buffers: &mut Buffers) -> Option<Point> {
        let mut grid = if starts > 1 { self.grid(own, buffers) } else { Vec::new() };
        grid.sort_by(|left, right| left.cost.total_cmp(&right.cost));
        let mut chosen: Vec<Point> = self.evaluate(own.to_vec(), buffers).into_iter().collect();
        for point in grid {
            if chosen.len() >= starts {
                break;
            }
            if chosen.iter().all(|other| self.apart(&point, other)) {
                chosen.push(point);
            }
        }
        let mut ends: Vec<Point> = chosen
            .into_iter()
            .map(|point| {
                let axes = self.cell(&point);
                self.search(point, &axes, 8, buffers)
            })
            .collect();
        ends.sort_by(|left, right| left.cost.total_cmp(&right.cost));
        ends.truncate(if self.axes.len() > 2 { 4 } else { 2 });
        let mut best: Option<Point> = None;
        for point in ends {
            // Most searches end at the same place, which is walked to once.
            if best.as_ref().is_some_and(|best| !self.apart(&point, best) && point.cost >= best.cost) {
                continue;
            }
            let axes = self.cell(&point);
            let point = self.search(point, &axes, STEPS, buffers);
            if best.as_ref().is_none_or(|best| point.cost < best.cost) {
                best = Some(point);
            }
        }
        let best = self.neighbours(best?, buffers);
        // Where a rate is small, its logarithm is a bad coordinate: the last steps are made on the rate itself.
        let plain: Vec<Axis> =
            self.cell(&best).into_iter().map(|axis| Axis { logarithmic: false, ..axis }).collect();
        Some(self.search(best, &plain, STEPS, buffers))
    }

    /// Tries the sample intervals beside that of the onset, as long as that helps: the sum of squares has a minimum of
    /// its own in each of them.
    fn neighbours(&self, mut best: Point, buffers: &mut Buffers) -> Point {
        let Some(onset) = self.onset() else { return best };
        // The slope of the maturation curve is steady where the onset passes a sample, so a few steps show the way.
        let steps = if self.formula == Formula::Maturation { 5 } else { 20 };
        for _ in 0..16 {
            let before = best.cost;
            let [low, high] = interval(self.hours, best.all[onset.index], onset.bounds);
            for outside in [low - 1e-9 * (high - low).max(1e-3), high + 1e-9 * (high - low).max(1e-3)] {
                if outside < onset.bounds[0] || outside > onset.bounds[1] {
                    continue;
                }
                let [low, high] = interval(self.hours, outside, onset.bounds);
                let mut all = best.all.clone();
                all[onset.index] = f64::midpoint(low, high);
                if let Some(point) = self.evaluate(all, buffers) {
                    let axes = self.cell(&point);
                    let point = self.search(point, &axes, steps, buffers);
                    if point.cost < best.cost {
                        best = point;
                    }
                }
            }
            if best.cost >= before * (1.0 - 1e-9) {
                break;
            }
        }
        best
    }

    fn onset(&self) -> Option<Axis> {
        let first = self.axes.first()?;
        // The onset is the first parameter of every model.
        (first.index == 0).then_some(*first)
    }

    /// The axes as a search from `point` may move them: where the curve jumps, the onset stays between two samples.
    fn cell(&self, point: &Point) -> Vec<Axis> {
        let mut axes = self.axes.clone();
        if let (true, Some(onset)) = (self.formula.jumps(), self.onset()) {
            axes[0].bounds = interval(self.hours, point.all[onset.index], onset.bounds);
        }
        axes
    }
}

/// The times around `onset` between which no sample lies, within `bounds`. The curve leaves out a sample at the onset
/// itself, so the lower end belongs to the interval and the upper does not. `hours` are sorted.
pub(super) fn interval(hours: &[f64], onset: f64, bounds: [f64; 2]) -> [f64; 2] {
    let after = hours.partition_point(|hour| *hour <= onset);
    let sample = if after > 0 { hours[after - 1] } else { f64::NEG_INFINITY };
    let low = sample.max(bounds[0]);
    let high = hours.get(after).map_or(f64::INFINITY, |hour| hour - 1e-9 * (hour - low).abs());
    [low, high.min(bounds[1]).max(low)]
}

/// The step of the damped normal equations over the axes that move.
fn damped_step(slopes: &[Vec<f64>], gradient: &[f64], moving: &[usize], damping: f64) -> Option<Vec<f64>> {
    let count = moving.len();
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(count);
    // Scaled to a diagonal of ones, so that the damping means the same for every axis.
    let lengths: Vec<f64> = moving.iter().map(|&place| dot(&slopes[place], &slopes[place]).sqrt()).collect();
    for (row, &left) in moving.iter().enumerate() {
        let mut line: Vec<f64> = moving
            .iter()
            .enumerate()
            .map(|(column, &right)| dot(&slopes[left], &slopes[right]) / (lengths[row] * lengths[column]))
            .collect();
        line[row] += damping;
        line.push(-gradient[left] / lengths[row]);
        rows.push(line);
    }
    let mut step = eliminate(&mut rows)?;
    step.iter_mut().zip(&lengths).for_each(|(step, length)| *step /= length);
    step.iter().all(|step| step.is_finite()).then_some(step)
}

/// Solves a positive definite system whose last column is the right side; None where it is not positive definite.
fn eliminate(rows: &mut [Vec<f64>]) -> Option<Vec<f64>> {
    let count = rows.len();
    for pivot in 0..count {
        let (above, below) = rows.split_at_mut(pivot + 1);
        let head = &above[pivot];
        if head[pivot].is_nan() || head[pivot] <= 0.0 {
            return None;
        }
        for row in below {
            let share = row[pivot] / head[pivot];
            subtract(row, share, head);
        }
    }
    let mut solution = vec![0.0; count];
    for (index, row) in rows.iter().enumerate().rev() {
        let known = dot(&row[index + 1..count], &solution[index + 1..]);
        solution[index] = (row[count] - known) / row[index];
    }
    Some(solution)
}
