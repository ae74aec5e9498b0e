//! Why a table was refused.

use std::io;
use std::path::PathBuf;

/// Why a table cannot be read, or what it would lead to is refused.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The system refuses it.
    #[error("cannot read or write {}: {source}", path.display())]
    Io {
        /// The file that is meant.
        path: PathBuf,
        /// What the system reported.
        source: io::Error,
    },
    /// A table of that name is there.
    #[error("{} is there already; remove it, write into another folder, or replace it", path.display())]
    Exists {
        /// The file that is meant.
        path: PathBuf,
    },
    /// The file is larger than a table of its kind can be.
    #[error("{} has {bytes} bytes, and at most {limit} are read; is it the right file?", path.display())]
    TooLarge {
        /// The file that is meant.
        path: PathBuf,
        /// The length of the file, bytes.
        bytes: u64,
        /// The most that is read, bytes.
        limit: u64,
    },
    /// The file is not text.
    #[error("{} is not UTF-8 text; save it as UTF-8", path.display())]
    NotText {
        /// The file that is meant.
        path: PathBuf,
    },
    /// A line makes no sense.
    #[error("{}:{line}: {reason}", path.display())]
    Line {
        /// The file that is meant.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and what is expected.
        reason: String,
    },
    /// A column is missing.
    #[error("{} has no column {column:?}; it has {}", path.display(), found.join(", "))]
    NoColumn {
        /// The file that is meant.
        path: PathBuf,
        /// The name of the missing column.
        column: String,
        /// The columns that are there.
        found: Vec<String>,
    },
    /// A table has no row of a cell.
    #[error("{} has no cell {cell}; a cell that was dropped has no trace", path.display())]
    NoCell {
        /// The file that is meant.
        path: PathBuf,
        /// The id that was asked for.
        cell: u32,
    },
    /// A YAML file makes no sense.
    #[error("{}: {reason}", path.display())]
    Yaml {
        /// The file that is meant.
        path: PathBuf,
        /// What is wrong, with its place.
        reason: String,
    },
    /// A sample's name cannot be a part of a file's name.
    #[error(
        "the sample name {name:?} cannot be part of a file name; use letters, digits, spaces, `-`, `_` and `.`"
    )]
    SampleName {
        /// The name that was read.
        name: String,
    },
    /// Two samples have one name, so that one would replace the tables of the other.
    #[error("the sample {name:?} is there twice; give each sample its own name")]
    SampleTwice {
        /// The name that was read.
        name: String,
    },
    /// A sample names a field of view that has no results.
    #[error("sample {sample:?} names field of view {fov}, which has no results; there are {known:?}")]
    NoFov {
        /// The name of the sample.
        sample: String,
        /// The field of view.
        fov: usize,
        /// Those that have results.
        known: Vec<usize>,
    },
    /// A list of fields of view makes no sense.
    #[error("sample {sample:?}: {source}")]
    Fovs {
        /// The name of the sample.
        sample: String,
        /// What is wrong with the list.
        source: super::FovsError,
    },
}
