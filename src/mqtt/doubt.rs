//! Finds the message because of which the broker closes the connection. The protocol does not name it, so it
//! is tried out.
//!
//! Every message that was unconfirmed when the broker closed the connection is in doubt. Such a message is
//! sent again alone, after the broker has answered for all earlier ones: if the connection dies then, the
//! message gets a strike, and after three it is set aside. A restart of the broker costs nothing: only a
//! message that was alone gets a strike, and most of the strike is taken back if the broker could not be
//! reached afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::store::EntryKey;

/// The connection was lost over one message that was alone.
const STRIKE: u8 = 3;
/// Taken back if the broker could not be reached after the loss: then it restarted, or crashed over the
/// message.
const TAKEN_BACK: u8 = 2;
/// A message with this many points is set aside: after three losses, or nine after which the broker was away.
/// Two losses would not do: a broker that is back before we reconnect is never seen away, and may stop twice
/// while the same message is alone.
const OUT: u8 = 3 * STRIKE;
/// How long a refused message stands for others of its topic with at least its length; then one of them is
/// tried again.
const LEARNED: Duration = Duration::from_secs(600);
/// Messages in doubt, at most. Beyond it all doubts are cleared, which costs only time.
const MOST: usize = 4_096;

/// Identifies a message, so that it is recognised after a loss.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    /// An entry of the outbox.
    DurableEvent(EntryKey),
    /// A retained topic, whatever its current content.
    State(String),
    /// An answer by its number.
    Answer(u64),
    /// The QoS 0 messages of one topic.
    Stream(usize),
}

/// Messages of one topic that were refused.
#[derive(Clone, Copy, Debug)]
struct RefusedTopic {
    /// The length of the shortest one.
    bytes: usize,
    /// How long that counts, on the monotonic clock.
    until_ns: u64,
    /// Whether other messages are judged by it.
    speaks_for_others: bool,
}

/// What the broker is known to refuse, and what it may refuse.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    strikes: BTreeMap<Name, u8>,
    /// The message with the last strike, while it is unknown whether the broker could be reached after it.
    last: Option<Name>,
    /// The refused messages, by topic.
    refused: BTreeMap<String, RefusedTopic>,
    /// The longest message that the broker took, by topic.
    taken: BTreeMap<String, usize>,
    /// Topics that have been reported to have messages which are too long.
    reported: BTreeSet<String>,
}

impl Doubts {
    /// `name` was unconfirmed when the connection was lost.
    pub(super) fn add(&mut self, name: Name) {
        if self.strikes.len() >= MOST {
            self.strikes.clear();
        }
        self.strikes.entry(name).or_insert(0);
    }

    /// The connection was lost over `name` alone.
    pub(super) fn strike(&mut self, name: Name) {
        let strikes = self.strikes.entry(name.clone()).or_insert(0);
        *strikes = strikes.saturating_add(STRIKE);
        self.last = Some(name);
    }

    /// The broker accepted a connection.
    pub(super) fn connected(&mut self) {
        self.last = None;
    }

    /// The broker could not be reached: after its return it may refuse other messages.
    pub(super) fn unreachable(&mut self) {
        if let Some(strikes) = self.last.take().and_then(|name| self.strikes.get_mut(&name)) {
            *strikes -= TAKEN_BACK;
        }
        self.refused.clear();
        self.taken.clear();
        self.reported.clear();
    }

    /// Whether `name` may only be sent alone.
    pub(super) fn holds(&self, name: &Name) -> bool {
        self.strikes.contains_key(name)
    }

    /// Whether `name` has to be set aside.
    pub(super) fn is_out(&self, name: &Name) -> bool {
        self.strikes.get(name).is_some_and(|strikes| *strikes >= OUT)
    }

    /// `name` was delivered, or is set aside.
    pub(super) fn clear(&mut self, name: &Name) {
        self.strikes.remove(name);
    }

    /// Whether anything is in doubt.
    pub(super) fn is_empty(&self) -> bool {
        self.strikes.is_empty()
    }

    /// The broker took a message of `bytes` on `topic`, so this length is not a reason to refuse one.
    pub(super) fn took(&mut self, topic: &str, bytes: usize) {
        match self.taken.get_mut(topic) {
            Some(most) => *most = bytes.max(*most),
            None => {
                // The end of each job has a topic of its own, so there is no end of topics. What is forgotten is learned
                // again with the next message.
                if self.taken.len() >= MOST {
                    self.taken.clear();
                }
                self.taken.insert(topic.into(), bytes);
            }
        }
        if self.refused.get(topic).is_some_and(|refused| refused.bytes <= bytes) {
            self.refused.remove(topic);
        }
    }

    /// A message of `bytes` on `topic` was refused. It stands for others of at least its length: at once for
    /// topics that repeat their content, otherwise from the second on, so that no message is judged by
    /// another's content.
    pub(super) fn learn(&mut self, topic: &str, bytes: usize, mono_ns: u64, repeats: bool) {
        if self.taken.get(topic).is_some_and(|taken| *taken >= bytes) {
            return;
        }
        let until_ns = mono_ns + LEARNED.as_nanos() as u64;
        let known = self.refused.get(topic).filter(|known| known.until_ns > mono_ns);
        let refused = RefusedTopic {
            bytes: known.map_or(bytes, |known| bytes.min(known.bytes)),
            until_ns,
            speaks_for_others: repeats || known.is_some(),
        };
        if self.refused.len() >= MOST && !self.refused.contains_key(topic) {
            self.refused.clear();
        }
        self.refused.insert(topic.into(), refused);
    }

    /// The length of a refused message on `topic`, if a message of `bytes` will be refused like it.
    pub(super) fn refuses(&self, topic: &str, bytes: usize, mono_ns: u64) -> Option<usize> {
        let refused = self.refused.get(topic)?;
        let applies = refused.speaks_for_others && bytes >= refused.bytes && refused.until_ns > mono_ns;
        applies.then_some(refused.bytes)
    }

    /// Whether it is new that `topic` has a refused message.
    pub(super) fn is_news(&mut self, topic: &str) -> bool {
        if self.reported.contains(topic) {
            return false;
        }
        if self.reported.len() >= MOST {
            self.reported.clear();
        }
        self.reported.insert(topic.into())
    }
}
