//! The tables of PyAMA's layout: traces, inspected traces, samples, merged traces, fits; and texts of ranges.
//!
//! What a person may have edited is read leniently (order of columns, line ends, a byte order mark) and refused with
//! line and column where it makes no sense. Sizes are bounded before memory is taken.

mod curves;
mod error;
mod fitted;
mod fitted_read;
mod mark;
mod merge;
mod python;
mod ranges;
mod results;
mod samples;
mod text;
mod traces;

pub use curves::{Curve, read_curves};
pub use error::TableError;
pub use fitted::{FittedRow, write_fit_details, write_fitted};
pub use fitted_read::{FittedCell, FittedTable, is_fitted, read_fitted};
pub use mark::{inspected_path, marked};
pub use merge::{MergedFile, merge};
pub use ranges::{FovsError, batches, parse_fovs, worker_ranges};
pub use results::{FovFiles, ResultsFile};
pub use samples::{Sample, read_samples};
pub use traces::{TraceRow, TraceTable, inspected_or_original};
