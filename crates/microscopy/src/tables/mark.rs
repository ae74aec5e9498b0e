//! The judgement of a person: a trace is good or not. PyAMA's viewer keeps it in a copy of the table of traces.

use std::path::{Path, PathBuf};

use super::traces::{Fields, bad_line};
use super::{TableError, text};

/// The copy of the table `traces` that holds what a person has judged, whether it is there or not.
pub fn inspected_path(traces: &Path) -> PathBuf {
    let stem = traces.file_stem().unwrap_or_default().to_string_lossy();
    traces.with_file_name(format!("{stem}_inspected.csv"))
}

/// The text of the table at `path` with `good` changed in every row of `cell`; everything else stays as it is.
///
/// # Errors
/// It cannot be read, has no column `cell` or `good`, or has no row of that cell.
pub fn marked(path: &Path, cell: u32, good: bool) -> Result<Vec<u8>, TableError> {
    let content = text::read(path, text::MAX_CSV)?;
    let mut reader = csv::Reader::from_reader(content.as_bytes());
    let header = reader.headers().map_err(|error| bad_line(path, 1, &error))?.clone();
    let column = |name: &str| {
        header.iter().position(|known| known.trim() == name).ok_or_else(|| TableError::NoColumn {
            path: path.to_owned(),
            column: name.to_owned(),
            found: header.iter().map(str::to_owned).collect(),
        })
    };
    let (cell_at, good_at) = (column("cell")?, column("good")?);
    let mut writer = csv::Writer::from_writer(Vec::with_capacity(content.len() + 1024));
    let written = |error| TableError::Io { path: path.to_owned(), source: csv::Error::into(error) };
    writer.write_record(&header).map_err(written)?;
    let (mut found, mut line) = (false, 1);
    for record in reader.records() {
        line += 1;
        let record = record.map_err(|error| bad_line(path, line, &error))?;
        let fields = Fields { record: &record, header: &header, path, line };
        let is_cell = fields.whole(cell_at)? == cell;
        found |= is_cell;
        let flag = if good { "True" } else { "False" };
        let each = record.iter().enumerate();
        let row = each.map(|(at, field)| if is_cell && at == good_at { flag } else { field });
        writer.write_record(row).map_err(written)?;
    }
    if !found {
        return Err(TableError::NoCell { path: path.to_owned(), cell });
    }
    writer.into_inner().map_err(|error| TableError::Io { path: path.to_owned(), source: error.into_error() })
}
