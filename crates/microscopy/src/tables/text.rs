//! Reads the text of a table within a bound.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::TableError;

/// Limit of YAML files, bytes.
pub(super) const MAX_YAML: u64 = 8 << 20;
/// Limit of CSV files, bytes.
pub(super) const MAX_CSV: u64 = 1 << 30;

/// Reads a file of at most `limit` bytes, without a byte order mark.
///
/// # Errors
/// It cannot be read, is too large, or is not UTF-8.
pub(super) fn read(path: &Path, limit: u64) -> Result<String, TableError> {
    let fault = |source| TableError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(fault)?;
    let bytes = file.metadata().map_err(fault)?.len();
    if bytes > limit {
        return Err(TableError::TooLarge { path: path.to_owned(), bytes, limit });
    }
    let mut text = Vec::with_capacity(bytes as usize);
    // A file that grows meanwhile, or a pipe, has no length that could be trusted.
    file.take(limit + 1).read_to_end(&mut text).map_err(fault)?;
    if text.len() as u64 > limit {
        return Err(TableError::TooLarge { path: path.to_owned(), bytes: text.len() as u64, limit });
    }
    let text = String::from_utf8(text).map_err(|_| TableError::NotText { path: path.to_owned() })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}
