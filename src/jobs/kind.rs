//! What a kind of job is: its request is checked, its work is carried out, its answer can be kept.

use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::command::json_cause;
use super::task::Task;
use crate::contract::JobResult;
use crate::jobqueue::{CacheKey, Retry};
use crate::types::{Explanation, Origin, Refusal};

/// A kind of job. Several workers may run the same kind at once.
pub trait JobKind: Send + Sync {
    /// The word of the kind: `a-z`, digits, `_` and `-`.
    fn name(&self) -> &'static str;

    /// Checks the parameters of a request, without the work; `origin` decides which files it may name.
    ///
    /// # Errors
    /// A refusal, with what to do next.
    fn plan(&self, parameters: Map<String, Value>, origin: Origin) -> Result<PlannedJob, Refusal>;

    /// Carries out one attempt. It looks at [`Task::is_stopped`] at least each 100 ms where it can.
    ///
    /// # Errors
    /// Why the attempt did not succeed, and whether another one is worth it.
    fn run(&self, task: &Task<'_>) -> Result<JobDone, JobFailure>;

    /// The picture that a job of this `payload` is made from, for people to compare; `None` where it has none.
    fn picture(&self, _payload: &[u8]) -> Option<PathBuf> {
        None
    }

    /// Whether what a kept answer names is still there: otherwise the work is done anew.
    fn is_still_there(&self, _: &JobResult) -> bool {
        true
    }

    /// How many jobs of the kind may run at once.
    fn most_at_once(&self) -> usize {
        usize::MAX
    }
}

/// A request that was checked.
pub struct PlannedJob {
    /// The name of the job, where the request gives none.
    pub name: String,
    /// What the work reads; only the kind looks into it.
    pub payload: Vec<u8>,
    /// Time limit of an attempt in milliseconds, where the request names none; `None` for the usual one.
    pub time_limit_ms: Option<u64>,
}

/// An attempt that succeeded.
pub enum JobDone {
    /// The work was done.
    Made {
        /// The answer, which is kept with the job.
        result: JobResult,
        /// What the answer depends on; `None` where it must not answer another job.
        cache_key: Option<CacheKey>,
    },
    /// [`Task::answer_with_kept`] has completed the job already.
    Kept,
}

/// An attempt that did not succeed.
pub enum JobFailure {
    /// It was asked to stop, and stopped.
    Stopped,
    /// It could not begin yet, and costs no attempt.
    Later {
        /// Not again for so long, in milliseconds.
        after_ms: u64,
    },
    /// The work failed, for the reason that is given.
    Failed {
        /// What failed, and what to do next.
        why: Explanation,
        /// Whether another attempt is worth it.
        retry: Retry,
    },
}

impl JobFailure {
    /// A failure that another attempt would only repeat: the input is at fault.
    pub fn lasting(why: Explanation) -> JobFailure {
        JobFailure::Failed { why, retry: Retry::Never }
    }

    /// A failure that may pass, such as a full disk.
    pub fn passing(why: Explanation) -> JobFailure {
        JobFailure::Failed { why, retry: Retry::Backoff }
    }
}

/// The parameters of the kind `kind`, as their type.
///
/// # Errors
/// `bad_job`, with the parameter that is missing, unknown or wrong.
pub fn parameters<T: DeserializeOwned>(kind: &str, parameters: Map<String, Value>) -> Result<T, Refusal> {
    serde_json::from_value(Value::Object(parameters)).map_err(|error| {
        let remedy = format!("docs/jobs.md lists the parameters of {kind}");
        Refusal::new("bad_job", format!("the parameters of {kind}: {}", json_cause(&error)), remedy)
    })
}
