//! The commands about the log: its newest lines, and its level while the service runs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The command `log`: show the level, or change it until the service ends or for a while.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LogRequest {
    /// A level, or a filter such as `debug,ocellus::mqtt=trace`; without it nothing changes.
    pub filter: Option<String>,
    /// Seconds after which the usual level comes back by itself.
    pub for_s: Option<u64>,
    /// Bring the usual level back now.
    pub reset: bool,
}

/// The level in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLevelOut {
    /// The level or filter, as it was written.
    pub filter: String,
    /// Where it comes from.
    pub source: LogLevelSource,
    /// When it ends by itself, RFC 3339 in UTC; absent if it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Whole seconds until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_s: Option<u64>,
    /// The level that comes back.
    pub usual: String,
    /// Where the lines go.
    #[serde(flatten)]
    pub places: LogPlaces,
}

/// Where the filter of the log comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevelSource {
    /// The configuration's key `log.level`, as it was read last.
    Configuration,
    /// The environment of the process: `OCELLUS_LOG`.
    Environment,
    /// A request while the service runs.
    Request,
}

/// Where the lines of the log go, besides memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogPlaces {
    /// The newest file; absent where none is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<std::path::PathBuf>,
    /// Lines that the file did not take, because the disk was full or away.
    pub file_lost: u64,
    /// Whether they go to systemd's journal.
    pub journal: bool,
}

/// The command `logs`: the lines in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LogsRequest {
    /// Only lines after this number, and only if `run` is that of the answer that gave the number.
    pub after: Option<u64>,
    /// The run of the process that `after` belongs to.
    pub run: Option<u64>,
    /// Only lines of this level or a more severe one.
    pub level: Option<LogLevel>,
    /// Only lines that were logged at this time or later, in nanoseconds since 1970.
    pub since_ns: Option<u64>,
    /// At most so many lines, the newest ones.
    pub most: Option<u32>,
}

/// The lines that were asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogsOut {
    /// The run of the process: another one numbers its lines from 1 again.
    pub run: u64,
    /// The number after which the next request goes on.
    pub newest: u64,
    /// Lines that came before these and are in memory no more.
    pub missed: u64,
    /// Where the lines go besides.
    pub places: LogPlaces,
    /// The lines, the oldest first.
    pub lines: Vec<LogLineOut>,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLineOut {
    /// Its number in this run of the process; 0 if it was read from a file.
    pub seq: u64,
    /// When it was logged, RFC 3339 in UTC.
    pub time: String,
    /// The level of the line.
    pub level: LogLevel,
    /// The module that logged it; empty if it was read from a file.
    pub target: String,
    /// The thread that logged it; empty if it has no name.
    pub thread: String,
    /// The message and its fields.
    pub text: String,
}

/// The level of a line, the most severe first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Something failed, and somebody has to act.
    Error,
    /// Something is wrong, and the service goes on.
    Warn,
    /// Something happened that a person would want to know.
    Info,
    /// What helps to find a fault.
    Debug,
    /// Every step of the work.
    Trace,
}

impl LogLevel {
    /// Every level, the most severe first.
    pub const ALL: [LogLevel; 5] =
        [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace];

    /// The word of the level.
    pub fn as_str(self) -> &'static str {
        match self {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }

    /// The level that `word` names, in any case.
    pub fn from_word(word: &str) -> Option<LogLevel> {
        LogLevel::ALL.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(word))
    }
}
