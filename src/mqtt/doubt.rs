//! Which message made the broker hang up? Nobody says, so it is tried out.
//!
//! Everything that was unconfirmed when the broker closed the connection is in doubt. What is in doubt is sent again
//! with nothing else under way, after the broker has answered for all that went before: if the connection dies then,
//! that message gets a strike, and after two it is set aside. A broker that restarts costs nobody anything: a strike is
//! given only for a message that was alone, and most of it is taken back where the broker could not be reached after.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::store::EntryKey;

/// A loss of the connection over one message that was alone.
const STRIKE: u8 = 3;
/// Taken back where the broker could not be reached after the loss: then it restarted, or crashed over the message.
const TAKEN_BACK: u8 = 2;
/// With so much a message is set aside: after two losses, or six over which the broker was away.
const OUT: u8 = 2 * STRIKE;
/// How long what was refused speaks for others of its topic that are as long; then one of them is tried again.
const LEARNED: Duration = Duration::from_secs(600);
/// Most messages in doubt. Beyond it all begin anew, which costs time and nothing else.
const MOST: usize = 4_096;

/// A message, named so that it is known again after a loss.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    /// An entry of the outbox.
    DurableEvent(EntryKey),
    /// A retained topic, whatever it says now.
    State(String),
    /// An answer by its number.
    Answer(u64),
    /// The messages of QoS 0 of one topic.
    Stream(usize),
}

/// Messages of one topic were refused.
#[derive(Clone, Copy, Debug)]
struct RefusedTopic {
    /// The shortest of them.
    bytes: usize,
    /// How long that is believed, on the monotonic clock.
    until_ns: u64,
    /// Whether others are judged by it.
    speaks_for_others: bool,
}

/// What the broker is known to refuse, and what may be refused.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    strikes: BTreeMap<Name, u8>,
    /// Who got the last strike, while it is not known whether the broker could be reached after it.
    last: Option<Name>,
    /// What was refused, by topic.
    refused: BTreeMap<String, RefusedTopic>,
    /// The longest message that the broker took, by topic.
    taken: BTreeMap<String, usize>,
    /// Topics of which it has been reported that they have messages which are too long.
    reported: BTreeSet<String>,
}

impl Doubts {
    /// `name` was unconfirmed at a loss.
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

    /// The broker accepted us.
    pub(super) fn connected(&mut self) {
        self.last = None;
    }

    /// The broker could not be reached: what it refuses may be another thing when it comes back.
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

    /// Whether `name` is to be set aside.
    pub(super) fn is_out(&self, name: &Name) -> bool {
        self.strikes.get(name).is_some_and(|strikes| *strikes >= OUT)
    }

    /// `name` got through, or is set aside.
    pub(super) fn clear(&mut self, name: &Name) {
        self.strikes.remove(name);
    }

    /// Whether anything is in doubt.
    pub(super) fn is_empty(&self) -> bool {
        self.strikes.is_empty()
    }

    /// The broker took a message of `bytes` on `topic`: its length is no reason to refuse one.
    pub(super) fn took(&mut self, topic: &str, bytes: usize) {
        match self.taken.get_mut(topic) {
            Some(most) => *most = bytes.max(*most),
            None => drop(self.taken.insert(topic.into(), bytes)),
        }
        if self.refused.get(topic).is_some_and(|refused| refused.bytes <= bytes) {
            self.refused.remove(topic);
        }
    }

    /// A message of `bytes` on `topic` was refused. It speaks for others that are as long: at once where the topic says
    /// the same again and again, else from the second on, lest one is judged by another's content.
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
        self.refused.insert(topic.into(), refused);
    }

    /// The length of a message that was refused on `topic`, if one of `bytes` will be refused like it.
    pub(super) fn refuses(&self, topic: &str, bytes: usize, mono_ns: u64) -> Option<usize> {
        let refused = self.refused.get(topic)?;
        let applies = refused.speaks_for_others && bytes >= refused.bytes && refused.until_ns > mono_ns;
        applies.then_some(refused.bytes)
    }

    /// Whether it is news that `topic` has a message that is refused.
    pub(super) fn is_news(&mut self, topic: &str) -> bool {
        !self.reported.contains(topic) && self.reported.insert(topic.into())
    }
}
