//! A stage: its place in line, and its typed queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Mutex, MutexGuard};

/// The order in which waiting work is served; the higher number goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(pub u8);

/// A place where work of one stage waits: a camera's ring, a queue of triggers.
pub trait Feed<W>: Send + Sync {
    /// Takes the next item, if one waits and may be started.
    fn take(&self) -> Option<W>;
    /// About how many wait.
    fn waiting(&self) -> usize;
}

/// A stage's place in line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageSpec {
    /// Its name; unique in a scheduler.
    pub name: Arc<str>,
    /// What is served before it, and after it.
    pub priority: Priority,
    /// While its work waits, higher priorities leave it this many workers.
    pub min: usize,
    /// At most this many workers have an executor of it.
    pub max: usize,
}

/// A stage, whatever its work items are: what the scheduler decides by.
pub trait ErasedStage: Workers {
    /// Its place in line.
    fn spec(&self) -> &StageSpec;
    /// About how many items wait.
    fn waiting(&self) -> usize;
    /// How many workers run it now.
    fn running(&self) -> usize {
        self.workers().load(Ordering::Relaxed)
    }
}

/// The count that permits change; the trait cannot be named outside, so that nothing else does.
pub trait Workers: Send + Sync {
    /// The workers that run the stage now.
    fn workers(&self) -> &AtomicUsize;
}

/// A stage whose items are `W`. Its queue is what its feeds hold; they take turns.
pub struct Stage<W> {
    spec: StageSpec,
    feeds: Mutex<Vec<Arc<dyn Feed<W>>>>,
    /// The feed that is asked first, so that cameras take turns.
    turn: AtomicUsize,
    running: AtomicUsize,
}

impl<W> Stage<W> {
    /// A stage without feeds.
    pub fn new(spec: StageSpec) -> Stage<W> {
        Stage { spec, feeds: Mutex::default(), turn: AtomicUsize::new(0), running: AtomicUsize::new(0) }
    }

    /// Its place in line.
    pub fn spec(&self) -> &StageSpec {
        &self.spec
    }

    /// Adds a feed. [`Attachment`](super::Attachment) keeps a feed at one stage at a time.
    pub fn attach(&self, feed: Arc<dyn Feed<W>>) {
        self.feeds().push(feed);
    }

    /// Removes a feed; items already taken from it end as usual.
    pub fn detach(&self, feed: &Arc<dyn Feed<W>>) {
        self.feeds().retain(|known| !std::ptr::addr_eq(Arc::as_ptr(known), Arc::as_ptr(feed)));
    }

    /// About how many items wait.
    pub fn waiting(&self) -> usize {
        self.feeds().iter().map(|feed| feed.waiting()).sum()
    }

    /// How many workers run it now.
    pub fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    /// The next item; the feed after the one that gave the last is asked first.
    pub(super) fn take(&self) -> Option<W> {
        let feeds = self.feeds();
        let first = self.turn.load(Ordering::Relaxed);
        for step in 0..feeds.len() {
            let at = (first + step) % feeds.len();
            if let Some(item) = feeds[at].take() {
                self.turn.store(at + 1, Ordering::Relaxed);
                return Some(item);
            }
        }
        None
    }

    fn feeds(&self) -> MutexGuard<'_, Vec<Arc<dyn Feed<W>>>> {
        self.feeds.lock()
    }
}

impl<W> Workers for Stage<W> {
    fn workers(&self) -> &AtomicUsize {
        &self.running
    }
}

impl<W> ErasedStage for Stage<W> {
    fn spec(&self) -> &StageSpec {
        &self.spec
    }

    fn waiting(&self) -> usize {
        Stage::waiting(self)
    }
}
