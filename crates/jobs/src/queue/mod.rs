//! The queue: jobs in memory, and what of them is to be stored.

mod add;
mod admit;
mod claim;
mod control;
mod expire;
mod finish;
mod gate;
mod progress;
mod restore;
mod show;
mod staged;
mod stop;

use std::collections::{BTreeMap, VecDeque};

pub use add::{Added, How, WorkflowAdded};
pub use claim::{Claim, ParentOutcome, Token};
pub use control::Cancelled;
pub use expire::Expired;
pub use finish::{Finished, Outcome, Retry};
pub use restore::{Damage, Restored, restore};
pub use stop::{Stop, StopFlag};

use crate::backoff::Random;
use crate::index::Index;
use crate::job::{Job, JobId};
use crate::record::Meta;
use crate::settings::{Settings, SettingsError};
use staged::Staged;

/// The queue. It has one owner, and nothing here locks.
///
/// An operation changes the queue in memory and stages what is to be stored. The owner stores [`changes`](Queue::changes) in one
/// transaction, of one operation or of a group, and calls [`confirm`](Queue::confirm). Only then answers are given and claimed
/// jobs begin. After a failed transaction, [`abandon`](Queue::abandon) takes all of the group back.
pub struct Queue {
    settings: Settings,
    jobs: BTreeMap<JobId, Job>,
    index: Index,
    meta: Meta,
    is_draining: bool,
    random: Random,
    staged: Staged,
    /// How long the last jobs waited for their turn.
    waits: VecDeque<u64>,
    /// Moving mean of the lengths of attempts.
    mean_run_ms: Option<f64>,
}

impl Queue {
    fn new(settings: Settings, seed: u64) -> Queue {
        Queue {
            settings,
            jobs: BTreeMap::new(),
            index: Index::default(),
            meta: Meta { next_id: 1, ..Meta::default() },
            is_draining: false,
            random: Random::new(seed),
            staged: Staged::default(),
            waits: VecDeque::new(),
            mean_run_ms: None,
        }
    }

    /// The settings that hold.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes other settings. Jobs that are there keep what they were added with; the order of those that wait follows the
    /// new `age_ms`.
    pub fn configure(&mut self, settings: Settings) -> Result<(), SettingsError> {
        settings.check()?;
        self.settings = settings;
        self.index = self.rebuilt();
        Ok(())
    }

    /// Whether the ways to find jobs are what the jobs say: for tests.
    #[doc(hidden)]
    pub fn is_consistent(&self) -> bool {
        self.index == self.rebuilt()
    }

    fn rebuilt(&self) -> Index {
        let mut index = Index::default();
        for job in self.jobs.values() {
            index.link(job);
            index.insert(job, self.settings.age_ms);
        }
        index
    }

    /// Changes a job, and stages it.
    fn edit<R>(&mut self, id: JobId, change: impl FnOnce(&mut Job) -> R) -> Option<R> {
        self.stage(id);
        self.touch(id, change)
    }

    /// Changes what of a job is not stored.
    fn touch<R>(&mut self, id: JobId, change: impl FnOnce(&mut Job) -> R) -> Option<R> {
        let job = self.jobs.get_mut(&id)?;
        self.index.remove(job, self.settings.age_ms);
        let answer = change(job);
        self.index.insert(job, self.settings.age_ms);
        Some(answer)
    }
}
