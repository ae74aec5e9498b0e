//! What is asked for: one job, or a workflow of several.

use std::sync::Arc;

use crate::cache::CacheKey;
use crate::job::Dependency;

/// A job that is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobRequest {
    /// What is to be done: `a-z`, digits, `_` and `-`.
    pub kind: String,
    /// What people see, the name of a picture for instance.
    pub name: String,
    /// What the kind's work reads; the queue does not look into it.
    pub payload: Arc<[u8]>,
    /// 0 to 255, lower goes first.
    pub priority: Option<u8>,
    /// Not before this moment, in milliseconds since 1970-01-01 UTC.
    pub run_at_ms: Option<i64>,
    /// Attempts, the first included.
    pub max_attempts: Option<u32>,
    /// Time limit of an attempt, milliseconds.
    pub time_limit_ms: Option<u64>,
    /// Only one job has this key: a second request is answered with the first job, as long as that one is open, set aside
    /// or kept as completed.
    pub unique_key: Option<String>,
    /// Jobs that have to end before.
    pub parents: Vec<Dependency>,
    /// The key of the result, where the inputs are known already: if a result with it is kept, that is the answer.
    pub cache_key: Option<CacheKey>,
}

impl JobRequest {
    /// A job of `kind`, named `name`, with everything else as the settings have it.
    pub fn new(
        kind: impl Into<String>,
        name: impl Into<String>,
        payload: impl Into<Arc<[u8]>>,
    ) -> JobRequest {
        JobRequest { kind: kind.into(), name: name.into(), payload: payload.into(), ..JobRequest::default() }
    }
}

/// Jobs that depend on one another, added all or none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkflowRequest {
    /// Its jobs, in any order.
    pub jobs: Vec<WorkflowJob>,
}

/// A job of a workflow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkflowJob {
    /// What the others of the workflow call it.
    pub label: String,
    /// The job; its `parents` are jobs that are in the queue already.
    pub job: JobRequest,
    /// Jobs of the workflow that have to end before.
    pub after: Vec<After>,
}

impl WorkflowJob {
    /// `job` under `label`, after those of the workflow that `after` names.
    pub fn new(label: impl Into<String>, job: JobRequest, after: &[&str]) -> WorkflowJob {
        let after = after.iter().map(|label| After { label: (*label).into(), optional: false }).collect();
        WorkflowJob { label: label.into(), job, after }
    }
}

/// A job of the workflow that has to end before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    /// The label of that job.
    pub label: String,
    /// The job runs also if that one fails, and learns of it.
    pub optional: bool,
}
