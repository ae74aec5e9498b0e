//! A stage: its priority and limits, and its typed queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Mutex, MutexGuard};

/// The order in which waiting work is served; the higher number goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(pub u8);

/// A source of work for one stage: a camera's ring, a queue of triggers.
pub trait Feed<W>: Send + Sync {
    /// Takes the next item, if one waits and may be started.
    fn take(&self) -> Option<W>;
    /// The approximate number of waiting items.
    fn waiting(&self) -> usize;
}

/// The name, priority and limits of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageSpec {
    /// The stage's name; unique in a scheduler.
    pub name: Arc<str>,
    /// Decides which stages are served before this one.
    pub priority: Priority,
    /// While its work waits, higher priorities leave it this many workers.
    pub min: usize,
    /// At most this many workers have an executor of it.
    pub max: usize,
}

/// A stage without its item type: what the scheduler needs for its decision.
pub trait ErasedStage: StageWorkers {
    /// The stage's name, priority and limits.
    fn spec(&self) -> &StageSpec;
    /// The approximate number of waiting items.
    fn waiting(&self) -> usize;
    /// The number of workers that run it now.
    fn running(&self) -> usize {
        self.workers().load(Ordering::Relaxed)
    }
}

/// The count that permits change. The trait cannot be named outside this module, so that no other code
/// changes it.
pub trait StageWorkers: Send + Sync {
    /// The workers that run the stage now.
    fn workers(&self) -> &AtomicUsize;
}

/// A stage whose items are `W`. Its queue consists of its feeds' items; the feeds take turns.
pub struct Stage<W> {
    spec: StageSpec,
    feeds: Mutex<Vec<Arc<dyn Feed<W>>>>,
    /// The feed that is asked first, so that cameras take turns.
    turn: AtomicUsize,
    running: AtomicUsize,
}

impl<W> Stage<W> {
    /// Makes a stage without feeds.
    pub fn new(spec: StageSpec) -> Stage<W> {
        Stage { spec, feeds: Mutex::default(), turn: AtomicUsize::new(0), running: AtomicUsize::new(0) }
    }

    /// The stage's name, priority and limits.
    pub fn spec(&self) -> &StageSpec {
        &self.spec
    }

    /// Adds a feed. [`Attachment`](super::Attachment) keeps a feed at one stage at a time.
    pub fn attach(&self, feed: Arc<dyn Feed<W>>) {
        self.feeds().push(feed);
    }

    /// Removes a feed; items already taken from it finish as usual.
    pub fn detach(&self, feed: &Arc<dyn Feed<W>>) {
        self.feeds().retain(|known| !std::ptr::addr_eq(Arc::as_ptr(known), Arc::as_ptr(feed)));
    }

    /// The approximate number of waiting items.
    pub fn waiting(&self) -> usize {
        self.feeds().iter().map(|feed| feed.waiting()).sum()
    }

    /// The number of workers that run it now.
    pub fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    /// Takes the next item; the feed after the one that gave the last item is asked first.
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

impl<W> StageWorkers for Stage<W> {
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
