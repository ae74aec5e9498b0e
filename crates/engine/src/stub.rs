//! A substitute for a runtime, for tests and for machines that have none: outputs are what a small TOML
//! file says, quantised as it says, the same every time.
//!
//! ```toml
//! run_us = 1000                     # each run keeps its core busy for so long; 0 by default
//! slow_from = 20                    # the runs of a session before this one are instant; 1 (the first) by default
//! fail = "out of memory"            # each run after the warm-up fails with this; absent: none does
//! operators = 10                    # operators of the model; absent: its delegate is not known
//! cpu_operators = ["FFT"]           # those that its delegate leaves to the CPU; none by default
//! [[input]]
//! name = "image"
//! shape = [1, 4, 4, 3]
//! dtype = "u8"                      # u8, i8, i32, i64, f32
//! [[output]]
//! name = "scores"
//! shape = [1, 3]
//! dtype = "u8"
//! scale = 0.00390625                # 0 by default: not quantised
//! zero_point = 0
//! values = [0.1, 0.7, 0.2]          # real values; shorter lists are repeated; absent: zeros
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use toml::{Table, Value};

use ocellus_image::Dtype;

use super::{Coverage, RunError, Session, TensorInfo};

/// Why the stub's description is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StubError {
    /// The text is not TOML; the parser's message.
    #[error("not the TOML of a stub model: {0}")]
    Toml(String),
    /// A key is missing or wrong.
    #[error("stub model, {table} {index}: key {key} is missing or not {expected}")]
    Key {
        /// The table: `input` or `output`.
        table: &'static str,
        /// Which of them, from 0.
        index: usize,
        /// The key that is missing or wrong.
        key: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// Neither inputs nor outputs.
    #[error("stub model: needs at least one [[input]] and one [[output]]")]
    Empty,
}

/// A stub model, read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StubModel {
    pub inputs: Vec<TensorInfo>,
    pub outputs: Vec<TensorInfo>,
    /// Bytes of each output.
    bytes: Vec<Vec<u8>>,
    run: Duration,
    slow_from: u64,
    fail: Option<String>,
    coverage: Coverage,
}

impl StubModel {
    /// Reads the description from its TOML text.
    pub fn parse(text: &str) -> Result<StubModel, StubError> {
        let doc: Table = text.parse().map_err(|e: toml::de::Error| StubError::Toml(e.message().into()))?;
        let list = |key| doc.get(key).and_then(Value::as_array).map_or(Vec::new(), |list| collect(list));
        let (ins, outs) = (list("input"), list("output"));
        if ins.is_empty() || outs.is_empty() {
            return Err(StubError::Empty);
        }
        let infos = |name, tables: &[&Table]| -> Result<Vec<_>, StubError> {
            tables.iter().enumerate().map(|(i, table)| tensor(name, i, table)).collect()
        };
        let (inputs, outputs) = (infos("input", &ins)?, infos("output", &outs)?);
        let bytes = outputs.iter().zip(&outs).map(|(info, table)| stored(info, table)).collect();
        let run_us = doc.get("run_us").and_then(Value::as_integer).unwrap_or(0);
        let run = Duration::from_micros(u64::try_from(run_us).unwrap_or(0));
        let slow_from = doc.get("slow_from").and_then(Value::as_integer).unwrap_or(1).unsigned_abs();
        let fail = doc.get("fail").and_then(Value::as_str).map(str::to_owned);
        let coverage = coverage(&doc);
        Ok(StubModel { inputs, outputs, bytes, run, slow_from, fail, coverage })
    }

    /// A stub of a real model's shape: outputs are zeros.
    pub fn zeros(inputs: Vec<TensorInfo>, outputs: Vec<TensorInfo>) -> StubModel {
        let bytes = outputs.iter().map(|info| vec![0; info.bytes()]).collect();
        StubModel {
            inputs,
            outputs,
            bytes,
            run: Duration::ZERO,
            slow_from: 1,
            fail: None,
            coverage: Coverage::Unknown,
        }
    }
}

/// What the stub's delegate took: all of `operators` but `cpu_operators`.
fn coverage(doc: &Table) -> Coverage {
    let count =
        doc.get("operators").and_then(Value::as_integer).and_then(|count| usize::try_from(count).ok());
    let left = doc.get("cpu_operators").and_then(Value::as_array);
    let left = left.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    count.map_or(Coverage::Unknown, |operators| Coverage::Part { operators, left })
}

fn collect(tables: &[Value]) -> Vec<&Table> {
    tables.iter().filter_map(Value::as_table).collect()
}

fn tensor(table: &'static str, index: usize, toml: &Table) -> Result<TensorInfo, StubError> {
    let wrong = |key, expected| StubError::Key { table, index, key, expected };
    let name = toml.get("name").and_then(Value::as_str).ok_or(wrong("name", "a text"))?;
    let dtype = match toml.get("dtype").and_then(Value::as_str) {
        Some("u8") => Dtype::U8,
        Some("i8") => Dtype::I8,
        Some("i32") => Dtype::I32,
        Some("i64") => Dtype::I64,
        Some("f32") => Dtype::F32,
        _ => return Err(wrong("dtype", "u8, i8, i32, i64 or f32")),
    };
    let dims = toml.get("shape").and_then(Value::as_array).ok_or(wrong("shape", "a list of sizes"))?;
    let dim = |d: &Value| d.as_integer().and_then(|d| usize::try_from(d).ok()).filter(|d| *d > 0);
    let shape = dims.iter().map(dim).collect::<Option<Vec<_>>>().ok_or(wrong("shape", "sizes above 0"))?;
    let scale = toml.get("scale").and_then(real).unwrap_or(0.0) as f32;
    let zero_point = toml.get("zero_point").and_then(Value::as_integer).unwrap_or(0) as i32;
    Ok(TensorInfo { name: name.into(), shape, dtype, scale, zero_point })
}

fn real(item: &Value) -> Option<f64> {
    item.as_float().or_else(|| item.as_integer().map(|i| i as f64))
}

/// The tensor's bytes from its real values, quantised.
fn stored(info: &TensorInfo, table: &Table) -> Vec<u8> {
    let list = table.get("values").and_then(Value::as_array);
    let values: Vec<f64> = list.map_or(Vec::new(), |list| {
        list.iter().filter_map(|v| v.as_float().or_else(|| v.as_integer().map(|i| i as f64))).collect()
    });
    let count = info.shape.iter().product();
    let mut bytes = Vec::with_capacity(info.bytes());
    for i in 0..count {
        let value = if values.is_empty() { 0.0 } else { values[i % values.len()] };
        let scale = if info.scale == 0.0 { 1.0 } else { f64::from(info.scale) };
        let quantised = (value / scale).round() + f64::from(info.zero_point);
        match info.dtype {
            Dtype::U8 => bytes.push(quantised as u8),
            Dtype::I8 => bytes.push((quantised as i8) as u8),
            Dtype::I32 => bytes.extend((quantised as i32).to_le_bytes()),
            Dtype::I64 => bytes.extend((quantised as i64).to_le_bytes()),
            Dtype::F32 => bytes.extend((value as f32).to_le_bytes()),
        }
    }
    bytes
}

/// A session that gives the outputs of its description.
pub(crate) struct StubSession {
    name: String,
    model: Arc<StubModel>,
    inputs: Vec<Vec<u8>>,
    runs: u64,
}

impl StubSession {
    pub fn new(name: &str, model: Arc<StubModel>) -> StubSession {
        let inputs = model.inputs.iter().map(|info| vec![0; info.bytes()]).collect();
        StubSession { name: name.into(), model, inputs, runs: 0 }
    }
}

impl Session for StubSession {
    fn inputs(&self) -> &[TensorInfo] {
        &self.model.inputs
    }

    fn outputs(&self) -> &[TensorInfo] {
        &self.model.outputs
    }

    fn input_mut(&mut self, index: usize) -> &mut [u8] {
        &mut self.inputs[index]
    }

    fn run(&mut self) -> Result<(), RunError> {
        self.runs += 1;
        // Busy, not asleep: it stands for inference, which keeps a core.
        let began = Instant::now();
        while self.runs >= self.model.slow_from && began.elapsed() < self.model.run {
            std::hint::spin_loop();
        }
        match &self.model.fail {
            Some(cause) if self.runs > 1 => {
                Err(RunError { model: self.name.clone(), cause: cause.as_str().into() })
            }
            _ => Ok(()),
        }
    }

    fn output(&self, index: usize) -> &[u8] {
        &self.model.bytes[index]
    }

    fn coverage(&self) -> Coverage {
        self.model.coverage.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[[input]]\nname = \"in\"\nshape = [1, 2]\ndtype = \"u8\"\n\
        [[output]]\nname = \"out\"\nshape = [1, 3]\ndtype = \"i8\"\nscale = 0.5\nzero_point = -10\n\
        values = [0.0, 1.0, 100]\n";

    #[test]
    fn values_are_quantised_and_saturate() {
        let model = StubModel::parse(TEXT).unwrap();
        let session = StubSession::new("m", Arc::new(model));
        assert_eq!(session.output(0), [-10i8 as u8, -8i8 as u8, 127]);
    }

    #[test]
    fn a_key_of_the_wrong_kind_is_named() {
        let text = TEXT.replace("\"i8\"", "\"half\"");
        let error = StubModel::parse(&text).unwrap_err().to_string();
        assert!(error.contains("output 0") && error.contains("dtype"), "{error}");
    }
}
