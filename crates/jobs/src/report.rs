//! What the queue says of itself and of its jobs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::cache::CacheKey;
use crate::job::{Attempt, Dependency, JobId, Reason, State, StepTime};

/// What happened over the life of the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// Jobs that were admitted, answers from the cache included.
    pub added: u64,
    /// Requests that were answered with the job that has their unique key.
    pub existing: u64,
    /// Jobs that were answered from the cache.
    pub cached: u64,
    /// Jobs that were refused: the queue was full or drained, or the request was faulty.
    pub refused: u64,
    /// Jobs that completed, those from the cache included.
    pub completed: u64,
    /// Jobs that failed for good.
    pub failed: u64,
    /// Jobs that were cancelled.
    pub cancelled: u64,
    /// Jobs that were set aside.
    pub quarantined: u64,
    /// Attempts that failed and were followed by a pause.
    pub retried: u64,
    /// Attempts that took longer than their limit.
    pub timed_out: u64,
    /// Attempts under way when the process died.
    pub killed: u64,
    /// Attempts that the work gave back.
    pub released: u64,
    /// Jobs that people tried again.
    pub retried_by_hand: u64,
    /// Ended jobs that left the history.
    pub removed: u64,
    /// Answers of attempts that were over already.
    pub stale: u64,
    /// Records that could not be read.
    pub damaged: u64,
}

/// The state of the queue. The first eight fields have the names that services of this kind use.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// Jobs that wait, for whatever.
    pub queue_size: usize,
    /// How many may wait.
    pub max_queue_size: usize,
    /// Jobs that run now, of all kinds.
    pub running_tasks: usize,
    /// How many may run at once.
    pub max_workers: usize,
    /// Completed jobs whose results are kept.
    pub total_results: usize,
    /// Jobs are started: it is not paused.
    pub is_running: bool,
    /// Jobs that completed so far.
    pub completed_tasks: u64,
    /// Jobs that failed for good so far.
    pub failed_tasks: u64,
    /// New jobs are refused, and those that are there run to their end.
    pub is_draining: bool,
    /// Of those that wait: it would be their turn.
    pub due_tasks: usize,
    /// Of those that wait: for a time or the end of a pause.
    pub delayed_tasks: usize,
    /// Of those that wait: for other jobs.
    pub blocked_tasks: usize,
    /// Jobs that are set aside now.
    pub quarantined_tasks: usize,
    /// Ended jobs that are kept.
    pub history_size: usize,
    /// For how long the oldest due job waits, milliseconds.
    pub oldest_age_ms: u64,
    /// How long the last jobs waited for their turn.
    pub wait: WaitTimes,
    /// Jobs that run, by kind.
    pub running_kinds: BTreeMap<Arc<str>, usize>,
    /// What happened so far.
    pub totals: Totals,
}

/// How long jobs waited from the moment when they were due to their start: the last 512 starts of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WaitTimes {
    /// How many starts these are.
    pub count: usize,
    /// Half of them waited no longer, milliseconds.
    pub p50_ms: u64,
    /// 95 of 100 waited no longer, milliseconds.
    pub p95_ms: u64,
    /// 99 of 100 waited no longer, milliseconds.
    pub p99_ms: u64,
    /// The longest of them, milliseconds.
    pub max_ms: u64,
}

impl WaitTimes {
    /// The figures of `waits`, nearest rank.
    pub(crate) fn of(waits: impl Iterator<Item = u64>) -> WaitTimes {
        let mut sorted: Vec<u64> = waits.collect();
        sorted.sort_unstable();
        let at = |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1));
        let ms = |percent| at(percent).copied().unwrap_or(0);
        WaitTimes { count: sorted.len(), p50_ms: ms(50), p95_ms: ms(95), p99_ms: ms(99), max_ms: ms(100) }
    }
}

/// What a pending job waits for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum WaitsFor {
    /// Other jobs, which are still open.
    Parents {
        /// The numbers of those jobs.
        jobs: Vec<JobId>,
    },
    /// Its time on the wall clock.
    RunAt {
        /// That time, milliseconds since 1970.
        at_ms: i64,
    },
    /// The end of the pause after a failure.
    Pause {
        /// What is left of it, milliseconds.
        left_ms: u64,
    },
    /// Its turn among those that are due.
    Turn {
        /// For how long, milliseconds.
        since_ms: u64,
    },
}

/// The times of steps in seconds, and `total`, as one JSON object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProcessingTimes {
    /// The steps in the order in which they began.
    pub steps: Vec<StepTime>,
    /// From the start to the end, milliseconds: also what no step claims.
    pub total_ms: u64,
}

impl Serialize for ProcessingTimes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let seconds = |ms: u64| ms as f64 / 1000.0;
        let mut map = serializer.serialize_map(Some(self.steps.len() + 1))?;
        for step in &self.steps {
            map.serialize_entry(&step.step, &seconds(step.ms))?;
        }
        map.serialize_entry("total", &seconds(self.total_ms))?;
        map.end()
    }
}

/// One job, as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JobReport {
    /// The number of it.
    pub id: JobId,
    /// What its work does.
    pub kind: Arc<str>,
    /// What people call it.
    pub name: Arc<str>,
    /// The workflow that it belongs to.
    pub workflow: Option<JobId>,
    /// Where it is in its life.
    pub state: State,
    /// What it waits for, while it is pending.
    pub waits: Option<WaitsFor>,
    /// 0 to 255, lower goes first.
    pub priority: u8,
    /// Jobs that have to end before it.
    pub parents: Vec<Dependency>,
    /// The key that only it has.
    pub unique_key: Option<Arc<str>>,
    /// Attempts that counted so far.
    pub tries: u32,
    /// Attempts that it has.
    pub max_attempts: u32,
    /// Time limit of an attempt, milliseconds.
    pub time_limit_ms: u64,
    /// It was asked to stop, and its work has not stopped yet.
    pub is_cancelling: bool,
    /// How far the attempt is, 0 to 1.
    pub progress: f32,
    /// The step that is under way or was the last.
    pub step: Option<Arc<str>>,
    /// How long the steps of the last attempt took.
    pub processing_times: ProcessingTimes,
    /// How long it waited for its turn before the last attempt, milliseconds.
    pub waited_ms: u64,
    /// Why it, or its last attempt, failed.
    pub reason: Option<Reason>,
    /// The same for people.
    pub message: Option<String>,
    /// The job whose kept result is its answer.
    pub cached_from: Option<JobId>,
    /// The key of its result.
    pub cache_key: Option<CacheKey>,
    /// The journal of its attempts, the newest 32.
    pub attempts: Vec<Attempt>,
    /// When it was added, milliseconds since 1970.
    pub created_ms: i64,
    /// When it ended, milliseconds since 1970.
    pub ended_ms: Option<i64>,
}

/// A workflow as one answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkflowReport {
    /// The number of it.
    pub id: JobId,
    /// Pending before the first start; running until all ended; then failed, quarantined or cancelled if a job is, in this
    /// order, or completed.
    pub state: State,
    /// The mean of its jobs; those that ended count as done.
    pub progress: f32,
    /// The numbers of its jobs.
    pub jobs: Vec<JobId>,
    /// The steps of all jobs, equal names added up; the total is from the first start to the last end.
    pub processing_times: ProcessingTimes,
}

/// Which jobs are listed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Only these states; empty for all.
    pub states: BTreeSet<State>,
    /// Only these kinds; empty for all.
    pub kinds: BTreeSet<Box<str>>,
    /// Only jobs of this workflow.
    pub workflow: Option<JobId>,
    /// Only names that have this text in them, in upper or lower case.
    pub name: Option<String>,
    /// Only jobs with smaller numbers: the next page.
    pub before: Option<JobId>,
    /// How many, newest first; at most 1,000.
    pub limit: usize,
}
