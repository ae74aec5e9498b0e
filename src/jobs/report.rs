//! What the queue says of itself and of its jobs, in the words of the contract.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::contract::{AttemptOut, JobOut, JobResult, JobState, QueueOut, WorkflowOut};
use crate::jobqueue::{
    Attempt, JobId, JobReport, Now, ProcessingTimes, Queue, State, Status, Totals, WaitsFor, WorkflowReport,
};
use crate::jobs::kind::JobKind;
use crate::types::rfc3339;

/// The kinds of jobs of a box.
type Kinds = [Arc<dyn JobKind>];

/// Job `id` with its answer, as it is shown; `None` where it is not kept.
pub(super) fn job(kinds: &Kinds, queue: &Queue, now: Now, id: JobId) -> Option<JobOut> {
    queue.get(now, id).map(|report| shown(kinds, queue, report))
}

/// A job that was found in the queue, with its answer.
pub(super) fn shown(kinds: &Kinds, queue: &Queue, job: JobReport) -> JobOut {
    let result = queue.result(job.id).and_then(|bytes| JobResult::read(&bytes));
    JobOut {
        id: job.id.0,
        kind: job.kind.to_string(),
        name: job.name.to_string(),
        picture: picture(kinds, queue, &job),
        workflow: job.workflow.map(|id| id.0),
        state: state(job.state),
        waits_for: job.waits.as_ref().map(waits_for),
        priority: job.priority,
        after: job.parents.iter().map(|parent| parent.job.0).collect(),
        unique_key: job.unique_key.map(|key| key.to_string()),
        progress: job.progress,
        step: job.step.map(|step| step.to_string()),
        is_stopping: job.is_cancelling,
        tries: job.tries,
        max_attempts: job.max_attempts,
        time_limit_s: job.time_limit_ms as f64 / 1_000.0,
        processing_times: times(&job.processing_times),
        waited_ms: job.waited_ms,
        reason: job.message,
        cached_from: job.cached_from.map(|id| id.0),
        attempts: job.attempts.iter().map(attempt).collect(),
        created: moment(job.created_ms),
        ended: job.ended_ms.map(moment),
        result,
    }
}

fn picture(kinds: &Kinds, queue: &Queue, job: &JobReport) -> Option<String> {
    let kind = kinds.iter().find(|kind| *kind.name() == *job.kind)?;
    kind.picture(&queue.payload(job.id)?).map(|path| path.display().to_string())
}

/// A workflow with its jobs.
pub(super) fn workflow(kinds: &Kinds, queue: &Queue, now: Now, found: &WorkflowReport) -> WorkflowOut {
    WorkflowOut {
        id: found.id.0,
        state: state(found.state),
        progress: found.progress,
        processing_times: times(&found.processing_times),
        jobs: found.jobs.iter().filter_map(|id| job(kinds, queue, now, *id)).collect(),
    }
}

/// The state of the queue.
pub(super) fn queue(status: &Status, kinds: Vec<String>) -> QueueOut {
    QueueOut {
        queue_size: status.queue_size as u64,
        max_queue_size: status.max_queue_size as u64,
        running_tasks: status.running_tasks as u64,
        max_workers: status.max_workers as u64,
        total_results: status.total_results as u64,
        is_running: status.is_running,
        completed_tasks: status.completed_tasks,
        failed_tasks: status.failed_tasks,
        is_draining: status.is_draining,
        due_tasks: status.due_tasks as u64,
        delayed_tasks: status.delayed_tasks as u64,
        blocked_tasks: status.blocked_tasks as u64,
        quarantined_tasks: status.quarantined_tasks as u64,
        history_size: status.history_size as u64,
        oldest_age_ms: status.oldest_age_ms,
        wait_p50_ms: status.wait.p50_ms,
        wait_p99_ms: status.wait.p99_ms,
        running_kinds: status.running_kinds.iter().map(|(kind, n)| (kind.to_string(), *n as u64)).collect(),
        kinds,
        totals: totals(&status.totals),
    }
}

/// The totals by name, as their type has them.
pub(super) fn totals(totals: &Totals) -> BTreeMap<String, u64> {
    // Plain numbers under text keys: nothing in them can fail.
    let named = serde_json::to_value(totals).unwrap_or(Value::Null);
    serde_json::from_value(named).unwrap_or_default()
}

/// The state of the contract as that of the queue.
pub(super) fn queue_state(state: JobState) -> State {
    match state {
        JobState::Pending => State::Pending,
        JobState::Running => State::Running,
        JobState::Completed => State::Completed,
        JobState::Failed => State::Failed,
        JobState::Cancelled => State::Cancelled,
        JobState::Quarantined => State::Quarantined,
    }
}

fn state(state: State) -> JobState {
    match state {
        State::Pending => JobState::Pending,
        State::Running => JobState::Running,
        State::Completed => JobState::Completed,
        State::Failed => JobState::Failed,
        State::Cancelled => JobState::Cancelled,
        State::Quarantined => JobState::Quarantined,
    }
}

fn times(times: &ProcessingTimes) -> BTreeMap<String, f64> {
    let seconds = |ms: u64| ms as f64 / 1_000.0;
    let steps = times.steps.iter().map(|time| (time.step.to_string(), seconds(time.ms)));
    steps.chain([("total".to_owned(), seconds(times.total_ms))]).collect()
}

fn waits_for(waits: &WaitsFor) -> String {
    match waits {
        WaitsFor::Parents { jobs } => {
            let numbers: Vec<String> = jobs.iter().map(ToString::to_string).collect();
            match numbers.len() {
                1 => format!("job {}", numbers[0]),
                _ => format!("jobs {}", numbers.join(", ")),
            }
        }
        WaitsFor::RunAt { at_ms } => format!("its time, {}", moment(*at_ms)),
        WaitsFor::Pause { left_ms } => format!("the end of a pause, {} s left", left_ms.div_ceil(1_000)),
        WaitsFor::Turn { .. } => "its turn".to_owned(),
    }
}

fn attempt(attempt: &Attempt) -> AttemptOut {
    // A plain word: nothing in it can fail.
    let end = attempt.end.and_then(|end| serde_json::to_value(end).ok());
    AttemptOut {
        number: attempt.number,
        started: moment(attempt.started_ms),
        ended: attempt.ended_ms.map(moment),
        end: end.and_then(|word| word.as_str().map(str::to_owned)),
        reason: attempt.reason.as_ref().map(ToString::to_string),
    }
}

fn moment(utc_ms: i64) -> String {
    rfc3339(u64::try_from(utc_ms).unwrap_or(0).saturating_mul(1_000_000))
}
