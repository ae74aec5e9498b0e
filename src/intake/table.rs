//! The channels in memory: newest points, newest value, and what was not published yet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::limits::Limits;
use super::publish::{WAYS, Way};
use super::source::SourceEntry;
use crate::config::{IntakeConfig, IntakeStoreConfig};
use crate::contract::{ChannelOut, ChannelUpdate, SourceState};
use crate::datafiles::History;
use crate::datafiles::history::Bucket;
use crate::types::{Reading, rfc3339};

/// The times of one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// A clock that never jumps.
    pub(super) monotonic: Duration,
    /// Nanoseconds since 1970 UTC.
    pub(super) wall_ns: u64,
}

impl Moment {
    pub(super) fn utc_ns(self) -> i64 {
        i64::try_from(self.wall_ns).unwrap_or(i64::MAX)
    }
}

/// A time of a point as published; points have times of 1990 to 2200.
pub(super) fn time_text(time_ns: i64) -> String {
    rfc3339(u64::try_from(time_ns).unwrap_or_default())
}

/// The newest value of a channel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Newest {
    pub(super) value: f64,
    pub(super) time_ns: i64,
    /// When it arrived, monotonic.
    pub(super) arrived: Duration,
}

/// A channel with its values since the start.
#[derive(Debug)]
pub(super) struct ChannelEntry {
    pub(super) source: Arc<str>,
    pub(super) column: Arc<str>,
    pub(super) unit: Option<String>,
    pub(super) limits: Limits,
    pub(super) history: History,
    pub(super) newest: Option<Newest>,
    /// When a value arrived last whose time was not ahead, monotonic.
    plausible: Option<Duration>,
    /// Values since the start.
    points: u64,
    /// What was not published yet, for each way.
    unpublished: [Option<Bucket>; WAYS],
}

impl ChannelEntry {
    fn new(
        config: &IntakeConfig,
        store: &IntakeStoreConfig,
        source: &Arc<str>,
        column: &Arc<str>,
    ) -> ChannelEntry {
        let settings = config.channel(column);
        ChannelEntry {
            source: source.clone(),
            column: column.clone(),
            unit: settings.and_then(|settings| settings.unit.clone()),
            limits: Limits::new(settings),
            history: fresh(store),
            newest: None,
            plausible: None,
            points: 0,
            unpublished: [None; WAYS],
        }
    }

    /// Takes a value. Its time decides whether it is the newest one, unless the newest one was dated by a clock that was
    /// ahead, or nothing newer has come for as long as the source may be silent: then the source's clock was set back.
    fn take(
        &mut self,
        time_ns: i64,
        value: f64,
        config: &IntakeConfig,
        store: &IntakeStoreConfig,
        now: Moment,
    ) {
        let ahead_ns = i64::try_from(config.max_ahead.as_nanos()).unwrap_or(i64::MAX);
        let latest_ns = now.utc_ns().saturating_add(ahead_ns);
        let is_set_back = self.newest.is_some_and(|newest| {
            time_ns < newest.time_ns && now.monotonic.saturating_sub(newest.arrived) > config.stale_after
        });
        if is_set_back {
            self.history = fresh(store);
        } else if time_ns <= latest_ns && self.history.last().is_some_and(|(last, _)| last > latest_ns) {
            let kept: Vec<_> = self.history.since(i64::MIN).filter(|(time, _)| *time <= latest_ns).collect();
            self.history = fresh(store);
            kept.into_iter().for_each(|(time, value)| self.history.push(time, value));
        }
        let is_ahead = time_ns > latest_ns;
        if !is_ahead {
            self.plausible = Some(now.monotonic);
        }
        // The history keeps a span before its latest time: one wrong time among right ones would empty it.
        let is_exception = is_ahead
            && self.plausible.is_some_and(|last| now.monotonic.saturating_sub(last) <= config.stale_after);
        if !is_exception {
            self.history.push(time_ns, value);
        }
        self.points += 1;
        let is_newest =
            |newest: Newest| time_ns >= newest.time_ns || is_set_back || newest.time_ns > latest_ns;
        if self.newest.is_none_or(is_newest) {
            self.newest = Some(Newest { value, time_ns, arrived: now.monotonic });
        }
        self.limits.take(value, now.monotonic);
        for unpublished in &mut self.unpublished {
            match unpublished {
                Some(bucket) => bucket.merge(&Bucket::of(value)),
                None => *unpublished = Some(Bucket::of(value)),
            }
        }
    }
}

fn fresh(store: &IntakeStoreConfig) -> History {
    History::new(store.points, i64::try_from(store.span.as_nanos()).unwrap_or(i64::MAX))
}

/// All sources and channels in memory.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) settings: IntakeStoreConfig,
    /// The names of the configuration, in its order.
    pub(super) order: Vec<String>,
    /// The sources, in that order.
    pub(super) sources: Vec<SourceEntry>,
    pub(super) channels: BTreeMap<Arc<str>, ChannelEntry>,
}

impl Table {
    pub(super) fn source(&mut self, name: &str) -> Option<&mut SourceEntry> {
        self.sources.iter_mut().find(|source| &*source.name == name)
    }

    /// Adds a source, or gives a known one other settings. Channels whose names it does not give any more are removed;
    /// returns those of them whose alarm is raised.
    pub(super) fn install(&mut self, config: &Arc<IntakeConfig>, now: Moment) -> Vec<Arc<str>> {
        match self.source(&config.name) {
            Some(known) => known.reconfigure(config, now),
            None => self.sources.push(SourceEntry::new(config, now)),
        }
        self.sort();
        let mine = |channel: &ChannelEntry| *channel.source == *config.name;
        let raised =
            self.take_out(|name, channel| mine(channel) && config.channel_name(&channel.column) != **name);
        for channel in self.channels.values_mut().filter(|channel| mine(channel)) {
            let settings = config.channel(&channel.column);
            channel.unit = settings.and_then(|settings| settings.unit.clone());
            channel.limits.change(settings);
        }
        raised
    }

    /// Whether a source of this name is configured, or is installed.
    pub(super) fn uses(&self, name: &str) -> bool {
        self.order.iter().any(|known| known == name) || self.sources.iter().any(|known| *known.name == *name)
    }

    /// Removes channels; returns those whose alarm is raised.
    fn take_out(&mut self, goes: impl Fn(&Arc<str>, &ChannelEntry) -> bool) -> Vec<Arc<str>> {
        let mut raised = Vec::new();
        self.channels.retain(|name, channel| {
            let goes = goes(name, channel);
            if goes && channel.limits.raised.is_some() {
                raised.push(name.clone());
            }
            !goes
        });
        raised
    }

    /// Puts the sources into the order of the configuration.
    pub(super) fn sort(&mut self) {
        let order = &self.order;
        let place = |name: &str| order.iter().position(|known| known == name);
        self.sources.sort_by_key(|source| place(&source.name).unwrap_or(usize::MAX));
    }

    /// Removes a source and its channels; returns those whose alarm is raised.
    pub(super) fn remove(&mut self, name: &str) -> Vec<Arc<str>> {
        self.sources.retain(|source| &*source.name != name);
        self.take_out(|_, channel| &*channel.source == name)
    }

    /// Other bounds for the points in memory; known points that fit are kept.
    pub(super) fn resize(&mut self, settings: &IntakeStoreConfig) {
        if *settings != self.settings {
            self.settings = settings.clone();
            for channel in self.channels.values_mut() {
                let before = std::mem::replace(&mut channel.history, fresh(settings));
                before.since(i64::MIN).for_each(|(time_ns, value)| channel.history.push(time_ns, value));
            }
        }
    }

    /// Takes a value of `column`, which is on disk, under the channel's name.
    pub(super) fn take(
        &mut self,
        config: &IntakeConfig,
        (name, column): (&Arc<str>, &Arc<str>),
        (time_ns, value): (i64, f64),
        now: Moment,
    ) {
        let Some(source) = self.sources.iter().find(|source| *source.name == *config.name) else { return };
        let channel = self
            .channels
            .entry(name.clone())
            .or_insert_with(|| ChannelEntry::new(config, &self.settings, &source.name, column));
        channel.take(time_ns, value, config, &self.settings, now);
    }

    /// Whether the channel's value is too old: its source does not deliver, or the channel itself has vanished from it.
    fn is_stale(&self, channel: &ChannelEntry, now: Moment) -> bool {
        let source = self.sources.iter().find(|source| *source.name == *channel.source);
        let (Some(source), Some(newest)) = (source, channel.newest) else { return true };
        let age = now.monotonic.saturating_sub(newest.arrived);
        source.state(now) != SourceState::Ok || age > source.config.stale_after
    }

    /// The newest value of `channel`, as an interlock asks for it.
    pub(super) fn reading(&self, channel: &str, now: Moment) -> Option<Reading> {
        let channel = self.channels.get(channel)?;
        let newest = channel.newest?;
        let age_ms = now.monotonic.saturating_sub(newest.arrived).as_millis();
        Some(Reading {
            value: newest.value,
            age_ms: u64::try_from(age_ms).unwrap_or(u64::MAX),
            stale: self.is_stale(channel, now),
        })
    }

    /// The channel as requests are answered.
    pub(super) fn channel_out(&self, name: &str, channel: &ChannelEntry, now: Moment) -> ChannelOut {
        let age = |newest: Newest| now.monotonic.saturating_sub(newest.arrived).as_millis() as u64;
        ChannelOut {
            channel: name.to_owned(),
            source: channel.source.to_string(),
            column: channel.column.to_string(),
            unit: channel.unit.clone(),
            value: channel.newest.map(|newest| newest.value),
            time: channel.newest.map(|newest| time_text(newest.time_ns)),
            age_ms: channel.newest.map(age),
            stale: self.is_stale(channel, now),
            low: channel.limits.low,
            high: channel.limits.high,
            beyond: channel.newest.and_then(|newest| channel.limits.side(newest.value)),
            points: channel.points,
        }
    }

    /// The values of `source` that were not published by `way`; they count as published then.
    pub(super) fn updates(&mut self, source: &str, way: Way) -> Vec<ChannelUpdate> {
        let mine = self.channels.iter_mut().filter(|(_, channel)| &*channel.source == source);
        mine.filter_map(|(name, channel)| {
            let bucket = channel.unpublished[way as usize].take()?;
            let newest = channel.newest?;
            Some(ChannelUpdate {
                channel: name.to_string(),
                unit: channel.unit.clone(),
                value: newest.value,
                time: time_text(newest.time_ns),
                min: bucket.min,
                mean: bucket.mean,
                max: bucket.max,
                count: bucket.count,
                beyond: channel.limits.side(newest.value),
            })
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    const SECOND_NS: i64 = 1_000_000_000;
    /// Midnight UTC of 2026-11-29.
    const DAY_NS: i64 = 1_795_910_400 * SECOND_NS;

    fn at(seconds: u64) -> Moment {
        Moment {
            monotonic: Duration::from_secs(seconds),
            wall_ns: DAY_NS as u64 + seconds * SECOND_NS as u64,
        }
    }

    /// A table with the source `gauge`, stale after 10 s, whose times may be a minute ahead.
    fn table() -> (Table, Arc<IntakeConfig>) {
        let text = "[[camera]]\nname = \"a\"\nsource = \"scene:\"\n[[intake]]\nname = \"gauge\"\nfolder = \"/data\"\n";
        let config = Config::parse(text, Path::new("box.toml"), Path::new("/")).unwrap();
        let config = Arc::new(config.intake[0].clone());
        let mut table = Table::default();
        table.install(&config, at(0));
        (table, config)
    }

    fn take(
        table: &mut Table,
        config: &Arc<IntakeConfig>,
        column: &str,
        seconds: i64,
        value: f64,
        now: Moment,
    ) {
        let (name, column) = (Arc::from(config.channel_name(column)), Arc::from(column));
        table.take(config, (&name, &column), (DAY_NS + seconds * SECOND_NS, value), now);
        table.source("gauge").unwrap().arrived(DAY_NS + seconds * SECOND_NS, now);
    }

    fn newest(table: &Table, now: Moment) -> (f64, bool) {
        let reading = table.reading("gauge.p", now).unwrap();
        (reading.value, reading.stale)
    }

    #[test]
    fn the_newest_value_is_the_one_with_the_latest_time_until_the_sources_clock_is_set_back() {
        let (mut table, config) = table();
        assert_eq!(table.reading("gauge.p", at(1)), None);
        take(&mut table, &config, "p", 5, 1.0, at(5));
        // A file of the backlog comes later.
        take(&mut table, &config, "p", 2, 9.0, at(6));
        assert_eq!(newest(&table, at(6)), (1.0, false));
        // For longer than the source may be silent only older times come.
        for second in 0..12 {
            take(&mut table, &config, "p", -500 + second, 2.0, at(6 + second as u64));
        }
        assert_eq!(newest(&table, at(18)), (2.0, false));
        assert!(
            table.channels.get("gauge.p").unwrap().history.last().unwrap().0 < DAY_NS,
            "its curve goes on there, too"
        );
    }

    #[test]
    fn a_value_from_the_future_does_not_hold_its_place() {
        let (mut table, config) = table();
        take(&mut table, &config, "p", 4, 1.0, at(4));
        take(&mut table, &config, "p", 86_400, 7.0, at(5));
        assert_eq!(newest(&table, at(5)), (7.0, false));
        assert!(table.source("gauge").unwrap().why(at(5)).unwrap().cause.contains("1439 min ahead"));
        take(&mut table, &config, "p", 6, 2.0, at(6));
        assert_eq!(newest(&table, at(6)), (2.0, false));
        assert!(table.source("gauge").unwrap().why(at(6)).is_none());
        let kept: Vec<f64> =
            table.channels.get("gauge.p").unwrap().history.since(i64::MIN).map(|(_, value)| value).collect();
        assert_eq!(kept, [1.0, 2.0]);
    }

    #[test]
    fn a_look_that_does_not_end_makes_the_source_away_until_it_ends() {
        let (mut table, config) = table();
        take(&mut table, &config, "p", 1, 1.0, at(1));
        let source = table.source("gauge").unwrap();
        source.look(at(2));
        assert_eq!(source.state(at(6)), SourceState::Ok);
        assert_eq!(source.state(at(8)), SourceState::Away);
        assert!(source.why(at(8)).unwrap().cause.contains("/data/*.csv|*.dat|*.txt does not answer"));
        assert_eq!(newest(&table, at(8)), (1.0, true));
        table.source("gauge").unwrap().looked(Ok(Vec::new()));
        assert_eq!(newest(&table, at(8)), (1.0, false));
    }

    #[test]
    fn a_channel_is_stale_with_its_source_and_when_its_own_column_has_vanished() {
        let (mut table, config) = table();
        take(&mut table, &config, "p", 1, 1.0, at(1));
        take(&mut table, &config, "q", 1, 1.0, at(1));
        assert_eq!(newest(&table, at(11)), (1.0, false));
        assert_eq!(newest(&table, at(12)), (1.0, true));
        take(&mut table, &config, "q", 12, 1.0, at(12));
        assert_eq!(table.source("gauge").unwrap().state(at(12)), SourceState::Ok);
        assert_eq!(newest(&table, at(12)), (1.0, true));
        take(&mut table, &config, "p", 13, 3.0, at(13));
        assert_eq!(newest(&table, at(13)), (3.0, false));
    }
}
