//! A stage: its priority and limits, and its typed queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

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
    /// Whose work it is, such as a camera; CPU time is counted by owner.
    fn owner(&self) -> &str {
        ""
    }
}

/// The CPU time that the items of one owner have taken on all workers.
#[derive(Clone, Debug)]
pub struct OwnerCost {
    /// The owner of the feeds: a camera's name; empty for feeds without one.
    pub owner: Arc<str>,
    /// CPU time so far, in nanoseconds.
    pub cpu_ns: Arc<AtomicU64>,
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
    /// The CPU time of each owner's items so far.
    fn costs(&self) -> Vec<OwnerCost>;
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
    feeds: Mutex<Vec<AttachedFeed<W>>>,
    /// One entry for each owner that ever had a feed here.
    costs: Mutex<Vec<OwnerCost>>,
    /// The feed that is asked first, so that cameras take turns.
    turn: AtomicUsize,
    running: AtomicUsize,
}

/// A feed, and where the CPU time of its items is counted.
struct AttachedFeed<W> {
    feed: Arc<dyn Feed<W>>,
    cpu_ns: Arc<AtomicU64>,
}

impl<W> Stage<W> {
    /// Makes a stage without feeds.
    pub fn new(spec: StageSpec) -> Stage<W> {
        let (feeds, costs) = (Mutex::default(), Mutex::default());
        Stage { spec, feeds, costs, turn: AtomicUsize::new(0), running: AtomicUsize::new(0) }
    }

    /// The stage's name, priority and limits.
    pub fn spec(&self) -> &StageSpec {
        &self.spec
    }

    /// Adds a feed. [`Attachment`](super::Attachment) keeps a feed at one stage at a time.
    pub fn attach(&self, feed: Arc<dyn Feed<W>>) {
        let cpu_ns = self.cost_of(feed.owner());
        self.feeds().push(AttachedFeed { feed, cpu_ns });
    }

    /// Removes a feed; items already taken from it finish as usual.
    pub fn detach(&self, feed: &Arc<dyn Feed<W>>) {
        self.feeds().retain(|known| !std::ptr::addr_eq(Arc::as_ptr(&known.feed), Arc::as_ptr(feed)));
    }

    /// The approximate number of waiting items.
    pub fn waiting(&self) -> usize {
        self.feeds().iter().map(|known| known.feed.waiting()).sum()
    }

    /// The number of workers that run it now.
    pub fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    /// Takes the next item, and where its CPU time is counted; the feed after the one that gave the last item is
    /// asked first.
    pub(super) fn take(&self) -> Option<(W, Arc<AtomicU64>)> {
        let feeds = self.feeds();
        let first = self.turn.load(Ordering::Relaxed);
        for step in 0..feeds.len() {
            let at = (first + step) % feeds.len();
            if let Some(item) = feeds[at].feed.take() {
                self.turn.store(at + 1, Ordering::Relaxed);
                return Some((item, feeds[at].cpu_ns.clone()));
            }
        }
        None
    }

    /// Where the CPU time of `owner` is counted; it goes on counting when a feed comes again.
    fn cost_of(&self, owner: &str) -> Arc<AtomicU64> {
        let mut costs = self.costs.lock();
        if let Some(known) = costs.iter().find(|known| *known.owner == *owner) {
            return known.cpu_ns.clone();
        }
        let cost = OwnerCost { owner: owner.into(), cpu_ns: Arc::default() };
        costs.push(cost.clone());
        cost.cpu_ns
    }

    fn feeds(&self) -> MutexGuard<'_, Vec<AttachedFeed<W>>> {
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

    fn costs(&self) -> Vec<OwnerCost> {
        self.costs.lock().clone()
    }
}
