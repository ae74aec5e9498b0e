//! What a file yields: points, and lines that could not be read, with the reason.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Characters of a bad line that are kept for showing it.
const SHOWN_CHARACTERS: usize = 120;

/// Bytes that the name of a channel may have.
pub const LONGEST_NAME: usize = 128;

/// One value of a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The name of the column or key.
    pub channel: Arc<str>,
    /// Nanoseconds since 1970-01-01 UTC.
    pub time_ns: i64,
    /// Always finite, in the unit in which the file has it.
    pub value: f64,
}

/// A line, or one value of it, that was not taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BadLine {
    /// The line's number in its file, from 1.
    pub line: u64,
    /// Why it was not taken.
    pub reason: Reason,
    /// The first 120 characters of the line, control characters as spaces.
    pub text: String,
}

impl BadLine {
    pub(crate) fn new(line: u64, reason: Reason, bytes: &[u8]) -> BadLine {
        let shown = &bytes[..bytes.len().min(4 * SHOWN_CHARACTERS)];
        let text = String::from_utf8_lossy(shown);
        let text =
            text.chars().take(SHOWN_CHARACTERS).map(|c| if c.is_control() { ' ' } else { c }).collect();
        BadLine { line, reason, text }
    }
}

/// Why a line or a value was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    #[error("longer than {limit} bytes: raise `max_line_bytes`, or end lines with a line feed")]
    /// No line feed within the limit, in bytes.
    TooLong {
        /// Bytes that a line may have.
        limit: usize,
    },
    #[error("{found} fields, and {expected} columns: nothing of the line was taken")]
    /// The line does not have one field for each column.
    Fields {
        /// Fields of the line.
        found: usize,
        /// Columns of the header or of the settings.
        expected: usize,
    },
    #[error("a quoted field does not end on its line")]
    /// A quotation mark without its partner.
    Quote,
    #[error("`{column}` is not a number")]
    /// Text where a number was expected.
    NotANumber {
        /// The column or key.
        column: String,
    },
    #[error("`{column}` is not finite (NaN or Inf)")]
    /// NaN, Inf, or a number too large for 64-bit floating point.
    NotFinite {
        /// The column or key.
        column: String,
    },
    #[error(
        "`{column}` has a point although numbers have a decimal comma: thousands separators are not read"
    )]
    /// A decimal point and a decimal comma in one file.
    Ambiguous {
        /// The column or key.
        column: String,
    },
    #[error("no time: the column or key `{column}` is empty or missing")]
    /// The line has no time.
    NoTime {
        /// The column or key.
        column: String,
    },
    #[error("the time `{text}` cannot be read: see the setting `time`")]
    /// The time does not have the form of the setting.
    Time {
        /// The time as the file has it.
        text: String,
    },
    #[error("the time `{text}` is before 1990 or after 2200: another unit or epoch? See the setting `time`")]
    /// A time outside what a measurement can have.
    TimeRange {
        /// The time as the file has it.
        text: String,
    },
    #[error("values before a header with the names of the columns")]
    /// The first line has values where names were expected.
    NoHeader,
    #[error("the header has no column `{column}`, which the setting `time_column` names")]
    /// The column of the time is missing.
    NoTimeColumn {
        /// The name in the settings.
        column: String,
    },
    #[error("not JSON: {what}")]
    /// The line or document is not JSON.
    Json {
        /// What the JSON reader found, and where.
        what: String,
    },
    #[error("not a JSON object with values")]
    /// JSON, but neither an object nor an array of objects.
    NotAnObject,
    #[error("`{column}` occurs twice")]
    /// A key that an object has twice.
    Twice {
        /// The key, with those above it.
        column: String,
    },
    #[error("the document ends in the middle")]
    /// A JSON document without its end.
    CutOff,
    #[error("UTF-16 text: write UTF-8")]
    /// A byte order mark of UTF-16.
    Utf16,
    #[error("the header's `{key}` cannot be read")]
    /// A line of a LabVIEW header.
    Header {
        /// The key of the line.
        key: String,
    },
    #[error("the line went on after it was taken as the last one: raise `unterminated_ms`")]
    /// A last line without line feed that grew later.
    Continued,
}

/// What a reader of columns noticed, apart from bad lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnNotice {
    /// Two columns of one name: neither is taken.
    Twice(Arc<str>),
    /// A header has a column that the header before it did not have.
    New(Arc<str>),
    /// A header lacks a column that the header before it had.
    Vanished(Arc<str>),
    /// A truncated file went on without a header: its former columns hold.
    HeaderKept,
    /// More channels than the limit: the named one and others are left out.
    TooMany(Arc<str>),
}

impl fmt::Display for ColumnNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ColumnNotice::Twice(name) => write!(f, "two columns are called `{name}`: neither is taken"),
            ColumnNotice::New(name) => write!(f, "the column `{name}` is new"),
            ColumnNotice::Vanished(name) => write!(f, "the column `{name}` is gone"),
            ColumnNotice::HeaderKept => {
                write!(f, "truncated, and goes on without a header: the columns are those of before")
            }
            ColumnNotice::TooMany(name) => {
                write!(f, "more channels than `max_channels`: `{name}` is left out")
            }
        }
    }
}

/// The names of all channels of a source: each name is stored once, and their number is bounded.
#[derive(Debug)]
pub struct Channels {
    names: HashSet<Arc<str>>,
    limit: usize,
}

impl Channels {
    /// An empty table for at most `limit` channels.
    pub fn new(limit: usize) -> Channels {
        Channels { names: HashSet::new(), limit }
    }

    /// The shared name, or `None` where the table is full.
    pub(crate) fn intern(&mut self, name: &str) -> Option<Arc<str>> {
        if let Some(known) = self.names.get(name) {
            return Some(Arc::clone(known));
        }
        if self.names.len() >= self.limit {
            return None;
        }
        let shared: Arc<str> = Arc::from(name);
        self.names.insert(Arc::clone(&shared));
        Some(shared)
    }
}
