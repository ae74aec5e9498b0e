//! Messages to the listeners of server-sent events. The last ones are kept, so that a listener that lost its connection
//! goes on where it was (`Last-Event-ID`).

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::broadcast;

use super::snapshot::ListenerMessage;
use crate::types::Stamp;

/// Messages that a listener may lag behind, or miss while it reconnects, before it loses some.
const LAG: usize = 256;

/// What listeners are sent.
#[derive(Debug)]
pub(super) struct ListenerFeed {
    /// Tells the ids of this process from those of an earlier one.
    run: u64,
    sender: broadcast::Sender<Arc<ListenerMessage>>,
    sent: Mutex<SentMessages>,
}

/// The last messages, oldest first, and the number of all.
#[derive(Debug, Default)]
struct SentMessages {
    count: u64,
    last: VecDeque<Arc<ListenerMessage>>,
}

/// What a listener gets: what it missed, and what comes.
pub(super) struct Listening {
    /// Messages that it missed and that are lost, if it named its last one.
    pub(super) lost: u64,
    /// Messages that it missed.
    pub(super) missed: Vec<Arc<ListenerMessage>>,
    /// Messages from now on.
    pub(super) coming: broadcast::Receiver<Arc<ListenerMessage>>,
}

impl ListenerFeed {
    pub(super) fn new(started: Stamp) -> ListenerFeed {
        let run = started.wall_ns / 1_000_000;
        ListenerFeed { run, sender: broadcast::Sender::new(LAG), sent: Mutex::default() }
    }

    /// Sends a message to all listeners; never waits for one.
    pub(super) fn send(&self, mut message: ListenerMessage) {
        // The number is given and the message sent under one lock, so that both have the same order.
        let mut sent = self.sent.lock();
        sent.count += 1;
        message.id = sent.count;
        let message = Arc::new(message);
        if sent.last.len() == LAG {
            sent.last.pop_front();
        }
        sent.last.push_back(message.clone());
        // An error means that nobody listens, which is normal.
        let _ = self.sender.send(message);
    }

    /// The id of a message, as listeners get it.
    pub(super) fn id(&self, message: &ListenerMessage) -> String {
        format!("{}-{}", self.run, message.id)
    }

    /// A new listener. `last` is the id of the last message that it has; an id of an earlier process, of which nothing is
    /// kept, counts as none.
    pub(super) fn listen(&self, last: Option<&str>) -> Listening {
        let sent = self.sent.lock();
        let coming = self.sender.subscribe();
        let last = last.and_then(|last| last.split_once('-')).and_then(|(run, id)| {
            let is_ours = run.parse::<u64>().is_ok_and(|run| run == self.run);
            is_ours.then(|| id.parse::<u64>().ok()).flatten()
        });
        let Some(last) = last.filter(|last| *last <= sent.count) else {
            return Listening { lost: 0, missed: Vec::new(), coming };
        };
        let kept_from = sent.count + 1 - sent.last.len() as u64;
        let missed = sent.last.iter().filter(|message| message.id > last).cloned().collect();
        Listening { lost: kept_from.saturating_sub(last + 1), missed, coming }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed_of(count: u64) -> ListenerFeed {
        let feed = ListenerFeed::new(Stamp { mono_ns: 0, wall_ns: 7_000_000 });
        (0..count).for_each(|_| feed.send(ListenerMessage::new("intake", "{}".into())));
        feed
    }

    fn ids(feed: &ListenerFeed, last: Option<&str>) -> (u64, Vec<u64>) {
        let listening = feed.listen(last);
        (listening.lost, listening.missed.iter().map(|message| message.id).collect())
    }

    #[test]
    fn a_listener_that_names_its_last_message_gets_what_it_missed_and_the_number_of_what_is_lost() {
        let feed = feed_of(5);
        assert_eq!(feed.id(&feed.listen(Some("7-4")).missed[0]), "7-5");
        assert_eq!(ids(&feed, Some("7-3")), (0, vec![4, 5]));
        assert_eq!(ids(&feed, Some("7-5")), (0, vec![]));
        for unknown in [None, Some("6-3"), Some("7-9"), Some("7-x"), Some("7")] {
            assert_eq!(ids(&feed, unknown), (0, vec![]), "{unknown:?}");
        }
        let feed = feed_of(LAG as u64 + 10);
        assert_eq!((ids(&feed, Some("7-3")).0, ids(&feed, Some("7-3")).1.len()), (7, LAG));
        assert_eq!(ids(&feed, Some("7-10")).0, 0);
    }
}
