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
        let (channel, recent) = self.in_memory(&asked.channel, now);
        let channel = channel.unwrap_or_else(|| only_stored(&asked.channel));
        let newest_ns = recent.last().map_or(now.utc_ns(), |(key, _)| key.start_ns.max(now.utc_ns()));
        let until_ns = until_ns.unwrap_or(newest_ns.saturating_add(1));
        if since_ns >= until_ns {
            let message = "since is not before until";
            return Err(Refusal::new("bad_request", message, "exchange them"));
        }
        let kept = level_for(since_ns, until_ns, points as usize, now);
        let stored = match id {
            Some(id) => {
                self.commits.tables().buckets(id, kept, (kept.start_ns(since_ns), until_ns), MOST_BUCKETS)
            }
            None => Ok(Vec::new()),
        };
        let stored = stored.map_err(|error| {
            let why = error.explanation();
            Refusal::new("store", why.cause, why.remedy)
        })?;
        let (stretches, has_buckets) = joined(stored, recent, (since_ns, until_ns), self.began_ns);
        let level = if has_buckets { word(kept) } else { "points" };
        Ok(out(channel, (since_ns, until_ns), level, &thin_buckets(&stretches, points as usize)))
    }

    /// The channel, and its points in memory, the oldest first.
    fn in_memory(&self, name: &str, now: Moment) -> (Option<ChannelOut>, Vec<Stretch>) {
        let table = self.table.lock();
        let Some(channel) = table.channels.get(name) else { return (None, Vec::new()) };
        let recent = channel
            .history
            .since(i64::MIN)
            .map(|(start_ns, value)| (BucketKey { level: Level::TenSeconds, start_ns }, Bucket::of(value)));
        let recent = recent.collect();
        (Some(table.channel_out(name, channel, now)), recent)
    }
}

/// What disk and memory know of the time from `span.0` to `span.1`, in its order, and whether a bucket of the disk is in it.
/// Where memory has all points of a bucket, these are taken; else the bucket, whole, because it cannot be taken apart and
/// nothing may be counted twice.
///
/// Memory has all points from its first one on, or from `began_ns` if that is later. Before, it may lack any: after a restart it
/// has only what came since then, and an instrument may write times that are older than what was stored before. There the
/// numbers of points decide.
fn joined(
    stored: Vec<Stretch>,
    recent: Vec<Stretch>,
    span: (i64, i64),
    began_ns: i64,
) -> (Vec<Stretch>, bool) {
    let is_asked = |(key, _): &Stretch| (span.0..span.1).contains(&key.start_ns);
    let whole_from_ns = recent.first().map_or(i64::MAX, |(key, _)| key.start_ns.max(began_ns));
    let (mut joined, mut has_buckets) = (Vec::with_capacity(stored.len() + recent.len()), false);
    let mut recent = recent.into_iter().peekable();
    for (key, bucket) in stored {
        let end_ns = key.start_ns.saturating_add(key.level.length_ns());
        while let Some(point) = recent.next_if(|(at, _)| at.start_ns < key.start_ns) {
            joined.extend(Some(point).filter(is_asked));
        }
        let mut inside = Vec::new();
        while let Some(point) = recent.next_if(|(at, _)| at.start_ns < end_ns) {
            inside.push(point);
        }
        let is_whole = whole_from_ns <= key.start_ns.max(span.0);
        if !is_whole && (inside.len() as u64) < bucket.count {
            joined.push((key, bucket));
            has_buckets = true;
        } else {
            joined.extend(inside.into_iter().filter(is_asked));
        }
    }
    joined.extend(recent.filter(is_asked));
    (joined, has_buckets)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn point(second: i64) -> Stretch {
        let start_ns = second * 1_000_000_000;
        (BucketKey { level: Level::TenSeconds, start_ns }, Bucket::of(second as f64))
    }

    fn bucket(second: i64, count: u64) -> Stretch {
        let (key, bucket) = point(second);
        (key, Bucket { count, ..bucket })
    }

    #[test]
    fn what_memory_lacks_comes_from_the_disk_and_nothing_is_counted_twice() {
        const S: i64 = 1_000_000_000;
        let joined = |stored, recent, since_s: i64, began_s: i64| {
            super::joined(stored, recent, (since_s * S, i64::MAX), began_s * S)
        };
        // Restarted at 32 s; then a late line of 5 s came.
        let stored = vec![bucket(0, 4), bucket(10, 10), bucket(20, 10), bucket(30, 10)];
        let recent = vec![point(5), point(32), point(33), point(41)];
        let (found, has_buckets) = joined(stored, recent, 0, 32);
        assert!(has_buckets);
        assert_eq!(found.iter().map(|(_, bucket)| bucket.count).sum::<u64>(), 4 + 10 + 10 + 10 + 1);
        assert!(found.is_sorted_by_key(|(key, _)| key.start_ns));
        // Memory has all of it: its points are finer. What is not stored yet counts too.
        let recent = vec![point(10), point(14), point(21), point(22)];
        let (found, has_buckets) = joined(vec![bucket(10, 2), bucket(20, 1)], recent, 14, 0);
        assert!(!has_buckets);
        assert_eq!(found, [point(14), point(21), point(22)]);
        // The beginning of a bucket left memory, and is not asked for; a value that is stored is not in memory yet.
        let recent = vec![point(15), point(21), point(22)];
        let (found, has_buckets) = joined(vec![bucket(10, 10), bucket(20, 3)], recent, 15, 0);
        assert!(!has_buckets);
        assert_eq!(found, [point(15), point(21), point(22)]);
    }
}
