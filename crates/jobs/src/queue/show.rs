//! What the queue shows: one job, a list, a workflow, itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Queue;
use crate::cache::CacheKey;
use crate::job::{Doing, Job, JobId, State, StepTime};
use crate::report::{Filter, JobReport, ProcessingTimes, Status, WaitTimes, WaitsFor, WorkflowReport};
use crate::time::{Now, signed};

/// The most jobs of one list.
const LONGEST_LIST: usize = 1_000;

impl Queue {
    /// One job, as it is shown.
    pub fn get(&self, now: Now, id: JobId) -> Option<JobReport> {
        self.jobs.get(&id).map(|job| self.report(now, job))
    }

    /// The numbers of all jobs that are kept, in ascending order.
    pub fn ids(&self) -> impl Iterator<Item = JobId> + '_ {
        self.jobs.keys().copied()
    }

    /// Ended jobs that nothing open depends on, the oldest first; those that are set aside last.
    pub fn removable(&self) -> impl Iterator<Item = JobId> + '_ {
        self.index.removable.iter().chain(&self.index.removable_aside).map(|(_, id)| *id)
    }

    /// The result of a completed job.
    pub fn result(&self, id: JobId) -> Option<Arc<[u8]>> {
        self.jobs.get(&id).and_then(|job| job.facts.result.clone())
    }

    /// The newest job whose result is kept under `key`, and that result.
    pub fn kept(&self, key: &CacheKey) -> Option<(JobId, Arc<[u8]>)> {
        let id = self.index.kept(key)?;
        Some((id, self.result(id)?))
    }

    /// What was asked for.
    pub fn payload(&self, id: JobId) -> Option<Arc<[u8]>> {
        self.jobs.get(&id).map(|job| job.spec.payload.clone())
    }

    /// The jobs that `filter` takes, newest first.
    pub fn list(&self, now: Now, filter: &Filter) -> Vec<JobReport> {
        let end = filter.before.unwrap_or(JobId(u64::MAX));
        let name = filter.name.as_ref().map(|name| name.to_lowercase());
        let is_listed = |job: &&Job| {
            (filter.states.is_empty() || filter.states.contains(&job.facts.state))
                && (filter.kinds.is_empty() || filter.kinds.contains(&*job.spec.kind))
                && (filter.workflow.is_none() || filter.workflow == job.spec.workflow)
                && name.as_ref().is_none_or(|name| job.spec.name.to_lowercase().contains(name))
        };
        let newest_first = self.jobs.range(..end).rev().map(|(_, job)| job);
        let listed = newest_first.filter(is_listed).take(filter.limit.min(LONGEST_LIST));
        listed.map(|job| self.report(now, job)).collect()
    }

    fn report(&self, now: Now, job: &Job) -> JobReport {
        let (spec, facts) = (&job.spec, &job.facts);
        let (steps, total_ms) = times(now, job, self.settings.bounds.steps);
        JobReport {
            id: job.id,
            kind: spec.kind.clone(),
            name: spec.name.clone(),
            workflow: spec.workflow,
            state: facts.state,
            waits: self.waits_for(now, job),
            priority: spec.priority,
            parents: spec.parents.clone(),
            unique_key: spec.unique_key.clone(),
            tries: facts.tries,
            max_attempts: spec.max_attempts,
            time_limit_ms: spec.time_limit_ms,
            is_cancelling: facts.is_cancelling,
            progress: facts.fraction,
            step: facts.step.clone(),
            processing_times: ProcessingTimes { steps, total_ms },
            waited_ms: facts.waited_ms,
            reason: facts.reason.clone(),
            message: facts.reason.as_ref().map(ToString::to_string),
            cached_from: facts.cached_from,
            cache_key: facts.cache_key.clone(),
            attempts: facts.attempts.clone(),
            created_ms: facts.created_ms,
            ended_ms: facts.ended_ms,
        }
    }

    fn waits_for(&self, now: Now, job: &Job) -> Option<WaitsFor> {
        let left = |until_ms: i64| u64::try_from(until_ms - now.mono_ms()).unwrap_or(0);
        Some(match job.doing {
            Doing::Parents => {
                let is_open =
                    |id: &JobId| self.jobs.get(id).is_some_and(|parent| parent.facts.state.is_open());
                WaitsFor::Parents { jobs: job.spec.parents.iter().map(|of| of.job).filter(is_open).collect() }
            }
            Doing::Until { utc_ms } => WaitsFor::RunAt { at_ms: utc_ms },
            Doing::Pause { until_ms } => WaitsFor::Pause { left_ms: left(until_ms) },
            Doing::Due { since_ms } => {
                WaitsFor::Turn { since_ms: u64::try_from(now.mono_ms() - since_ms).unwrap_or(0) }
            }
            Doing::Running(_) | Doing::Ended => return None,
        })
    }

    /// A workflow as one answer; `None` where none of its jobs is kept.
    pub fn workflow(&self, now: Now, id: JobId) -> Option<WorkflowReport> {
        let jobs: Vec<&Job> = self.index.workflow(id).filter_map(|id| self.jobs.get(&id)).collect();
        if jobs.is_empty() {
            return None;
        }
        let (mut steps, mut progress, mut begin, mut finish) = (Vec::<StepTime>::new(), 0.0, i64::MAX, 0);
        for job in &jobs {
            for step in times(now, job, self.settings.bounds.steps).0 {
                match steps.iter_mut().find(|known| known.step == step.step) {
                    Some(known) => known.ms += step.ms,
                    None => steps.push(step),
                }
            }
            progress += if job.facts.state.is_open() { job.facts.fraction } else { 1.0 };
            let started = job.facts.attempts.first().map(|attempt| attempt.started_ms);
            begin = begin.min(started.unwrap_or(i64::MAX));
            finish = finish.max(job.facts.ended_ms.unwrap_or(now.utc_ms));
        }
        let total_ms = if begin == i64::MAX { 0 } else { u64::try_from(finish - begin).unwrap_or(0) };
        Some(WorkflowReport {
            id,
            state: state_of(&jobs),
            progress: progress / jobs.len() as f32,
            jobs: jobs.iter().map(|job| job.id).collect(),
            processing_times: ProcessingTimes { steps, total_ms },
        })
    }

    /// The state of the queue; `max_workers` is the total that the caller claims under.
    pub fn status(&self, now: Now, max_workers: usize) -> Status {
        let index = &self.index;
        let due_tasks = index.ready.len();
        let delayed_tasks = index.until.len() + index.pauses.len();
        let queue_size = index.count(State::Pending);
        let oldest = index.ready.oldest_ms().map(|since| u64::try_from(now.mono_ms() - since).unwrap_or(0));
        Status {
            queue_size,
            max_queue_size: self.settings.max_queue_size,
            running_tasks: index.running.total,
            max_workers,
            total_results: index.count(State::Completed),
            is_running: !self.meta.is_paused,
            completed_tasks: self.meta.totals.completed,
            failed_tasks: self.meta.totals.failed,
            is_draining: self.is_draining,
            due_tasks,
            delayed_tasks,
            blocked_tasks: queue_size - due_tasks - delayed_tasks,
            quarantined_tasks: index.count(State::Quarantined),
            history_size: index.ended(),
            oldest_age_ms: oldest.unwrap_or(0),
            wait: WaitTimes::of(self.waits.iter().copied()),
            running_kinds: index.running.kinds.clone().into_iter().collect::<BTreeMap<_, _>>(),
            totals: self.meta.totals,
        }
    }
}

/// The times of a job's steps; those of a running one up to now.
fn times(now: Now, job: &Job, most: usize) -> (Vec<StepTime>, u64) {
    let Doing::Running(run) = &job.doing else { return (job.facts.times.clone(), job.facts.total_ms) };
    let mut facts = job.facts.clone();
    super::progress::close_step(&mut facts, &mut run.clone(), now.mono_ms(), most);
    let total = now.mono_ms().saturating_sub(run.started_ms).clamp(0, signed(u64::MAX));
    (facts.times, total.unsigned_abs())
}

fn state_of(jobs: &[&Job]) -> State {
    let any = |state| jobs.iter().any(|job| job.facts.state == state);
    let began = jobs.iter().any(|job| job.facts.state != State::Pending || job.facts.attempt > 0);
    let ended = [State::Failed, State::Quarantined, State::Cancelled].into_iter().find(|&state| any(state));
    match (any(State::Pending) || any(State::Running), began) {
        (true, true) => State::Running,
        (true, false) => State::Pending,
        (false, _) => ended.unwrap_or(State::Completed),
    }
}
