//! The table of traces of one field of view, a row for each cell and frame.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{TableError, inspected_path, text};

/// The columns before the features.
const COLUMNS: [&str; 11] = [
    "fov",
    "cell",
    "frame",
    "time",
    "good",
    "position_x",
    "position_y",
    "bbox_x0",
    "bbox_y0",
    "bbox_x1",
    "bbox_y1",
];

/// One cell in one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceRow {
    /// Number of the field of view.
    pub fov: usize,
    /// The id of the cell, from 1.
    pub cell: u32,
    /// Index of the frame.
    pub frame: usize,
    /// Minutes, or the number of the frame where the stack has no times.
    pub time: f64,
    /// Whether the trace is used.
    pub good: bool,
    /// Centre of the bounding box, x and y, pixels.
    pub position: [f64; 2],
    /// Bounding box x0, y0, x1, y1, pixels.
    pub bbox: [f64; 4],
    /// Values of the features, in the order of the table's columns.
    pub values: Vec<f64>,
}

/// The traces of one field of view.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceTable {
    /// Names of the columns after the bounding box, for instance `area_ch_0`.
    pub features: Vec<String>,
    /// Rows, sorted by cell and frame.
    pub rows: Vec<TraceRow>,
}

impl TraceTable {
    /// Writes the table as PyAMA does: six decimals, `True` and `False`; the header alone where nothing is left.
    ///
    /// # Errors
    /// Those of the system.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(COLUMNS.join(",").as_bytes())?;
        for feature in &self.features {
            write!(out, ",{feature}")?;
        }
        writeln!(out)?;
        for row in &self.rows {
            let good = if row.good { "True" } else { "False" };
            write!(out, "{},{},{},{:.6},{good}", row.fov, row.cell, row.frame, row.time)?;
            for value in row.position.iter().chain(&row.bbox).chain(&row.values) {
                // An empty field is a missing value, for pandas as for us.
                match value.is_nan() {
                    true => out.write_all(b",")?,
                    false => write!(out, ",{value:.6}")?,
                }
            }
            writeln!(out)?;
        }
        Ok(())
    }

    /// Reads a table. The order of the columns does not matter; columns that do not end in `_ch_N` are left out.
    ///
    /// # Errors
    /// It cannot be read, a column is missing, or a value makes no sense.
    pub fn read(path: &Path) -> Result<TraceTable, TableError> {
        let content = text::read(path, text::MAX_CSV)?;
        let mut lines = csv::ReaderBuilder::new();
        let mut reader = lines.trim(csv::Trim::All).from_reader(content.as_bytes());
        let header = reader.headers().map_err(|error| bad_line(path, 1, &error))?.clone();
        let column = |name: &str| {
            header.iter().position(|known| known == name).ok_or_else(|| TableError::NoColumn {
                path: path.to_owned(),
                column: name.to_owned(),
                found: header.iter().map(str::to_owned).collect(),
            })
        };
        let mut places = [0; COLUMNS.len()];
        for (place, name) in places.iter_mut().zip(COLUMNS) {
            *place = column(name)?;
        }
        let is_feature =
            |name: &str| name.rsplit_once("_ch_").is_some_and(|(_, number)| number.parse::<usize>().is_ok());
        let features: Vec<(usize, String)> = header
            .iter()
            .enumerate()
            .filter(|(_, name)| is_feature(name))
            .map(|(at, name)| (at, name.to_owned()))
            .collect();
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| bad_line(path, rows.len() + 2, &error))?;
            let line = record.position().map_or(rows.len() + 2, |position| position.line() as usize);
            let fields = Fields { record: &record, header: &header, path, line };
            let number = |at: usize| fields.number(places[at]);
            rows.push(TraceRow {
                fov: fields.whole(places[0])? as usize,
                cell: fields.whole(places[1])?,
                frame: fields.whole(places[2])? as usize,
                time: number(3)?,
                good: fields.truth(places[4])?,
                position: [number(5)?, number(6)?],
                bbox: [number(7)?, number(8)?, number(9)?, number(10)?],
                values: features.iter().map(|(at, _)| fields.number(*at)).collect::<Result<_, _>>()?,
            });
        }
        Ok(TraceTable { features: features.into_iter().map(|(_, name)| name).collect(), rows })
    }
}

/// The fields of one line.
pub(super) struct Fields<'a> {
    pub(super) record: &'a csv::StringRecord,
    pub(super) header: &'a csv::StringRecord,
    pub(super) path: &'a Path,
    pub(super) line: usize,
}

impl Fields<'_> {
    fn text(&self, at: usize) -> &str {
        self.record.get(at).unwrap_or_default()
    }

    fn refuse<T>(&self, at: usize, wanted: &str) -> Result<T, TableError> {
        let column = self.header.get(at).unwrap_or_default();
        let reason = format!("column {column}: {:?} is not {wanted}", self.text(at));
        Err(TableError::Line { path: self.path.to_owned(), line: self.line, reason })
    }

    /// A number; NaN where the field is empty.
    pub(super) fn number(&self, at: usize) -> Result<f64, TableError> {
        let text = self.text(at);
        if text.is_empty() {
            return Ok(f64::NAN);
        }
        text.parse().or_else(|_| self.refuse(at, "a number"))
    }

    /// A whole number from 0; `7.0` is one too.
    pub(super) fn whole(&self, at: usize) -> Result<u32, TableError> {
        let text = self.text(at);
        let text = text.strip_suffix(".0").unwrap_or(text);
        text.parse().or_else(|_| self.refuse(at, "a whole number"))
    }

    /// `True`, `False`, 1 or 0, in any case.
    pub(super) fn truth(&self, at: usize) -> Result<bool, TableError> {
        match self.text(at).to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => self.refuse(at, "True or False"),
        }
    }
}

/// A line that is not CSV, or has another number of fields.
pub(super) fn bad_line(path: &Path, line: usize, error: &csv::Error) -> TableError {
    let line = error.position().map_or(line, |position| position.line() as usize);
    let reason = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} fields, and the header has {expected_len}; is the line cut off?")
        }
        _ => error.to_string(),
    };
    TableError::Line { path: path.to_owned(), line, reason }
}

/// The table that a person has inspected, if there is one beside `traces`; it wins over the original everywhere.
pub fn inspected_or_original(traces: &Path) -> PathBuf {
    let inspected = inspected_path(traces);
    if inspected.is_file() { inspected } else { traces.to_owned() }
}
