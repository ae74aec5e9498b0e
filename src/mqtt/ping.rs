//! What the broker has certainly handled: it answers in the order in which messages were written.

use super::doubt::Name;
use super::session::{MqttSession, Trial};

impl MqttSession {
    /// Whether to send a ping, because something waits until the broker has handled all that was written.
    pub(super) fn wants_ping(&self) -> bool {
        let of_stream = self.trial.as_ref().is_some_and(|trial| matches!(trial.name, Name::Stream(_)));
        let awaited = self.waiting.is_some() || self.once_waits || of_stream;
        awaited && !self.is_confirmed() && self.pings.back() != Some(&self.written)
    }

    /// A ping was sent.
    pub(super) fn pinged(&mut self) {
        self.pings.push_back(self.written);
    }

    /// A ping was answered: the broker has handled everything that was written before it.
    pub(super) fn ponged(&mut self) {
        if let Some(number) = self.pings.pop_front() {
            self.confirm(number);
        }
    }

    pub(super) fn confirm(&mut self, number: u64) {
        self.confirmed = self.confirmed.max(number);
        let over = self.trial.take_if(|trial| trial.number <= number);
        if let Some(Trial { name: name @ Name::Stream(at), .. }) = over {
            self.doubts.clear(&name);
            self.streams[at].doubted_from = usize::MAX;
        }
    }

    fn is_confirmed(&self) -> bool {
        self.confirmed >= self.written
    }

    /// Whether no message is in flight.
    pub(super) fn is_quiet(&self) -> bool {
        self.inflight.is_empty() && self.is_confirmed()
    }

    /// Whether something is in doubt: then the next attempt comes sooner, because other messages wait for it.
    pub(super) fn is_doubtful(&self) -> bool {
        !self.doubts.is_empty()
    }

    /// Whether a message in doubt waits until nothing else is in flight.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }
}
