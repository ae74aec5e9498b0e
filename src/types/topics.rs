//! Messages of topics that somebody subscribed to: a bounded queue between the connection and who reads them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use crossbeam_queue::ArrayQueue;
use parking_lot::{Condvar, Mutex};

use super::Stamp;

/// A message of a topic.
#[derive(Clone, Debug)]
pub struct TopicMessage {
    /// The topic that it came on.
    pub topic: String,
    /// The payload, or the beginning of one that is too long.
    pub payload: Bytes,
    /// The length of the whole payload in bytes.
    pub bytes: usize,
    /// When it arrived here.
    pub at: Stamp,
}

/// The messages of a topic filter that wait. The connection pushes and never waits; it unsubscribes once the queue is
/// dropped.
#[derive(Debug)]
pub struct TopicQueue {
    filter: String,
    waiting: ArrayQueue<TopicMessage>,
    dropped: AtomicU64,
    has_some: Mutex<bool>,
    bell: Condvar,
}

impl TopicQueue {
    /// An empty queue of `filter` for at most `most` messages.
    pub fn new(filter: &str, most: usize) -> TopicQueue {
        let waiting = ArrayQueue::new(most.max(1));
        TopicQueue {
            filter: filter.to_owned(),
            waiting,
            dropped: AtomicU64::new(0),
            has_some: Mutex::new(false),
            bell: Condvar::new(),
        }
    }

    /// The topic filter, with `+` and `#`.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Whether the filter takes `topic`. Topics that begin with `$` are the broker's own, and no wildcard takes them.
    pub fn takes(&self, topic: &str) -> bool {
        let (mut filter, mut levels) = (self.filter.split('/'), topic.split('/'));
        if topic.starts_with('$') && self.filter.starts_with(['+', '#']) {
            return false;
        }
        loop {
            match (filter.next(), levels.next()) {
                (Some("#"), _) | (None, None) => return true,
                (Some("+"), Some(_)) => {}
                (Some(wanted), Some(level)) if wanted == level => {}
                _ => return false,
            }
        }
    }

    /// Adds a message, if there is a place for it; otherwise it is counted.
    pub fn push(&self, message: TopicMessage) {
        if self.waiting.push(message).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        *self.has_some.lock() = true;
        self.bell.notify_one();
    }

    /// Messages that were dropped since the last call, because too many waited.
    pub fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }

    /// Takes the oldest message out.
    pub fn pop(&self) -> Option<TopicMessage> {
        self.waiting.pop()
    }

    /// Number of messages that wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether no message waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Waits for a message, at most `pause`.
    pub fn wait(&self, pause: Duration) {
        let mut has_some = self.has_some.lock();
        if !*has_some {
            self.bell.wait_for(&mut has_some, pause);
        }
        *has_some = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_take_topics_as_mqtt_says() {
        let takes = |filter: &str, topic| TopicQueue::new(filter, 1).takes(topic);
        for (filter, topic) in
            [("a/b", "a/b"), ("a/+", "a/b"), ("a/#", "a/b/c"), ("a/#", "a"), ("+/b/#", "x/b")]
        {
            assert!(takes(filter, topic), "{filter} {topic}");
        }
        for (filter, topic) in
            [("a/b", "a/c"), ("a/+", "a/b/c"), ("a/+", "a"), ("a", "a/b"), ("+/x", "$SYS/x")]
        {
            assert!(!takes(filter, topic), "{filter} {topic}");
        }
    }
}
