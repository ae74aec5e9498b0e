//! Settings of `[[intake]]`, one source of telemetry each, and of `[intake_store]`.

use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::datafiles::follow::ScanSettings;
use crate::datafiles::{Format, FormatSettings, Mode, Separator, TimeFormat};

/// The beginning of topics that are those of the ZeroMQ bridge, where that takes data, and not of the broker.
pub const ZMQ_TOPICS: &str = "zmq/";

/// `[[intake]]`: a source of telemetry, its feed, and what is made of its values.
#[derive(Clone, Debug, PartialEq)]
pub struct IntakeConfig {
    /// Name as a topic level; unique among sources.
    pub name: String,
    /// Where its values come from.
    pub feed: Feed,
    /// Columns or keys that are taken; empty takes all.
    pub take: Vec<String>,
    /// Names, units and alarm limits of single columns.
    pub channels: Vec<ChannelConfig>,
    /// The source is stale if nothing has arrived for this long.
    pub stale_after: Duration,
    /// The times of the source may be ahead of our clock by this much.
    pub max_ahead: Duration,
    /// Most channels of the source.
    pub max_channels: usize,
}

impl IntakeConfig {
    /// What the configuration says about `column`.
    pub fn channel(&self, column: &str) -> Option<&ChannelConfig> {
        self.channels.iter().find(|channel| channel.column == column)
    }

    /// Whether its values come from the ZeroMQ bridge, where that takes data.
    pub fn is_fed_by_zmq(&self) -> bool {
        matches!(&self.feed, Feed::Topic(feed) if feed.filter.starts_with(ZMQ_TOPICS))
    }

    /// The name under which the whole service knows `column`: its own name, else `SOURCE.COLUMN`.
    pub fn channel_name(&self, column: &str) -> String {
        let named = self.channel(column).and_then(|channel| channel.name.clone());
        named.unwrap_or_else(|| format!("{}.{column}", self.name))
    }
}

/// Where the values of a source come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Feed {
    /// Files in a folder.
    Folder(Box<FolderFeed>),
    /// Messages of MQTT topics.
    Topic(TopicFeed),
}

/// How changes of a folder are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WatchMode {
    /// By notifications of the kernel on file systems of this machine, by polling on all others.
    #[default]
    Auto,
    /// By polling alone, on every file system.
    Poll,
    /// By notifications of the kernel, whatever the file system.
    Notify,
}

/// Files in a folder, found by polling or by notifications.
#[derive(Clone, Debug, PartialEq)]
pub struct FolderFeed {
    /// The folder; it may be absent for a while.
    pub folder: PathBuf,
    /// Names with `*` and `?`, several separated by `|`.
    pub pattern: String,
    /// Whether files are read once they are whole, or as they grow.
    pub mode: Mode,
    /// The kind of file.
    pub format: Format,
    /// csv: the names of the columns; empty where the header has them.
    pub columns: Vec<String>,
    /// csv: lines before the first values.
    pub header_lines: u32,
    /// csv: what stands between fields; `None` finds it in the header.
    pub separator: Option<Separator>,
    /// csv: numbers are written `1,5`.
    pub decimal_comma: bool,
    /// What the times of lines mean.
    pub time: TimeFormat,
    /// The column or key of the time; `None` is the usual one.
    pub time_column: Option<String>,
    /// The zone of times that are written without one.
    pub zone: TimeZone,
    /// Most bytes of a line, or of one object of a JSON document.
    pub max_line_bytes: usize,
    /// Most files of the folder that are known at one time.
    pub max_files: usize,
    /// How changes of the folder are found.
    pub watch: WatchMode,
    /// Pause between two looks at the folder.
    pub poll: Duration,
    /// How long a file stands still before it is read (mode `whole`).
    pub settle: Duration,
    /// How long a file stands still before a last line without line feed is taken.
    pub unterminated: Duration,
    /// How long a file that is gone is remembered.
    pub keep_gone: Duration,
}

impl FolderFeed {
    /// The settings of the scanner, for a source that takes the columns `take`.
    pub fn scan_settings(&self, take: &[String], max_channels: usize) -> ScanSettings {
        let format = FormatSettings {
            columns: self.columns.clone(),
            header_lines: self.header_lines,
            separator: self.separator,
            decimal_comma: self.decimal_comma,
            time: self.time,
            time_column: self.time_column.clone(),
            zone: self.zone.clone(),
            channels: take.to_vec(),
            max_line_bytes: self.max_line_bytes,
            max_channels,
            ..FormatSettings::new(self.format)
        };
        let mut settings = ScanSettings::new(&self.folder, &self.pattern, self.mode, format);
        settings.settle_ms = millis(self.settle);
        settings.unterminated_ms = millis(self.unterminated);
        settings.keep_gone_ms = millis(self.keep_gone);
        settings.limits.max_files = self.max_files;
        settings.limits.bytes_per_poll = settings.limits.bytes_per_poll.max(4 * self.max_line_bytes);
        settings
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Messages of MQTT topics.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicFeed {
    /// Topic filter, with `+` and `#`.
    pub filter: String,
    /// What a message holds.
    pub payload: TopicPayload,
    /// What the times of messages mean; messages of numbers have none.
    pub time: TimeFormat,
    /// The key of the time; `None` is `timestamp`, `time` or `t`.
    pub time_column: Option<String>,
    /// Messages that may wait; further ones are dropped and counted.
    pub queue: usize,
}

/// What a message of a topic holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TopicPayload {
    /// A JSON object, or an array of them; each key is a channel.
    #[default]
    Json,
    /// One number as text; the topic names the channel.
    Number,
}

/// `[[intake.channel]]`: name, unit and alarm limits of one column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChannelConfig {
    /// The column or key, as the source writes it.
    pub column: String,
    /// The name by which the service knows it; `SOURCE.COLUMN` by default.
    pub name: Option<String>,
    /// The unit, for people.
    pub unit: Option<String>,
    /// A value below it raises an alarm.
    pub low: Option<f64>,
    /// A value above it raises an alarm.
    pub high: Option<f64>,
}

/// `[intake_store]`: how much of the channels is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeStoreConfig {
    /// Most points of a channel in memory.
    pub points: usize,
    /// Longest span of a channel's points in memory.
    pub span: Duration,
    /// Days for which the history on disk is kept.
    pub keep_days: u32,
    /// Most channels of all sources together.
    pub max_channels: usize,
    /// Shortest pause between two messages of a source over MQTT.
    pub publish: Duration,
}

impl Default for IntakeStoreConfig {
    fn default() -> IntakeStoreConfig {
        IntakeStoreConfig {
            points: 1_000,
            span: Duration::from_secs(300),
            keep_days: 30,
            max_channels: 256,
            publish: Duration::from_millis(1_000),
        }
    }
}
