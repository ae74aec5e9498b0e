//! What is published and answered about telemetry from files and topics: sources, channels, histories, bad lines.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::payload::Payload;

/// How a source is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceState {
    /// Nothing has arrived since the start, and the source is not late yet.
    #[default]
    Waiting,
    /// Values arrive as expected.
    Ok,
    /// Nothing has arrived for longer than `stale_after_ms`.
    Stale,
    /// Its folder cannot be read.
    Away,
}

impl SourceState {
    /// The word that stands for it in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            SourceState::Waiting => "waiting",
            SourceState::Ok => "ok",
            SourceState::Stale => "stale",
            SourceState::Away => "away",
        }
    }
}

/// On which side of its limits a value lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Beyond {
    /// The value is below `low`.
    Low,
    /// The value is above `high`.
    High,
}

/// A source of telemetry, and how it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceOut {
    /// Name of the source.
    pub source: String,
    /// The folder and the pattern of its files, or its topic filter.
    pub place: String,
    /// `csv`, `json`, `jsonl` or `lvm`; of topics `json` or `number`.
    pub format: String,
    /// How the source is now.
    pub state: SourceState,
    /// Why it is not `ok`, or what else is wrong; `null` where nothing is.
    pub cause: Option<String>,
    /// Milliseconds since the last value arrived; `null` before the first.
    pub age_ms: Option<u64>,
    /// After so many milliseconds without a value it is stale.
    pub stale_after_ms: u64,
    /// By how many milliseconds its newest time was ahead of our clock on arrival, negative where it was behind; `null`
    /// before the first value.
    pub clock_ahead_ms: Option<i64>,
    /// Whether its times are ahead by more than `max_ahead_ms`.
    pub clock_is_ahead: bool,
    /// Files that are known.
    pub files: u64,
    /// Files that wait to be read or to settle, or messages that wait.
    pub waiting: u64,
    /// Values that were taken, since the source was read for the first time.
    pub points: u64,
    /// Lines and values that could not be read, since the source was read for the first time.
    pub bad_lines: u64,
    /// Messages that were dropped because too many waited, since the start.
    pub dropped: u64,
    /// Number of its channels.
    pub channels: u64,
}

/// A channel, and its newest value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChannelOut {
    /// Name of the channel.
    pub channel: String,
    /// The source that it belongs to; empty where that is not configured any more.
    pub source: String,
    /// Its column or key.
    pub column: String,
    /// Unit of the values.
    pub unit: Option<String>,
    /// The newest value; `null` before the first since the start.
    pub value: Option<f64>,
    /// The time of that value, RFC 3339, UTC.
    pub time: Option<String>,
    /// Milliseconds since it arrived.
    pub age_ms: Option<u64>,
    /// Whether its source is stale or away, or there is no value.
    pub stale: bool,
    /// The lower alarm limit.
    pub low: Option<f64>,
    /// The upper alarm limit.
    pub high: Option<f64>,
    /// On which side of its limits the value lies.
    pub beyond: Option<Beyond>,
    /// Values since the start.
    pub points: u64,
}

/// All sources and channels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IntakeList {
    /// The sources, in the order of the configuration.
    pub sources: Vec<SourceOut>,
    /// The channels, in the order of their names.
    pub channels: Vec<ChannelOut>,
}

/// A channel's values since the last message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChannelUpdate {
    /// Name of the channel.
    pub channel: String,
    /// Unit of the values.
    pub unit: Option<String>,
    /// The newest value of all.
    pub value: f64,
    /// The time of that value, RFC 3339, UTC.
    pub time: String,
    /// The smallest value since the last message.
    pub min: f64,
    /// The mean of the values since the last message.
    pub mean: f64,
    /// The largest value since the last message.
    pub max: f64,
    /// Values since the last message.
    pub count: u64,
    /// On which side of its limits the newest value lies.
    pub beyond: Option<Beyond>,
}

/// `intake/SOURCE`: what a source has delivered since the last message; also sent when its state changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IntakeOut {
    /// Name of the source.
    pub source: String,
    /// How the source is now.
    pub state: SourceState,
    /// Why it is not `ok`, or what else is wrong; `null` where nothing is.
    pub cause: Option<String>,
    /// Values that were taken, since the source was read for the first time.
    pub points: u64,
    /// Lines and values that could not be read, since the source was read for the first time.
    pub bad_lines: u64,
    /// The channels with new values.
    pub channels: Vec<ChannelUpdate>,
}

impl Payload for IntakeOut {
    const SCHEMA: &'static str = "ocellus.intake/1";
}

/// The history of a channel. The lists have one entry for each stretch of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeriesOut {
    /// The channel, and its newest value.
    pub channel: ChannelOut,
    /// The beginning of the span, RFC 3339, UTC.
    pub since: String,
    /// The end of the span.
    pub until: String,
    /// What it is made of: `points` of memory, or buckets of `10s`, `1min` or `10min`.
    pub level: String,
    /// Beginnings of the stretches, milliseconds since 1970.
    pub t_ms: Vec<i64>,
    /// The smallest value of each stretch.
    pub min: Vec<f64>,
    /// The mean of each stretch.
    pub mean: Vec<f64>,
    /// The largest value of each stretch.
    pub max: Vec<f64>,
    /// The number of values of each stretch.
    pub count: Vec<u64>,
}

/// A line, or one value of it, that could not be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BadLineOut {
    /// When it was read, RFC 3339, UTC.
    pub time: String,
    /// The file's name in the folder, or the topic.
    pub file: String,
    /// The number of the line, from 1; of messages always 1.
    pub line: u64,
    /// Why it was not taken, and what to do.
    pub reason: String,
    /// The first 120 characters of the line.
    pub text: String,
}

/// What a source could not read, and what it does not read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BadOut {
    /// Name of the source.
    pub source: String,
    /// All bad lines and values, since the source was read for the first time.
    pub bad_lines: u64,
    /// The newest ones, the newest first.
    pub lines: Vec<BadLineOut>,
    /// Entries of the folder that are not read, with the reason.
    pub refused: Vec<String>,
    /// What happened to files and columns since the start, the newest first.
    pub notices: Vec<String>,
}
