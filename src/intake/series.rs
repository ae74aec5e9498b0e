//! Answers to requests: lists, and histories of memory and disk in as few stretches of time as are wanted.

use jiff::Timestamp;

use super::command::{IntakeAnswer, IntakeCommand, SeriesRequest};
use super::retention::{MINUTE_NS, TEN_SECONDS_NS};
use super::service::IntakeService;
use super::table::{Moment, time_text};
use crate::contract::{ChannelOut, IntakeList, SeriesOut};
use crate::datafiles::history::{Bucket, BucketKey, Level, Sample, thin_buckets};
use crate::types::Refusal;

/// Stretches of a history where a request names no number, and the most that it may name.
const STRETCHES: u32 = 500;
const MOST_STRETCHES: u32 = 5_000;
/// The span where a request names none.
const SPAN_NS: i64 = 300_000_000_000;
/// Buckets that are read for one history.
const MOST_BUCKETS: usize = 20_000;

/// A stretch of time with the values in it; of a single value its own time.
type Stretch = (BucketKey, Bucket);

impl IntakeService {
    /// Answers a request about telemetry.
    pub fn answer(&self, command: &IntakeCommand) -> Result<IntakeAnswer, Refusal> {
        match command {
            IntakeCommand::List => Ok(self.list().into()),
            IntakeCommand::Series(asked) => self.series(asked).map(Box::new).map(IntakeAnswer::from),
            IntakeCommand::Bad(asked) => {
                let mut table = self.table.lock();
                match table.source(&asked.source) {
                    Some(source) => Ok(source.bad().into()),
                    None => {
                        let names = table.sources.iter().map(|source| source.name.to_string()).collect();
                        Err(unknown("source", &asked.source, names))
                    }
                }
            }
        }
    }

    /// All sources and channels, also the channels that have a history alone.
    pub fn list(&self) -> IntakeList {
        let now = self.moment();
        // Before the table: they have a lock of their own, which a disk may hold for long.
        let stored = self.commits.channels().into_iter();
        let table = self.table.lock();
        let count =
            |source: &str| table.channels.values().filter(|channel| &*channel.source == source).count();
        let sources =
            table.sources.iter().map(|source| source.out(count(&source.name) as u64, now)).collect();
        let mut channels: Vec<ChannelOut> =
            table.channels.iter().map(|(name, channel)| table.channel_out(name, channel, now)).collect();
        let stored = stored.filter(|(name, _)| !table.channels.contains_key(name));
        channels.extend(stored.map(|(name, _)| only_stored(&name)));
        channels.sort_by(|a, b| a.channel.cmp(&b.channel));
        IntakeList { sources, channels }
    }

    fn series(&self, asked: &SeriesRequest) -> Result<SeriesOut, Refusal> {
        let now = self.moment();
        let id = self.commits.known_id(&asked.channel);
        if id.is_none() && !self.table.lock().channels.contains_key(asked.channel.as_str()) {
            let names = self.list().channels.into_iter().map(|channel| channel.channel).collect();
            return Err(unknown("channel", &asked.channel, names));
        }
        let points = asked.points.unwrap_or(STRETCHES);
        if !(1..=MOST_STRETCHES).contains(&points) {
            let message = format!("points is {points}");
            return Err(Refusal::new("bad_request", message, format!("write 1 to {MOST_STRETCHES}")));
        }
        let since_ns = moment_of("since", asked.since.as_deref(), now)?.unwrap_or(now.utc_ns() - SPAN_NS);
        let until_ns = moment_of("until", asked.until.as_deref(), now)?;
        let (channel, recent) = self.in_memory(&asked.channel, since_ns, now);
        let channel = channel.unwrap_or_else(|| only_stored(&asked.channel));
        let newest_ns = recent.last().map_or(now.utc_ns(), |(key, _)| key.start_ns.max(now.utc_ns()));
        let until_ns = until_ns.unwrap_or(newest_ns.saturating_add(1));
        if since_ns >= until_ns {
            let message = "since is not before until";
            return Err(Refusal::new("bad_request", message, "exchange them"));
        }
        let (mut level, mut stretches, mut from_ns) = ("points", Vec::new(), since_ns);
        let from_memory_ns = recent.first().map_or(until_ns, |(key, _)| key.start_ns);
        if from_memory_ns > since_ns
            && let Some(id) = id
        {
            let kept = level_for(since_ns, until_ns, points as usize, now);
            // The bucket in which memory begins is taken whole, and of memory what comes after it: a bucket cannot be taken
            // apart, and nothing may be counted twice.
            let last_ns = kept.start_ns(from_memory_ns.min(until_ns));
            let end_ns = last_ns.saturating_add(kept.length_ns());
            let span = (kept.start_ns(since_ns), end_ns.min(until_ns));
            let stored = self.commits.tables().buckets(id, kept, span, MOST_BUCKETS);
            let stored = stored.map_err(|error| {
                let why = error.explanation();
                Refusal::new("store", why.cause, why.remedy)
            })?;
            if !stored.is_empty() {
                (level, from_ns) = (word(kept), end_ns);
            }
            stretches = stored;
        }
        stretches.extend(recent.into_iter().filter(|(key, _)| (from_ns..until_ns).contains(&key.start_ns)));
        Ok(out(channel, (since_ns, until_ns), level, &thin_buckets(&stretches, points as usize)))
    }

    fn in_memory(&self, name: &str, since_ns: i64, now: Moment) -> (Option<ChannelOut>, Vec<Stretch>) {
        let table = self.table.lock();
        let Some(channel) = table.channels.get(name) else { return (None, Vec::new()) };
        let recent = channel
            .history
            .since(since_ns.saturating_sub(1))
            .map(|(start_ns, value)| (BucketKey { level: Level::TenSeconds, start_ns }, Bucket::of(value)));
        let recent = recent.collect();
        (Some(table.channel_out(name, channel, now)), recent)
    }
}

/// The coarsest level with enough buckets, of those that are still kept.
fn level_for(since_ns: i64, until_ns: i64, points: usize, now: Moment) -> Level {
    let age_ns = now.utc_ns().saturating_sub(since_ns);
    let kept = match age_ns {
        age if age > MINUTE_NS => Level::TenMinutes,
        age if age > TEN_SECONDS_NS => Level::Minute,
        _ => Level::TenSeconds,
    };
    Level::fitting(until_ns.saturating_sub(since_ns), points).max(kept)
}

fn word(level: Level) -> &'static str {
    match level {
        Level::TenSeconds => "10s",
        Level::Minute => "1min",
        Level::TenMinutes => "10min",
    }
}

fn out(channel: ChannelOut, (since_ns, until_ns): (i64, i64), level: &str, samples: &[Sample]) -> SeriesOut {
    let mut series = SeriesOut {
        channel,
        since: time_text(since_ns),
        until: time_text(until_ns),
        level: level.to_owned(),
        ..SeriesOut::default()
    };
    for sample in samples {
        series.t_ms.push(sample.time_ns / 1_000_000);
        series.min.push(sample.values.min);
        series.mean.push(sample.values.mean);
        series.max.push(sample.values.max);
        series.count.push(sample.values.count);
    }
    series
}

/// A channel of which only the history is known.
fn only_stored(name: &str) -> ChannelOut {
    ChannelOut { channel: name.to_owned(), stale: true, ..ChannelOut::default() }
}

fn unknown(what: &str, name: &str, known: Vec<String>) -> Refusal {
    let remedy = if known.is_empty() {
        "the configuration has no [[intake]], or nothing was read yet".to_owned()
    } else {
        format!("there are: {}", known.join(", "))
    };
    Refusal::new(
        if what == "source" { "unknown_source" } else { "unknown_channel" },
        format!("there is no {what} {name:?}"),
        remedy,
    )
}

/// A time as a request writes it, in nanoseconds since 1970 UTC.
fn moment_of(key: &str, text: Option<&str>, now: Moment) -> Result<Option<i64>, Refusal> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let fault = || {
        let remedy = "write a time such as 2026-11-29T08:00:00Z, or how long ago: 90s, 15m, 6h, 7d";
        Refusal::new("bad_request", format!("{key} is {text:?}"), remedy)
    };
    let unit_ns = |unit: char| match unit {
        's' => Some(1_000_000_000),
        'm' => Some(60_000_000_000),
        'h' => Some(3_600_000_000_000),
        'd' => Some(86_400_000_000_000),
        _ => None,
    };
    if let Some(unit_ns) = text.chars().last().and_then(unit_ns)
        && let Ok(count) = text[..text.len() - 1].parse::<u32>()
    {
        return Ok(Some(now.utc_ns().saturating_sub(i64::from(count).saturating_mul(unit_ns))));
    }
    let time: Timestamp = text.parse().map_err(|_| fault())?;
    i64::try_from(time.as_nanosecond()).map(Some).map_err(|_| fault())
}
