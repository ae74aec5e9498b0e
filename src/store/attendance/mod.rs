//! Who was present when: the log of attendance events, and the people who are present now. One batch writes
//! both.
//!
//! Keys of the tree: `e` id → event; `t` wall id → nothing, the log in the order of time; `p` person id →
//! nothing, the log of each person; `i` person → presence; `n` → next id; `h` → when the cameras were last
//! known to look.

mod record;
#[cfg(test)]
mod tests;

use std::ops::Range;

use parking_lot::{Mutex, MutexGuard};

use super::audit::ATTENDED;
use super::streams::AHEAD;
use super::{Store, StoreError};
use crate::types::{Attendance, PersonId, Presence};

const NEXT: &[u8] = b"n";
const LOOKED: &[u8] = b"h";
/// To find an event that is written again after a fault, this many of a person's last events are compared.
const REMEMBERED: usize = 64;
/// Events that one batch removes, at most.
const PRUNED: usize = 1_000;

/// The state that all handles on one store's attendance share.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Changes of people since the process began, in order.
    changes: Mutex<Vec<Change>>,
}

/// A change of a person in the gallery. Nothing more is written under the person's number, which is never
/// used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The person was erased, with all samples.
    Forgotten(PersonId),
    /// The person turned out to be one who is already enrolled.
    Merged {
        /// The person who no longer exists.
        from: PersonId,
        /// The person who keeps the record.
        into: PersonId,
    },
}

impl Change {
    fn gone(self) -> PersonId {
        match self {
            Change::Forgotten(person) | Change::Merged { from: person, .. } => person,
        }
    }
}

impl Ledger {
    /// The lock for writing: held from the reading to the writing of a change, and never while a sink is
    /// called.
    fn turn(&self) -> MutexGuard<'_, Vec<Change>> {
        self.changes.lock()
    }
}

/// The attendance of a store. Every change is on disk when its method returns, unless its description
/// differs.
///
/// Each call opens the trees again, so that a store that was closed after a disk fault can be reopened.
#[derive(Clone)]
pub struct Attendances {
    store: Store,
    ledger: std::sync::Arc<Ledger>,
}

impl Attendances {
    pub(super) fn new(store: Store, ledger: std::sync::Arc<Ledger>) -> Attendances {
        Attendances { store, ledger }
    }

    /// Numbers `events` and writes them in one batch with the presence of each person, as `presence` returns
    /// it (`None`: absent). Events of erased people are left out. Returns what is on disk now.
    ///
    /// After a fault the same events may be passed again: those that did reach the disk keep their numbers.
    pub fn record(
        &self,
        events: &[Attendance],
        presence: impl Fn(PersonId) -> Option<Presence>,
    ) -> Result<Vec<Attendance>, StoreError> {
        let changes = self.ledger.turn();
        let tree = self.tree()?;
        let first = number(tree.get(NEXT).map_err(|e| self.failed(e))?.as_deref());
        let first = first.unwrap_or_else(|| self.first_after_a_loss());
        let (mut kept, mut next) = (Vec::with_capacity(events.len()), first);
        for event in events.iter().filter(|event| is_known(&changes, event.person)) {
            let id = self.known(&tree, event)?.unwrap_or(next);
            next = next.max(id + 1);
            kept.push(Attendance { id, ..event.clone() });
        }
        if kept.is_empty() {
            return Ok(kept);
        }
        self.note_ahead(next - 1);
        let mut batch = sled::Batch::default();
        for event in &kept {
            batch.insert(key(b'e', &[event.id]), record::event(event));
            batch.insert(key(b't', &[event.wall_ns, event.id]), b"");
            batch.insert(key(b'p', &[event.person.0, event.id]), b"");
            match presence(event.person) {
                Some(here) => batch.insert(key(b'i', &[event.person.0]), record::presence(&here)),
                None => batch.remove(key(b'i', &[event.person.0])),
            }
        }
        batch.insert(NEXT, &next.to_be_bytes());
        tree.apply_batch(batch).map_err(|error| self.failed(error))?;
        self.store.sync(&tree)?;
        Ok(kept)
    }

    /// Notes beside the store how far its numbers may come. A failure does not matter here: the note counts
    /// only if the store is lost.
    fn note_ahead(&self, last: u64) {
        let high = self.store.high_water();
        if high.counter(ATTENDED).is_some_and(|noted| noted >= last) {
            return;
        }
        let noted = high.update(|record| {
            record.counters.insert(ATTENDED.into(), last + AHEAD);
        });
        if let Err(error) = noted {
            tracing::debug!("numbers of attendance events are not noted beside the store: {error}");
        }
    }

    fn first_after_a_loss(&self) -> u64 {
        self.store.high_water().counter(ATTENDED).map_or(self.store.first_number(), |last| last + 1)
    }

    /// The number of an event that is already in the log.
    fn known(&self, tree: &sled::Tree, event: &Attendance) -> Result<Option<u64>, StoreError> {
        for key in tree.scan_prefix(key(b'p', &[event.person.0])).keys().rev().take(REMEMBERED) {
            let id = id_of(&key.map_err(|error| self.failed(error))?);
            if let Some(known) = self.event(tree, id)?
                && is_same(&known, event)
            {
                return Ok(Some(known.id));
            }
        }
        Ok(None)
    }

    /// Makes earlier calls of `touch` and `prune` durable.
    pub fn flush(&self) -> Result<(), StoreError> {
        let tree = self.tree()?;
        self.store.sync(&tree)
    }

    /// Notes later sightings of people who are present, and that the cameras looked until `now_ns` (wall
    /// clock). Durable within a second, not at once: a crash costs at most the time of a last sighting.
    pub fn touch(&self, presences: &[Presence], now_ns: u64) -> Result<(), StoreError> {
        let changes = self.ledger.turn();
        let tree = self.tree()?;
        let mut batch = sled::Batch::default();
        for here in presences.iter().filter(|here| is_known(&changes, here.person)) {
            batch.insert(key(b'i', &[here.person.0]), record::presence(here));
        }
        batch.insert(LOOKED, &now_ns.to_be_bytes());
        tree.apply_batch(batch).map_err(|error| self.failed(error))
    }

    /// The people who are present, and when the cameras last looked (nanoseconds since 1970 UTC; `None`:
    /// never).
    pub fn present(&self) -> Result<(Vec<Presence>, Option<u64>), StoreError> {
        let tree = self.tree()?;
        let mut here = Vec::new();
        for value in tree.scan_prefix(b"i").values() {
            here.extend(record::presence_from(&value.map_err(|error| self.failed(error))?));
        }
        Ok((here, number(tree.get(LOOKED).map_err(|error| self.failed(error))?.as_deref())))
    }

    /// Up to `most` events numbered above `id`, in order.
    pub fn after(&self, id: u64, most: usize) -> Result<Vec<Attendance>, StoreError> {
        let tree = self.tree()?;
        let mut events = Vec::new();
        for pair in tree.range(key(b'e', &[id.saturating_add(1)])..key(b'f', &[])).take(most) {
            let (key, value) = pair.map_err(|error| self.failed(error))?;
            events.extend(id_of(&key).and_then(|id| record::event_from(id, &value)));
        }
        Ok(events)
    }

    /// The events of a span of wall time (nanoseconds since 1970 UTC), in the order of their numbers.
    pub fn during(&self, span: Range<u64>) -> Result<Vec<Attendance>, StoreError> {
        let tree = self.tree()?;
        let mut events = Vec::new();
        for pair in tree.range(key(b't', &[span.start])..key(b't', &[span.end])) {
            let (key, _) = pair.map_err(|error| self.failed(error))?;
            events.extend(self.event(&tree, id_of(&key))?);
        }
        events.sort_unstable_by_key(|event: &Attendance| event.id);
        Ok(events)
    }

    /// The next event of `person` numbered above `id`.
    pub fn next_of(&self, person: PersonId, id: u64) -> Result<Option<Attendance>, StoreError> {
        let tree = self.tree()?;
        let last = key(b'p', &[person.0, u64::MAX]);
        match tree.range(key(b'p', &[person.0, id.saturating_add(1)])..=last).next() {
            Some(pair) => self.event(&tree, id_of(&pair.map_err(|error| self.failed(error))?.0)),
            None => Ok(None),
        }
    }

    /// Deletes every event of `person` and the presence; returns how many events. Nothing about the person is
    /// written after this.
    pub fn forget(&self, person: PersonId) -> Result<usize, StoreError> {
        let mut changes = self.ledger.turn();
        let tree = self.tree()?;
        let mut batch = sled::Batch::default();
        let mut count = 0;
        for key in tree.scan_prefix(key(b'p', &[person.0])).keys() {
            let key = key.map_err(|error| self.failed(error))?;
            if let Some(event) = self.event(&tree, id_of(&key))? {
                remove(&mut batch, &event);
            }
            batch.remove(key);
            count += 1;
        }
        batch.remove(key(b'i', &[person.0]));
        tree.apply_batch(batch).map_err(|error| self.failed(error))?;
        self.store.sync(&tree)?;
        changes.push(Change::Forgotten(person));
        Ok(count)
    }

    /// Moves every event and the presence of `from` to `into`; returns how many events. They keep their
    /// numbers and the names of that time. Nothing about `from` is written after this.
    pub fn merge(&self, from: PersonId, into: PersonId) -> Result<usize, StoreError> {
        let mut changes = self.ledger.turn();
        let tree = self.tree()?;
        let mut batch = sled::Batch::default();
        let mut count = 0;
        for key in tree.scan_prefix(key(b'p', &[from.0])).keys() {
            let key = key.map_err(|error| self.failed(error))?;
            if let Some(event) = self.event(&tree, id_of(&key))? {
                let event = Attendance { person: into, ..event };
                batch.insert(self::key(b'e', &[event.id]), record::event(&event));
                batch.insert(self::key(b'p', &[into.0, event.id]), b"");
                count += 1;
            }
            batch.remove(key);
        }
        if let Some(here) = self.presence(&tree, from)? {
            let other = self.presence(&tree, into)?;
            let since_ns = other.as_ref().map_or(here.since_ns, |other| other.since_ns.min(here.since_ns));
            let merged = Presence { person: into, since_ns, ..other.unwrap_or(here) };
            batch.insert(key(b'i', &[into.0]), record::presence(&merged));
            batch.remove(key(b'i', &[from.0]));
        }
        tree.apply_batch(batch).map_err(|error| self.failed(error))?;
        self.store.sync(&tree)?;
        changes.push(Change::Merged { from, into });
        Ok(count)
    }

    /// The changes of people since the process began, without the first `known` ones.
    pub fn changes(&self, known: usize) -> Vec<Change> {
        self.ledger.turn().get(known..).unwrap_or_default().to_vec()
    }

    fn presence(&self, tree: &sled::Tree, person: PersonId) -> Result<Option<Presence>, StoreError> {
        let value = tree.get(key(b'i', &[person.0])).map_err(|error| self.failed(error))?;
        Ok(value.and_then(|bytes| record::presence_from(&bytes)))
    }

    /// Removes events from before `before_ns` (wall clock) that are numbered up to `id`; returns how many.
    /// Durable within a second.
    pub fn prune(&self, before_ns: u64, id: u64) -> Result<usize, StoreError> {
        let mut pruned = 0;
        loop {
            let _turn = self.ledger.turn();
            let tree = self.tree()?;
            let mut batch = sled::Batch::default();
            let mut found = 0;
            for pair in tree.range(key(b't', &[])..key(b't', &[before_ns])) {
                let (key, _) = pair.map_err(|error| self.failed(error))?;
                match self.event(&tree, id_of(&key))? {
                    Some(event) if event.id > id => continue,
                    Some(event) => remove(&mut batch, &event),
                    None => batch.remove(key),
                }
                found += 1;
                if found == PRUNED {
                    break;
                }
            }
            if found > 0 {
                tree.apply_batch(batch).map_err(|error| self.failed(error))?;
            }
            pruned += found;
            if found < PRUNED {
                return Ok(pruned);
            }
        }
    }

    /// Removes events dated after `ahead_ns` (the clock was ahead when they were written) that are older than
    /// every event whose age is known: numbers tell what was written before what. `from_ns` is the oldest age
    /// that is kept. Returns how many; durable within a second.
    pub fn prune_ahead(&self, from_ns: u64, ahead_ns: u64) -> Result<usize, StoreError> {
        let _turn = self.ledger.turn();
        let tree = self.tree()?;
        let mut ahead = Vec::new();
        for pair in tree.range(key(b't', &[ahead_ns])..key(b'u', &[])).take(PRUNED) {
            let (key, _) = pair.map_err(|error| self.failed(error))?;
            ahead.extend(self.event(&tree, id_of(&key))?);
        }
        if ahead.is_empty() {
            return Ok(0);
        }
        let known = tree.range(key(b't', &[from_ns])..key(b't', &[ahead_ns])).keys();
        let mut oldest = None;
        for key in known {
            let id = id_of(&key.map_err(|error| self.failed(error))?);
            oldest = oldest.map_or(id, |oldest: u64| id.map(|id| id.min(oldest)));
        }
        let mut batch = sled::Batch::default();
        let old: Vec<_> =
            ahead.iter().filter(|event| oldest.is_some_and(|oldest| event.id < oldest)).collect();
        old.iter().for_each(|event| remove(&mut batch, event));
        tree.apply_batch(batch).map_err(|error| self.failed(error))?;
        Ok(old.len())
    }

    /// The wall-clock time of the event with the highest number.
    pub fn last_ns(&self) -> Result<Option<u64>, StoreError> {
        let tree = self.tree()?;
        let last = tree.range(key(b'e', &[])..key(b'f', &[])).next_back();
        let last = last.transpose().map_err(|error| self.failed(error))?;
        Ok(last.and_then(|(key, value)| record::event_from(id_of(&key)?, &value)).map(|event| event.wall_ns))
    }

    fn event(&self, tree: &sled::Tree, id: Option<u64>) -> Result<Option<Attendance>, StoreError> {
        let Some(id) = id else { return Ok(None) };
        let value = tree.get(key(b'e', &[id])).map_err(|error| self.failed(error))?;
        Ok(value.and_then(|bytes| record::event_from(id, &bytes)))
    }

    fn tree(&self) -> Result<super::tree::Tree, StoreError> {
        self.store.tree("attendance")
    }

    fn failed(&self, error: sled::Error) -> StoreError {
        StoreError::from_sled(self.store.path(), error)
    }
}

/// The highest number in the log, if it has any.
pub(super) fn last_number(tree: &sled::Tree) -> sled::Result<Option<u64>> {
    Ok(number(tree.get(NEXT)?.as_deref()).map(|next| next.saturating_sub(1)))
}

/// Whether `known`, read from the log, is `event`. The log keeps neither its number nor its recording in the record.
fn is_same(known: &Attendance, event: &Attendance) -> bool {
    Attendance { id: event.id, recording: event.recording, ..known.clone() } == *event
}

fn is_known(changes: &[Change], person: PersonId) -> bool {
    !changes.iter().any(|change| change.gone() == person)
}

fn remove(batch: &mut sled::Batch, event: &Attendance) {
    batch.remove(key(b'e', &[event.id]));
    batch.remove(key(b't', &[event.wall_ns, event.id]));
    batch.remove(key(b'p', &[event.person.0, event.id]));
}

fn key(kind: u8, numbers: &[u64]) -> Vec<u8> {
    let mut key = vec![kind];
    numbers.iter().for_each(|number| key.extend_from_slice(&number.to_be_bytes()));
    key
}

/// The number at the end of a key.
fn id_of(key: &[u8]) -> Option<u64> {
    number(key.get(key.len().checked_sub(8)?..))
}

fn number(bytes: Option<&[u8]>) -> Option<u64> {
    Some(u64::from_be_bytes(bytes?.try_into().ok()?))
}
