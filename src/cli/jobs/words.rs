//! Jobs and their queue in words.

use crate::contract::{ClipOut, JobOut, JobResult, JobState, JobsHealthOut, JobsOut, QueueOut, WorkflowOut};

/// Width of a bar in characters.
const BAR: usize = 20;

/// One line about a job, for a list.
pub(super) fn line(job: &JobOut) -> String {
    let JobOut { id, kind, name, state, .. } = job;
    let rest = match state {
        JobState::Pending => match &job.waits_for {
            Some(what) => format!("waits for {what}"),
            None => String::new(),
        },
        JobState::Running if job.is_stopping => "is being cancelled".to_owned(),
        JobState::Running => {
            let step = job.step.as_deref().unwrap_or_default();
            format!("{} {:.0} % {step}", bar(job.progress), job.progress * 100.0)
        }
        JobState::Completed => {
            let seconds = job.processing_times.get("total").copied().unwrap_or_default();
            match job.cached_from {
                Some(from) => format!("the answer of job {from}"),
                None => format!("in {seconds:.1} s"),
            }
        }
        JobState::Failed | JobState::Cancelled | JobState::Quarantined => {
            job.reason.clone().unwrap_or_default()
        }
    };
    format!("{id:>6}  {:<11}  {kind} {name}  {rest}", state.as_str()).trim_end().to_owned()
}

/// All that is known of a job.
pub(super) fn job(job: &JobOut) -> String {
    let mut lines = vec![line(job)];
    let mut fact = |what: &str, value: String| lines.push(format!("  {what}: {value}"));
    fact("added", job.created.clone());
    if let Some(ended) = &job.ended {
        fact("ended", ended.clone());
    }
    if let Some(workflow) = job.workflow {
        fact("workflow", workflow.to_string());
    }
    fact("priority", job.priority.to_string());
    fact(
        "attempts",
        format!("{} of {} counted, each at most {} s", job.tries, job.max_attempts, job.time_limit_s),
    );
    let times = job.processing_times.iter().filter(|(step, _)| *step != "total");
    for (step, seconds) in times {
        fact(&format!("time of {step}"), format!("{seconds:.3} s"));
    }
    for attempt in &job.attempts {
        let end = attempt.end.as_deref().unwrap_or("under way");
        let reason = attempt.reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
        fact(&format!("attempt {}", attempt.number), format!("{} {end}{reason}", attempt.started));
    }
    match &job.result {
        Some(JobResult::Upscaled(made)) => {
            let file = &made.file;
            fact(
                "file",
                format!("{} ({} x {} px, {} bytes)", file.path, file.width, file.height, file.bytes),
            );
            fact("enlarged by", made.method.clone());
            if let Some(why) = &made.fell_back {
                fact("not as asked for", why.clone());
            }
        }
        Some(JobResult::UpscaledAll(all)) => {
            for made in &all.enlarged {
                fact(&format!("enlarged by {}", made.method), made.file.path.clone());
            }
        }
        Some(JobResult::Variations(made)) => {
            for variation in &made.variations {
                fact(&variation.background, variation.file.path.clone());
            }
        }
        Some(JobResult::Report(made)) => fact("table", format!("{} ({} rows)", made.path, made.rows)),
        Some(JobResult::Clip(made)) => {
            let ClipOut { clip, encoder, pictures, seconds, .. } = made;
            fact(
                "clip",
                format!("{} ({} x {} px, {} bytes)", clip.path, clip.width, clip.height, clip.bytes),
            );
            fact("length", format!("{seconds} s, {pictures} pictures, encoded by {encoder}"));
        }
        Some(JobResult::Fetched(made)) => {
            fact("from", made.from.clone());
            fact("file", made.fetched.path.clone());
        }
        Some(JobResult::Generated(made)) => {
            for file in &made.generated {
                fact(&format!("made by {}", made.service), file.path.clone());
            }
        }
        Some(JobResult::Uploaded(made)) => {
            for one in &made.uploaded {
                fact(&one.path, format!("is at {} ({} bytes)", one.to, one.bytes));
            }
        }
        Some(JobResult::Batch(run)) => {
            fact("run", format!("{} of {}, {} fields of view complete", run.run, run.recipe, run.fovs));
        }
        None => {}
    }
    lines.join("\n")
}

/// A page of jobs, one line for each.
pub(super) fn list(jobs: &JobsOut) -> Vec<String> {
    let mut lines: Vec<String> = jobs.jobs.iter().map(line).collect();
    if lines.is_empty() {
        lines.push("no such job".to_owned());
    }
    lines.extend(jobs.next.map(|before| format!("further jobs with --before {before}")));
    lines
}

/// A workflow and its jobs.
pub(super) fn workflow(workflow: &WorkflowOut) -> String {
    let WorkflowOut { id, state, progress, jobs, .. } = workflow;
    let head = format!("workflow {id}: {}, {:.0} %", state.as_str(), progress * 100.0);
    std::iter::once(head).chain(jobs.iter().map(line)).collect::<Vec<_>>().join("\n")
}

/// The queue, in a few lines.
pub(super) fn queue(queue: &QueueOut) -> Vec<String> {
    let QueueOut { queue_size, max_queue_size, running_tasks, max_workers, .. } = queue;
    let mode = match (queue.is_running, queue.is_draining) {
        (false, _) => ", paused",
        (true, true) => ", drained: new jobs are refused",
        (true, false) => "",
    };
    let mut lines = vec![format!(
        "{running_tasks} of {max_workers} workers busy, {queue_size} of {max_queue_size} places taken{mode}"
    )];
    lines.push(format!(
        "waiting: {} due, {} for a time, {} for other jobs; the oldest due one for {:.1} s",
        queue.due_tasks,
        queue.delayed_tasks,
        queue.blocked_tasks,
        queue.oldest_age_ms as f64 / 1_000.0
    ));
    lines.push(format!(
        "so far: {} completed, {} failed, {} set aside now",
        queue.completed_tasks, queue.failed_tasks, queue.quarantined_tasks
    ));
    lines.push(format!(
        "from due to start: half of the jobs within {} ms, 99 of 100 within {} ms",
        queue.wait_p50_ms, queue.wait_p99_ms
    ));
    lines.push(format!("kinds: {}", queue.kinds.join(", ")));
    lines
}

/// What is wrong with the queue.
pub(super) fn health(health: &JobsHealthOut) -> String {
    let mut lines = health.problems.clone();
    if lines.is_empty() {
        lines.push("the queue does its work".to_owned());
    }
    lines.extend(queue(&health.queue));
    lines.join("\n")
}

fn bar(share: f32) -> String {
    let filled = ((share * BAR as f32).round() as usize).min(BAR);
    format!("[{}{}]", "#".repeat(filled), ".".repeat(BAR - filled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_full_as_the_work_is_done() {
        assert_eq!(bar(0.0), "[....................]");
        assert_eq!(bar(0.5), "[##########..........]");
        assert_eq!(bar(1.0), "[####################]");
        assert_eq!(bar(7.0), "[####################]");
    }
}
