//! Requests from outside as those of the queue.

use std::sync::Arc;

use jiff::Timestamp;

use super::command::{JobIn, WorkflowIn, WorkflowJobIn};
use super::kind::JobKind;
use crate::jobqueue::{After, Dependency, JobId, JobRequest, WorkflowJob, WorkflowRequest};
use crate::types::{Origin, Refusal};

/// The job that `asked` describes, checked by its kind.
pub(super) fn job(kinds: &[Arc<dyn JobKind>], asked: JobIn, origin: Origin) -> Result<JobRequest, Refusal> {
    let Some(kind) = kinds.iter().find(|kind| kind.name() == asked.kind) else {
        let known: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        let shown: String = asked.kind.chars().filter(|c| !c.is_control()).take(40).collect();
        let message = format!("there is no kind of job \"{shown}\" on this box");
        return Err(Refusal::new("bad_kind", message, format!("there are: {}", known.join(", "))));
    };
    let planned = kind.plan(asked.parameters, origin)?;
    let run_at_ms = asked.run_at.as_deref().map(moment_ms).transpose()?;
    let parents =
        asked.after.iter().map(|after| Dependency { job: JobId(after.job), optional: after.optional });
    Ok(JobRequest {
        kind: asked.kind,
        name: asked.name.unwrap_or(planned.name),
        payload: planned.payload.into(),
        priority: asked.priority,
        run_at_ms,
        max_attempts: asked.max_attempts,
        time_limit_ms: asked.time_limit_s.map(|seconds| u64::from(seconds) * 1_000).or(planned.time_limit_ms),
        unique_key: asked.unique_key,
        parents: parents.collect(),
        cache_key: None,
    })
}

/// The workflow that `asked` describes.
pub(super) fn workflow(
    kinds: &[Arc<dyn JobKind>],
    asked: WorkflowIn,
    origin: Origin,
) -> Result<WorkflowRequest, Refusal> {
    let jobs = asked.jobs.into_iter().map(|WorkflowJobIn { label, needs, follows, job: asked }| {
        let job = job(kinds, asked, origin).map_err(|refusal| in_workflow(&label, refusal))?;
        let needed = needs.into_iter().map(|label| After { label, optional: false });
        let followed = follows.into_iter().map(|label| After { label, optional: true });
        Ok(WorkflowJob { label, job, after: needed.chain(followed).collect() })
    });
    Ok(WorkflowRequest { jobs: jobs.collect::<Result<_, Refusal>>()? })
}

/// The same refusal, with the job of the workflow that it is about.
fn in_workflow(label: &str, refusal: Refusal) -> Refusal {
    let shown: String = label.chars().filter(|c| !c.is_control()).take(40).collect();
    Refusal { message: format!("job \"{shown}\": {}", refusal.message), ..refusal }
}

fn moment_ms(text: &str) -> Result<i64, Refusal> {
    text.parse::<Timestamp>().map(Timestamp::as_millisecond).map_err(|error| {
        let message = format!("run_at is no moment ({error})");
        Refusal::new("bad_job", message, "write it as RFC 3339, such as 2026-11-30T18:00:00Z")
    })
}
