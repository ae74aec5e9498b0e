//! Checks `[[intake]]` with its `[[intake.channel]]`, and `[intake_store]`.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::SectionScope;
use crate::config::intake::{
    ChannelConfig, Feed, FolderFeed, IntakeConfig, IntakeStoreConfig, TopicFeed, TopicPayload, WatchMode,
};
use crate::config::raw::TomlTable;
use crate::config::value::PlacedValue;
use crate::datafiles::follow::SettingsError;
use crate::datafiles::format::FormatError;
use crate::datafiles::{Format, Mode, Separator, TimeFormat};

/// Sources that a configuration may have; each folder is looked at by its own thread.
const MAX_SOURCES: usize = 64;
/// Longest name of a channel, column or unit, in bytes.
const LONGEST: usize = 128;

const FORMATS: [(&str, Format); 4] =
    [("csv", Format::Csv), ("json", Format::Json), ("jsonl", Format::Jsonl), ("lvm", Format::Lvm)];
const MODES: [(&str, Mode); 2] = [("whole", Mode::Whole), ("follow", Mode::Follow)];
const WATCHES: [(&str, WatchMode); 3] =
    [("auto", WatchMode::Auto), ("poll", WatchMode::Poll), ("notify", WatchMode::Notify)];
const SEPARATORS: [(&str, Separator); 6] = [
    ("comma", Separator::Comma),
    ("semicolon", Separator::Semicolon),
    ("tab", Separator::Tab),
    (",", Separator::Comma),
    (";", Separator::Semicolon),
    ("\t", Separator::Tab),
];
const TIMES: [(&str, TimeFormat); 6] = [
    ("s", TimeFormat::Seconds),
    ("ms", TimeFormat::Milliseconds),
    ("rfc3339", TimeFormat::Rfc3339),
    ("labview", TimeFormat::Labview),
    ("mtime", TimeFormat::FileTime),
    ("arrival", TimeFormat::Arrival),
];
const PAYLOADS: [(&str, TopicPayload); 2] = [("json", TopicPayload::Json), ("number", TopicPayload::Number)];

/// Keys that only a folder has.
const FOLDER_KEYS: [&str; 15] = [
    "pattern",
    "mode",
    "format",
    "columns",
    "header_lines",
    "separator",
    "decimal_comma",
    "time_zone",
    "max_line_bytes",
    "max_files",
    "watch",
    "poll_ms",
    "settle_ms",
    "unterminated_ms",
    "keep_gone_s",
];
/// Keys that only topics have.
const TOPIC_KEYS: [&str; 2] = ["payload", "queue"];

/// The sources. `own` is the level below which our own topics lie: what we publish must not come back as telemetry.
pub(super) fn sources(root: &TomlTable<'_, '_>, scope: &SectionScope, own: &str) -> Vec<IntakeConfig> {
    let mut sources: Vec<IntakeConfig> = Vec::new();
    for table in root.tables("intake") {
        if sources.len() == MAX_SOURCES {
            let reason = format!("there are more than {MAX_SOURCES} sources");
            table.fault("name", reason, "let one source take several files by its pattern");
        }
        let source = source(&table, scope);
        super::unique(&table, "intake", &source.name, sources.iter().map(|known| known.name.as_str()));
        distinct(&table, &source, &sources);
        not_our_own(&table, &source, own);
        sources.push(source);
        table.finish();
    }
    sources
}

fn source(table: &TomlTable<'_, '_>, scope: &SectionScope) -> IntakeConfig {
    let name = table.need("name", "write name = \"pressure\"").and_then(|field| super::topic_level(&field));
    let max_channels = table.whole("max_channels", 256u32, 1..=10_000) as usize;
    let take = table.get("take").and_then(|field| field.texts()).unwrap_or_default();
    let source = IntakeConfig {
        // A missing name is already a fault; the key's path keeps it out of the search for duplicates.
        name: name.unwrap_or_else(|| table.path_of("")),
        feed: feed(table, scope),
        channels: channels(table),
        stale_after: table.millis("stale_after_ms", 10_000, 100..=604_800_000),
        max_ahead: table.millis("max_ahead_ms", 60_000, 1_000..=86_400_000),
        take,
        max_channels,
    };
    if let Feed::Folder(folder) = &source.feed
        && let Err(error) = folder.scan_settings(&source.take, max_channels).check()
    {
        contradiction(table, &error);
    }
    source
}

fn feed(table: &TomlTable<'_, '_>, scope: &SectionScope) -> Feed {
    let (folder, topic) = (table.get("folder"), table.get("topic"));
    if folder.is_some() == topic.is_some() {
        let (reason, remedy) = match folder {
            Some(_) => ("a source is a folder or topics, not both", "remove folder or topic"),
            None => {
                ("this source has no feed", "add folder = \"/data/pressure\" or topic = \"lab/pressure/#\"")
            }
        };
        table.fault("folder", reason, remedy);
    }
    // All keys are read for every feed, so that a misplaced one is reported as such and not as unknown.
    let (files, messages) = (files(table, scope), messages(table));
    match topic {
        Some(_) => {
            of_no_use(table, &FOLDER_KEYS, "belongs to a folder, and this source is fed by topics");
            Feed::Topic(messages)
        }
        None => {
            of_no_use(table, &TOPIC_KEYS, "belongs to topics, and this source is a folder");
            Feed::Folder(Box::new(files))
        }
    }
}

fn files(table: &TomlTable<'_, '_>, scope: &SectionScope) -> FolderFeed {
    let format = table.word("format", &FORMATS).unwrap_or(Format::Csv);
    let pattern = table.text("pattern");
    let usual = match format {
        Format::Csv => "*.csv|*.dat|*.txt",
        Format::Json => "*.json",
        Format::Jsonl => "*.jsonl|*.ndjson",
        Format::Lvm => "*.lvm",
    };
    let folder = table.get("folder").and_then(|field| {
        let text = field.text()?;
        if text.is_empty() {
            field.fault("this is not a folder", "write folder = \"/data/pressure\"");
        }
        Some(scope.files.resolve(text.as_ref()))
    });
    let files = FolderFeed {
        // A folder that is not there yet, such as one on a share, must not keep the service from starting.
        folder: folder.unwrap_or_default(),
        pattern: pattern.unwrap_or_else(|| usual.to_owned()),
        mode: table.word("mode", &MODES).unwrap_or(Mode::Whole),
        format,
        columns: table.get("columns").and_then(|field| field.texts()).unwrap_or_default(),
        header_lines: table.whole("header_lines", 1u32, 0..=1_000),
        separator: table.word("separator", &SEPARATORS),
        decimal_comma: table.boolean("decimal_comma", false),
        time: table.word("time", &TIMES).unwrap_or(TimeFormat::Seconds),
        time_column: table.text("time_column"),
        zone: table.get("time_zone").and_then(|field| zone(&field)).unwrap_or(TimeZone::UTC),
        max_line_bytes: table.whole("max_line_bytes", 65_536u32, 64..=16_777_216) as usize,
        max_files: table.whole("max_files", 100_000u32, 1..=1_000_000) as usize,
        watch: table.word("watch", &WATCHES).unwrap_or_default(),
        poll: table.millis("poll_ms", 100, 10..=3_600_000),
        settle: table.millis("settle_ms", 100, 0..=3_600_000),
        unterminated: table.millis("unterminated_ms", 2_000, 0..=3_600_000),
        keep_gone: Duration::from_secs(u64::from(table.whole("keep_gone_s", 600u32, 0..=31_536_000))),
    };
    if files.format != Format::Csv {
        let why = "belongs to format = \"csv\"";
        of_no_use(table, &["columns", "header_lines", "separator", "decimal_comma"], why);
    }
    if files.format == Format::Lvm {
        of_no_use(table, &["time", "time_column"], "is in the header of an .lvm file");
    }
    files
}

fn messages(table: &TomlTable<'_, '_>) -> TopicFeed {
    let payload = table.word("payload", &PAYLOADS).unwrap_or_default();
    let filter = table.get("topic").and_then(|field| filter(&field));
    let time = table.word("time", &TIMES);
    if filter.is_some() {
        if time == Some(TimeFormat::FileTime)
            && let Some(field) = table.get("time")
        {
            field.fault("a message has no time of change", "write time = \"arrival\"");
        }
        if payload == TopicPayload::Number {
            if time.is_some_and(|time| time != TimeFormat::Arrival)
                && let Some(field) = table.get("time")
            {
                field.fault("a message that is one number has no time", "write time = \"arrival\"");
            }
            of_no_use(table, &["time_column"], "belongs to payload = \"json\"");
        }
    }
    TopicFeed {
        filter: filter.unwrap_or_default(),
        payload,
        time: time.unwrap_or(TimeFormat::Arrival),
        time_column: table.text("time_column"),
        queue: table.whole("queue", 4_096u32, 16..=65_536) as usize,
    }
}

/// Notes a filter that takes topics below `own`.
fn not_our_own(table: &TomlTable<'_, '_>, source: &IntakeConfig, own: &str) {
    let Feed::Topic(TopicFeed { filter, .. }) = &source.feed else { return };
    if takes_below(filter, own)
        && !filter.starts_with(['+', '#'])
        && let Some(field) = table.get("topic")
    {
        let reason = format!("this filter takes topics below {own}, which are the service's own");
        field.fault(reason, "write the topics of your instruments, such as lab/#");
    }
}

/// Whether `filter` takes a topic that lies below `base`.
fn takes_below(filter: &str, base: &str) -> bool {
    let (mut levels, mut below) = (filter.split('/'), base.split('/'));
    loop {
        match (levels.next(), below.next()) {
            (Some("#"), _) | (Some(_), None) => return true,
            (Some("+"), Some(_)) => {}
            (Some(level), Some(wanted)) if level == wanted => {}
            _ => return false,
        }
    }
}

/// A topic filter: `+` stands alone on its level, `#` on the last.
fn filter(field: &PlacedValue<'_, '_>) -> Option<String> {
    let text = field.text()?;
    let levels: Vec<&str> = text.split('/').collect();
    let is_level = |(at, level): (usize, &&str)| match *level {
        "+" => true,
        "#" => at + 1 == levels.len(),
        level => !level.contains(['+', '#', '\0']),
    };
    if text.is_empty() || text.len() > 1_024 || !levels.iter().enumerate().all(is_level) {
        field.fault(
            format!("\"{text}\" is not a topic filter"),
            "write levels with / between them; + stands for one level, # for all further ones at the end",
        );
    }
    if levels.first().is_some_and(|first| ["+", "#"].contains(first)) {
        let remedy = "begin with the level of your instruments, such as lab/#";
        field.fault("this filter takes every topic of the broker, our own included", remedy);
    }
    Some(text.to_owned())
}

fn zone(field: &PlacedValue<'_, '_>) -> Option<TimeZone> {
    match field.text()? {
        "local" => Some(TimeZone::system()),
        _ => super::attendance::zone(field),
    }
}

fn channels(table: &TomlTable<'_, '_>) -> Vec<ChannelConfig> {
    let mut channels: Vec<ChannelConfig> = Vec::new();
    for entry in table.tables("channel") {
        let column = entry.need("column", "write column = \"value\", as the source writes it");
        let channel = ChannelConfig {
            column: column.and_then(|field| short(&field)).unwrap_or_default(),
            name: entry.get("name").and_then(|field| short(&field)),
            unit: entry.get("unit").and_then(|field| short(&field)),
            low: limit(&entry, "low"),
            high: limit(&entry, "high"),
        };
        if let (Some(low), Some(high)) = (channel.low, channel.high)
            && low >= high
        {
            let reason = format!("low is {low}, which is not below high, {high}");
            entry.fault("low", reason, "lower it, or remove one of them");
        }
        let is_same = |known: &&ChannelConfig| known.column == channel.column;
        if channels.iter().any(|known| is_same(&known)) && !channel.column.is_empty() {
            let reason = format!("the column \"{}\" has two entries", channel.column);
            entry.fault("column", reason, "write its keys into one entry");
        }
        channels.push(channel);
        entry.finish();
    }
    channels
}

/// A name or unit that people read and that stands in addresses.
fn short(field: &PlacedValue<'_, '_>) -> Option<String> {
    let text = field.text()?;
    if text.is_empty() || text.len() > LONGEST || text.chars().any(char::is_control) {
        field.fault("this is empty, too long, or has control characters", "write 1 to 128 characters");
    }
    Some(text.to_owned())
}

fn limit(table: &TomlTable<'_, '_>, key: &'static str) -> Option<f64> {
    table.get(key)?.real()
}

/// Notes names of channels that two sources would share.
fn distinct(table: &TomlTable<'_, '_>, source: &IntakeConfig, before: &[IntakeConfig]) {
    let prefix = |name: &str| format!("{name}.");
    for known in before {
        let (mine, other) = (prefix(&source.name), prefix(&known.name));
        if mine.starts_with(&other) || other.starts_with(&mine) {
            let reason = format!(
                "\"{}\" and \"{}\" could give two channels one name, SOURCE.COLUMN",
                source.name, known.name
            );
            table.fault("name", reason, "use another name, without the other one and a point before it");
        }
    }
    let named = |source: &IntakeConfig| -> Vec<String> {
        source.channels.iter().filter_map(|channel| channel.name.clone()).collect()
    };
    let mine = named(source);
    for (at, name) in mine.iter().enumerate() {
        let is_used = before.iter().any(|known| named(known).contains(name)) || mine[..at].contains(name);
        let is_prefixed = before.iter().chain([source]).any(|known| name.starts_with(&prefix(&known.name)));
        let would_be_used =
            before.iter().flat_map(named).any(|other| other.starts_with(&prefix(&source.name)));
        if is_used || is_prefixed || would_be_used {
            let reason = format!("the channel name \"{name}\" belongs to another channel already");
            let remedy =
                "give each channel its own name; names that begin with a source's name and a point are taken";
            table.fault("channel", reason, remedy);
        }
    }
}

/// Notes settings that the scanner refuses, at the key that is wrong.
fn contradiction(table: &TomlTable<'_, '_>, error: &SettingsError) {
    let key = match error {
        SettingsError::Format(format) => match format {
            FormatError::CommaTwice => "separator",
            FormatError::NoNames => "header_lines",
            FormatError::ColumnTwice(_) => "columns",
            FormatError::TimeColumn(_) => "time_column",
            FormatError::LineBytes(_) => "max_line_bytes",
            FormatError::Channels(_) => "max_channels",
        },
        SettingsError::Pattern(_) => "pattern",
        SettingsError::FollowedDocument => "mode",
        SettingsError::BytesPerPoll { .. } => "max_line_bytes",
        SettingsError::Nothing => "max_files",
        SettingsError::Unterminated { .. } => "unterminated_ms",
    };
    let text = error.to_string();
    let (reason, remedy) = text.split_once(": ").unwrap_or((&text, "change one of the two"));
    match table.get(key) {
        Some(field) => field.fault(reason, remedy),
        None => table.fault(key, reason, remedy),
    }
}

pub(super) fn store(table: TomlTable<'_, '_>) -> IntakeStoreConfig {
    let usual = IntakeStoreConfig::default();
    let store = IntakeStoreConfig {
        points: table.whole("points", usual.points as u32, 10..=100_000) as usize,
        span: Duration::from_secs(u64::from(table.whole("seconds", 300u32, 1..=86_400))),
        keep_days: table.whole("keep_days", usual.keep_days, 1..=3_650),
        max_channels: table.whole("max_channels", usual.max_channels as u32, 1..=10_000) as usize,
        publish: table.millis("publish_ms", 1_000, 100..=3_600_000),
    };
    // What the points of all channels may take in memory.
    if store.points * store.max_channels > 16_000_000 {
        let bytes = store.points * store.max_channels * 16 / 1_048_576;
        let reason = format!("the points of all channels could take {bytes} MiB of memory");
        table.fault("points", reason, "lower points or max_channels: their product is 16000000 at most");
    }
    table.finish();
    store
}

fn of_no_use(table: &TomlTable<'_, '_>, keys: &[&'static str], why: &str) {
    for field in keys.iter().filter_map(|key| table.get(key)) {
        field.fault(format!("this {why}"), "remove it");
    }
}

#[cfg(test)]
mod tests {
    use super::takes_below;

    #[test]
    fn filters_that_take_our_own_topics_are_known_however_they_are_written() {
        let takes = |filter| takes_below(filter, "plant/ocellus/box1");
        for filter in ["plant/#", "plant/+/box1/#", "plant/ocellus/+/intake/+", "plant/ocellus/box1/status"] {
            assert!(takes(filter), "{filter}");
        }
        for filter in
            ["lab/#", "plant/ocellus/box2/#", "plant/+", "plant/ocellus/box1", "plant/press/+/status"]
        {
            assert!(!takes(filter), "{filter}");
        }
    }
}
