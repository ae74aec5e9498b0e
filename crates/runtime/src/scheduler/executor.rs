//! What runs on a worker: executors, and the items that they work on.

use crate::RunState;

/// Why an executor failed, or could not be built.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A piece of work of one stage. It hands on its outcome when it is dropped, well or badly done, so that none can get
/// lost.
pub trait WorkItem: Send + 'static {
    /// Its stage failed; the item still hands on an outcome when it is dropped.
    fn fail(&mut self, stage: &str, cause: &str);
}

/// What one worker needs for one stage: a model session, scratch memory. Never shared.
pub trait Executor<W>: Send {
    /// Works on one item.
    ///
    /// # Errors
    /// The item could not be worked on; it is failed with this cause.
    fn run(&mut self, item: &mut W) -> Result<(), Cause>;

    /// How many items it takes at once where so many wait, at least 1; it never waits for more to come.
    fn batch(&self) -> usize {
        1
    }

    /// Works on several items at once, at most [`Executor::batch`].
    ///
    /// # Errors
    /// Where it fails, no item has been touched, and each of them is tried alone.
    fn run_many(&mut self, items: &mut [W]) -> Result<(), Cause> {
        items.iter_mut().try_for_each(|item| self.run(item))
    }

    /// What its last runs show of its tools. A failing executor is built again, once until it works again.
    fn run_state(&self) -> RunState {
        RunState::Unsure
    }
}

/// Builds executors of one stage. Called off the workers when a stage is added, and on a worker after a panic or where
/// its runs keep failing.
pub type Factory<W> = dyn Fn() -> Result<Box<dyn Executor<W>>, Cause> + Send + Sync;
