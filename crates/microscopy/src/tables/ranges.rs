//! Texts like `0-3, 5`, and how fields of view are shared among workers and batches.

use std::collections::BTreeSet;
use std::ops::Range;

/// Most fields of view that a text may name.
const MAX_FOVS: usize = 1_000_000;

/// Why a list of fields of view was refused. The first texts are those of PyAMA.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FovsError {
    /// There is nothing in it.
    #[error("FOV specification cannot be empty")]
    Empty,
    /// The parts are separated by semicolons.
    #[error("Use commas to separate FOVs; semicolons are not supported")]
    Semicolon,
    /// A range without a start or an end.
    #[error("Invalid range '{0}': missing start or end value")]
    OpenRange(String),
    /// A range whose start or end is no number.
    #[error("Invalid range '{0}': values must be integers")]
    NotIntegers(String),
    /// A range that goes back.
    #[error("Invalid range '{0}': start must be <= end")]
    Backwards(String),
    /// Something that is no number.
    #[error("Invalid FOV '{0}': must be an integer")]
    NotInteger(String),
    /// More than a stack can have.
    #[error("Invalid range '{0}': more than {MAX_FOVS} FOVs")]
    TooMany(String),
}

/// The numbers in a text like `0-3, 5`, sorted, each once.
///
/// # Errors
/// The first part that makes no sense.
pub fn parse_fovs(text: &str) -> Result<Vec<usize>, FovsError> {
    if text.trim().is_empty() {
        return Err(FovsError::Empty);
    }
    if text.contains(';') {
        return Err(FovsError::Semicolon);
    }
    let mut fovs = BTreeSet::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let said = || part.to_owned();
        let Some((start, end)) = part.split_once('-') else {
            fovs.insert(part.parse().map_err(|_| FovsError::NotInteger(said()))?);
            continue;
        };
        let (start, end) = (start.trim(), end.trim());
        if start.is_empty() || end.is_empty() {
            return Err(FovsError::OpenRange(said()));
        }
        let number = |text: &str| text.parse::<usize>().map_err(|_| FovsError::NotIntegers(said()));
        let (start, end) = (number(start)?, number(end)?);
        if start > end {
            return Err(FovsError::Backwards(said()));
        }
        if end - start >= MAX_FOVS {
            return Err(FovsError::TooMany(said()));
        }
        fovs.extend(start..=end);
    }
    if fovs.is_empty() {
        return Err(FovsError::Empty);
    }
    Ok(fovs.into_iter().collect())
}

/// Cuts `n` fields of view into contiguous ranges for `workers`, the first `n % workers` one longer. There are no
/// empty ranges; no worker counts as one.
pub fn worker_ranges(n: usize, workers: usize) -> Vec<Range<usize>> {
    let workers = workers.clamp(1, n.max(1));
    let (each, longer) = (n / workers, n % workers);
    let mut from = 0;
    let ranges = (0..workers).map(|worker| {
        let length = each + usize::from(worker < longer);
        let range = from..from + length;
        from += length;
        range
    });
    ranges.filter(|range| !range.is_empty()).collect()
}

/// Cuts `n` fields of view into batches of `batch_size`, at least 1.
pub fn batches(n: usize, batch_size: usize) -> Vec<Range<usize>> {
    let size = batch_size.max(1);
    (0..n).step_by(size).map(|from| from..n.min(from.saturating_add(size))).collect()
}
