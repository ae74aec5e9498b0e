//! The board: which stages there are, what waits for them, and who may take what next.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crossbeam_queue::ArrayQueue;

use crate::types::Class;

/// A place where work of one stage waits: a camera's ring, a queue of triggers.
pub trait Feed<I>: Send + Sync {
    /// Takes the next item, if one waits and may be started.
    fn take(&self) -> Option<I>;
    /// About how many wait.
    fn waiting(&self) -> usize;
}

/// A stage's place in line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rank {
    /// Its name; unique on the board.
    pub name: Arc<str>,
    /// Its class.
    pub class: Class,
    /// While its work waits, classes above leave it this many workers.
    pub min: usize,
    /// At most so many workers have a station of it.
    pub max: usize,
}

/// A stage on the board: its rank, its feeds and the items that other stages send it.
pub struct Stage<I> {
    pub(super) rank: Rank,
    feeds: Mutex<Vec<Arc<dyn Feed<I>>>>,
    /// Items of other stages (regions of a frame); bounded, see [`super::Fan`].
    pub(super) inbox: ArrayQueue<I>,
    /// The feed that is asked first, so that cameras take turns.
    turn: AtomicUsize,
    running: AtomicUsize,
}

impl<I> Stage<I> {
    /// A stage whose inbox holds `inbox` items of other stages.
    pub fn new(rank: Rank, inbox: usize) -> Stage<I> {
        Stage {
            rank,
            feeds: Mutex::new(Vec::new()),
            inbox: ArrayQueue::new(inbox.max(1)),
            turn: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
        }
    }

    /// Its rank.
    pub fn rank(&self) -> &Rank {
        &self.rank
    }

    /// Adds a feed.
    pub fn attach(&self, feed: Arc<dyn Feed<I>>) {
        self.feeds().push(feed);
    }

    /// Removes a feed; items already taken from it end as usual.
    pub fn detach(&self, feed: &Arc<dyn Feed<I>>) {
        self.feeds().retain(|known| !std::ptr::addr_eq(Arc::as_ptr(known), Arc::as_ptr(feed)));
    }

    /// About how many items wait.
    pub fn waiting(&self) -> usize {
        self.inbox.len() + self.feeds().iter().map(|feed| feed.waiting()).sum::<usize>()
    }

    /// How many workers run it now.
    pub fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    fn take(&self) -> Option<I> {
        if let Some(item) = self.inbox.pop() {
            return Some(item);
        }
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

    fn feeds(&self) -> std::sync::MutexGuard<'_, Vec<Arc<dyn Feed<I>>>> {
        self.feeds.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A worker's place in a stage; given back when it is dropped, also where what follows the stage panics.
pub struct Permit<I>(Arc<Stage<I>>);

impl<I> Permit<I> {
    /// The stage.
    pub fn stage(&self) -> &Arc<Stage<I>> {
        &self.0
    }
}

impl<I> Drop for Permit<I> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// All stages, highest class first. One lock guards the decision, so that `min` and `max` hold exactly;
/// it is held for under a microsecond, and the producer of frames never takes it.
pub struct Board<I> {
    /// Replaced as a whole when a stage comes or goes, so that looking at it copies nothing.
    stages: Mutex<Arc<Vec<Arc<Stage<I>>>>>,
    workers: usize,
}

impl<I> Board<I> {
    /// A board for `workers` workers.
    pub fn new(workers: usize) -> Board<I> {
        Board { stages: Mutex::default(), workers }
    }

    /// Adds a stage behind those of its class.
    pub fn add(&self, stage: Arc<Stage<I>>) {
        let mut stages = self.lock();
        let at = stages.partition_point(|known| known.rank.class <= stage.rank.class);
        Arc::make_mut(&mut stages).insert(at, stage);
    }

    /// Removes a stage; what runs ends as usual.
    pub fn remove(&self, name: &str) {
        Arc::make_mut(&mut self.lock()).retain(|stage| &*stage.rank.name != name);
    }

    /// The stages, highest class first.
    pub fn stages(&self) -> Arc<Vec<Arc<Stage<I>>>> {
        self.lock().clone()
    }

    /// The next item for a worker that `can` run certain stages: the highest class that waits, except that
    /// a stage above leaves those below it their `min` workers while their work waits.
    pub fn take(&self, can: impl Fn(&Stage<I>) -> bool) -> Option<(Permit<I>, I)> {
        let stages = self.lock();
        for stage in stages.iter().filter(|stage| can(stage)) {
            if stage.running() >= stage.rank.max || !self.leaves_enough(&stages, stage) {
                continue;
            }
            if let Some(item) = stage.take() {
                stage.running.fetch_add(1, Ordering::Relaxed);
                return Some((Permit(stage.clone()), item));
            }
        }
        None
    }

    /// One more item of `stage` for the worker that has just taken one and can work on several at once.
    pub fn more(&self, stage: &Stage<I>) -> Option<I> {
        let _decided = self.lock();
        stage.take()
    }

    fn leaves_enough(&self, stages: &[Arc<Stage<I>>], candidate: &Stage<I>) -> bool {
        if candidate.running() < candidate.rank.min {
            return true;
        }
        let busy: usize = stages.iter().map(|stage| stage.running()).sum();
        let owed: usize = stages
            .iter()
            .filter(|other| !std::ptr::eq(Arc::as_ptr(other), candidate))
            .filter(|other| other.rank.min > other.running() && other.waiting() > 0)
            .map(|other| other.rank.min - other.running())
            .sum();
        owed == 0 || self.workers.saturating_sub(busy + 1) >= owed
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Arc<Vec<Arc<Stage<I>>>>> {
        self.stages.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(name: &str, class: Class, min: usize, max: usize, items: &[u32]) -> Arc<Stage<u32>> {
        let stage = Stage::new(Rank { name: name.into(), class, min, max }, 64);
        items.iter().for_each(|item| stage.inbox.push(*item).unwrap());
        Arc::new(stage)
    }

    /// What `count` workers get, who keep their places.
    fn taken(board: &Board<u32>, count: usize) -> Vec<Permit<u32>> {
        (0..count).filter_map(|_| board.take(|_| true)).map(|(permit, _)| permit).collect()
    }

    fn names(board: &Board<u32>, count: usize) -> Vec<String> {
        taken(board, count).iter().map(|permit| permit.stage().rank.name.to_string()).collect()
    }

    #[test]
    fn the_highest_class_that_waits_is_served_first() {
        let board = Board::new(8);
        board.add(stage("annotate", Class::Annotate, 0, 8, &[1]));
        board.add(stage("detect", Class::Detect, 0, 8, &[2]));
        board.add(stage("inspect", Class::Inspect, 0, 8, &[3]));
        assert_eq!(names(&board, 4), ["inspect", "detect", "annotate"]);
    }

    #[test]
    fn a_stage_never_runs_on_more_than_its_maximum_of_workers() {
        let board = Board::new(8);
        board.add(stage("detect", Class::Detect, 0, 2, &[1, 2, 3]));
        let mut places = taken(&board, 3);
        assert_eq!(places.len(), 2);
        places.pop();
        assert_eq!(names(&board, 3), ["detect"]);
    }

    #[test]
    fn a_higher_class_leaves_a_lower_one_its_minimum_while_it_has_work() {
        let board = Board::new(2);
        board.add(stage("inspect", Class::Inspect, 0, 2, &[1, 2, 3]));
        board.add(stage("detect", Class::Detect, 1, 2, &[9]));
        assert_eq!(names(&board, 2), ["inspect", "detect"]);
    }

    #[test]
    fn no_worker_stays_idle_for_a_minimum_whose_stage_has_nothing_to_do() {
        let board = Board::new(2);
        board.add(stage("inspect", Class::Inspect, 0, 2, &[1, 2]));
        board.add(stage("detect", Class::Detect, 1, 2, &[]));
        assert_eq!(names(&board, 2), ["inspect", "inspect"]);
    }

    struct Counted(AtomicUsize);

    impl Feed<u32> for Counted {
        fn take(&self) -> Option<u32> {
            (self.0.fetch_add(1, Ordering::Relaxed) < 100).then_some(0)
        }
        fn waiting(&self) -> usize {
            1
        }
    }

    #[test]
    fn feeds_of_one_stage_take_turns() {
        let board = Board::new(64);
        let detect = stage("detect", Class::Detect, 0, 64, &[]);
        let feeds: Vec<Arc<Counted>> = (0..3).map(|_| Arc::new(Counted(AtomicUsize::new(0)))).collect();
        feeds.iter().for_each(|feed| detect.attach(feed.clone()));
        board.add(detect);
        assert_eq!(names(&board, 9).len(), 9);
        assert!(feeds.iter().all(|feed| feed.0.load(Ordering::Relaxed) == 3));
    }
}
