//! The interface of what runs on a worker: executors, and the items that they process.

use crate::RunState;

/// Why an executor failed, or could not be built.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// One item of work for a stage. It passes on its outcome when it is dropped, whether it succeeded or failed,
/// so that no outcome is lost.
pub trait WorkItem: Send + 'static {
    /// Marks the item as failed by its stage; it still passes on an outcome when it is dropped.
    fn fail(&mut self, stage: &str, cause: &str);
}

/// The tools that one worker needs for one stage: a model session, scratch memory. Never shared.
pub trait Executor<W>: Send {
    /// Processes one item.
    ///
    /// # Errors
    /// The item could not be processed; it is failed with this cause.
    fn run(&mut self, item: &mut W) -> Result<(), Cause>;

    /// Most items that it processes at once, at least 1; it never waits for more to come.
    fn batch(&self) -> usize {
        1
    }

    /// Processes several items at once, at most [`Executor::batch`].
    ///
    /// # Errors
    /// If it fails, no item has been changed, and each of them is tried alone.
    fn run_many(&mut self, items: &mut [W]) -> Result<(), Cause> {
        items.iter_mut().try_for_each(|item| self.run(item))
    }

    /// The state of its tools after its last runs. A failing executor is rebuilt, once until it works again.
    fn run_state(&self) -> RunState {
        RunState::Unsure
    }
}

/// Builds executors of one stage. Called outside the workers when a stage is added, and on a worker after a
/// panic or where its runs keep failing.
pub type Factory<W> = dyn Fn() -> Result<Box<dyn Executor<W>>, Cause> + Send + Sync;
