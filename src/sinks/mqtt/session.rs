//! What to send next and what an acknowledgement means: the MQTT session without any I/O.
//! Events go in by methods, the next message comes out of [`Session::next`].

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;

use super::board::Note;
use crate::contract::{self, Gap};
use crate::store::{Body, Entry, Key};

/// Entries fetched from the outbox at once.
const FETCH: usize = 256;

/// An answer to a command, on its own full topic.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AnswerOut {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    pub(super) retain: bool,
}

/// What an acknowledgement will be good for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ticket {
    /// Delete from the outbox.
    Kept(Key),
    /// The broker holds this version of a retained topic.
    State { suffix: String, version: u64 },
    /// The requester can have read it.
    Answer(AnswerOut),
}

/// A message for QoS 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outgoing {
    /// Below `PREFIX/DEVICE/`; answers carry their full topic in the ticket.
    pub(super) suffix: String,
    pub(super) payload: Bytes,
    pub(super) retain: bool,
    pub(super) historical: bool,
    pub(super) ticket: Ticket,
}

#[derive(Debug)]
struct Slot {
    payload: Bytes,
    version: u64,
    dirty: bool,
}

/// The session. It outlives connections; what is in flight does not.
#[derive(Debug)]
pub(super) struct Session {
    limit: usize,
    inflight: HashMap<u16, Ticket>,
    states: BTreeMap<String, Slot>,
    answers: VecDeque<AnswerOut>,
    live: VecDeque<Entry>,
    backlog: VecDeque<Entry>,
    more: bool,
    asked: bool,
    acked: Vec<Key>,
}

impl Session {
    /// At most `limit` messages are in flight.
    pub(super) fn new(limit: u16) -> Session {
        Session {
            limit: usize::from(limit.max(1)),
            inflight: HashMap::new(),
            states: BTreeMap::new(),
            answers: VecDeque::new(),
            live: VecDeque::new(),
            backlog: VecDeque::new(),
            more: false,
            asked: false,
            acked: Vec::new(),
        }
    }

    /// A broker accepted us: it is told every retained state again, and the outbox is asked for its rest.
    pub(super) fn connected(&mut self) {
        self.states.values_mut().for_each(|slot| slot.dirty = true);
        self.more = true;
    }

    /// The connection is gone. What was in flight may or may not have arrived: states and kept entries
    /// come again by themselves, answers are put back.
    pub(super) fn lost(&mut self) {
        for ticket in std::mem::take(&mut self.inflight).into_values() {
            if let Ticket::Answer(answer) = ticket {
                self.answers.push_front(answer);
            }
        }
        self.live.clear();
        self.backlog.clear();
        (self.more, self.asked) = (false, false);
    }

    /// A retained topic changed.
    pub(super) fn put_state(&mut self, note: Note) {
        let slot = Slot { payload: note.payload, version: note.version, dirty: true };
        self.states.insert(note.suffix, slot);
    }

    /// An answer is due.
    pub(super) fn put_answer(&mut self, answer: AnswerOut) {
        self.answers.push_back(answer);
    }

    /// Entries that just became durable.
    pub(super) fn put_live(&mut self, entries: impl IntoIterator<Item = Entry>) {
        self.live.extend(entries);
    }

    /// What the outbox gave for [`Session::wants`]; nothing more waits there unless
    /// [`Session::more_waits`] follows.
    pub(super) fn put_backlog(&mut self, entries: Vec<Entry>) {
        (self.asked, self.more) = (false, false);
        self.backlog.extend(entries);
    }

    /// The outbox holds entries that were not handed over.
    pub(super) fn more_waits(&mut self) {
        self.more = true;
    }

    /// How many stored entries to fetch now, if any. Live ones go first, so nothing is fetched meanwhile.
    pub(super) fn wants(&mut self) -> Option<usize> {
        let wanted = self.more && !self.asked && self.live.is_empty() && self.backlog.len() < FETCH / 2;
        self.asked |= wanted;
        wanted.then_some(FETCH)
    }

    /// The next message, if one may go now: states, answers, live results, then stored ones.
    pub(super) fn next(&mut self, wall_ns: u64) -> Option<Outgoing> {
        if self.inflight.len() >= self.limit {
            return None;
        }
        self.next_state().or_else(|| self.next_answer()).or_else(|| self.next_kept(wall_ns))
    }

    fn next_state(&mut self) -> Option<Outgoing> {
        let (suffix, slot) = self.states.iter_mut().find(|(_, slot)| slot.dirty)?;
        slot.dirty = false;
        let ticket = Ticket::State { suffix: suffix.clone(), version: slot.version };
        let payload = slot.payload.clone();
        Some(Outgoing { suffix: suffix.clone(), payload, retain: true, historical: false, ticket })
    }

    fn next_answer(&mut self) -> Option<Outgoing> {
        let answer = self.answers.pop_front()?;
        let (payload, retain) = (answer.payload.clone(), answer.retain);
        let ticket = Ticket::Answer(answer);
        Some(Outgoing { suffix: String::new(), payload, retain, historical: false, ticket })
    }

    fn next_kept(&mut self, wall_ns: u64) -> Option<Outgoing> {
        let (entry, historical) = match self.live.pop_front() {
            Some(entry) => (entry, false),
            None => (self.backlog.pop_front()?, true),
        };
        let payload = kept_payload(&entry.body, historical, wall_ns);
        let ticket = Ticket::Kept(entry.key);
        Some(Outgoing { suffix: entry.stream.to_string(), payload, retain: false, historical, ticket })
    }

    /// The message of `ticket` went out under `pkid`.
    pub(super) fn sent(&mut self, pkid: u16, ticket: Ticket) {
        self.inflight.insert(pkid, ticket);
    }

    /// The broker has what went out under `pkid`; true if it was a kept entry.
    pub(super) fn acked(&mut self, pkid: u16) -> bool {
        match self.inflight.remove(&pkid) {
            Some(Ticket::Kept(key)) => {
                self.acked.push(key);
                return true;
            }
            Some(Ticket::State { suffix, version }) => {
                let over = |slot: &Slot| slot.version == version && slot.payload.is_empty();
                if self.states.get(&suffix).is_some_and(over) {
                    self.states.remove(&suffix);
                }
            }
            Some(Ticket::Answer(_)) | None => {}
        }
        false
    }

    /// Takes the outbox entries that were acknowledged.
    pub(super) fn take_acked(&mut self) -> Vec<Key> {
        std::mem::take(&mut self.acked)
    }

    /// These entries are gone from the outbox: what waits to be sent is let go of. Returns how many that were; what is
    /// in flight has been said.
    pub(super) fn forget(&mut self, keys: &[Key]) -> usize {
        let before = self.live.len() + self.backlog.len();
        self.live.retain(|entry| !keys.contains(&entry.key));
        self.backlog.retain(|entry| !keys.contains(&entry.key));
        before - self.live.len() - self.backlog.len()
    }

    /// Whether states, answers and live results are all out and acknowledged. Stored ones may wait: they
    /// are on disk.
    pub(super) fn is_drained(&self) -> bool {
        let states = self.states.values().all(|slot| !slot.dirty);
        states && self.inflight.is_empty() && self.answers.is_empty() && self.live.is_empty()
    }

    /// Messages sent and not yet acknowledged.
    #[cfg(test)]
    pub(super) fn inflight(&self) -> usize {
        self.inflight.len()
    }
}

/// The bytes of a kept entry: its payload is stored as an object that lacks only `historical`.
fn kept_payload(body: &Body, historical: bool, wall_ns: u64) -> Bytes {
    let mut own = Vec::new();
    let stored: &[u8] = match body {
        Body::Message { payload, .. } => payload,
        Body::Gap { from, to } => {
            let gap = Gap { from: *from, to: *to, reason: "outbox.max_bytes was reached" };
            contract::write(*to, wall_ns, &gap, &mut own);
            &own
        }
        Body::Erased { from, to } => {
            let gap = Gap { from: *from, to: *to, reason: "a person was erased" };
            contract::write(*to, wall_ns, &gap, &mut own);
            &own
        }
    };
    let head: &[u8] = if historical { b"{\"historical\":true," } else { b"{\"historical\":false," };
    let mut whole = Vec::with_capacity(head.len() + stored.len());
    whole.extend_from_slice(head);
    whole.extend_from_slice(stored.strip_prefix(b"{").unwrap_or(stored));
    whole.into()
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
