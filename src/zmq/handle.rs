//! The handle that the rest of the program holds: it publishes without waiting, and gives data messages to sources.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::counters::{LiveTotals, Totals};
use super::envelope::{CommandOut, DataIn};
use super::part::Part;
use super::peer_log::PeerLog;
use super::wire::encoded;
use crate::config::{ZMQ_TOPICS, ZmqConfig};
use crate::contract::CommandStatus;
use crate::types::{Clock, TopicMessage, TopicQueue};

/// What a subscriber wants, as the beginnings of topics.
pub(super) type Prefixes = Arc<Mutex<Vec<Vec<u8>>>>;

/// A subscriber that is connected.
pub(super) struct Subscriber {
    prefixes: Prefixes,
    queue: mpsc::Sender<Arc<[u8]>>,
}

/// What the handle's clones and the unit share.
pub(super) struct ZmqShared {
    settings: Mutex<Arc<ZmqConfig>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) totals: LiveTotals,
    pub(super) log: PeerLog,
    subscribers: Mutex<Vec<Subscriber>>,
    sources: Mutex<Vec<Weak<TopicQueue>>>,
}

/// The ZeroMQ bridge. Clones share it.
#[derive(Clone)]
pub struct Zmq {
    pub(super) shared: Arc<ZmqShared>,
}

impl Zmq {
    /// The bridge of `settings`; nothing listens before [`super::run`] runs.
    pub fn new(settings: &ZmqConfig, clock: Arc<dyn Clock>) -> Zmq {
        Zmq {
            shared: Arc::new(ZmqShared {
                settings: Mutex::new(Arc::new(settings.clone())),
                clock,
                totals: LiveTotals::default(),
                log: PeerLog::default(),
                subscribers: Mutex::default(),
                sources: Mutex::default(),
            }),
        }
    }

    /// The settings of the next run.
    pub(super) fn settings(&self) -> Arc<ZmqConfig> {
        self.shared.settings.lock().clone()
    }

    /// Takes other settings into force: for data and publications at once, for addresses and peers with the next run.
    pub fn reconfigure(&self, settings: &ZmqConfig) {
        *self.shared.settings.lock() = Arc::new(settings.clone());
    }

    /// Whether topics of `filter` are those of data messages, and not of a broker.
    pub fn has_topics(&self, filter: &str) -> bool {
        self.settings().data.is_some() && filter.starts_with(ZMQ_TOPICS)
    }

    /// Gives data messages to `queue`, until it is dropped.
    pub fn subscribe(&self, queue: &Arc<TopicQueue>) {
        self.shared.sources.lock().push(Arc::downgrade(queue));
    }

    /// Sends the state of a command to every subscriber of its topic. One that does not keep up misses it.
    pub fn publish(&self, status: &CommandStatus) {
        let shared = &self.shared;
        let mut subscribers = shared.subscribers.lock();
        if subscribers.is_empty() {
            return;
        }
        let settings = self.settings();
        let topic = settings.topic.as_bytes();
        let out = CommandOut::of(status, shared.clock.now().wall_ns);
        let Ok(body) = serde_json::to_vec(&out) else { return };
        let message: Arc<[u8]> = encoded(&[topic, &body]).into();
        subscribers.retain(|subscriber| {
            if !subscriber.prefixes.lock().iter().any(|prefix| topic.starts_with(prefix)) {
                return !subscriber.queue.is_closed();
            }
            match subscriber.queue.try_send(message.clone()) {
                Ok(()) => {
                    shared.totals.published.inc();
                    true
                }
                Err(mpsc::error::TrySendError::Full(_)) => {
                    shared.totals.publish_dropped.inc();
                    true
                }
                Err(mpsc::error::TrySendError::Closed(_)) => false,
            }
        });
    }

    /// Counts since the process began.
    pub fn counters(&self) -> Totals {
        self.shared.totals.read()
    }
}

impl ZmqShared {
    /// A further subscriber, for which at most `most` messages wait: what it wants, and the messages for it.
    pub(super) fn subscriber(&self, most: usize) -> (Prefixes, mpsc::Receiver<Arc<[u8]>>) {
        let (queue, messages) = mpsc::channel(most);
        let prefixes = Prefixes::default();
        let mut subscribers = self.subscribers.lock();
        subscribers.retain(|known| !known.queue.is_closed());
        subscribers.push(Subscriber { prefixes: prefixes.clone(), queue });
        (prefixes, messages)
    }

    /// Gives a data message to every source that takes it.
    pub(super) fn take(&self, body: &[u8]) {
        let data: DataIn = match serde_json::from_slice(body) {
            Ok(data) => data,
            Err(error) => {
                self.totals.data_bad.inc();
                if let Some(messages) = self.log.again(Part::Data, "bad data", self.clock.now().mono_ns) {
                    tracing::warn!(messages, "zmq.data: a message cannot be read: {error}");
                }
                return;
            }
        };
        let topic = data.topic();
        let mut sources = self.sources.lock();
        sources.retain(|queue| queue.strong_count() > 0);
        let takers: Vec<_> = sources.iter().filter_map(Weak::upgrade).collect();
        drop(sources);
        let takers: Vec<_> = takers.into_iter().filter(|queue| queue.takes(&topic)).collect();
        if takers.is_empty() {
            return self.totals.data_unwanted.inc();
        }
        self.totals.data.inc();
        let (payload, at) = (bytes::Bytes::from(data.values()), self.clock.now());
        for queue in takers {
            let (bytes, payload) = (payload.len(), payload.clone());
            queue.push(TopicMessage { topic: topic.clone(), payload, bytes, at });
        }
    }
}
