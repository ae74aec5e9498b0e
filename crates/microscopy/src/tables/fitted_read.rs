//! Reads the table of fits again, ours or PyAMA's.

use std::path::Path;

use super::traces::{Fields, bad_line};
use super::{TableError, text};
use crate::fit::Quality;

/// The columns before the parameters.
const COLUMNS: [&str; 5] = ["fov", "cell", "model_type", "success", "r_squared"];

/// A table of fits: one model, and the parameters of each cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FittedTable {
    /// The name of the model; empty where the table has no rows.
    pub model: String,
    /// The names of the fitted parameters.
    pub parameters: Vec<String>,
    /// One for each trace, in the order of the table.
    pub cells: Vec<FittedCell>,
}

/// The fit of one trace, as far as the table has it.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedCell {
    /// Number of the field of view.
    pub fov: usize,
    /// The id of the cell, from 1.
    pub cell: u32,
    /// Whether the solver converged.
    pub success: bool,
    /// Coefficient of determination, 0 to 1; NaN where it is missing.
    pub r_squared: f64,
    /// The fitted parameters, in the order of the table; NaN where one is missing.
    pub values: Vec<f64>,
}

impl FittedTable {
    /// How many fits are good, fair and poor; one that failed counts as poor.
    pub fn classes(&self) -> [usize; 3] {
        let count = |class: Quality| self.cells.iter().filter(|cell| cell.quality() == class).count();
        [count(Quality::Good), count(Quality::Fair), count(Quality::Poor)]
    }

    /// How many traces could not be fitted.
    pub fn failed(&self) -> usize {
        self.cells.iter().filter(|cell| !cell.success).count()
    }

    /// The values of one parameter, of the fits that succeeded. None: the table has no such parameter.
    pub fn values(&self, parameter: &str) -> Option<Vec<f64>> {
        let at = self.parameters.iter().position(|name| name == parameter)?;
        Some(self.cells.iter().filter(|cell| cell.success).map(|cell| cell.values[at]).collect())
    }
}

impl FittedCell {
    /// The class of the fit by its R².
    pub fn quality(&self) -> Quality {
        if self.success { Quality::of(self.r_squared) } else { Quality::Poor }
    }
}

/// Whether the first line of a file is that of a table of fits.
pub fn is_fitted(first_line: &str) -> bool {
    let mut columns = first_line.trim_start_matches('\u{feff}').split(',').map(str::trim);
    COLUMNS.iter().all(|name| columns.next() == Some(*name))
}

/// Reads a table of fits. Every column after `r_squared` is a parameter.
///
/// # Errors
/// It cannot be read, is no table of fits, or a value makes no sense.
pub fn read_fitted(path: &Path) -> Result<FittedTable, TableError> {
    let content = text::read(path, text::MAX_CSV)?;
    let mut builder = csv::ReaderBuilder::new();
    let mut reader = builder.trim(csv::Trim::All).from_reader(content.as_bytes());
    let header = reader.headers().map_err(|error| bad_line(path, 1, &error))?.clone();
    let missing = |(at, name): &(usize, &&str)| header.get(*at) != Some(**name);
    if let Some((_, column)) = COLUMNS.iter().enumerate().find(missing) {
        let found = header.iter().map(str::to_owned).collect();
        return Err(TableError::NoColumn { path: path.to_owned(), column: (*column).to_owned(), found });
    }
    let mut table = FittedTable {
        parameters: header.iter().skip(COLUMNS.len()).map(str::to_owned).collect(),
        ..FittedTable::default()
    };
    for record in reader.records() {
        let line = table.cells.len() + 2;
        let record = record.map_err(|error| bad_line(path, line, &error))?;
        let fields = Fields { record: &record, header: &header, path, line };
        if table.model.is_empty() {
            table.model = record.get(2).unwrap_or_default().to_owned();
        }
        table.cells.push(FittedCell {
            fov: fields.whole(0)? as usize,
            cell: fields.whole(1)?,
            success: fields.truth(3)?,
            r_squared: fields.number(4)?,
            values: (COLUMNS.len()..header.len()).map(|at| fields.number(at)).collect::<Result<_, _>>()?,
        });
    }
    Ok(table)
}
