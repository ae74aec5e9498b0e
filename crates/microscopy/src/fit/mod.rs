//! Models of expression, and their fits to traces. Times are hours.

/// A parameter of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Start value; of a fixed parameter, its value.
    pub start: f64,
    /// Least and greatest value; None: fixed.
    pub bounds: Option<[f64; 2]>,
}

/// A model: a formula and its parameters.
#[derive(Debug)]
pub struct Model {
    /// Its name.
    pub name: &'static str,
    /// Its parameters, in the order of the tables; fitted ones first.
    pub parameters: &'static [Parameter],
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
    /// R² over 0.9.
    Good,
    /// R² over 0.7.
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
    /// Its class.
    pub quality: Quality,
    /// Sum of squared residuals.
    pub ssr: f64,
    /// The fitted parameters, in the model's order.
    pub values: Vec<f64>,
    /// Standard error of each; None: not to be had.
    pub errors: Vec<Option<f64>>,
    /// Whether each lies on a bound.
    pub on_bound: Vec<bool>,
    /// Whether each cannot be told from the data.
    pub not_identifiable: Vec<bool>,
    /// Why it failed.
    pub message: Option<String>,
}

/// Why a fit cannot be tried.
#[derive(Debug, thiserror::Error)]
pub enum FitError {}

/// All models.
pub fn models() -> &'static [Model] {
    unimplemented!()
}

/// A model that is ready to be fitted: settings applied and checked.
#[derive(Debug)]
pub struct Fitter {}

impl Fitter {
    /// A model by its name, with settings.
    ///
    /// # Errors
    /// An unknown model or parameter, with the nearest name; a start outside its bounds; bounds in the wrong order.
    pub fn new(model: &str, settings: &FitSettings) -> Result<Fitter, FitError> {
        let _ = (model, settings);
        unimplemented!()
    }

    /// The names of the fitted parameters.
    pub fn fitted(&self) -> &[&'static str] {
        unimplemented!()
    }

    /// Fits a trace: hours and values; a value that is not a number is missing.
    pub fn fit(&self, hours: &[f64], values: &[f64]) -> Fit {
        let _ = (hours, values);
        unimplemented!()
    }

    /// The model's curve with `parameters` at these hours.
    pub fn curve(&self, parameters: &[f64], hours: &[f64]) -> Vec<f64> {
        let _ = (parameters, hours);
        unimplemented!()
    }
}
