//! One pinned worker: takes the highest item that waits, runs it in its own station, survives its panics.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::board::{Board, Stage};
use super::fan::Fan;
use crate::ring::Bell;
use crate::supervisor::{Beat, Stop};
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
                Some((stage, item)) => {
                    let batch = self.batch(&benches, &stage, item);
                    self.serve(&mut benches, &stage, batch, &mut kept);
                    self.board.finished(&stage);
                    self.serve_kept(&mut benches, &mut kept);
                }
                None => {
                    self.bell.wait(seen, Duration::ZERO, Some(IDLE_BEAT));
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
            return batch.into_iter().for_each(I::finish);
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
        batch.into_iter().for_each(I::finish);
        self.gauges.items.fetch_add(count, Ordering::Relaxed);
        self.gauges.busy_ns.fetch_add(began.elapsed().as_nanos() as u64, Ordering::Relaxed);
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

/// The text of a panic, as far as it has one.
fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
