//! The models, their parameters, and their formulas in a form that stays exact where rates are equal.

use super::{Model, Parameter};

/// What a parameter does in its formula, which decides how it is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A time, in hours, at which the curve leaves its offset.
    Onset,
    /// A rate per hour, searched on a logarithmic scale where its bounds are positive.
    Rate,
    /// A factor of a column; solved exactly for each set of the others.
    Linear,
    /// A factor of the whole curve.
    Scale,
}

/// The formula of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Formula {
    Maturation,
    Trivial,
    Blocked,
    Decay,
}

const fn fitted(name: &'static str, start: f64, least: f64, greatest: f64) -> Parameter {
    Parameter { name, start, bounds: Some([least, greatest]) }
}

const fn fixed(name: &'static str, start: f64) -> Parameter {
    Parameter { name, start, bounds: None }
}

pub(super) static MODELS: [Model; 5] = [
    Model {
        name: "maturation",
        parameters: &[
            fitted("t0", 0.0, -1.0, 1.0),
            fitted("ktl", 1e3, 1.0, 5e8),
            fitted("delta", 1e-2, 1e-5, 11.0),
            fitted("offset", 0.0, -1e6, 1e6),
            fixed("km", 1.28),
            fixed("beta", 5.22e-3),
            fixed("scale", 1.0),
        ],
        formula: Formula::Maturation,
    },
    Model {
        name: "maturation_free",
        parameters: &[
            fitted("t0", 0.0, 0.0, 1.0),
            fitted("ktl", 1e3, 1.0, 5e8),
            fitted("km", 1.28, 1e-5, 30.0),
            fitted("delta", 1e-2, 1e-5, 11.0),
            fitted("beta", 5.22e-3, 1e-5, 10.0),
            fitted("offset", 0.0, -1e6, 1e6),
        ],
        formula: Formula::Maturation,
    },
    Model {
        name: "trivial",
        parameters: &[
            fitted("t0", 2.0, 0.0, 30.0),
            fitted("ktl", 20.0, 1.0, 1e6),
            fitted("delta", 0.07, 1e-5, 10.1),
            fitted("beta", 0.043_627_535_603_5, 1e-5, 10.0),
            fitted("offset", 0.0, -1e6, 1e6),
        ],
        formula: Formula::Trivial,
    },
    Model {
        name: "maturation_blocked",
        parameters: &[
            fitted("t0", 0.0, 0.0, 1.0),
            fitted("G0", 100.0, 0.0, 1e6),
            fitted("Gu0", 100.0, 0.0, 1e6),
            fitted("km", 1.28, 1e-5, 30.0),
            fitted("beta", 5.22e-3, 1e-5, 10.0),
            fitted("offset", 0.0, -1e6, 1e6),
        ],
        formula: Formula::Blocked,
    },
    Model {
        name: "exponential_decay",
        parameters: &[
            fitted("t0", 0.0, 0.0, 100.0),
            fitted("amplitude", 100.0, 1.0, 1e4),
            fitted("decay_rate", 0.1, 1e-3, 1.0),
            fitted("offset", 10.0, -1e3, 1e3),
        ],
        formula: Formula::Decay,
    },
];

/// The role of a parameter of any model.
pub(super) fn role(name: &str) -> Role {
    match name {
        "t0" => Role::Onset,
        "ktl" | "G0" | "Gu0" | "amplitude" | "offset" => Role::Linear,
        "scale" => Role::Scale,
        _ => Role::Rate,
    }
}

impl Formula {
    /// Whether the curve jumps at its onset, so that the sum of squares jumps where the onset passes a sample.
    pub(super) fn jumps(self) -> bool {
        matches!(self, Formula::Blocked | Formula::Decay)
    }

    /// The column of each linear parameter in the order of the model's table; `all` are all parameters of the model.
    pub(super) fn columns(self, all: &[f64], hours: &[f64], columns: &mut [Vec<f64>; 3]) {
        for column in columns.iter_mut() {
            column.clear();
        }
        let [first, second, third] = columns;
        match (self, all) {
            (Formula::Maturation, &[t0, _, delta, _, km, beta, scale]) => {
                first.extend(hours.iter().map(|hour| scale * maturation(hour - t0, km, delta, beta)));
                second.extend(hours.iter().map(|_| scale));
            }
            (Formula::Maturation, &[t0, _, km, delta, beta, _]) => {
                first.extend(hours.iter().map(|hour| maturation(hour - t0, km, delta, beta)));
                second.extend(hours.iter().map(|_| 1.0));
            }
            (Formula::Trivial, &[t0, _, delta, beta, _]) => {
                first.extend(hours.iter().map(|hour| trivial(hour - t0, delta, beta)));
                second.extend(hours.iter().map(|_| 1.0));
            }
            (Formula::Blocked, &[t0, _, _, km, beta, _]) => {
                for hour in hours {
                    let dt = hour - t0;
                    let mature = if dt > 0.0 { (-beta * dt).exp() } else { 0.0 };
                    first.push(mature);
                    second.push(if dt > 0.0 { -mature * (-km * dt).exp_m1() } else { 0.0 });
                }
                third.extend(hours.iter().map(|_| 1.0));
            }
            (Formula::Decay, &[t0, _, rate, _]) => {
                first.extend(hours.iter().map(|hour| {
                    let dt = hour - t0;
                    if dt > 0.0 { (-rate * dt).exp() } else { 0.0 }
                }));
                second.extend(hours.iter().map(|_| 1.0));
            }
            // No model of the table has another number of parameters.
            _ => {}
        }
    }

    /// Other parameters that give the same curve because the formula does not change when rates are exchanged.
    pub(super) fn exchanges(self, all: &[f64]) -> Vec<Vec<f64>> {
        match (self, all) {
            (Formula::Trivial, &[t0, ktl, delta, beta, offset]) => vec![vec![t0, ktl, beta, delta, offset]],
            (Formula::Maturation, &[t0, ktl, km, delta, beta, offset]) => {
                let rates = [beta, beta + km, delta];
                let orders = [[0, 2, 1], [1, 2, 0], [2, 0, 1], [2, 1, 0], [1, 0, 2]];
                orders
                    .iter()
                    .filter_map(|order| {
                        let [beta, high, delta] = order.map(|index| rates[index]);
                        let other = high - beta;
                        (other > 0.0).then(|| vec![t0, ktl * km / other, other, delta, beta, offset])
                    })
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}

/// `(1 - exp(-z)) / z`, also at 0.
fn phi(z: f64) -> f64 {
    if z.abs() < 1e-9 { 1.0 - z / 2.0 } else { -(-z).exp_m1() / z }
}

/// The curve of the trivial model for `ktl` = 1: the first divided difference of `exp(-x dt)` over both rates.
fn trivial(dt: f64, delta: f64, beta: f64) -> f64 {
    if dt <= 0.0 {
        return 0.0;
    }
    let (low, high) = if delta < beta { (delta, beta) } else { (beta, delta) };
    dt * (-low * dt).exp() * phi((high - low) * dt)
}

/// The curve of the maturation model for `ktl` = 1 without its scale: `km` times the second divided difference of
/// `exp(-x dt)` over the rates beta, beta + km and delta. The sum of three terms in the usual form of the formula
/// is 0/0 where two rates are equal; this form is not.
fn maturation(dt: f64, km: f64, delta: f64, beta: f64) -> f64 {
    if dt <= 0.0 {
        return 0.0;
    }
    let mut rates = [beta, beta + km, delta];
    rates.sort_by(f64::total_cmp);
    let [low, middle, high] = rates;
    let (u, v) = ((middle - low) * dt, (high - low) * dt);
    let difference = if v < 0.5 {
        // The series has positive powers only, so nothing cancels; the 12th term is below 1e-15 of the first.
        let (mut power, mut symmetric, mut factor, mut sum) = (1.0, 1.0, 0.5, 0.5);
        for k in 1..13 {
            power *= v;
            symmetric = power + u * symmetric;
            factor /= -f64::from(k + 2);
            sum += factor * symmetric;
        }
        sum
    } else {
        let lower = phi(u);
        (lower - (1.0 - u * lower) * phi(v - u)) / v
    };
    km * dt * dt * (-low * dt).exp() * difference
}
