//! The intake as the rest of the service holds it: sources begin and end, values are taken, requests are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::commit::Commits;
use super::counters::{LiveTotals, Totals};
use super::folder::FollowError;
use super::ledger::Ledger;
use super::publish::Report;
use super::retention::Retention;
use super::source::SourceEntry;
use super::table::{Moment, Table};
use crate::config::{Feed, IntakeConfig, IntakeStoreConfig};
use crate::store::{Store, StoreError};
use crate::supervisor::{Beat, Stop};
use crate::types::{Alarms, Clock, Doubt, Explanation, Reading, Readings, TopicQueue};

/// Subscribes to the topic filter of a queue.
pub type Subscribe = Box<dyn Fn(&Arc<TopicQueue>) + Send + Sync>;

/// What the intake is built from, besides its settings.
pub struct IntakeAround {
    /// Where cursors and histories are kept.
    pub store: Store,
    /// Raises and clears alarms.
    pub alarms: Arc<dyn Alarms>,
    /// The clock of arrivals.
    pub clock: Arc<dyn Clock>,
    /// Publishes what sources deliver.
    pub report: Report,
    /// Subscribes to the topic filter of a queue, until the queue is dropped.
    pub subscribe: Subscribe,
    /// Whether the system's clock is synchronised.
    pub synchronised: fn() -> bool,
}

/// Telemetry from files and topics. It answers [`Readings`] from memory alone.
pub struct IntakeService {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) commits: Commits,
    pub(super) alarms: Arc<dyn Alarms>,
    pub(super) report: Report,
    pub(super) subscribe: Subscribe,
    pub(super) table: Mutex<Table>,
    pub(super) totals: LiveTotals,
    pub(super) retention: Mutex<Retention>,
    /// When this process began to take values, nanoseconds since 1970 UTC.
    pub(super) began_ns: i64,
    /// When values were stored last, nanoseconds since 1970 UTC; 0 before.
    pub(super) stored_ns: AtomicU64,
    /// Something waits to be published or answered.
    news: Mutex<bool>,
    bell: Condvar,
}

impl IntakeService {
    /// The intake without a source.
    pub fn new(settings: &IntakeStoreConfig, around: IntakeAround) -> Arc<IntakeService> {
        let IntakeAround { store, alarms, clock, report, subscribe, synchronised } = around;
        let table = Table { settings: settings.clone(), ..Table::default() };
        let began_ns = i64::try_from(clock.now().wall_ns).unwrap_or(i64::MAX);
        Arc::new(IntakeService {
            commits: Commits::new(store),
            alarms,
            report,
            subscribe,
            table: Mutex::new(table),
            totals: LiveTotals::default(),
            retention: Mutex::new(Retention::new(clock.now(), synchronised)),
            began_ns,
            stored_ns: AtomicU64::new(0),
            news: Mutex::new(false),
            bell: Condvar::new(),
            clock,
        })
    }

    /// Reads the source of `config` until it is stopped.
    ///
    /// # Errors
    /// Settings that contradict one another; everything else is an alarm, and tried again.
    pub fn run(&self, config: &Arc<IntakeConfig>, stop: &Stop, beat: &Beat) -> Result<(), FollowError> {
        let renamed = self.table.lock().install(config, self.moment());
        self.clear_alarms(&renamed);
        // A step of the retention that began before the source was installed may be removing its cursors: they are read
        // when it has ended, and later steps know that the source is in use.
        drop(self.retention.lock());
        match &config.feed {
            Feed::Folder(folder) => self.follow_folder(config, folder, stop, beat),
            Feed::Topic(topic) => {
                self.follow_topic(config, topic, stop, beat);
                Ok(())
            }
        }
    }

    /// Puts the sources into the order of the configuration, and takes over other bounds of the store.
    pub fn arrange(&self, sources: &[IntakeConfig], settings: &IntakeStoreConfig) {
        let mut table = self.table.lock();
        table.resize(settings);
        table.order = sources.iter().map(|source| source.name.clone()).collect();
        table.sort();
    }

    /// Removes a source that is not configured any more. What was read of it stays on disk, so that it goes on from there
    /// if it comes back.
    pub fn retire(&self, name: &str) {
        let raised = self.table.lock().remove(name);
        self.alarms.clear(&super::tend::source_alarm(name));
        self.clear_alarms(&raised);
    }

    /// Channels that are gone have no alarm.
    fn clear_alarms(&self, channels: &[Arc<str>]) {
        for channel in channels {
            self.alarms.clear(&super::tend::channel_alarm(channel));
        }
    }

    /// Wakes the thread that publishes and answers.
    pub fn wake(&self) {
        *self.news.lock() = true;
        self.bell.notify_one();
    }

    /// Waits until something is to be done, at most `pause`.
    pub fn wait(&self, pause: Duration) {
        let mut news = self.news.lock();
        if !*news {
            self.bell.wait_for(&mut news, pause);
        }
        *news = false;
    }

    /// Counts since the process began.
    pub fn counters(&self) -> Totals {
        self.totals.read()
    }

    /// Why nothing of the history is deleted by age, if that is so.
    pub fn age_doubt(&self) -> Option<Doubt> {
        self.retention.lock().doubt()
    }

    pub(super) fn moment(&self) -> Moment {
        let now = self.clock.now();
        Moment { monotonic: Duration::from_nanos(now.mono_ns), wall_ns: now.wall_ns }
    }

    pub(super) fn with_source(&self, name: &str, change: impl FnOnce(&mut SourceEntry)) {
        if let Some(source) = self.table.lock().source(name) {
            change(source);
        }
    }

    /// The outcome of a look at a folder.
    pub(super) fn looked(&self, name: &str, outcome: Result<Vec<String>, Explanation>) {
        let failed = outcome.is_err();
        self.with_source(name, |source| source.looked(outcome));
        if failed {
            self.wake();
        }
    }

    /// Values of a source wait, because the disk refused them.
    pub(super) fn block(&self, name: &str, error: &StoreError) {
        let why = error.explanation().within("values wait for the disk");
        self.with_source(name, |source| source.blocked = Some(why));
        self.wake();
    }

    /// The disk takes the values of a source.
    pub(super) fn unblock(&self, name: &str, ledger: Option<&Ledger>) {
        // Bad lines alone are news, too.
        let mut has_news = false;
        self.with_source(name, |source| {
            source.blocked = None;
            if let Some(ledger) = ledger {
                has_news = source.ledger.bad_lines != ledger.bad_lines;
                source.ledger.clone_from(ledger);
            }
            if has_news {
                source.publish_soon();
            }
        });
        if has_news {
            self.wake();
        }
    }

    /// The channel of a column with its id; `None`, and an alarm, where there are too many.
    pub(super) fn channel(&self, config: &IntakeConfig, column: &str) -> Option<(Arc<str>, u32)> {
        let most = self.table.lock().settings.max_channels;
        let channel = self.commits.id(&config.channel_name(column), most);
        if channel.is_none() {
            let cause = format!("there are more than {most} channels: `{column}` and others are left out");
            let remedy = "raise intake_store.max_channels, or name the columns to take in `take`";
            self.with_source(&config.name, |source| source.crowded = Some(Explanation::new(cause, remedy)));
        }
        channel
    }

    /// Takes values that are on disk: channel, column, and time with value.
    pub(super) fn take<'a>(
        &self,
        config: &IntakeConfig,
        values: impl Iterator<Item = (&'a Arc<str>, &'a Arc<str>, (i64, f64))>,
    ) {
        let now = self.moment();
        let (mut latest_ns, mut count) = (None, 0);
        let mut table = self.table.lock();
        for (name, column, (time_ns, value)) in values {
            table.take(config, (name, column), (time_ns, value), now);
            latest_ns = latest_ns.max(Some(time_ns));
            count += 1;
        }
        if let (Some(latest_ns), Some(source)) = (latest_ns, table.source(&config.name)) {
            source.arrived(latest_ns, now);
        }
        drop(table);
        if count > 0 {
            self.totals.points.add(count);
            self.stored_ns.store(now.wall_ns, Ordering::Relaxed);
            self.wake();
        }
    }
}

impl Readings for IntakeService {
    fn newest(&self, channel: &str) -> Option<Reading> {
        let now = self.moment();
        self.table.lock().reading(channel, now)
    }
}
