//! Which files a scanner takes, when, and how much of them at once.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::format::{Format, FormatError, FormatSettings};

/// When a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// When its size and time of change stood still for `settle_ms`.
    Whole,
    /// As it grows, line by line; what was rotated is read to its end.
    Follow,
}

/// Bounds of one poll and of what is remembered.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Files of the folder that are known; more are refused until some are gone.
    pub max_files: usize,
    /// Entries of the folder that a poll looks at; a larger folder takes several polls.
    pub entries_per_poll: usize,
    /// Files that a poll opens.
    pub files_per_poll: usize,
    /// Bytes that a poll reads.
    pub bytes_per_poll: usize,
    /// Bad lines and notices of a poll that are kept with their text; all are counted.
    pub details_per_poll: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_files: 100_000,
            entries_per_poll: 10_000,
            files_per_poll: 500,
            bytes_per_poll: 512 * 1024,
            details_per_poll: 100,
        }
    }
}

/// Which files a scanner takes, and how.
#[derive(Clone, Debug)]
pub struct ScanSettings {
    /// The folder; folders in it are not entered.
    pub folder: PathBuf,
    /// Names with `*` and `?`; several are separated by `|`.
    pub pattern: String,
    /// When a file is read.
    pub mode: Mode,
    /// How a file is read.
    pub format: FormatSettings,
    /// Mode `whole`: how long size and time of change stand still. On FAT and SMB, where times have steps of 1 or 2 s, at
    /// least that.
    pub settle_ms: u64,
    /// How long a file stands still before a last line without line feed counts as whole (mode `follow`: of rotated files).
    pub unterminated_ms: u64,
    /// How long a file that is gone is remembered, in case that it comes back.
    pub keep_gone_ms: u64,
    /// Bounds of a poll.
    pub limits: Limits,
}

impl ScanSettings {
    /// The defaults: 100 ms to settle, 2 s for a last line without line feed, 10 min for files that are gone.
    pub fn new(
        folder: impl Into<PathBuf>,
        pattern: impl Into<String>,
        mode: Mode,
        format: FormatSettings,
    ) -> Self {
        ScanSettings {
            folder: folder.into(),
            pattern: pattern.into(),
            mode,
            format,
            settle_ms: 100,
            unterminated_ms: 2_000,
            keep_gone_ms: 600_000,
            limits: Limits::default(),
        }
    }

    /// Refuses settings that contradict one another.
    pub fn check(&self) -> Result<(), SettingsError> {
        self.format.check()?;
        super::pattern::Patterns::new(&self.pattern)?;
        if self.mode == Mode::Follow && self.format.format == Format::Json {
            return Err(SettingsError::FollowedDocument);
        }
        let enough = 4 * self.format.max_line_bytes;
        if self.limits.bytes_per_poll < enough {
            return Err(SettingsError::BytesPerPoll { bytes: self.limits.bytes_per_poll, enough });
        }
        let Limits { max_files, entries_per_poll, files_per_poll, .. } = self.limits;
        if max_files == 0 || entries_per_poll == 0 || files_per_poll == 0 {
            return Err(SettingsError::Nothing);
        }
        if self.unterminated_ms < self.settle_ms {
            return Err(SettingsError::Unterminated {
                unterminated: self.unterminated_ms,
                settle: self.settle_ms,
            });
        }
        Ok(())
    }
}

/// Settings that contradict one another.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error(transparent)]
    /// The settings of the format.
    Format(#[from] FormatError),
    #[error(
        "the pattern `{0}` is empty or has a `/`: it is for names in one folder; write for example `*.csv`"
    )]
    /// A pattern that no name can match.
    Pattern(String),
    #[error("a `json` document is one whole: set `mode` to `whole`, or let the instrument write `jsonl`")]
    /// A document cannot be followed.
    FollowedDocument,
    #[error("{bytes} bytes a poll are too few for lines of `max_line_bytes`: choose at least {enough}")]
    /// A poll could not read the longest line.
    BytesPerPoll {
        /// The value of `bytes_per_poll`.
        bytes: usize,
        /// The smallest value that is enough.
        enough: usize,
    },
    #[error("files, entries and files a poll must be at least 1")]
    /// A poll could do nothing.
    Nothing,
    #[error("`unterminated_ms` is {unterminated}, shorter than `settle_ms`, {settle}")]
    /// A last line would be taken before the file settled.
    Unterminated {
        /// The value of `unterminated_ms`.
        unterminated: u64,
        /// The value of `settle_ms`.
        settle: u64,
    },
}
