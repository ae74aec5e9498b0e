//! Traces and tables of the shared data, and traces that a test makes itself.

use std::collections::BTreeMap;

use ocellus_microscopy::fit::{FitSettings, Fitter};

/// A field of view and a cell.
pub type Cell = (u32, u32);

/// Hours and values of a trace; a missing value is not a number.
pub type Trace = (Vec<f64>, Vec<f64>);

fn text(name: &str) -> String {
    let folder = crate::data::data(&["microscopy"]).expect("the shared data is there");
    let path = folder.join("microscopy/fit_ref").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows of a table by cell, as text by column.
pub fn table(name: &str) -> BTreeMap<Cell, BTreeMap<String, String>> {
    let text = text(name);
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = |line: &str| {
        let row: BTreeMap<String, String> =
            header.iter().zip(line.split(',')).map(|(name, field)| ((*name).into(), field.into())).collect();
        ((row["fov"].parse().unwrap(), row["cell"].parse().unwrap()), row)
    };
    lines.map(row).collect()
}

/// A number in a row; None where the field is empty.
pub fn number(row: &BTreeMap<String, String>, column: &str) -> Option<f64> {
    let field = row.get(column)?;
    (!field.is_empty()).then(|| field.parse().unwrap())
}

/// All traces of an input file, minutes made hours.
pub fn traces(name: &str) -> BTreeMap<Cell, Trace> {
    let mut traces: BTreeMap<Cell, Trace> = BTreeMap::new();
    for line in text(name).lines().skip(2) {
        let fields: Vec<&str> = line.split(',').collect();
        let trace = traces.entry((fields[1].parse().unwrap(), fields[2].parse().unwrap())).or_default();
        trace.0.push(fields[0].parse::<f64>().unwrap() / 60.0);
        trace.1.push(if fields[3].is_empty() { f64::NAN } else { fields[3].parse().unwrap() });
    }
    assert!(!traces.is_empty(), "{name} holds traces");
    traces
}

/// Settings as a person gives them.
pub fn settings(values: &[(&str, f64)], bounds: &[(&str, [f64; 2])]) -> FitSettings {
    FitSettings {
        values: values.iter().map(|(name, value)| ((*name).into(), *value)).collect(),
        bounds: bounds.iter().map(|(name, bounds)| ((*name).into(), *bounds)).collect(),
        starts: None,
    }
}

/// A small generator of random numbers (SplitMix64), so that a seed gives the same traces for ever.
pub struct Random(pub u64);

impl Random {
    /// A number from 0 to 1.
    pub fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn between(&mut self, least: f64, greatest: f64) -> f64 {
        least + (greatest - least) * self.share()
    }

    /// A number whose logarithm is evenly spread.
    pub fn scaled(&mut self, least: f64, greatest: f64) -> f64 {
        self.between(least.ln(), greatest.ln()).exp()
    }

    /// A normal number (Box-Muller).
    pub fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.share()).ln()).sqrt() * (std::f64::consts::TAU * self.share()).cos()
    }
}

/// Parameters of a typical cell of a model, in the order of its fitted parameters.
pub fn parameters(model: &str, random: &mut Random) -> Vec<f64> {
    match model {
        "maturation" => vec![
            random.between(-0.8, 0.95),
            random.scaled(50.0, 2e4),
            random.scaled(0.02, 0.6),
            random.between(-300.0, 5000.0),
        ],
        "maturation_free" => vec![
            random.between(0.05, 0.95),
            random.scaled(100.0, 2e4),
            random.scaled(0.3, 3.0),
            random.scaled(0.02, 0.4),
            random.scaled(2e-3, 0.05),
            random.between(-300.0, 2000.0),
        ],
        "trivial" => vec![
            random.between(0.5, 6.0),
            random.scaled(50.0, 4e3),
            random.scaled(0.08, 0.5),
            random.scaled(0.01, 0.07),
            random.between(-300.0, 2000.0),
        ],
        "maturation_blocked" => vec![
            random.between(0.05, 0.95),
            random.scaled(50.0, 5e3),
            random.scaled(100.0, 5e3),
            random.scaled(0.3, 3.0),
            random.scaled(2e-3, 0.1),
            random.between(-300.0, 2000.0),
        ],
        "exponential_decay" => vec![
            random.between(0.5, 12.0),
            random.scaled(100.0, 5e3),
            random.scaled(0.02, 0.7),
            random.between(-300.0, 900.0),
        ],
        other => panic!("no typical cell of {other:?}"),
    }
}

/// The model's curve with noise, a share of its greatest swing.
pub fn noisy(fitter: &Fitter, truth: &[f64], hours: &[f64], noise: f64, random: &mut Random) -> Vec<f64> {
    let mut values = fitter.curve(truth, hours);
    let (least, greatest) =
        values.iter().fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
    values.iter_mut().for_each(|value| *value += noise * (greatest - least) * random.normal());
    values
}
