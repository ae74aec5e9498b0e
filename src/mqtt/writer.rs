//! The writer is the one thread that owns the outbox. It commits all waiting events with one flush, and only
//! then hands them to the connection.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::handle::{DurableEvent, MqttShared};
use super::message::Aside;
use super::staging::{set_aside, stage, waiting};
use crate::store::{Entry, EntryKey, Outbox, Store, StoreError};
use crate::types::Explanation;

/// Events of one group commit, at most.
pub(super) const GROUP: usize = 1_024;
/// Entries handed over and not acknowledged, at most; beyond it new ones wait in the outbox.
const HANDED: usize = 4_096;
/// The mark for the last group of events on disk.
const GROUPS: &str = "groups";
/// Pause before a store that failed is opened again.
const RETRY: Duration = Duration::from_secs(1);
/// The writer is woken for everything; this only limits the effect of a lost wake-up.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the connection tells the writer. `epoch` counts connections and losses: entries handed out in another
/// epoch are void.
#[derive(Debug, Default)]
pub(super) struct ToWriter {
    pub(super) acked: Vec<EntryKey>,
    /// Messages that the broker does not take.
    pub(super) aside: Vec<Aside>,
    /// Number of entries that were handed over and then erased before they were sent.
    pub(super) let_go: usize,
    pub(super) fetch: Option<usize>,
    pub(super) epoch: u64,
    pub(super) online: bool,
    pub(super) closing: bool,
}

/// What the writer tells the connection.
#[derive(Debug, Default)]
pub(super) struct FromWriter {
    pub(super) epoch: u64,
    pub(super) live: Vec<Entry>,
    /// The entries for a request; an empty list, too, allows the next request.
    pub(super) backlog: Option<Vec<Entry>>,
    /// Entries that were erased from the outbox and must be dropped.
    pub(super) forgotten: Vec<EntryKey>,
    /// After all this, the outbox still holds entries that were not handed over.
    pub(super) more: bool,
    /// No offered event waits in memory.
    pub(super) empty: bool,
    /// Whether the connection wants to be woken when `empty` becomes true.
    pub(super) empty_awaited: bool,
}

/// The state that connection and writer exchange. Blocking mutexes, because neither is held across an await
/// or a flush.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    to_writer: Mutex<ToWriter>,
    from_writer: Mutex<FromWriter>,
}

impl Exchange {
    pub(super) fn with_to_writer<R>(&self, change: impl FnOnce(&mut ToWriter) -> R) -> R {
        change(&mut self.to_writer.lock())
    }

    pub(super) fn with_from_writer<R>(&self, change: impl FnOnce(&mut FromWriter) -> R) -> R {
        change(&mut self.from_writer.lock())
    }
}

/// Moves events from the queue to the outbox on disk, and hands them out to be sent.
pub(super) struct OutboxWriter {
    pub(super) shared: Arc<MqttShared>,
    state_dir: PathBuf,
    pub(super) max_bytes: u64,
    pub(super) store: Option<Store>,
    pub(super) outbox: Option<Outbox>,
    /// Events taken from the queue and not yet known to be on disk.
    group: Vec<DurableEvent>,
    /// The number and size of a group that may be on disk although writing it failed.
    in_doubt: Option<(u64, usize)>,
    /// Acknowledged entries whose deletion may not be on disk yet: a store that is closed meanwhile would give
    /// them again.
    unsettled: Vec<EntryKey>,
    /// Messages that the broker does not take and that are not in the list yet.
    aside: VecDeque<Aside>,
    /// Whether the first of them may be in the list already.
    aside_tried: bool,
    /// The store's count of closings when the outbox was opened.
    closings: u64,
    pub(super) handed: usize,
    epoch: u64,
    online: bool,
}

impl OutboxWriter {
    pub(super) fn new(
        shared: Arc<MqttShared>,
        store: Option<Store>,
        dir: &Path,
        max_bytes: u64,
    ) -> OutboxWriter {
        OutboxWriter {
            shared,
            state_dir: dir.into(),
            max_bytes,
            store,
            outbox: None,
            group: Vec::with_capacity(GROUP),
            in_doubt: None,
            unsettled: Vec::new(),
            aside: VecDeque::new(),
            aside_tried: false,
            closings: 0,
            handed: 0,
            epoch: 0,
            online: false,
        }
    }

    /// Runs until the connection sets `closing` and nothing waits (or the disk refuses what waits).
    pub(super) fn run(mut self) {
        loop {
            let working = self.ready();
            let closing = self.turn(working);
            self.forget();
            let stored = self.outbox.as_ref().map(|outbox| outbox.entries());
            let staged = self.group.len() as u64;
            // While the disk is away, its last count stays.
            if let Some(stored) = stored {
                self.shared.stored.store(stored + staged, std::sync::atomic::Ordering::Relaxed);
            }
            if closing && (!working || (self.group.is_empty() && self.shared.events.is_empty())) {
                return self.close();
            }
            let idle = self.group.is_empty() && self.shared.events.is_empty();
            if !working {
                self.shared.bell.wait(RETRY);
            } else if idle {
                self.say_empty();
                self.shared.bell.wait(PATIENCE);
            }
        }
    }

    /// Wakes only a waiting farewell, because a wake-up for each commit would cost too much.
    fn say_empty(&self) {
        let awaited = self.shared.exchange.with_from_writer(|state| {
            state.empty = true;
            std::mem::take(&mut state.empty_awaited)
        });
        if awaited {
            self.shared.wake.notify_one();
        }
    }

    fn close(mut self) {
        if let Some(Err(error)) = self.outbox.as_mut().map(Outbox::flush) {
            tracing::warn!(%error, "acknowledgements may be lost: some events will be repeated");
        }
        if let Some(Err(error)) = self.outbox.as_ref().map(Outbox::settle) {
            tracing::warn!(%error, "how far events are numbered is not noted");
        }
        let lost = self.group.len() + self.shared.events.len();
        if lost > 0 {
            tracing::error!(lost, "events could not be put on disk before the end");
        }
    }

    /// Opens what is closed; false while the disk does not allow it.
    fn ready(&mut self) -> bool {
        if self.outbox.is_some() && self.store.as_ref().is_some_and(|store| store.closings() != self.closings)
        {
            // Another user of the store met a disk fault first.
            (self.outbox, self.epoch) = (None, u64::MAX);
        }
        if self.outbox.is_some() {
            return true;
        }
        match self.open() {
            Ok(outbox) => {
                self.outbox = Some(outbox);
                self.handed = 0;
                if let Err(error) = self.settle() {
                    self.fail(&error);
                    return false;
                }
                self.shared.clear_alarm("outbox");
                true
            }
            Err(error) => {
                self.shared.alarm("outbox", &waiting(&error));
                false
            }
        }
    }

    fn open(&mut self) -> Result<Outbox, StoreError> {
        if self.store.is_none() {
            let opened = Store::open(&self.state_dir)?;
            if let Some(aside) = opened.set_aside {
                let cause = format!("the damaged store was set aside as {}", aside.display());
                self.shared.alarm("store", &Explanation::new(cause, ""));
            }
            self.store = Some(opened.store);
        }
        let Some(store) = &self.store else { unreachable!("opened above") };
        self.closings = store.closings();
        store.outbox(self.max_bytes)
    }

    /// Makes the deletion of acknowledged entries durable, also of those that the store has forgotten to be deleted
    /// because the disk refused, and sets aside what waits for it: nothing that the broker has or refused is sent
    /// again.
    fn settle(&mut self) -> Result<(), StoreError> {
        let Some(outbox) = &mut self.outbox else { return Ok(()) };
        if !self.unsettled.is_empty() {
            outbox.delete(&self.unsettled)?;
            self.flush()?;
        }
        self.set_aside()
    }

    /// Makes what was deleted durable.
    fn flush(&mut self) -> Result<(), StoreError> {
        let Some(outbox) = &mut self.outbox else { return Ok(()) };
        outbox.flush()?;
        self.unsettled.clear();
        Ok(())
    }

    /// Moves the messages that the broker does not take to the list; the others wait if the store is closed or
    /// refuses one.
    fn set_aside(&mut self) -> Result<(), StoreError> {
        let Some(outbox) = &mut self.outbox else { return Ok(()) };
        while let Some(aside) = self.aside.front() {
            // A disk that refuses may have taken it all the same.
            let listed = match aside.key {
                Some(key) if self.aside_tried => !outbox.holds(key)?,
                _ => false,
            };
            if !listed {
                self.aside_tried = true;
                set_aside(outbox, aside, &self.shared)?;
            }
            self.aside_tried = false;
            self.aside.pop_front();
        }
        Ok(())
    }

    /// One turn: acknowledgements, the group, the backlog. True if the end was requested.
    fn turn(&mut self, working: bool) -> bool {
        let state = self.shared.exchange.with_to_writer(|state| ToWriter {
            acked: std::mem::take(&mut state.acked),
            aside: std::mem::take(&mut state.aside),
            let_go: std::mem::take(&mut state.let_go),
            fetch: if working { state.fetch.take() } else { None },
            ..*state
        });
        // Also while the disk is away: these entries are deleted once it is back.
        self.unsettled.extend(&state.acked);
        let aside = state.aside.iter().filter(|aside| aside.key.is_some()).count();
        self.aside.extend(state.aside.iter().cloned());
        self.handed = self.handed.saturating_sub(state.acked.len() + aside);
        self.shared.totals.events_acked.add(state.acked.len() as u64);
        let done = self.follow(&state).and_then(|()| self.commit()).and_then(|()| self.give(state.fetch));
        if let Err(error) = done {
            self.fail(&error);
        }
        state.closing
    }

    /// Follows the connection: a new epoch takes all entries back.
    fn follow(&mut self, state: &ToWriter) -> Result<(), StoreError> {
        let Some(outbox) = &mut self.outbox else { return Ok(()) };
        if !state.acked.is_empty() {
            outbox.delete(&state.acked)?;
        }
        if self.unsettled.len() >= HANDED {
            self.flush()?;
        }
        self.set_aside()?;
        let Some(outbox) = &mut self.outbox else { return Ok(()) };
        self.handed = self.handed.saturating_sub(state.let_go);
        self.online = state.online;
        if self.epoch != state.epoch {
            self.epoch = state.epoch;
            self.handed = 0;
            outbox.all_back();
            let epoch = self.epoch;
            self.shared.exchange.with_from_writer(|state| {
                // Erased entries stay in the list, because the connection may still hold them.
                let forgotten = std::mem::take(&mut state.forgotten);
                let backlog = Some(Vec::new());
                *state = FromWriter { epoch, more: true, backlog, forgotten, ..FromWriter::default() };
            });
        }
        Ok(())
    }

    /// Writes everything that waits to disk, with one flush.
    pub(super) fn commit(&mut self) -> Result<(), StoreError> {
        let Some(outbox) = &mut self.outbox else { return Ok(()) };
        let known = outbox.marked(GROUPS)?;
        if let Some((number, events)) = self.in_doubt
            && number == known
        {
            // The group was written after all, with the numbers of that time, and is sent as stored entries.
            outbox.flush()?;
            self.group.drain(..events);
            self.in_doubt = None;
            self.shared.exchange.with_from_writer(|state| state.more = true);
        }
        while self.group.len() < GROUP {
            let Some(event) = self.shared.events.pop() else { break };
            self.group.push(event);
        }
        if self.group.is_empty() {
            return Ok(());
        }
        for kept in &self.group {
            stage(outbox, kept, &self.shared)?;
        }
        outbox.mark(GROUPS, known + 1);
        self.in_doubt = Some((known + 1, self.group.len()));
        let durable = outbox.commit()?;
        self.in_doubt = None;
        self.unsettled.clear();
        self.group.clear();
        self.shared.totals.commits.inc();
        self.count_dropped();
        if self.shared.overrun.swap(false, std::sync::atomic::Ordering::Relaxed) {
            self.shared.clear_alarm("events-lost");
        }
        self.hand_over(durable);
        Ok(())
    }

    fn count_dropped(&mut self) {
        let dropped = self.outbox.as_mut().map_or(0, Outbox::take_dropped);
        if dropped > 0 {
            self.shared.totals.outbox_dropped.add(dropped);
            tracing::warn!(
                dropped,
                "the outbox is full (outbox.max_bytes): the oldest of the lowest class were dropped"
            );
        }
    }

    /// Gives durable entries to the connection, up to its limit.
    fn hand_over(&mut self, durable: Vec<Entry>) {
        let Some(outbox) = &mut self.outbox else { return };
        let free = if self.online { HANDED.saturating_sub(self.handed) } else { 0 };
        let count = durable.len();
        let live: Vec<Entry> = durable.into_iter().take(free).collect();
        live.iter().for_each(|entry| outbox.take_out(entry));
        self.handed += live.len();
        self.shared.exchange.with_from_writer(|state| {
            state.more |= count > live.len();
            state.empty = false;
            state.live.extend(live);
        });
        self.shared.wake.notify_one();
    }

    /// Fetches stored entries for the connection.
    fn give(&mut self, fetch: Option<usize>) -> Result<(), StoreError> {
        let (Some(count), Some(outbox)) = (fetch, &mut self.outbox) else { return Ok(()) };
        let entries = outbox.fetch(count)?;
        self.handed += entries.len();
        self.shared.exchange.with_from_writer(|state| {
            state.more |= entries.len() == count;
            // Appended, because entries of an earlier request may still be there.
            state.backlog.get_or_insert_default().extend(entries);
        });
        self.shared.wake.notify_one();
        Ok(())
    }

    /// The disk refused. sled then refuses everything, so the store is closed and opened again; the group
    /// stays in memory, unpublished, until it is on disk.
    pub(super) fn fail(&mut self, error: &StoreError) {
        self.shared.totals.commits_failed.inc();
        self.shared.alarm("outbox", &waiting(error));
        self.outbox = None;
        self.epoch = u64::MAX;
        if let Some(store) = &self.store {
            store.close();
        }
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
