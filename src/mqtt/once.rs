//! QoS 0 messages, which are never acknowledged. A broker answers a ping after everything that was written
//! before it, so pings show which message it refuses.

use super::doubt::Name;
use super::message::{Aside, Reason};
use super::packet::publish_bytes;
use super::session::{MqttSession, Trial};
use crate::types::Stamp;

/// Streams that are remembered. A batch run has a topic of its own, so there is no end of topics; beyond this the place
/// of one with nothing in flight is used again.
const MAX_STREAMS: usize = 256;

/// The messages of one topic.
#[derive(Debug)]
pub(super) struct Stream {
    /// The topic below `PREFIX/DEVICE/`.
    suffix: String,
    pub(super) topic: String,
    /// The number of the last message written, and the longest since the last one confirmed.
    last: u64,
    longest: usize,
    /// Messages of at least this length are in doubt.
    pub(super) doubted_from: usize,
    /// Whether these are the reports of a camera.
    pub(super) is_report: bool,
}

/// What to do with a message of QoS 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Once {
    /// Send the message now.
    Now,
    /// Ask again later: a message in doubt is being tried.
    Later,
    /// Drop it: the broker does not take it.
    Never,
}

impl MqttSession {
    /// The place of the stream of the topic `suffix`, which is created if it is new. It holds until the message of the
    /// stream is sent or dropped.
    pub(super) fn stream(&mut self, suffix: &str, topic: impl FnOnce() -> String) -> usize {
        let known = self.streams.iter().position(|stream| stream.suffix == suffix);
        known.unwrap_or_else(|| {
            let (suffix, topic) = (suffix.to_owned(), topic());
            let (last, longest, doubted_from) = (0, 0, usize::MAX);
            let stream = Stream { suffix, topic, last, longest, doubted_from, is_report: false };
            if let Some(at) = self.unused_stream() {
                self.streams[at] = stream;
                return at;
            }
            self.streams.push(stream);
            self.streams.len() - 1
        })
    }

    /// Where the streams are many, the place of the one that was used longest ago, as far as its messages are confirmed and
    /// none of them is in doubt. Reports keep theirs, because cameras know them by their places.
    fn unused_stream(&self) -> Option<usize> {
        if self.streams.len() < MAX_STREAMS {
            return None;
        }
        let is_unused = |at: usize, stream: &Stream| {
            let is_confirmed = stream.last > 0 && stream.last <= self.confirmed;
            let name = Name::Stream(at);
            let is_tried = self.trial.as_ref().is_some_and(|trial| trial.name == name);
            is_confirmed && !stream.is_report && !is_tried && !self.doubts.holds(&name)
        };
        let unused = self.streams.iter().enumerate().filter(|(at, stream)| is_unused(*at, stream));
        unused.min_by_key(|(_, stream)| stream.last).map(|(at, _)| at)
    }

    /// What to do with a message of `bytes` of the stream `at`.
    pub(super) fn once(&mut self, at: usize, bytes: usize, now: Stamp) -> Once {
        let name = Name::Stream(at);
        let Stream { topic, suffix, doubted_from, .. } = &self.streams[at];
        let doubted = bytes >= *doubted_from && self.doubts.holds(&name);
        let reason = if publish_bytes(self.version(), topic.len(), bytes) > self.max_packet {
            Some(Reason::TooLong { most: self.max_packet })
        } else if doubted && self.doubts.is_out(&name) {
            self.doubts.learn(suffix, bytes, now.mono_ns, true);
            Some(Reason::HungUp)
        } else {
            self.doubts.refuses(suffix, bytes, now.mono_ns).map(|bytes| Reason::LikeOne { bytes })
        };
        if let Some(reason) = reason {
            self.refuse_once(at, bytes, &reason);
            return Once::Never;
        }
        if self.trial.is_some() || self.is_waiting() {
            return Once::Later;
        }
        self.once_waits = doubted && !self.is_quiet();
        if self.once_waits { Once::Later } else { Once::Now }
    }

    fn refuse_once(&mut self, at: usize, bytes: usize, reason: &Reason) {
        let topic = self.streams[at].suffix.clone();
        self.once_waits = false;
        if self.streams[at].last == 0 {
            // Nothing of it is in flight, so its place may be used again.
            self.streams[at].last = self.confirmed;
        }
        if matches!(reason, Reason::HungUp) {
            self.doubts.clear(&Name::Stream(at));
            self.streams[at].doubted_from = usize::MAX;
        }
        if self.doubts.is_news(&topic) {
            let reason = reason.text("it", bytes);
            self.aside.push(Aside { key: None, topic, bytes, reason, news: true });
        }
    }

    /// A message of `bytes` of the stream `at` was written.
    pub(super) fn sent_once(&mut self, at: usize, bytes: usize) {
        self.written += 1;
        let (number, confirmed) = (self.written, self.confirmed);
        let stream = &mut self.streams[at];
        stream.longest = if stream.last > confirmed { stream.longest.max(bytes) } else { bytes };
        stream.last = number;
        if bytes >= stream.doubted_from && self.doubts.holds(&Name::Stream(at)) {
            self.trial = Some(Trial { name: Name::Stream(at), number });
        }
    }

    /// The connection was lost: any message that is not confirmed may be the cause.
    pub(super) fn doubt_streams(&mut self) {
        for (at, stream) in self.streams.iter_mut().enumerate() {
            if stream.last > self.confirmed {
                stream.doubted_from = stream.doubted_from.min(stream.longest);
                self.doubts.add(Name::Stream(at));
            }
        }
    }
}
