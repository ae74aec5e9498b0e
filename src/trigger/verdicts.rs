//! Passes verdicts from the thread that ends an acquisition to the port on whose connection its trigger came.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::types::{Inspection, OnComplete};

/// Most verdicts that may wait for the port's thread, which fetches them at once.
const MOST: usize = 4_096;

/// The verdicts of one connection. Those that come after it is closed are counted and not kept for the next
/// connection: after a cable was unplugged, an old `OK` would be taken for the verdict on the next part.
pub struct Verdicts {
    // A blocking mutex: held for a push or a pop, never across an await.
    inner: Mutex<VerdictsInner>,
    outcome: Notify,
    undelivered: Arc<AtomicU64>,
}

#[derive(Default)]
struct VerdictsInner {
    queue: VecDeque<Arc<Inspection>>,
    /// Triggers that were pulled and have not ended.
    pending: u64,
    closed: bool,
}

impl Verdicts {
    /// Makes the state of an open connection. `undelivered` counts verdicts that cannot be written on it,
    /// also after its end.
    pub fn new(undelivered: Arc<AtomicU64>) -> Verdicts {
        Verdicts { inner: Mutex::default(), outcome: Notify::new(), undelivered }
    }

    /// Announces a trigger that is about to be pulled, whose verdict will arrive here.
    pub fn expect(&self) {
        self.inner().pending += 1;
    }

    /// Removes and returns the oldest verdict; `None` where none waits.
    pub fn take(&self) -> Option<Arc<Inspection>> {
        self.inner().queue.pop_front()
    }

    /// Whether no verdict is expected and none waits to be taken.
    pub fn is_idle(&self) -> bool {
        let inner = self.inner();
        inner.pending == 0 && inner.queue.is_empty()
    }

    /// Returns when a verdict may wait to be taken.
    pub async fn outcome(&self) {
        self.outcome.notified().await;
    }

    /// Ends the connection: waiting and later verdicts count as undelivered.
    pub fn close(&self) {
        let mut inner = self.inner();
        inner.closed = true;
        self.undelivered.fetch_add(inner.queue.len() as u64, Ordering::Relaxed);
        inner.queue.clear();
    }

    fn inner(&self) -> MutexGuard<'_, VerdictsInner> {
        self.inner.lock()
    }
}

impl OnComplete for Verdicts {
    fn completed(&self, inspection: &Arc<Inspection>) {
        let mut inner = self.inner();
        inner.pending = inner.pending.saturating_sub(1);
        if inner.closed || inner.queue.len() == MOST {
            self.undelivered.fetch_add(1, Ordering::Relaxed);
        } else {
            inner.queue.push_back(inspection.clone());
        }
        drop(inner);
        self.outcome.notify_one();
    }
}
