//! The tables that a person made of the results: merged traces of samples, and their fits. They lie in the folder of the
//! results or in a folder in it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::Results;
use crate::microscopy::RunError;
use crate::timelapse::tables::{Curve, FittedTable, is_fitted, read_curves, read_fitted};

/// The first columns of merged traces.
const MERGED: &str = "time,fov,cell,value";
/// Longest first line that is looked at, bytes.
const MAX_LINE: u64 = 4096;

/// The merged traces of one sample and feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergedTable {
    /// The file that is meant.
    pub path: PathBuf,
    /// The number of rows in it.
    pub rows: usize,
}

/// The fits of one table of traces with one model.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedFile {
    /// The file that is meant.
    pub path: PathBuf,
    /// The traces that were fitted, where their table lies beside it under the name that it follows from.
    pub traces: Option<PathBuf>,
    /// Its model, parameters and cells.
    pub table: FittedTable,
}

impl FittedFile {
    /// The fits of one field of view, or all of them.
    pub fn of(&self, fov: Option<usize>) -> FittedTable {
        let mut table = self.table.clone();
        table.cells.retain(|cell| fov.is_none_or(|fov| fov == cell.fov));
        table
    }

    /// The traces that were fitted; none where their table is not there.
    ///
    /// # Errors
    /// The table makes no sense.
    pub fn curves(&self) -> Result<Vec<Curve>, RunError> {
        Ok(self.traces.as_deref().map(read_curves).transpose()?.unwrap_or_default())
    }
}

impl Results {
    /// The merged tables, by path.
    ///
    /// # Errors
    /// The folder or a table cannot be read.
    pub fn merged(&self) -> Result<Vec<MergedTable>, RunError> {
        let mut merged = Vec::new();
        for (path, first) in tables(&self.folder)? {
            if first.starts_with(MERGED) {
                let rows = rows(&path).map_err(|error| RunError::io("read", &path, error))?;
                merged.push(MergedTable { path, rows });
            }
        }
        Ok(merged)
    }

    /// The tables of fits, by path.
    ///
    /// # Errors
    /// The folder or a table cannot be read, or a value makes no sense.
    pub fn fits(&self) -> Result<Vec<FittedFile>, RunError> {
        let fits = tables(&self.folder)?.into_iter().filter(|(_, first)| is_fitted(first));
        let read = fits.map(|(path, _)| {
            let table = read_fitted(&path)?;
            Ok(FittedFile { traces: traces_of(&path, &table.model), path, table })
        });
        read.collect()
    }
}

/// The traces of the table `STEM_fitted_MODEL.csv`: `STEM.csv`.
fn traces_of(path: &Path, model: &str) -> Option<PathBuf> {
    let stem = path.file_stem()?.to_str()?;
    let traces = stem.strip_suffix(&format!("_fitted_{model}"))?;
    Some(path.with_file_name(format!("{traces}.csv"))).filter(|path| path.is_file())
}

/// Each CSV file in `folder` and in its folders, but not in those of fields of view and shares, with its first line
/// that is no comment; sorted by path.
fn tables(folder: &Path) -> Result<Vec<(PathBuf, String)>, RunError> {
    let list = |folder: &Path| -> Result<Vec<PathBuf>, RunError> {
        let fault = |error| RunError::io("read", folder, error);
        let entries = fs::read_dir(folder).map_err(fault)?;
        entries.map(|entry| Ok(entry.map_err(fault)?.path())).collect()
    };
    let mut paths = list(folder)?;
    let is_other = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.is_dir() && !name.starts_with("fov_") && !name.starts_with("shard-")
    };
    for inner in paths.iter().filter(|path| is_other(path)).cloned().collect::<Vec<_>>() {
        // A folder that somebody else keeps here need not be readable.
        paths.extend(list(&inner).unwrap_or_default());
    }
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "csv") && path.is_file());
    paths.sort();
    let read = paths.into_iter().map(|path| {
        let line = first_line(&path).map_err(|error| RunError::io("read", &path, error))?;
        Ok((path, line))
    });
    read.collect()
}

fn first_line(path: &Path) -> std::io::Result<String> {
    let mut reader = BufReader::new(File::open(path)?.take(MAX_LINE));
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)?;
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_start_matches('\u{feff}').trim();
        if read == 0 || !text.starts_with('#') {
            return Ok(text.to_owned());
        }
    }
}

/// Rows after the header, without comments.
fn rows(path: &Path) -> std::io::Result<usize> {
    let mut reader = BufReader::new(File::open(path)?);
    let (mut rows, mut begins, mut comment) = (0usize, true, false);
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Ok(rows.saturating_sub(1));
        }
        for byte in bytes {
            if begins {
                comment = *byte == b'#';
            }
            begins = *byte == b'\n';
            rows += usize::from(begins && !comment);
        }
        let read = bytes.len();
        reader.consume(read);
    }
}
