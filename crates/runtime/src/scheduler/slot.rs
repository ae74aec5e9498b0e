//! A worker's slot for one stage: the executor, the items that it processes, and the factory to rebuild it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::executor::{Executor, Factory, WorkItem};
use super::stage::{ErasedStage, Stage};
use super::worker::Gauges;
use crate::RunState;
use crate::supervisor::panic_text;

/// A slot, independent of the type of its stage's work items.
pub(super) trait WorkerSlot: Send {
    /// The stage that it serves.
    fn stage(&self) -> &dyn ErasedStage;
    /// Takes waiting items, at most as many as its executor processes at once; returns false where none wait.
    /// Called under the lock of the work queue.
    fn take(&mut self) -> bool;
    /// Processes what was taken, on the worker of core `core`.
    fn run(&mut self, core: usize, gauges: &Gauges);
}

/// A slot of a stage whose items are `W`.
pub(super) struct TypedSlot<W> {
    stage: Arc<Stage<W>>,
    factory: Arc<Factory<W>>,
    executor: Box<dyn Executor<W>>,
    /// The items that were taken; the memory is reused.
    items: Vec<W>,
    /// For each item, where its CPU time is counted.
    costs: Vec<Arc<AtomicU64>>,
    /// Whether the executor was rebuilt because its runs failed, and has not worked since.
    renewed: bool,
}

impl<W: WorkItem> TypedSlot<W> {
    pub(super) fn new(
        stage: Arc<Stage<W>>,
        factory: Arc<Factory<W>>,
        executor: Box<dyn Executor<W>>,
    ) -> TypedSlot<W> {
        let most = executor.batch().max(1);
        let (items, costs) = (Vec::with_capacity(most), Vec::with_capacity(most));
        TypedSlot { stage, factory, executor, items, costs, renewed: false }
    }

    /// Processes one item; a panic fails the item and discards the executor.
    fn run_one(&mut self, at: usize, core: usize, gauges: &Gauges) {
        let (executor, item) = (&mut self.executor, &mut self.items[at]);
        match catch_unwind(AssertUnwindSafe(|| executor.run(item))) {
            Ok(Ok(())) => {}
            Ok(Err(cause)) => self.failed(at, &cause.to_string(), gauges),
            Err(panic) => {
                self.failed(at, &format!("panicked: {}", panic_text(&*panic)), gauges);
                self.rebuild(core);
            }
        }
    }

    /// Processes all items at once; returns false where they failed together and must be tried one by one, so
    /// that one bad item does not fail the others.
    fn run_together(&mut self, core: usize, gauges: &Gauges) -> bool {
        let (executor, items) = (&mut self.executor, &mut self.items);
        match catch_unwind(AssertUnwindSafe(|| executor.run_many(items))) {
            Ok(outcome) => outcome.is_ok(),
            Err(panic) => {
                let cause = format!("panicked: {}", panic_text(&*panic));
                (0..self.items.len()).for_each(|at| self.failed(at, &cause, gauges));
                self.rebuild(core);
                true
            }
        }
    }

    fn failed(&mut self, at: usize, cause: &str, gauges: &Gauges) {
        gauges.failed.fetch_add(1, Ordering::Relaxed);
        self.items[at].fail(&self.stage.spec().name, cause);
    }

    /// Rebuilds an executor whose runs keep failing, once; its next runs show whether that helped.
    fn renew_failing(&mut self, core: usize) {
        match self.executor.run_state() {
            RunState::Working => self.renewed = false,
            RunState::Failing if !self.renewed => {
                let stage = &self.stage.spec().name;
                tracing::warn!(%stage, worker = core, "the executor keeps failing: it is built again, once");
                self.rebuild(core);
                self.renewed = true;
            }
            RunState::Failing | RunState::Unsure => {}
        }
    }

    /// Rebuilds an executor whose state is unknown after a panic, or whose runs keep failing.
    fn rebuild(&mut self, core: usize) {
        match (self.factory)() {
            Ok(executor) => self.executor = executor,
            Err(cause) => tracing::error!(
                stage = %self.stage.spec().name,
                worker = core,
                "cannot rebuild the executor: {cause}; the old one is kept"
            ),
        }
    }

    /// Passes on every item's outcome. A panic there ends neither the worker nor the other items.
    fn finish(&mut self, core: usize, gauges: &Gauges) {
        for item in self.items.drain(..) {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(item))) {
                gauges.failed.fetch_add(1, Ordering::Relaxed);
                tracing::error!(
                    stage = %self.stage.spec().name,
                    worker = core,
                    "an outcome was not passed on, because the code after the stage panicked: {}",
                    panic_text(&*panic)
                );
            }
        }
    }
}

impl<W: WorkItem> WorkerSlot for TypedSlot<W> {
    fn stage(&self) -> &dyn ErasedStage {
        &*self.stage
    }

    fn take(&mut self) -> bool {
        let most = self.executor.batch().max(1);
        while self.items.len() < most {
            let Some((item, cost)) = self.stage.take() else { break };
            self.items.push(item);
            self.costs.push(cost);
        }
        !self.items.is_empty()
    }

    fn run(&mut self, core: usize, gauges: &Gauges) {
        let began_ns = thread_cpu_ns();
        if self.items.len() == 1 || !self.run_together(core, gauges) {
            (0..self.items.len()).for_each(|at| self.run_one(at, core, gauges));
        }
        gauges.items.fetch_add(self.items.len() as u64, Ordering::Relaxed);
        self.renew_failing(core);
        self.finish(core, gauges);
        // Items that were processed together share the time.
        let each_ns = thread_cpu_ns().saturating_sub(began_ns) / self.costs.len().max(1) as u64;
        for cost in self.costs.drain(..) {
            cost.fetch_add(each_ns, Ordering::Relaxed);
        }
    }
}

/// The CPU time of the calling thread, in nanoseconds.
fn thread_cpu_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
