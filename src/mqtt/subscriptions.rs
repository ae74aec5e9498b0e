//! Topic filters that other parts of the service subscribe to, and their messages.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use parking_lot::Mutex;

use super::handle::Mqtt;
use super::packet::Publish;
use crate::types::{Stamp, TopicMessage, TopicQueue};

/// The queues of all filters. A filter is subscribed to as long as its queue exists.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    queues: Mutex<Vec<(String, Weak<TopicQueue>)>>,
    /// Counts the changes, so that the connection need not take the lock to find that there is none.
    version: AtomicU64,
}

impl Subscriptions {
    fn add(&self, queue: &Arc<TopicQueue>) {
        self.queues.lock().push((queue.filter().to_owned(), Arc::downgrade(queue)));
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Counts the changes so far.
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The filters to subscribe to, and those that nobody reads any more; these are forgotten.
    pub(super) fn filters(&self) -> (Vec<String>, Vec<String>) {
        let mut queues = self.queues.lock();
        let (kept, gone): (Vec<_>, Vec<_>) =
            std::mem::take(&mut *queues).into_iter().partition(|(_, queue)| queue.strong_count() > 0);
        let filters: Vec<String> = kept.iter().map(|(filter, _)| filter.clone()).collect();
        *queues = kept;
        let gone =
            gone.into_iter().map(|(filter, _)| filter).filter(|gone| !filters.contains(gone)).collect();
        (filters, gone)
    }

    /// Gives a message to every queue that takes its topic. What the broker had kept is left out: with the time of its
    /// arrival it would look like a new value.
    pub(super) fn arrived(&self, message: &Publish, at: Stamp) {
        if message.retained || self.version() == 0 {
            return;
        }
        let mut has_gone = false;
        for (_, queue) in self.queues.lock().iter() {
            match queue.upgrade() {
                Some(queue) if queue.takes(&message.topic) => queue.push(TopicMessage {
                    topic: message.topic.clone(),
                    // Copied: the payload is a part of the connection's buffer, which would stay with it.
                    payload: Bytes::copy_from_slice(&message.payload),
                    bytes: message.bytes,
                    at,
                }),
                Some(_) => {}
                None => has_gone = true,
            }
        }
        if has_gone {
            self.version.fetch_add(1, Ordering::Release);
        }
    }
}

impl Mqtt {
    /// Subscribes to the filter of `queue`, now and after every connect, until the queue is dropped.
    pub fn subscribe(&self, queue: &Arc<TopicQueue>) {
        self.shared.subscriptions.add(queue);
        self.shared.wake.notify_one();
    }
}
