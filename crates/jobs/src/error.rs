//! Why the queue refuses: what, where, why, and what to do next.

use crate::job::{JobId, State};
use crate::names::NameError;

/// A job or workflow that is not admitted. Nothing of it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    /// As many wait as may.
    #[error(
        "the queue is full: {waiting} jobs wait, {max} may, and this needs {needed} more places: try again in {retry_after_s} s"
    )]
    Full {
        /// Jobs that wait now, for whatever.
        waiting: usize,
        /// How many may wait at once.
        max: usize,
        /// Places that the request needs.
        needed: usize,
        /// When there will probably be so many, for `Retry-After`.
        retry_after_s: u64,
    },
    /// It does not fit into an empty queue either.
    #[error(
        "the workflow has {jobs} jobs, and at most {max} may wait: split it, or raise max_queue_size in [jobs]"
    )]
    TooLarge {
        /// Jobs of the request.
        jobs: usize,
        /// How many may wait.
        max: usize,
    },
    /// The queue is being emptied.
    #[error("the queue is drained and takes no new jobs: resume it, or ask again after the restart")]
    Draining,
    /// There are no jobs in it.
    #[error("the workflow has no jobs: give it at least one")]
    Empty,
    /// A text of the job is refused.
    #[error("{job}: {error}")]
    Name {
        /// Which job of the request.
        job: String,
        /// What is wrong with the text.
        error: NameError,
    },
    /// A kind that nobody does.
    #[error("{job}: kind \"{kind}\" does not exist: use one of {known}")]
    UnknownKind {
        /// Which job of the request.
        job: String,
        /// The kind that was asked for.
        kind: String,
        /// The kinds that exist, with commas.
        known: String,
    },
    /// The payload has too many bytes.
    #[error("{job}: the payload has {bytes} bytes, at most {max} are allowed: pass files by name")]
    Payload {
        /// Which job of the request.
        job: String,
        /// Bytes of the payload.
        bytes: usize,
        /// How many are allowed.
        max: usize,
    },
    /// A number out of its range.
    #[error("{job}: {field} is {value}: use {least} to {most}")]
    Range {
        /// Which job of the request.
        job: String,
        /// The name of the field.
        field: &'static str,
        /// The value that was given.
        value: i64,
        /// The least that is allowed.
        least: i64,
        /// The most that is allowed.
        most: i64,
    },
    /// Too many jobs before it.
    #[error(
        "{job}: it depends on {count} jobs, at most {max} are allowed: put a job that gathers them in between"
    )]
    Parents {
        /// Which job of the request.
        job: String,
        /// On how many it depends.
        count: usize,
        /// How many are allowed.
        max: usize,
    },
    /// Jobs that are not there.
    #[error(
        "{job}: it depends on {names}, which do not exist here: they were never added, or have left the history"
    )]
    UnknownParents {
        /// Which job of the request.
        job: String,
        /// Their labels or numbers.
        names: String,
    },
    /// A job before it will not complete.
    #[error(
        "{job}: it depends on job {parent}, which is {state}: try that one again first, or make it optional"
    )]
    ParentEnded {
        /// Which job of the request.
        job: String,
        /// The number of the other job.
        parent: JobId,
        /// Its state at that moment.
        state: State,
    },
    /// Jobs that wait for each other.
    #[error("the jobs wait for each other in a circle: {path}: remove one of these dependencies")]
    Cycle {
        /// Their labels, from parent to child.
        path: String,
    },
    /// Two jobs of a workflow with one label.
    #[error("two jobs of the workflow have the label \"{label}\": give each its own")]
    Label {
        /// The label that both have.
        label: String,
    },
}

/// An attempt that does not count any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The job is not there.
    #[error("job {id} is not kept any more: the answer of its attempt {attempt} is dropped")]
    Unknown {
        /// The number of the job.
        id: JobId,
        /// The number of the attempt.
        attempt: u32,
    },
    /// The attempt is over: it was answered, took too long, or the process died meanwhile.
    #[error(
        "attempt {attempt} of job {id} is over, the job is {state} and its newest attempt is {newest}: the answer is dropped"
    )]
    Stale {
        /// The number of the job.
        id: JobId,
        /// The number of the attempt.
        attempt: u32,
        /// The number of its newest attempt.
        newest: u32,
        /// The state of the job now.
        state: State,
    },
}

/// Progress that is not taken.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProgressError {
    /// The attempt is over.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The step's name is refused.
    #[error("progress of job {id}: {error}")]
    Step {
        /// The number of the job.
        id: JobId,
        /// What is wrong with the text.
        error: NameError,
    },
    /// Not a share of the work.
    #[error("progress of job {id} is {fraction}: use 0 to 1")]
    Fraction {
        /// The number of the job.
        id: JobId,
        /// The fraction that was given.
        fraction: f32,
    },
}

/// Something that cannot be done with a job.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// The job is not there.
    #[error("job {id} does not exist: it was never added, or has left the history")]
    Unknown {
        /// The number of the job.
        id: JobId,
    },
    /// There is no such workflow.
    #[error("workflow {id} does not exist: it was never added, or its jobs have left the history")]
    UnknownWorkflow {
        /// The number of the job.
        id: JobId,
    },
    /// It ended already, so nothing is left to cancel.
    #[error("job {id} cannot be cancelled: it is {state} already")]
    Ended {
        /// The number of the job.
        id: JobId,
        /// Its state at that moment.
        state: State,
    },
    /// It did not end, or is completed.
    #[error("job {id} cannot be tried again: it is {state}; failed, cancelled and quarantined jobs can")]
    NotRetried {
        /// The number of the job.
        id: JobId,
        /// Its state at that moment.
        state: State,
    },
    /// It would fail at once.
    #[error("job {id} cannot be tried again: {reason}: try that job again first")]
    Parent {
        /// The number of the job.
        id: JobId,
        /// Which parent did not complete.
        reason: String,
    },
    /// Another job has its unique key now.
    #[error("job {id} cannot be tried again: job {holder} has its unique key \"{key}\" now")]
    KeyTaken {
        /// The number of the job.
        id: JobId,
        /// The number of the other job.
        holder: JobId,
        /// The unique key of both.
        key: String,
    },
    /// As many wait as may.
    #[error("job {id} cannot be tried again: {waiting} jobs wait, {max} may: try again in {retry_after_s} s")]
    Full {
        /// The number of the job.
        id: JobId,
        /// Jobs that wait now, for whatever.
        waiting: usize,
        /// How many may wait at once.
        max: usize,
        /// When there will probably be a place, for `Retry-After`.
        retry_after_s: u64,
    },
    /// It is needed by something open.
    #[error("job {id} cannot be removed: {why}")]
    Needed {
        /// The number of the job.
        id: JobId,
        /// Who needs it, and what to do.
        why: &'static str,
    },
}
