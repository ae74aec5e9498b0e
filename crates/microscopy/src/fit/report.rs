//! What is known about fitted parameters: standard errors, bounds that were met, and what the data leave open.

use super::Fitter;
use super::linear::{dot, subtract};

/// Least part of a parameter's effect on the curve that the other parameters must not be able to imitate.
const OWN_SHARE: f64 = 1e-5;

/// Least difference, as a fraction, from which two values of a rate count as different.
const SAME: f64 = 1e-6;

/// What is known about each fitted parameter.
#[derive(Debug)]
pub(super) struct Certainty {
    pub errors: Vec<Option<f64>>,
    pub on_bound: Vec<bool>,
    pub not_identifiable: Vec<bool>,
}

pub(super) fn certainty(fitter: &Fitter, values: &[f64], hours: &[f64], ssr: f64) -> Certainty {
    let count = values.len();
    let on_bound: Vec<bool> = (0..count)
        .map(|index| {
            let [least, greatest] = fitter.bounds(index);
            let near = |bound: f64| {
                (values[index] - bound).abs() <= 1e-9 * bound.abs().max(1e-9 * (greatest - least))
            };
            near(least) || near(greatest)
        })
        .collect();
    let mut errors = vec![None; count];
    let mut not_identifiable = vec![false; count];
    let free: Vec<usize> = (0..count).filter(|&index| !on_bound[index]).collect();
    let slopes: Vec<Vec<f64>> = free.iter().map(|&index| slope(fitter, values, hours, index)).collect();
    let spare = hours.len().saturating_sub(free.len());
    for (place, &index) in free.iter().enumerate() {
        let own = own_part(&slopes, place);
        let length = dot(&slopes[place], &slopes[place]).sqrt();
        // Compared as a negation, so that a slope that is not a number counts as unknown.
        let known = own > OWN_SHARE * length;
        if !known {
            not_identifiable[index] = true;
        } else if spare > 0 {
            let error = (ssr / spare as f64).sqrt() / own;
            errors[index] = Some(error);
            not_identifiable[index] = error > fitter.extent(index, values, hours);
        }
    }
    for other in fitter.exchanges(values) {
        for index in 0..count {
            let difference = (other[index] - values[index]).abs();
            not_identifiable[index] |= difference > SAME * values[index].abs();
        }
    }
    Certainty { errors, on_bound, not_identifiable }
}

/// The derivative of the curve by one fitted parameter, by differences inside the bounds; where the curve jumps at its
/// onset, between the samples beside it.
fn slope(fitter: &Fitter, values: &[f64], hours: &[f64], index: usize) -> Vec<f64> {
    let [least, greatest] = fitter.reach(index, values, hours);
    let step = 1e-5 * values[index].abs().max(1e-4 * (greatest - least).min(1.0));
    let mut low = values.to_vec();
    let mut high = values.to_vec();
    low[index] = (values[index] - step).max(least);
    high[index] = (values[index] + step).min(greatest);
    let width = high[index] - low[index];
    let mut slope = fitter.curve(&high, hours);
    subtract(&mut slope, 1.0, &fitter.curve(&low, hours));
    slope.iter_mut().for_each(|value| *value /= width);
    slope
}

/// The length of what remains of a slope when all others have been projected out: the standard error of a parameter is
/// the standard deviation of the residuals divided by it.
fn own_part(slopes: &[Vec<f64>], place: usize) -> f64 {
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(slopes.len());
    let order = (0..slopes.len()).filter(|&other| other != place).chain([place]);
    for index in order {
        let mut rest = slopes[index].clone();
        let before = dot(&rest, &rest).sqrt();
        for _ in 0..2 {
            for direction in &basis {
                let share = dot(direction, &rest);
                subtract(&mut rest, share, direction);
            }
        }
        let length = dot(&rest, &rest).sqrt();
        if index == place {
            return length;
        }
        // Less than this is rounding and has no direction.
        if length > 1e-9 * before {
            rest.iter_mut().for_each(|value| *value /= length);
            basis.push(rest);
        }
    }
    0.0
}
