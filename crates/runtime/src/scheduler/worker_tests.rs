//! Tests that workers survive faults of their items and executors.

#![cfg(test)]

use parking_lot::Mutex;
use std::sync::atomic::AtomicUsize;

use super::super::{Cause, Executor, Factory, Feed, Priority, Scheduler, StageSpec, WorkItem};
use super::*;
use crate::RunState;
use crate::supervisor::spawn;

const ITEMS: u64 = 60;
const PATIENCE: Duration = Duration::from_secs(20);

/// How each item ended, in the order of the ends.
type Ends = Arc<Mutex<Vec<(u64, Option<End>)>>>;

/// How an item ended.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Done,
    Failed,
}

struct Item {
    number: u64,
    end: Option<End>,
    ends: Ends,
    /// Whether every third item panics while its outcome is passed on.
    bomb: bool,
}

impl WorkItem for Item {
    fn fail(&mut self, _: &str, _: &str) {
        self.end = Some(End::Failed);
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        self.ends.lock().push((self.number, self.end));
        assert!(!self.bomb || !self.number.is_multiple_of(3), "nobody takes number {}", self.number);
    }
}

struct Source {
    next: AtomicU64,
    bomb: bool,
    ends: Ends,
}

impl Feed<Item> for Source {
    fn take(&self) -> Option<Item> {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        let item = || Item { number, end: None, ends: self.ends.clone(), bomb: self.bomb };
        (number < ITEMS).then(item)
    }

    fn waiting(&self) -> usize {
        ITEMS.saturating_sub(self.next.load(Ordering::SeqCst)) as usize
    }
}

/// Runs all items on one worker; returns their ends in the order in which they came, and the worker.
fn run(bomb: bool, factory: Arc<Factory<Item>>) -> (Vec<(u64, Option<End>)>, Arc<Worker>) {
    let scheduler = Scheduler::new(&[0], Bell::new());
    let spec = StageSpec { name: "s".into(), priority: Priority(1), min: 0, max: 1 };
    let stage = scheduler.add(spec, factory).unwrap();
    let ends = Arc::new(Mutex::new(Vec::new()));
    stage.attach(Arc::new(Source { next: AtomicU64::new(0), bomb, ends: ends.clone() }));
    let (stop, worker) = (Stop::new(), scheduler.workers()[0].clone());
    let running = stop.clone();
    let thread = spawn("worker", None, move || worker.run(&running, &Beat::new())).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while (ends.lock().len() as u64) < ITEMS || stage.running() > 0 {
        assert!(Instant::now() < deadline, "{ends:?} of {ITEMS}, {} running", stage.running());
        std::thread::yield_now();
    }
    stop.stop();
    scheduler.remove("s");
    thread.join().unwrap();
    let ends = ends.lock().clone();
    (ends, scheduler.workers()[0].clone())
}

struct Idle;

impl Executor<Item> for Idle {
    fn run(&mut self, item: &mut Item) -> Result<(), Cause> {
        item.end = Some(End::Done);
        Ok(())
    }

    fn batch(&self) -> usize {
        2
    }
}

#[test]
fn a_panic_behind_an_item_costs_neither_its_place_nor_the_worker_nor_the_items_beside_it() {
    let (ends, worker) = run(true, Arc::new(|| Ok(Box::new(Idle))));
    assert_eq!(ends.iter().map(|(number, _)| *number).collect::<Vec<_>>(), (0..ITEMS).collect::<Vec<_>>());
    assert_eq!(worker.gauges.failed.load(Ordering::SeqCst), ITEMS / 3);
}

/// Fails a batch that contains the tenth item, and panics at the twentieth alone.
struct Choosy(Arc<AtomicUsize>);

impl Executor<Item> for Choosy {
    fn run(&mut self, item: &mut Item) -> Result<(), Cause> {
        match item.number {
            10 => return Err("no tenth item".into()),
            20 => panic!("no twentieth item"),
            _ => item.end = Some(End::Done),
        }
        Ok(())
    }

    fn batch(&self) -> usize {
        4
    }

    fn run_many(&mut self, items: &mut [Item]) -> Result<(), Cause> {
        self.0.fetch_max(items.len(), Ordering::SeqCst);
        if items.iter().any(|item| item.number % 10 == 0) {
            return Err("a bad item among them".into());
        }
        items.iter_mut().for_each(|item| item.end = Some(End::Done));
        Ok(())
    }
}

#[test]
fn a_batch_that_fails_together_is_tried_one_by_one_and_a_panic_builds_the_executor_again() {
    let (widest, built) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (seen, counted) = (widest.clone(), built.clone());
    let factory = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(Choosy(seen.clone())) as Box<dyn Executor<Item>>)
    };
    let (ends, worker) = run(false, Arc::new(factory));
    let failed: Vec<u64> =
        ends.iter().filter(|(_, end)| *end == Some(End::Failed)).map(|(number, _)| *number).collect();
    assert_eq!(failed, [10, 20]);
    assert!(ends.iter().all(|(_, end)| end.is_some()));
    assert_eq!((widest.load(Ordering::SeqCst), built.load(Ordering::SeqCst)), (4, 2));
    assert_eq!(worker.gauges.items.load(Ordering::SeqCst), ITEMS);
}

/// Fails until it has been built twice.
struct Broken(bool);

impl Executor<Item> for Broken {
    fn run(&mut self, item: &mut Item) -> Result<(), Cause> {
        if self.0 {
            return Err("the accelerator is gone".into());
        }
        item.end = Some(End::Done);
        Ok(())
    }

    fn run_state(&self) -> RunState {
        if self.0 { RunState::Failing } else { RunState::Working }
    }
}

#[test]
fn an_executor_whose_runs_keep_failing_is_built_again_once() {
    let built = Arc::new(AtomicUsize::new(0));
    let counted = built.clone();
    let factory = move || {
        let before = counted.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(Broken(before == 0)) as Box<dyn Executor<Item>>)
    };
    let (ends, worker) = run(false, Arc::new(factory));
    assert_eq!((built.load(Ordering::SeqCst), worker.gauges.failed.load(Ordering::SeqCst)), (2, 1));
    assert_eq!(ends[0].1, Some(End::Failed));
    let built = Arc::new(AtomicUsize::new(0));
    let counted = built.clone();
    let factory = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(Broken(true)) as Box<dyn Executor<Item>>)
    };
    let (_, worker) = run(false, Arc::new(factory));
    assert_eq!((built.load(Ordering::SeqCst), worker.gauges.failed.load(Ordering::SeqCst)), (2, ITEMS));
}
