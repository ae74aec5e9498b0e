//! Tests the order of service, and how many workers a stage gets.

#![cfg(test)]

use std::collections::VecDeque;
use std::sync::atomic::AtomicUsize;

use super::super::slot::TypedSlot;
use super::super::{Cause, Executor, Factory, Feed, Gauges, Priority, Stage, StageSpec, WorkItem};
use super::*;

const INSPECT: Priority = Priority(30);
const DETECT: Priority = Priority(20);
const ANNOTATE: Priority = Priority(10);

/// A work item of one stage; another stage has another `N`.
struct Number<const N: usize>;

impl<const N: usize> WorkItem for Number<N> {
    fn fail(&mut self, _: &str, _: &str) {}
}

struct Idle;

impl<const N: usize> Executor<Number<N>> for Idle {
    fn run(&mut self, _: &mut Number<N>) -> Result<(), Cause> {
        Ok(())
    }
}

struct Waiting<const N: usize>(Mutex<VecDeque<Number<N>>>);

impl<const N: usize> Feed<Number<N>> for Waiting<N> {
    fn take(&self) -> Option<Number<N>> {
        self.0.lock().pop_front()
    }

    fn waiting(&self) -> usize {
        self.0.lock().len()
    }
}

/// A queue whose workers all have a slot for every stage.
struct Bench {
    queue: WorkQueue,
    slots: Vec<Box<dyn WorkerSlot>>,
}

impl Bench {
    fn new(workers: usize) -> Bench {
        Bench { queue: WorkQueue::new(workers), slots: Vec::new() }
    }

    fn stage<const N: usize>(
        &mut self,
        name: &str,
        place: (Priority, usize, usize),
    ) -> Arc<Stage<Number<N>>> {
        let (priority, min, max) = place;
        let stage = Arc::new(Stage::new(StageSpec { name: name.into(), priority, min, max }));
        let factory: Arc<Factory<Number<N>>> = Arc::new(|| Ok(Box::new(Idle)));
        self.slots.push(Box::new(TypedSlot::new(stage.clone(), factory, Box::new(Idle))));
        self.queue.add(stage.clone());
        stage
    }

    fn stage_with<const N: usize>(&mut self, name: &str, place: (Priority, usize, usize), items: usize) {
        let items = (0..items).map(|_| Number).collect();
        self.stage::<N>(name, place).attach(Arc::new(Waiting(Mutex::new(items))));
    }

    /// The permits that `count` workers get, and keep.
    fn taken(&mut self, count: usize) -> Vec<Permit> {
        let gauges = Gauges::default();
        let granted = (0..count).filter_map(|_| {
            let (permit, at) = self.queue.take(&mut self.slots)?;
            self.slots[at].run(0, &gauges);
            Some(permit)
        });
        granted.collect()
    }

    fn names(&mut self, count: usize) -> Vec<String> {
        self.taken(count).iter().map(|permit| permit.stage().spec().name.to_string()).collect()
    }
}

#[test]
fn the_highest_priority_that_waits_is_served_first() {
    let mut bench = Bench::new(8);
    bench.stage_with::<1>("annotate", (ANNOTATE, 0, 8), 1);
    bench.stage_with::<2>("detect", (DETECT, 0, 8), 1);
    bench.stage_with::<3>("inspect", (INSPECT, 0, 8), 1);
    assert_eq!(bench.names(4), ["inspect", "detect", "annotate"]);
}

#[test]
fn a_stage_never_runs_on_more_than_its_maximum_of_workers() {
    let mut bench = Bench::new(8);
    bench.stage_with::<1>("detect", (DETECT, 0, 2), 3);
    let mut places = bench.taken(3);
    assert_eq!(places.len(), 2);
    places.pop();
    assert_eq!(bench.names(3), ["detect"]);
}

#[test]
fn a_higher_priority_leaves_a_lower_one_its_minimum_while_it_has_work() {
    let mut bench = Bench::new(2);
    bench.stage_with::<1>("inspect", (INSPECT, 0, 2), 3);
    bench.stage_with::<2>("detect", (DETECT, 1, 2), 1);
    assert_eq!(bench.names(2), ["inspect", "detect"]);
}

#[test]
fn no_worker_stays_idle_for_a_minimum_whose_stage_has_nothing_to_do() {
    let mut bench = Bench::new(2);
    bench.stage_with::<1>("inspect", (INSPECT, 0, 2), 2);
    bench.stage_with::<2>("detect", (DETECT, 1, 2), 0);
    assert_eq!(bench.names(2), ["inspect", "inspect"]);
}

#[test]
fn a_stage_that_was_removed_gives_nothing_to_a_worker_that_still_has_its_slot() {
    let mut bench = Bench::new(2);
    bench.stage_with::<1>("detect", (DETECT, 0, 2), 2);
    bench.queue.remove("detect");
    assert!(bench.names(1).is_empty());
}

struct Counted(AtomicUsize);

impl Feed<Number<1>> for Counted {
    fn take(&self) -> Option<Number<1>> {
        (self.0.fetch_add(1, Ordering::Relaxed) < 100).then_some(Number)
    }

    fn waiting(&self) -> usize {
        1
    }
}

#[test]
fn feeds_of_one_stage_take_turns() {
    let mut bench = Bench::new(64);
    let detect = bench.stage::<1>("detect", (DETECT, 0, 64));
    let feeds: Vec<Arc<Counted>> = (0..3).map(|_| Arc::new(Counted(AtomicUsize::new(0)))).collect();
    feeds.iter().for_each(|feed| detect.attach(feed.clone()));
    assert_eq!(bench.names(9).len(), 9);
    assert!(feeds.iter().all(|feed| feed.0.load(Ordering::Relaxed) == 3));
}
