//! Assigns work to workers: pinned workers, stages that own their typed queues, and results in order.
//!
//! ```text
//!  feeds ──take──▶ Stage<W> ◀──take── Slot of a worker ──run──▶ Executor<W> ──drop──▶ InOrder ──▶ listener
//!                     └── WorkQueue: which slot of this worker may take now (priority, min, max)
//! ```
//!
//! A worker is a thread pinned to one core with its own [`Executor`] for each stage, so N workers give N
//! times the throughput and nothing is shared while a model runs. A free worker asks the [`WorkQueue`] for
//! waiting work of the highest [`Priority`]. The scheduler never sees a work item: the slot that it chooses
//! takes items of its own stage's type and runs them. [`InOrder`] passes their results on in order.

mod attachment;
mod executor;
mod in_order;
mod reorder;
mod slot;
mod stage;
mod work_queue;
mod worker;

use std::sync::Arc;

pub use attachment::Attachment;
pub use executor::{Cause, Executor, Factory, WorkItem};
pub use in_order::InOrder;
pub use reorder::Reorder;
pub use stage::{ErasedStage, Feed, OwnerCost, Priority, Stage, StageSpec};
pub use work_queue::{Permit, WorkQueue};
pub use worker::{Gauges, Worker};

use ocellus_ring::Bell;
use slot::{TypedSlot, WorkerSlot};
use worker::SlotChange;

/// The workers and the stages that they serve.
pub struct Scheduler {
    queue: Arc<WorkQueue>,
    bell: Arc<Bell>,
    workers: Vec<Arc<Worker>>,
}

/// Why an executor could not be built.
#[derive(Debug, thiserror::Error)]
#[error("stage {stage}, worker on core {core}: {cause}")]
pub struct ExecutorError {
    /// The name of the stage.
    pub stage: Arc<str>,
    /// The core of the worker.
    pub core: usize,
    /// What the factory reported.
    #[source]
    pub cause: Cause,
}

impl Scheduler {
    /// Makes one worker for each of `cores`; every producer of work must ring `bell`.
    pub fn new(cores: &[usize], bell: Arc<Bell>) -> Scheduler {
        let queue = Arc::new(WorkQueue::new(cores.len()));
        let workers =
            cores.iter().map(|core| Arc::new(Worker::new(*core, queue.clone(), bell.clone()))).collect();
        Scheduler { queue, bell, workers }
    }

    /// The workers; each must be [`run`](Worker::run) on its own thread.
    pub fn workers(&self) -> &[Arc<Worker>] {
        &self.workers
    }

    /// The stages, highest priority first.
    pub fn stages(&self) -> Arc<Vec<Arc<dyn ErasedStage>>> {
        self.queue.stages()
    }

    /// Adds a stage: builds an executor for each of its workers, concurrently and outside the workers'
    /// threads, so that those already running go on, and then opens it.
    ///
    /// # Errors
    /// The first executor that could not be built; nothing has changed then.
    pub fn add<W: WorkItem>(
        &self,
        spec: StageSpec,
        factory: Arc<Factory<W>>,
    ) -> Result<Arc<Stage<W>>, ExecutorError> {
        let chosen = &self.workers[..spec.max.min(self.workers.len())];
        let built: Vec<_> = std::thread::scope(|scope| {
            let building: Vec<_> = chosen.iter().map(|_| scope.spawn(|| factory())).collect();
            building.into_iter().map(|thread| thread.join()).collect()
        });
        let stage = Arc::new(Stage::new(spec));
        let mut slots: Vec<Box<dyn WorkerSlot>> = Vec::with_capacity(built.len());
        for (worker, outcome) in chosen.iter().zip(built) {
            let outcome = outcome.unwrap_or_else(|_| Err("building the executor panicked".into()));
            let name = stage.spec().name.clone();
            let failed = |cause| ExecutorError { stage: name, core: worker.core, cause };
            slots.push(Box::new(TypedSlot::new(stage.clone(), factory.clone(), outcome.map_err(failed)?)));
        }
        for (worker, slot) in chosen.iter().zip(slots) {
            worker.change(SlotChange::Add(slot));
        }
        self.queue.add(stage.clone());
        self.bell.ring_all();
        Ok(stage)
    }

    /// Removes a stage. Running items finish as usual; the workers drop their executors before their next
    /// item.
    pub fn remove(&self, name: &str) {
        self.queue.remove(name);
        for worker in &self.workers {
            worker.change(SlotChange::Remove(name.into()));
        }
        self.bell.ring_all();
    }
}
