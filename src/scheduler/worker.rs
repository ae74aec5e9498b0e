//! One pinned worker: takes the highest item that waits, runs it in its own station, survives its panics.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::board::{Board, Stage};
use super::fan::Fan;
use crate::ring::Bell;
use crate::supervisor::{Beat, Stop, panic_text};
use crate::types::{MAX_BATCH, RunState};

/// How long an idle worker sleeps before it proves that it lives.
const IDLE_BEAT: Duration = Duration::from_millis(500);

/// How far a worker's nice value is above that of the rest of the service: about a third of its weight.
const YIELD: i32 = 5;

/// A piece of work, and where its outcome goes.
pub trait Item: Send + 'static {
    /// Its stage failed; the item still has to be finished.
    fn fail(&mut self, stage: &str, cause: &str);
    /// It is done, well or badly: hand on the outcome. Called exactly once.
    fn finish(self);
}

/// What one worker needs for one stage: a model session, scratch memory. Never shared.
pub trait Station<I>: Send {
    /// Works on `item`; may send items for other stages through `fan`.
    fn work(&mut self, item: &mut I, fan: &mut Fan<'_, I>) -> Result<(), String>;

    /// How many items it takes at once where so many wait, 1 to [`MAX_BATCH`]; it never waits for more to come.
    fn batch(&self) -> usize {
        1
    }

    /// Works on several items at once; at most [`Station::batch`]. Where it fails, each of them is tried alone.
    fn work_many(&mut self, items: &mut [I], fan: &mut Fan<'_, I>) -> Result<(), String> {
        items.iter_mut().try_for_each(|item| self.work(item, fan))
    }

    /// What its last runs say about its tools. A failing station is built again, once until it works again.
    fn run_state(&self) -> RunState {
        RunState::Unsure
    }
}

/// What one worker works on at once.
type Batch<I> = heapless::Vec<I, MAX_BATCH>;

/// Builds stations of one stage. Called off the workers when a stage is added, and on a worker after a panic or where
/// its runs keep failing.
pub type Factory<I> = dyn Fn() -> Result<Box<dyn Station<I>>, String> + Send + Sync;

/// A station and what it takes to build it again.
pub(super) struct Bench<I> {
    pub(super) stage: Arc<Stage<I>>,
    pub(super) factory: Arc<Factory<I>>,
    pub(super) station: Box<dyn Station<I>>,
    /// Whether it was built again because its runs failed, and has not worked since.
    pub(super) renewed: bool,
}

/// A change of a worker's benches, applied between two items.
pub(super) enum Change<I> {
    Add(Bench<I>),
    Remove(Arc<str>),
}

/// What a worker shows of itself.
#[derive(Debug, Default)]
pub struct Gauges {
    /// Items finished.
    pub items: AtomicU64,
    /// Items whose station panicked or failed.
    pub failed: AtomicU64,
    /// Nanoseconds spent on items.
    pub busy_ns: AtomicU64,
}

/// One worker. It outlives the thread that runs it, so that a supervisor can start it again.
pub struct Worker<I> {
    /// The core it is pinned to.
    pub core: usize,
    /// Its figures.
    pub gauges: Gauges,
    pub(super) changes: Mutex<Vec<Change<I>>>,
    benches: Mutex<Vec<Bench<I>>>,
    board: Arc<Board<I>>,
    bell: Arc<Bell>,
}

impl<I: Item> Worker<I> {
    pub(super) fn new(core: usize, board: Arc<Board<I>>, bell: Arc<Bell>) -> Worker<I> {
        Worker {
            core,
            gauges: Gauges::default(),
            changes: Mutex::default(),
            benches: Mutex::default(),
            board,
            bell,
        }
    }

    /// Works until told to stop. To be called on a thread pinned to [`Worker::core`].
    pub fn run(&self, stop: &Stop, beat: &Beat) {
        give_way();
        // Held for as long as the thread runs: the stations are this thread's alone.
        let mut benches = lock(&self.benches);
        let mut kept = VecDeque::new();
        while !stop.is_stopped() {
            self.apply_changes(&mut benches);
            let runnable = |stage: &Stage<I>| benches.iter().any(|bench| std::ptr::eq(&*bench.stage, stage));
            // Announcing oneself to the bell is dear: only who found nothing does it, and looks once more.
            let (seen, taken) = match self.board.take(runnable) {
                None => (self.bell.seen(), self.board.take(runnable)),
                some => (0, some),
            };
            match taken {
                Some((permit, item)) => {
                    let batch = self.batch(&benches, permit.stage(), item);
                    self.serve(&mut benches, permit.stage(), batch, &mut kept);
                    drop(permit);
                    self.serve_kept(&mut benches, &mut kept);
                }
                None => {
                    self.bell.wait(seen, Some(IDLE_BEAT));
                }
            }
            beat.beat();
        }
    }

    fn apply_changes(&self, benches: &mut Vec<Bench<I>>) {
        for change in lock(&self.changes).drain(..) {
            match change {
                Change::Add(bench) => benches.push(bench),
                Change::Remove(name) => benches.retain(|bench| bench.stage.rank().name != name),
            }
        }
    }

    /// `item`, and as many more as wait and its station takes at once.
    fn batch(&self, benches: &[Bench<I>], stage: &Arc<Stage<I>>, item: I) -> Batch<I> {
        let bench = benches.iter().find(|bench| Arc::ptr_eq(&bench.stage, stage));
        let most = bench.map_or(1, |bench| bench.station.batch()).min(MAX_BATCH);
        let mut batch = one(item);
        while batch.len() < most {
            let Some(item) = self.board.more(stage) else { break };
            // There is room: `most` is not more than it holds.
            let _ = batch.push(item);
        }
        batch
    }

    /// Items that found their stage's inbox full: run here, so that fan-out can neither block nor lose one.
    fn serve_kept(&self, benches: &mut [Bench<I>], kept: &mut VecDeque<(Arc<Stage<I>>, I)>) {
        while let Some((stage, item)) = kept.pop_front() {
            if benches.iter().any(|bench| Arc::ptr_eq(&bench.stage, &stage)) {
                self.serve(benches, &stage, one(item), kept);
            } else {
                self.deliver(&stage, item, kept);
            }
        }
    }

    /// This worker cannot run the item: waits for a place in the inbox of those who can.
    fn deliver(&self, stage: &Arc<Stage<I>>, item: I, kept: &mut VecDeque<(Arc<Stage<I>>, I)>) {
        if let Err(item) = stage.inbox.push(item) {
            kept.push_back((stage.clone(), item));
            std::thread::yield_now();
        } else {
            self.bell.ring();
        }
    }

    fn serve(
        &self,
        benches: &mut [Bench<I>],
        stage: &Arc<Stage<I>>,
        mut batch: Batch<I>,
        kept: &mut VecDeque<(Arc<Stage<I>>, I)>,
    ) {
        let Some(bench) = benches.iter_mut().find(|bench| Arc::ptr_eq(&bench.stage, stage)) else {
            batch
                .iter_mut()
                .for_each(|item| item.fail(&stage.rank().name, "this worker has no station for the stage"));
            return batch.into_iter().for_each(|item| self.finish(stage, item));
        };
        let (began, count) = (Instant::now(), batch.len() as u64);
        let stages = self.board.stages();
        let mut fan = Fan { stages: &stages, kept, emitted: 0 };
        if batch.len() == 1 || !self.work_many(bench, stage, &mut batch, &mut fan) {
            batch.iter_mut().for_each(|item| self.work(bench, stage, item, &mut fan));
        }
        if fan.emitted > 0 {
            self.bell.ring_all();
        }
        self.renew_failing(bench);
        batch.into_iter().for_each(|item| self.finish(stage, item));
        self.gauges.items.fetch_add(count, Ordering::Relaxed);
        self.gauges.busy_ns.fetch_add(began.elapsed().as_nanos() as u64, Ordering::Relaxed);
    }

    /// Hands on an item's outcome. A panic there ends neither the worker nor the items beside this one.
    fn finish(&self, stage: &Stage<I>, item: I) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| item.finish())) {
            self.gauges.failed.fetch_add(1, Ordering::Relaxed);
            tracing::error!(
                stage = %stage.rank().name,
                worker = self.core,
                "an outcome was not handed on, because what follows the stage panicked: {}",
                panic_text(&*panic)
            );
        }
    }

    /// One item in its station.
    fn work(&self, bench: &mut Bench<I>, stage: &Stage<I>, item: &mut I, fan: &mut Fan<'_, I>) {
        match catch_unwind(AssertUnwindSafe(|| bench.station.work(item, fan))) {
            Ok(Ok(())) => {}
            Ok(Err(cause)) => self.failed(item, stage, &cause),
            Err(panic) => {
                self.failed(item, stage, &format!("panicked: {}", panic_text(&*panic)));
                self.rebuild(bench);
            }
        }
    }

    /// Several items at once; false where they failed together and are to be tried one by one, so that one that is bad
    /// does not spoil the others.
    fn work_many(
        &self,
        bench: &mut Bench<I>,
        stage: &Stage<I>,
        batch: &mut Batch<I>,
        fan: &mut Fan<'_, I>,
    ) -> bool {
        match catch_unwind(AssertUnwindSafe(|| bench.station.work_many(batch, fan))) {
            Ok(outcome) => outcome.is_ok(),
            Err(panic) => {
                let cause = format!("panicked: {}", panic_text(&*panic));
                batch.iter_mut().for_each(|item| self.failed(item, stage, &cause));
                self.rebuild(bench);
                true
            }
        }
    }

    fn failed(&self, item: &mut I, stage: &Stage<I>, cause: &str) {
        self.gauges.failed.fetch_add(1, Ordering::Relaxed);
        item.fail(&stage.rank().name, cause);
    }

    /// A station whose runs keep failing gets one more chance with fresh tools; whether they help is seen by its runs.
    fn renew_failing(&self, bench: &mut Bench<I>) {
        match bench.station.run_state() {
            RunState::Working => bench.renewed = false,
            RunState::Failing if !bench.renewed => {
                let stage = &bench.stage.rank().name;
                tracing::warn!(%stage, worker = self.core, "its runs keep failing: it is built again, once");
                self.rebuild(bench);
                bench.renewed = true;
            }
            RunState::Failing | RunState::Unsure => {}
        }
    }

    /// After a panic, or where runs keep failing, a station's state is anybody's guess; a fresh one takes its place.
    fn rebuild(&self, bench: &mut Bench<I>) {
        match (bench.factory)() {
            Ok(station) => bench.station = station,
            Err(cause) => tracing::error!(
                stage = %bench.stage.rank().name,
                worker = self.core,
                "cannot build the station again: {cause}; the old one stays"
            ),
        }
    }
}

/// A batch of one.
fn one<I>(item: I) -> Batch<I> {
    let mut batch = Batch::new();
    // An empty batch has room.
    let _ = batch.push(item);
    batch
}

/// Lowers the calling thread's priority a little: who feeds the workers (decoding) and who empties them
/// (publishing) is short and bounded by the ring, and goes first; otherwise a decoder that shares its core
/// with a worker lets the ring run dry while another core idles.
fn give_way() {
    if let Err(error) = rustix::process::nice(YIELD) {
        tracing::debug!("a worker keeps its priority: {error}");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::{Feed, Rank, Scheduler};
    use crate::types::Class;

    const ITEMS: u64 = 60;

    /// Panics while its outcome is handed on, every third time.
    struct Bomb {
        number: u64,
        finished: Arc<AtomicU64>,
    }

    impl Item for Bomb {
        fn fail(&mut self, _: &str, _: &str) {}

        fn finish(self) {
            self.finished.fetch_add(1, Ordering::SeqCst);
            assert!(!self.number.is_multiple_of(3), "nobody takes number {}", self.number);
        }
    }

    struct Idle;

    impl Station<Bomb> for Idle {
        fn work(&mut self, _: &mut Bomb, _: &mut Fan<'_, Bomb>) -> Result<(), String> {
            Ok(())
        }

        fn batch(&self) -> usize {
            2
        }
    }

    struct Source {
        next: AtomicU64,
        finished: Arc<AtomicU64>,
    }

    impl Feed<Bomb> for Source {
        fn take(&self) -> Option<Bomb> {
            let number = self.next.fetch_add(1, Ordering::SeqCst);
            (number < ITEMS).then(|| Bomb { number, finished: self.finished.clone() })
        }

        fn waiting(&self) -> usize {
            ITEMS.saturating_sub(self.next.load(Ordering::SeqCst)) as usize
        }
    }

    #[test]
    fn a_panic_behind_an_item_costs_neither_its_place_nor_the_worker_nor_the_items_beside_it() {
        let scheduler = Scheduler::new(&[0], Bell::new());
        let rank = Rank { name: "s".into(), class: Class::Detect, min: 0, max: 1 };
        let factory = || Ok(Box::new(Idle) as Box<dyn Station<Bomb>>);
        let stage = scheduler.add(rank, 1, Arc::new(factory)).unwrap();
        let finished = Arc::new(AtomicU64::new(0));
        stage.attach(Arc::new(Source { next: AtomicU64::new(0), finished: finished.clone() }));
        let (stop, worker) = (Stop::new(), scheduler.workers()[0].clone());
        let running = stop.clone();
        let thread = std::thread::spawn(move || worker.run(&running, &Beat::new()));
        let deadline = Instant::now() + Duration::from_secs(20);
        while finished.load(Ordering::SeqCst) < ITEMS || stage.running() > 0 {
            assert!(Instant::now() < deadline, "{finished:?} of {ITEMS}, {} running", stage.running());
            std::thread::yield_now();
        }
        stop.stop();
        scheduler.remove("s");
        thread.join().unwrap();
        assert_eq!(scheduler.workers()[0].gauges.failed.load(Ordering::SeqCst), ITEMS / 3);
    }
}
