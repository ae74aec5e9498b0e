//! Writes what a source has read, and gives it to the service once it is on disk.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::ledger::Ledger;
use super::service::IntakeService;
use super::table::Moment;
use crate::config::IntakeConfig;
use crate::datafiles::follow::Cursor;
use crate::datafiles::history::buckets;
use crate::datafiles::{BadLine, Point};
use crate::store::{IntakeChange, StoreError};
use crate::supervisor::{Beat, Stop};
use crate::types::Explanation;

/// Pause after the disk refused to take or to give something.
const RETRY: Duration = Duration::from_secs(1);

/// What was read at once.
pub(super) struct Taken<'b> {
    pub(super) points: &'b [Point],
    /// Cursors by file name; `None` removes one.
    pub(super) cursors: &'b BTreeMap<Arc<str>, Option<Cursor>>,
    /// The first bad lines with their files, and the number of all.
    pub(super) bad: &'b [(Arc<str>, BadLine)],
    pub(super) bad_count: u64,
    pub(super) bytes: u64,
}

/// The writer of one source.
pub(super) struct Recorder<'a> {
    pub(super) service: &'a IntakeService,
    pub(super) config: Arc<IntakeConfig>,
    /// The number of the next change.
    number: u64,
    ledger: Ledger,
    /// The channel of each column, or `None` where there are too many.
    channels: HashMap<Arc<str>, Option<(Arc<str>, u32)>>,
    pub(super) stop: &'a Stop,
    pub(super) beat: &'a Beat,
}

impl<'a> Recorder<'a> {
    /// The writer of a source that goes on from what is stored, with the stored cursors; waits for a disk that refuses.
    /// `None` where it is stopped meanwhile.
    pub(super) fn resume(
        service: &'a IntakeService,
        config: &Arc<IntakeConfig>,
        (stop, beat): (&'a Stop, &'a Beat),
    ) -> Option<(Recorder<'a>, Vec<(String, Cursor)>)> {
        loop {
            beat.beat();
            match stored(service, &config.name) {
                Ok((number, ledger, cursors)) => {
                    service.unblock(&config.name, Some(&ledger));
                    let (number, channels) = (number + 1, HashMap::new());
                    let config = config.clone();
                    return Some((
                        Recorder { service, config, number, ledger, channels, stop, beat },
                        cursors,
                    ));
                }
                Err(error) => service.block(&config.name, &error),
            }
            if stop.wait(RETRY) {
                return None;
            }
        }
    }

    /// Writes what was taken, and gives its values to the service once they are on disk. The same change is tried until the
    /// disk takes it: another one might count values twice that the disk has in spite of an error. False where it was
    /// stopped before.
    pub(super) fn keep(&mut self, taken: &Taken<'_>) -> bool {
        let now = self.service.moment();
        let (change, ledger) = self.change(taken, now);
        let change = Arc::new(change);
        loop {
            match self.service.commits.commit(&change) {
                Ok(()) => break,
                Err(error) => {
                    self.service.totals.commits_failed.inc();
                    self.service.block(&self.config.name, &error);
                }
            }
            self.beat.beat();
            if self.stop.wait(RETRY) {
                return false;
            }
        }
        self.number += 1;
        self.ledger = ledger;
        self.service.unblock(&self.config.name, Some(&self.ledger));
        self.service.totals.commits.inc();
        self.service.totals.bytes.add(taken.bytes);
        self.service.totals.bad_lines.add(taken.bad_count);
        let named = taken.points.iter().filter_map(|point| {
            let (name, _) = self.channels.get(&point.channel)?.as_ref()?;
            Some((name, &point.channel, (point.time_ns, point.value)))
        });
        self.service.take(&self.config, named);
        true
    }

    /// What `taken` changes in the store, and the ledger after it.
    fn change(&mut self, taken: &Taken<'_>, now: Moment) -> (IntakeChange, Ledger) {
        let mut by_channel: HashMap<Arc<str>, Vec<(i64, f64)>> = HashMap::new();
        let mut ledger = self.ledger.clone();
        for Point { channel, time_ns, value } in taken.points {
            if self.channel(channel) {
                ledger.points += 1;
                match by_channel.get_mut(channel) {
                    Some(points) => points.push((*time_ns, *value)),
                    None => drop(by_channel.insert(channel.clone(), vec![(*time_ns, *value)])),
                }
            } else {
                self.service.totals.without_channel.inc();
            }
        }
        ledger.bad_lines += taken.bad_count;
        ledger.wall_ns = now.wall_ns;
        for (file, bad) in taken.bad {
            ledger.keep(file, bad, now.wall_ns);
        }
        let (mut names, mut stretches) = (Vec::new(), Vec::new());
        for (column, points) in by_channel {
            if let Some(Some((name, id))) = self.channels.get(&column) {
                names.push((name.clone(), *id));
                stretches.extend(buckets(points).into_iter().map(|(key, bucket)| (*id, key, bucket)));
            }
        }
        let cursors = taken.cursors.iter().map(|(file, cursor)| {
            let encoded = cursor.as_ref().map(Cursor::encode);
            (file.clone(), encoded)
        });
        let change = IntakeChange {
            source: self.config.name.clone(),
            number: self.number,
            cursors: cursors.collect(),
            names,
            buckets: stretches,
            ledger: ledger.encode(),
        };
        (change, ledger)
    }

    /// Whether the column has a channel; the first time it gets one.
    fn channel(&mut self, column: &Arc<str>) -> bool {
        if let Some(known) = self.channels.get(column) {
            return known.is_some();
        }
        let channel = match self.channels.len() < self.config.max_channels {
            true => self.service.channel(&self.config, column),
            false => {
                let most = self.config.max_channels;
                let cause = format!("it has more than {most} channels: `{column}` and others are left out");
                let why = Explanation::new(cause, "raise its max_channels, or name what to take in `take`");
                self.service.with_source(&self.config.name, |source| source.crowded = Some(why));
                // Not remembered, because there is no bound for such names.
                return false;
            }
        };
        let has_one = channel.is_some();
        self.channels.insert(column.clone(), channel);
        has_one
    }
}

/// The number of the last change of a source, its ledger and its cursors.
#[allow(
    clippy::type_complexity,
    reason = "the three things that are stored of a source, taken apart at once"
)]
fn stored(service: &IntakeService, source: &str) -> Result<(u64, Ledger, Vec<(String, Cursor)>), StoreError> {
    service.commits.load()?;
    let tables = service.commits.tables();
    let (number, ledger) = tables.ledger(source)?.unwrap_or_default();
    let (mut cursors, mut last) = (Vec::new(), None);
    tables.cursors(source, |file, bytes| match Cursor::decode(bytes) {
        Ok(mut cursor) => {
            cursor.share(&mut last);
            cursors.push((file.to_owned(), cursor));
        }
        Err(error) => tracing::error!(source, file, "it is read from its beginning: {error}"),
    })?;
    Ok((number, Ledger::decode(&ledger), cursors))
}
