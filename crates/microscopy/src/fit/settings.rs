//! What a person sets: checked against the model, with an error that names what to mend.

use super::models::MODELS;
use super::{FitSettings, Model};

/// Most searches that may be asked for; more never helped and only take time.
const MOST_STARTS: usize = 1000;

/// Why a fit cannot be tried.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FitError {
    /// No model has this name.
    #[error("there is no model {name:?}; did you mean {nearest:?}? The models are {known}")]
    UnknownModel {
        /// The name that was given.
        name: String,
        /// The most similar name.
        nearest: &'static str,
        /// All names that are known.
        known: String,
    },
    /// The model has no parameter of this name.
    #[error(
        "model {model:?} has no parameter {name:?}; did you mean {nearest:?}? Its parameters are {known}"
    )]
    UnknownParameter {
        /// The name of the model.
        model: &'static str,
        /// The name that was given.
        name: String,
        /// The most similar name.
        nearest: &'static str,
        /// All names that are known.
        known: String,
    },
    /// A parameter is set twice.
    #[error("the {what} of parameter {name:?} are given more than once; leave only one of them")]
    Repeated {
        /// The name of the parameter.
        name: &'static str,
        /// What is given twice: `values` or `bounds`.
        what: &'static str,
    },
    /// A value is not a finite number.
    #[error("the value {value} of parameter {name:?} is not a finite number; give a number")]
    NotFinite {
        /// The name of the parameter.
        name: &'static str,
        /// The value that was given.
        value: f64,
    },
    /// A bound is not a number, or the lower bound is not below the upper one.
    #[error(
        "the bounds {least}..{greatest} of parameter {name:?} are not in order; give two numbers, the smaller one first"
    )]
    Bounds {
        /// The name of the parameter.
        name: &'static str,
        /// The lower bound that was given.
        least: f64,
        /// The upper bound that was given.
        greatest: f64,
    },
    /// A start value lies outside the bounds.
    #[error(
        "parameter {name:?} starts at {start}, outside its bounds {least}..{greatest}; set a start inside or wider bounds"
    )]
    StartOutside {
        /// The name of the parameter.
        name: &'static str,
        /// The start value of the search.
        start: f64,
        /// The lower bound that was given.
        least: f64,
        /// The upper bound that was given.
        greatest: f64,
    },
    /// The number of starts is zero or too large.
    #[error("{starts} starts cannot be tried; give 1 to {MOST_STARTS}")]
    Starts {
        /// The number that was given.
        starts: usize,
    },
}

/// A model with the values and bounds of each of its parameters.
#[derive(Debug)]
pub(super) struct Settled {
    pub model: &'static Model,
    pub values: Vec<f64>,
    pub bounds: Vec<Option<[f64; 2]>>,
}

pub(super) fn settle(name: &str, settings: &FitSettings) -> Result<Settled, FitError> {
    let names: Vec<&'static str> = MODELS.iter().map(|model| model.name).collect();
    let model = MODELS.iter().find(|model| model.name == name).ok_or_else(|| FitError::UnknownModel {
        name: name.to_owned(),
        nearest: nearest(name, &names),
        known: names.join(", "),
    })?;
    let mut values: Vec<f64> = model.parameters.iter().map(|parameter| parameter.start).collect();
    let mut bounds: Vec<Option<[f64; 2]>> =
        model.parameters.iter().map(|parameter| parameter.bounds).collect();
    let mut seen = vec![false; values.len()];
    for (name, value) in &settings.values {
        let index = find(model, name, &mut seen, "values")?;
        let name = model.parameters[index].name;
        if !value.is_finite() {
            return Err(FitError::NotFinite { name, value: *value });
        }
        values[index] = *value;
    }
    seen.fill(false);
    for (name, [least, greatest]) in &settings.bounds {
        let index = find(model, name, &mut seen, "bounds")?;
        let name = model.parameters[index].name;
        // Infinite bounds would leave the search without a scale, so they are refused with NaN.
        if !(least < greatest && least.is_finite() && greatest.is_finite()) {
            return Err(FitError::Bounds { name, least: *least, greatest: *greatest });
        }
        bounds[index] = Some([*least, *greatest]);
    }
    for (index, parameter) in model.parameters.iter().enumerate() {
        if let Some([least, greatest]) = bounds[index]
            && !(least..=greatest).contains(&values[index])
        {
            return Err(FitError::StartOutside {
                name: parameter.name,
                start: values[index],
                least,
                greatest,
            });
        }
    }
    if let Some(starts) = settings.starts.filter(|starts| !(1..=MOST_STARTS).contains(starts)) {
        return Err(FitError::Starts { starts });
    }
    Ok(Settled { model, values, bounds })
}

fn find(model: &'static Model, name: &str, seen: &mut [bool], what: &'static str) -> Result<usize, FitError> {
    let names: Vec<&'static str> = model.parameters.iter().map(|parameter| parameter.name).collect();
    let index = names.iter().position(|known| *known == name).ok_or_else(|| FitError::UnknownParameter {
        model: model.name,
        name: name.to_owned(),
        nearest: nearest(name, &names),
        known: names.join(", "),
    })?;
    if std::mem::replace(&mut seen[index], true) {
        return Err(FitError::Repeated { name: names[index], what });
    }
    Ok(index)
}

/// The most similar of `names`; upper and lower case count as equal.
fn nearest(name: &str, names: &[&'static str]) -> &'static str {
    let name = name.to_lowercase();
    let similarity = |known: &str| strsim::jaro_winkler(&name, &known.to_lowercase());
    names
        .iter()
        .copied()
        .max_by(|left, right| similarity(left).total_cmp(&similarity(right)))
        .unwrap_or_default()
}
