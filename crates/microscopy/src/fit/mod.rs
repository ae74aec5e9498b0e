//! Models of expression, and their fits to traces. Times are hours.
//!
//! Factors of the curve (`ktl`, `G0`, `Gu0`, `amplitude`, `offset`) are solved exactly for each onset and rate that is
//! tried; onsets and rates are searched from a grid of starts. The same trace always gives the same fit.

mod linear;
mod models;
mod report;
mod settings;
mod solve;
mod starts;

pub use settings::FitError;

use models::{Formula, MODELS, Role, role};
use solve::{Axis, Buffers, Factor, Problem};

/// A parameter of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// The name in tables and options.
    pub name: &'static str,
    /// Start value; of a fixed parameter, its value.
    pub start: f64,
    /// Least and greatest value; None: fixed.
    pub bounds: Option<[f64; 2]>,
}

/// A model: a formula and its parameters.
#[derive(Debug)]
pub struct Model {
    /// The name in tables and options.
    pub name: &'static str,
    /// Its parameters, in the order of the tables; fitted ones first.
    pub parameters: &'static [Parameter],
    formula: Formula,
}

/// What a person sets otherwise than the model's defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FitSettings {
    /// Values: of fixed parameters their value, of fitted ones the start.
    pub values: Vec<(String, f64)>,
    /// Bounds of fitted parameters.
    pub bounds: Vec<(String, [f64; 2])>,
    /// Starts; 1 is the model's own start only. None: the model's default.
    pub starts: Option<usize>,
}

/// How good a fit is, by its R².
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    /// R² is greater than 0.9.
    Good,
    /// R² is greater than 0.7.
    Fair,
    /// R² of 0.7 or less, or no fit.
    Poor,
}

/// The fit of one trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// Whether the solver converged on enough points.
    pub success: bool,
    /// Coefficient of determination, 0 to 1.
    pub r_squared: f64,
    /// The class of the fit by its R².
    pub quality: Quality,
    /// Sum of squared residuals.
    pub ssr: f64,
    /// The fitted parameters, in the model's order.
    pub values: Vec<f64>,
    /// Standard error of each, from the covariance at the optimum; None: on a bound, not identifiable, or no more
    /// points than parameters.
    pub errors: Vec<Option<f64>>,
    /// Whether each lies on a bound.
    pub on_bound: Vec<bool>,
    /// Whether the data leave each open: the others imitate its effect on the curve (all but 1e-5 of it), its standard
    /// error is larger than the parameter itself (of `t0`: than the whole trace; `offset` is exempt), or rates can be
    /// exchanged within the bounds without any change of the curve (`trivial`, `maturation_free`).
    pub not_identifiable: Vec<bool>,
    /// Why it failed; none where it succeeded.
    pub message: Option<String>,
}

/// All models that can be fitted.
pub fn models() -> &'static [Model] {
    &MODELS
}

/// A model that is ready to be fitted: settings applied and checked.
#[derive(Debug)]
pub struct Fitter {
    model: &'static Model,
    /// The value or start of each parameter of the model.
    values: Vec<f64>,
    bounds: Vec<Option<[f64; 2]>>,
    /// Which parameters are fitted, and their names.
    fitted: Vec<usize>,
    names: Vec<&'static str>,
    starts: usize,
}

impl Fitter {
    /// A model by its name, with settings.
    ///
    /// # Errors
    /// An unknown model or parameter, with the nearest name; a start outside its bounds; bounds in the wrong order;
    /// numbers that are not finite; a parameter that is set twice; 0 or too many starts.
    pub fn new(model: &str, settings: &FitSettings) -> Result<Fitter, FitError> {
        let settings::Settled { model, values, bounds } = settings::settle(model, settings)?;
        let fitted: Vec<usize> = (0..values.len()).filter(|&index| bounds[index].is_some()).collect();
        let names: Vec<&'static str> = fitted.iter().map(|&index| model.parameters[index].name).collect();
        let rates = names.iter().filter(|name| role(name) == Role::Rate).count();
        let starts = settings.starts.unwrap_or(if rates > 1 { 8 } else { 4 });
        Ok(Fitter { model, values, bounds, fitted, names, starts })
    }

    /// The names of the fitted parameters.
    pub fn fitted(&self) -> &[&'static str] {
        &self.names
    }

    /// Fits a trace: hours and values; a value or hour that is not a finite number is missing. Samples may come in any
    /// order. A fit that cannot be made has `success` false, R² 0, the start values, and says why.
    pub fn fit(&self, hours: &[f64], values: &[f64]) -> Fit {
        if hours.len() != values.len() {
            return self.failure(
                f64::NAN,
                format!("{} hours do not belong to {} values", hours.len(), values.len()),
            );
        }
        let mut samples: Vec<(f64, f64)> = hours
            .iter()
            .copied()
            .zip(values.iter().copied())
            .filter(|(hour, value)| hour.is_finite() && value.is_finite())
            .collect();
        samples.sort_by(|left, right| left.0.total_cmp(&right.0));
        let (hours, values): (Vec<f64>, Vec<f64>) = samples.into_iter().unzip();
        if hours.len() < self.fitted.len() {
            let message = format!(
                "{} valid points are too few for {} parameters; leave this trace out or fix parameters",
                hours.len(),
                self.fitted.len()
            );
            return self.failure(self.ssr(&hours, &values), message);
        }
        let problem = self.problem(&hours, &values);
        let Some(point) = problem.solve(&self.values, self.starts, &mut Buffers::default()) else {
            return self.failure(
                self.ssr(&hours, &values),
                "the curve or the sum of squares is not finite; check the values and the bounds".to_owned(),
            );
        };
        let fitted: Vec<f64> = self.fitted.iter().map(|&index| point.all[index]).collect();
        let certainty = report::certainty(self, &fitted, &hours, point.cost);
        let r_squared = r_squared(&values, point.cost);
        Fit {
            success: true,
            r_squared,
            quality: Quality::of(r_squared),
            ssr: point.cost,
            values: fitted,
            errors: certainty.errors,
            on_bound: certainty.on_bound,
            not_identifiable: certainty.not_identifiable,
            message: None,
        }
    }

    /// The model's curve with `parameters` (the fitted ones, in the order of [`Fitter::fitted`]) at these hours. A
    /// parameter that is missing has its start value.
    pub fn curve(&self, parameters: &[f64], hours: &[f64]) -> Vec<f64> {
        let all = self.all(parameters);
        let mut columns: [Vec<f64>; linear::MOST] = Default::default();
        self.model.formula.columns(&all, hours, &mut columns);
        let mut curve = vec![0.0; hours.len()];
        for (index, column) in self.linear().zip(&columns) {
            linear::subtract(&mut curve, -all[index], column);
        }
        curve
    }

    /// All parameters of the model, from the fitted ones.
    fn all(&self, parameters: &[f64]) -> Vec<f64> {
        let mut all = self.values.clone();
        for (&index, value) in self.fitted.iter().zip(parameters) {
            all[index] = *value;
        }
        all
    }

    fn linear(&self) -> impl Iterator<Item = usize> {
        let is_linear = |index: &usize| role(self.model.parameters[*index].name) == Role::Linear;
        (0..self.values.len()).filter(is_linear)
    }

    fn problem<'a>(&self, hours: &'a [f64], values: &'a [f64]) -> Problem<'a> {
        let factor = |index: usize| {
            let start = self.values[index];
            Factor { index, bounds: self.bounds[index].unwrap_or([start, start]), start }
        };
        let axis = |index: usize| {
            let role = role(self.model.parameters[index].name);
            let bounds = self.bounds[index].filter(|_| role != Role::Linear)?;
            Some(Axis { index, logarithmic: role == Role::Rate && bounds[0] > 0.0, bounds })
        };
        Problem {
            formula: self.model.formula,
            axes: (0..self.values.len()).filter_map(axis).collect(),
            factors: self.linear().map(factor).collect(),
            hours,
            values,
        }
    }

    /// The sum of squared residuals of the start values.
    fn ssr(&self, hours: &[f64], values: &[f64]) -> f64 {
        let curve = self.curve(&[], hours);
        curve.iter().zip(values).map(|(curve, value)| (value - curve).powi(2)).sum()
    }

    fn failure(&self, ssr: f64, message: String) -> Fit {
        let count = self.fitted.len();
        Fit {
            success: false,
            r_squared: 0.0,
            quality: Quality::Poor,
            ssr,
            values: self.fitted.iter().map(|&index| self.values[index]).collect(),
            errors: vec![None; count],
            on_bound: vec![false; count],
            not_identifiable: vec![true; count],
            message: Some(message),
        }
    }

    /// The bounds of a fitted parameter.
    fn bounds(&self, place: usize) -> [f64; 2] {
        let index = self.fitted[place];
        self.bounds[index].unwrap_or([self.values[index]; 2])
    }

    /// The range in which the curve is smooth in a fitted parameter.
    fn reach(&self, place: usize, values: &[f64], hours: &[f64]) -> [f64; 2] {
        let bounds = self.bounds(place);
        if self.model.formula.jumps() && role(self.names[place]) == Role::Onset {
            return solve::interval(hours, values[place], bounds);
        }
        bounds
    }

    /// The size against which the standard error of a parameter is large: the parameter itself, for an onset the time
    /// between the first and the last sample, and nothing for an offset, whose zero has no meaning.
    fn extent(&self, place: usize, values: &[f64], hours: &[f64]) -> f64 {
        match role(self.names[place]) {
            Role::Onset => hours.last().zip(hours.first()).map_or(0.0, |(last, first)| last - first),
            Role::Linear if self.names[place] == "offset" => f64::INFINITY,
            _ => values[place].abs(),
        }
    }

    /// Other values of the fitted parameters, within their bounds, that give the same curve by an exchange of rates.
    fn exchanges(&self, values: &[f64]) -> Vec<Vec<f64>> {
        let all = self.all(values);
        let allowed = |other: &Vec<f64>| {
            (0..all.len()).all(|index| match self.bounds[index] {
                Some([least, greatest]) => (least..=greatest).contains(&other[index]),
                None => other[index] == all[index],
            })
        };
        let exchanged = self.model.formula.exchanges(&all);
        let fitted = |other: Vec<f64>| self.fitted.iter().map(|&index| other[index]).collect();
        exchanged.into_iter().filter(allowed).map(fitted).collect()
    }
}

impl Quality {
    /// The class of an R².
    pub fn of(r_squared: f64) -> Quality {
        if r_squared > 0.9 {
            Quality::Good
        } else if r_squared > 0.7 {
            Quality::Fair
        } else {
            Quality::Poor
        }
    }
}

/// 1 - SSR / SST cut to 0..1; 0 where all values are equal.
fn r_squared(values: &[f64], ssr: f64) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let sst: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    if sst > 0.0 { (1.0 - ssr / sst).clamp(0.0, 1.0) } else { 0.0 }
}
