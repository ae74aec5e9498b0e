//! Decides what to send next and what an acknowledgement means: the MQTT session without any I/O. Methods
//! take events, and [`MqttSession::next`] returns the next message.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;

use super::doubt::{Doubts, Name};
use super::message::{AnswerOut, AnswerPart, Aside, Outgoing, Reason, Ticket, kept_payload};
use super::once::Stream;
use super::packet::{Accepted, Version, publish_bytes};
use super::retained::Note;
use crate::contract::topic::Topics;
use crate::store::{Entry, EntryKey};
use crate::types::{Delivered, Stamp};

/// Entries fetched from the outbox at once.
const FETCH: usize = 256;

#[derive(Debug)]
struct InFlightSlot {
    payload: Bytes,
    version: u64,
    dirty: bool,
}

/// A message that was sent and is not yet acknowledged.
#[derive(Debug)]
pub(super) struct Sent {
    /// Messages are numbered as they are written, and the broker handles them in this order.
    number: u64,
    bytes: usize,
    ticket: Ticket,
}

/// A message in doubt that is in flight alone.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) name: Name,
    pub(super) number: u64,
}

/// The session. It outlives connections; messages in flight do not.
#[derive(Debug)]
pub(super) struct MqttSession {
    topics: Topics,
    /// Messages in flight, at most: as configured, and on this connection.
    configured: usize,
    limit: usize,
    version: Version,
    pub(super) max_packet: usize,
    /// Messages written, and how many of them the broker has certainly handled.
    pub(super) written: u64,
    pub(super) confirmed: u64,
    /// For each unanswered ping, the number of messages written before it.
    pub(super) pings: VecDeque<u64>,
    pub(super) inflight: HashMap<u16, Sent>,
    /// A message in doubt, which is sent when nothing else is in flight.
    pub(super) waiting: Option<Outgoing>,
    pub(super) trial: Option<Trial>,
    pub(super) doubts: Doubts,
    /// The topics of QoS 0, and the one whose message waits to be tried.
    pub(super) streams: Vec<Stream>,
    pub(super) once_waits: bool,
    states: BTreeMap<String, InFlightSlot>,
    answers: VecDeque<AnswerOut>,
    /// The number of the last answer; answers are numbered as they come.
    answered: u64,
    live: VecDeque<Entry>,
    backlog: VecDeque<Entry>,
    more: bool,
    asked: bool,
    acked: Vec<EntryKey>,
    pub(super) aside: Vec<Aside>,
}

impl MqttSession {
    /// At most `limit` messages are in flight.
    pub(super) fn new(topics: Topics, limit: u16) -> MqttSession {
        let limit = usize::from(limit.max(1));
        MqttSession {
            topics,
            configured: limit,
            limit,
            version: Version::V4,
            max_packet: usize::MAX,
            written: 0,
            confirmed: 0,
            pings: VecDeque::new(),
            inflight: HashMap::new(),
            waiting: None,
            trial: None,
            doubts: Doubts::default(),
            streams: Vec::new(),
            once_waits: false,
            states: BTreeMap::new(),
            answers: VecDeque::new(),
            answered: 0,
            live: VecDeque::new(),
            backlog: VecDeque::new(),
            more: false,
            asked: false,
            acked: Vec::new(),
            aside: Vec::new(),
        }
    }

    /// A broker accepted the connection: every retained state is sent again, and the outbox is asked for its
    /// rest.
    pub(super) fn connected(&mut self, version: Version, accepted: &Accepted) {
        self.version = version;
        self.max_packet = accepted.max_packet.map_or(usize::MAX, |bytes| bytes as usize);
        let receive_max = accepted.receive_max.map_or(usize::MAX, |count| usize::from(count.max(1)));
        self.limit = self.configured.min(receive_max);
        self.doubts.connected();
        // The greeting: no message is tried before the broker has handled it.
        self.written += 1;
        self.states.values_mut().for_each(|slot| slot.dirty = true);
        self.more = true;
    }

    /// The connection was lost; `by_broker` if the broker closed it. Messages in flight may or may not have
    /// arrived: states and stored entries come again without further action, and answers are put back in
    /// their order.
    pub(super) fn lost(&mut self, by_broker: bool) {
        let mut sent: Vec<Sent> = std::mem::take(&mut self.inflight).into_values().collect();
        sent.sort_unstable_by_key(|sent| sent.number);
        match self.trial.take() {
            Some(trial) if by_broker => self.doubts.strike(trial.name),
            None if by_broker => {
                sent.iter().for_each(|sent| self.doubts.add(sent.ticket.name()));
                self.doubt_streams();
            }
            _ => {}
        }
        let waiting = self.waiting.take().map(|waiting| waiting.ticket);
        let back = sent.into_iter().map(|sent| sent.ticket).chain(waiting);
        for ticket in back.collect::<Vec<_>>().into_iter().rev() {
            if let Ticket::Answer(answer) = ticket {
                self.answers.push_front(answer);
            }
        }
        self.drop_singles();
        self.live.clear();
        self.backlog.clear();
        self.pings.clear();
        self.confirmed = self.written;
        (self.more, self.asked, self.once_waits) = (false, false, false);
    }

    /// Single messages are not sent again: they may have arrived, and would come too late.
    fn drop_singles(&mut self) {
        let doubts = &mut self.doubts;
        self.answers.retain(|answer| match &answer.part {
            AnswerPart::Single(receipt) => {
                receipt.end(Delivered::Lost);
                doubts.clear(&Name::Answer(answer.number));
                false
            }
            _ => true,
        });
    }

    /// The broker cannot be reached.
    pub(super) fn unreachable(&mut self) {
        self.doubts.unreachable();
    }

    /// A retained topic changed.
    pub(super) fn put_state(&mut self, note: Note) {
        let slot = InFlightSlot { payload: note.payload, version: note.version, dirty: true };
        self.states.insert(note.suffix, slot);
    }

    /// Queues an answer to be sent.
    pub(super) fn put_answer(&mut self, answer: AnswerOut) {
        self.answered += 1;
        self.answers.push_back(AnswerOut { number: self.answered, ..answer });
    }

    /// Queues entries that just became durable.
    pub(super) fn put_live(&mut self, entries: impl IntoIterator<Item = Entry>) {
        self.live.extend(entries);
    }

    /// Takes the entries that the outbox returned for [`MqttSession::wants`]; the outbox holds no more unless
    /// [`MqttSession::more_waits`] follows.
    pub(super) fn put_backlog(&mut self, entries: Vec<Entry>) {
        (self.asked, self.more) = (false, false);
        self.backlog.extend(entries);
    }

    /// The outbox holds entries that were not handed over.
    pub(super) fn more_waits(&mut self) {
        self.more = true;
    }

    /// How many stored entries to fetch now, if any. Live ones come first, so none are fetched while some
    /// wait.
    pub(super) fn wants(&mut self) -> Option<usize> {
        let wanted = self.more && !self.asked && self.live.is_empty() && self.backlog.len() < FETCH / 2;
        self.asked |= wanted;
        wanted.then_some(FETCH)
    }

    /// The next message, if one may be sent now: states, answers, live results, then stored ones.
    pub(super) fn next(&mut self, now: Stamp) -> Option<Outgoing> {
        if self.trial.is_some() || self.once_waits || self.inflight.len() >= self.limit {
            return None;
        }
        loop {
            let out = match self.waiting.take() {
                Some(out) => out,
                None => self.next_state().or_else(|| self.next_answer()).or_else(|| self.next_kept(now))?,
            };
            if let Some(reason) = self.reason_against(&out, now) {
                self.put_aside(out.ticket, &out.topic, out.payload.len(), &reason, now);
            } else if self.doubts.holds(&out.ticket.name()) && !self.is_quiet() {
                self.waiting = Some(out);
                return None;
            } else {
                return Some(out);
            }
        }
    }

    fn next_state(&mut self) -> Option<Outgoing> {
        let (suffix, slot) = self.states.iter_mut().find(|(_, slot)| slot.dirty)?;
        slot.dirty = false;
        let ticket = Ticket::State { suffix: suffix.clone(), version: slot.version };
        let (topic, payload) = (self.topics.full(suffix), slot.payload.clone());
        Some(Outgoing { topic, payload, retain: true, historical: false, ticket })
    }

    fn next_answer(&mut self) -> Option<Outgoing> {
        let mut answer = self.answers.pop_front()?;
        while matches!(&answer.part, AnswerPart::Single(receipt) if receipt.is_withdrawn()) {
            answer = self.answers.pop_front()?;
        }
        let (topic, payload, retain) = (answer.topic.clone(), answer.payload.clone(), answer.retain);
        Some(Outgoing { topic, payload, retain, historical: false, ticket: Ticket::Answer(answer) })
    }

    fn next_kept(&mut self, now: Stamp) -> Option<Outgoing> {
        let (entry, historical) = match self.live.pop_front() {
            Some(entry) => (entry, false),
            None => (self.backlog.pop_front()?, true),
        };
        let payload = kept_payload(&entry.body, historical, now.wall_ns);
        let topic = self.topics.full(&entry.stream);
        Some(Outgoing {
            topic,
            payload,
            retain: false,
            historical,
            ticket: Ticket::DurableEvent(entry.key, entry.stream),
        })
    }

    /// Why `out` must not be sent, if so.
    fn reason_against(&mut self, out: &Outgoing, now: Stamp) -> Option<Reason> {
        let bytes = out.payload.len();
        let key = out.ticket.learned_by();
        let packet = publish_bytes(self.version, out.topic.len(), bytes);
        if packet > self.max_packet {
            return Some(Reason::TooLong { most: self.max_packet });
        }
        if self.doubts.is_out(&out.ticket.name()) {
            let repeats = matches!(out.ticket, Ticket::State { .. });
            self.doubts.learn(key, bytes, now.mono_ns, repeats);
            return Some(Reason::HungUp);
        }
        self.doubts.refuses(key, bytes, now.mono_ns).map(|bytes| Reason::LikeOne { bytes })
    }

    /// Gives up a message; a requester that waits for it gets `failed`.
    fn put_aside(&mut self, ticket: Ticket, topic: &str, bytes: usize, reason: &Reason, now: Stamp) {
        self.doubts.clear(&ticket.name());
        let suffix = self.topics.suffix(topic).unwrap_or(topic).to_owned();
        let text = reason.text(ticket.subject(), bytes);
        // A state comes again with each change, so its refusal is reported once.
        let news = !matches!(ticket, Ticket::State { .. }) || self.doubts.is_news(&suffix);
        let mut key = None;
        match ticket {
            Ticket::DurableEvent(of, _) => key = Some(of),
            Ticket::State { .. } => {}
            Ticket::Answer(answer) => self.fail_answer(answer, &text, now),
        }
        self.aside.push(Aside { key, topic: suffix, bytes, reason: text, news });
    }

    /// An answer that cannot be sent ends as `failed`, once.
    fn fail_answer(&mut self, answer: AnswerOut, reason: &str, now: Stamp) {
        let (topic, retain) = match answer.part {
            AnswerPart::Progress | AnswerPart::Failure => return,
            AnswerPart::Single(receipt) => return receipt.end(Delivered::Refused),
            AnswerPart::End => (answer.topic, answer.retain),
            AnswerPart::Picture(end) => (end.topic, end.retain),
        };
        self.answered += 1;
        let failed = AnswerOut::failure(topic, retain, reason, now);
        self.answers.push_front(AnswerOut { number: self.answered, ..failed });
    }

    /// `out` was sent under `pkid`.
    pub(super) fn sent(&mut self, pkid: u16, out: Outgoing) {
        self.written += 1;
        let (number, bytes, name) = (self.written, out.payload.len(), out.ticket.name());
        if self.doubts.holds(&name) {
            self.trial = Some(Trial { name, number });
        }
        self.inflight.insert(pkid, Sent { number, bytes, ticket: out.ticket });
    }

    /// The broker acknowledged or refused the message sent under `pkid`; true if it acknowledged a stored
    /// entry.
    pub(super) fn acked(&mut self, pkid: u16, refused: Option<&'static str>, now: Stamp) -> bool {
        let Some(Sent { number, bytes, ticket }) = self.inflight.remove(&pkid) else { return false };
        self.confirm(number);
        self.doubts.clear(&ticket.name());
        if let Some(why) = refused {
            let topic = match &ticket {
                Ticket::DurableEvent(_, stream) => stream.to_string(),
                Ticket::State { suffix, .. } => suffix.clone(),
                Ticket::Answer(answer) => answer.topic.clone(),
            };
            self.put_aside(ticket, &topic, bytes, &Reason::Refused { why }, now);
            return false;
        }
        self.doubts.took(ticket.learned_by(), bytes);
        match ticket {
            Ticket::DurableEvent(key, _) => {
                self.acked.push(key);
                return true;
            }
            Ticket::State { suffix, version } => {
                let over = |slot: &InFlightSlot| slot.version == version && slot.payload.is_empty();
                if self.states.get(&suffix).is_some_and(over) {
                    self.states.remove(&suffix);
                }
            }
            // The picture has arrived, so the answer may name its topic.
            Ticket::Answer(AnswerOut { part: AnswerPart::Picture(end), .. }) => {
                self.answered += 1;
                self.answers.push_front(AnswerOut { number: self.answered, ..*end });
            }
            Ticket::Answer(AnswerOut { part: AnswerPart::Single(receipt), .. }) => {
                receipt.end(Delivered::Acknowledged);
            }
            Ticket::Answer(_) => {}
        }
        false
    }

    /// The MQTT version of the connection.
    pub(super) fn version(&self) -> Version {
        self.version
    }

    /// Takes the outbox entries that were acknowledged.
    pub(super) fn take_acked(&mut self) -> Vec<EntryKey> {
        std::mem::take(&mut self.acked)
    }

    /// Takes what was set aside.
    pub(super) fn take_aside(&mut self) -> Vec<Aside> {
        std::mem::take(&mut self.aside)
    }

    /// These entries were deleted from the outbox: those that wait are dropped. Returns how many; messages in
    /// flight have already been sent.
    pub(super) fn forget(&mut self, keys: &[EntryKey]) -> usize {
        let gone =
            |out: &mut Outgoing| matches!(&out.ticket, Ticket::DurableEvent(key, _) if keys.contains(key));
        let waited = usize::from(self.waiting.take_if(gone).is_some());
        let before = self.live.len() + self.backlog.len();
        self.live.retain(|entry| !keys.contains(&entry.key));
        self.backlog.retain(|entry| !keys.contains(&entry.key));
        waited + before - self.live.len() - self.backlog.len()
    }

    /// Whether states, answers and live results are all sent and acknowledged. Stored ones may wait, because
    /// they are on disk.
    pub(super) fn is_drained(&self) -> bool {
        let states = self.states.values().all(|slot| !slot.dirty);
        let under_way = !self.inflight.is_empty() || self.waiting.is_some();
        states && !under_way && self.answers.is_empty() && self.live.is_empty()
    }

    /// Messages that were sent and are not yet acknowledged.
    #[cfg(test)]
    pub(super) fn inflight(&self) -> usize {
        self.inflight.len()
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
