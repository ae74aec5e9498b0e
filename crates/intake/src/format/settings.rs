//! How the files of a source are read.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::time::TimeFormat;

/// The kinds of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Lines of fields, with names in a header or in the settings.
    Csv,
    /// One document: an object, or an array of objects.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// LabVIEW measurement files, text form.
    Lvm,
}

impl Format {
    /// The word that stands for it in the configuration and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Jsonl => "jsonl",
            Format::Lvm => "lvm",
        }
    }
}

/// What stands between two fields of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Separator {
    /// `,` between the fields.
    Comma,
    /// `;` between the fields.
    Semicolon,
    /// A tab between the fields.
    Tab,
}

impl Separator {
    pub(super) fn byte(self) -> u8 {
        match self {
            Separator::Comma => b',',
            Separator::Semicolon => b';',
            Separator::Tab => b'\t',
        }
    }

    /// The one that a header has most often; of equals tab before semicolon before comma.
    pub(super) fn of_header(line: &str, decimal_comma: bool) -> Separator {
        let count = |separator: Separator| line.bytes().filter(|byte| *byte == separator.byte()).count();
        let comma = if decimal_comma { 0 } else { count(Separator::Comma) };
        let (tab, semicolon) = (count(Separator::Tab), count(Separator::Semicolon));
        if tab > 0 && tab >= semicolon && tab >= comma {
            Separator::Tab
        } else if semicolon > 0 && semicolon >= comma || decimal_comma {
            Separator::Semicolon
        } else {
            Separator::Comma
        }
    }
}

/// How the files of a source are read.
#[derive(Clone, Debug)]
pub struct FormatSettings {
    /// The kind of file.
    pub format: Format,
    /// csv: the names of the columns in their order; an empty name is a column that is not taken. None: the last of the
    /// header lines has them.
    pub columns: Vec<String>,
    /// csv: lines before the first values.
    pub header_lines: u32,
    /// csv: `None` is what the header has most often.
    pub separator: Option<Separator>,
    /// csv: numbers are written `1,5`.
    pub decimal_comma: bool,
    /// What the times of lines mean.
    pub time: TimeFormat,
    /// The column or key of the time; `None` is the first column, or the key `timestamp`, `time` or `t`.
    pub time_column: Option<String>,
    /// The zone of times that are written without one.
    pub zone: TimeZone,
    /// Channels that are taken; empty takes all.
    pub channels: Vec<String>,
    /// Bytes of a line, or of one object of a JSON document.
    pub max_line_bytes: usize,
    /// Channels of the source.
    pub max_channels: usize,
}

impl FormatSettings {
    /// The defaults: a header of one line, times in seconds since 1970, UTC.
    pub fn new(format: Format) -> FormatSettings {
        FormatSettings {
            format,
            columns: Vec::new(),
            header_lines: 1,
            separator: None,
            decimal_comma: false,
            time: TimeFormat::Seconds,
            time_column: None,
            zone: TimeZone::UTC,
            channels: Vec::new(),
            max_line_bytes: 64 * 1024,
            max_channels: 256,
        }
    }

    /// Refuses settings that contradict one another.
    pub fn check(&self) -> Result<(), FormatError> {
        if self.format == Format::Csv && self.decimal_comma && self.separator == Some(Separator::Comma) {
            return Err(FormatError::CommaTwice);
        }
        if self.format == Format::Csv && self.columns.is_empty() && self.header_lines == 0 {
            return Err(FormatError::NoNames);
        }
        if let Some(name) = twice(&self.columns) {
            return Err(FormatError::ColumnTwice(name.clone()));
        }
        match &self.time_column {
            Some(name) if !self.columns.is_empty() && !self.columns.contains(name) => {
                return Err(FormatError::TimeColumn(name.clone()));
            }
            _ => {}
        }
        if !(64..=16 * 1024 * 1024).contains(&self.max_line_bytes) {
            return Err(FormatError::LineBytes(self.max_line_bytes));
        }
        if !(1..=10_000).contains(&self.max_channels) {
            return Err(FormatError::Channels(self.max_channels));
        }
        Ok(())
    }

    /// Whether the settings want the channel `name`.
    pub(super) fn takes(&self, name: &str) -> bool {
        self.channels.is_empty() || self.channels.iter().any(|channel| channel == name)
    }
}

fn twice(names: &[String]) -> Option<&String> {
    names
        .iter()
        .enumerate()
        .find(|(at, name)| !name.is_empty() && names[..*at].contains(name))
        .map(|found| found.1)
}

/// Settings that contradict one another.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    #[error(
        "a decimal comma and a comma between fields mean two things: set `separator` to semicolon or tab"
    )]
    /// The comma has two meanings.
    CommaTwice,
    #[error("no names for the columns: set `columns`, or `header_lines` to at least 1")]
    /// Neither a header nor names.
    NoNames,
    #[error("`columns` has `{0}` twice: every channel needs its own name")]
    /// Two columns of one name.
    ColumnTwice(String),
    #[error("`time_column` is `{0}`, which `columns` does not have")]
    /// The time's column is not among the columns.
    TimeColumn(String),
    #[error("`max_line_bytes` is {0}: choose 64 to 16777216")]
    /// A limit out of its range.
    LineBytes(usize),
    #[error("`max_channels` is {0}: choose 1 to 10000")]
    /// A limit out of its range.
    Channels(usize),
}
