//! Jobs and workflows are admitted: all of a request, or nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Queue;
use super::admit::{depend, sorted};
use super::gate::Gate;
use crate::cache::CacheKey;
use crate::error::AddError;
use crate::job::{Dependency, Doing, Facts, Job, JobId, Spec, State};
use crate::request::{JobRequest, WorkflowJob, WorkflowRequest};
use crate::time::Now;

/// Retry-After of a paused queue: nothing gets free until a person resumes it.
const PAUSED_RETRY_MS: f64 = 60_000.0;
/// How long an attempt probably takes before one was seen.
const UNKNOWN_RUN_MS: f64 = 5_000.0;

/// The answer to a request for a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Added {
    /// The job that answers it.
    pub id: JobId,
    /// Where that comes from.
    pub how: How,
}

/// Where the job that answers a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It was admitted, and waits.
    New,
    /// It was there, with the same unique key.
    Existing,
    /// It was admitted, and is completed: a result with its cache key is kept.
    Cached {
        /// The job that the result comes from.
        from: JobId,
    },
}

/// The answer to a request for a workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowAdded {
    /// The number of the workflow, which is that of its first job.
    pub id: JobId,
    /// Its jobs, in the order of the request.
    pub jobs: Vec<Added>,
}

/// A job of a request, checked.
struct Planned {
    spec: Spec,
    cache_key: Option<CacheKey>,
    added: Added,
}

impl Queue {
    /// Admits a job, answers with the one that has its unique key, or completes it with a kept result.
    pub fn add(&mut self, now: Now, request: JobRequest) -> Result<Added, AddError> {
        let checked = self.check(now, None, &request).and_then(|mut spec| {
            spec.parents = self.check_parents(None, &request, 0)?;
            Ok(spec)
        });
        let spec = checked.inspect_err(|_| self.meta.totals.refused += 1)?;
        let added = self.answer(&spec, request.cache_key.as_ref(), &BTreeMap::new(), self.meta.next_id);
        let planned = [Planned { spec, cache_key: request.cache_key, added }];
        self.make_sure_of_places(now, &planned)?;
        let [planned] = planned;
        self.take(now, planned);
        self.prune(now);
        Ok(added)
    }

    /// Admits the jobs of a workflow, all or none.
    pub fn add_workflow(&mut self, now: Now, request: &WorkflowRequest) -> Result<WorkflowAdded, AddError> {
        let (planned, order) = match self.plan(now, &request.jobs) {
            Ok(planned) => planned,
            Err(error) => {
                self.meta.totals.refused += request.jobs.len() as u64;
                return Err(error);
            }
        };
        self.make_sure_of_places(now, &planned)?;
        let jobs: Vec<Added> = planned.iter().map(|planned| planned.added).collect();
        let new = jobs.iter().filter(|added| added.how != How::Existing).map(|added| added.id).min();
        let mut planned: Vec<Option<Planned>> = planned.into_iter().map(Some).collect();
        for at in order {
            if let Some(mut job) = planned[at].take() {
                job.spec.workflow = new;
                self.take(now, job);
            }
        }
        self.prune(now);
        // Where every job was there already, the workflow is theirs.
        let known = || jobs.first().map_or(JobId(0), |first| self.workflow_of(first.id));
        Ok(WorkflowAdded { id: new.unwrap_or_else(known), jobs })
    }

    fn workflow_of(&self, id: JobId) -> JobId {
        self.jobs.get(&id).and_then(|job| job.spec.workflow).unwrap_or(id)
    }

    /// Checks a workflow, and finds for each job what answers it. Returns the jobs, and an order with parents first.
    fn plan(&self, now: Now, jobs: &[WorkflowJob]) -> Result<(Vec<Planned>, Vec<usize>), AddError> {
        if jobs.is_empty() {
            return Err(AddError::Empty);
        }
        let max = self.settings.max_queue_size;
        if jobs.len() > max {
            return Err(AddError::TooLarge { jobs: jobs.len(), max });
        }
        let mut specs = Vec::with_capacity(jobs.len());
        for WorkflowJob { label, job, after } in jobs {
            let mut spec = self.check(now, Some(label), job)?;
            spec.parents = self.check_parents(Some(label), job, after.len())?;
            specs.push(Some(spec));
        }
        let (parents, order) = sorted(jobs)?;
        let labels: BTreeMap<&str, usize> =
            jobs.iter().enumerate().map(|(at, job)| (job.label.as_str(), at)).collect();
        let mut planned: Vec<Option<Planned>> = jobs.iter().map(|_| None).collect();
        let mut keys = BTreeMap::new();
        let mut next = self.meta.next_id;
        for &at in &order {
            let WorkflowJob { label, job, after } = &jobs[at];
            let Some(mut spec) = specs[at].take() else { continue };
            for after in after {
                let parent = labels.get(after.label.as_str()).and_then(|&parent| planned[parent].as_ref());
                if let Some(Planned { added, .. }) = parent {
                    self.check_ended(Some(label), job, added.id, after.optional)?;
                    depend(&mut spec.parents, Dependency { job: added.id, optional: after.optional });
                }
            }
            let added = self.answer(&spec, job.cache_key.as_ref(), &keys, next);
            if added.how != How::Existing {
                next += 1;
                if let Some(key) = &spec.unique_key {
                    keys.insert(key.clone(), added.id);
                }
            }
            planned[at] = Some(Planned { spec, cache_key: job.cache_key.clone(), added });
        }
        debug_assert!(parents.len() == jobs.len() && planned.iter().all(Option::is_some));
        Ok((planned.into_iter().flatten().collect(), order))
    }

    /// What answers a request: the job with its unique key, also of this request, a kept result, or a new job.
    fn answer(
        &self,
        spec: &Spec,
        cache_key: Option<&CacheKey>,
        keys: &BTreeMap<Arc<str>, JobId>,
        next: u64,
    ) -> Added {
        let holder =
            spec.unique_key.as_ref().and_then(|key| keys.get(key).or_else(|| self.index.unique.get(key)));
        if let Some(&id) = holder {
            return Added { id, how: How::Existing };
        }
        let kept = cache_key.and_then(|key| self.index.kept(key));
        Added { id: JobId(next), how: kept.map_or(How::New, |from| How::Cached { from }) }
    }

    /// Refuses what does not fit. What is answered at once needs no place.
    fn make_sure_of_places(&mut self, now: Now, planned: &[Planned]) -> Result<(), AddError> {
        let needed = planned.iter().filter(|planned| planned.added.how == How::New).count();
        let (waiting, max) = (self.index.count(State::Pending), self.settings.max_queue_size);
        let refusal = if needed == 0 {
            return Ok(());
        } else if self.is_draining {
            AddError::Draining
        } else if waiting + needed > max {
            let missing = waiting + needed - max;
            AddError::Full { waiting, max, needed, retry_after_s: self.retry_after_s(now, missing) }
        } else {
            return Ok(());
        };
        self.meta.totals.refused += needed as u64;
        Err(refusal)
    }

    /// In how many seconds `places` more jobs will probably have started: the mean length of attempts, shared by those that
    /// run; nothing starts before the next one is due.
    pub(super) fn retry_after_s(&self, now: Now, places: usize) -> u64 {
        let lanes = self.index.running.total.max(1);
        let mut ms = self.mean_run_ms.unwrap_or(UNKNOWN_RUN_MS) * places as f64 / lanes as f64;
        if self.index.running.total == 0 && self.index.ready.len() == 0 {
            let mono = self.index.pauses.first().map(|(at, _)| at - now.mono_ms());
            let wall = self.index.until.first().map(|(at, _)| at - now.utc_ms);
            ms = ms.max(mono.into_iter().chain(wall).min().unwrap_or(0) as f64);
        }
        if self.meta.is_paused {
            ms = ms.max(PAUSED_RETRY_MS);
        }
        (ms / 1000.0).ceil().clamp(1.0, 3_600.0) as u64
    }

    /// Takes in a job that was checked.
    fn take(&mut self, now: Now, planned: Planned) {
        let Planned { spec, cache_key, added } = planned;
        let id = added.id;
        if added.how == How::Existing {
            self.count(|totals| totals.existing += 1);
            return;
        }
        let mut facts = Facts::new(State::Pending, now.utc_ms);
        facts.cache_key = cache_key;
        let mut doing = Doing::Parents;
        if let Gate::Open = self.gate(&spec) {
            let (to, due_ms) = self.place(now, &spec);
            doing = to;
            facts.due_ms = Some(due_ms);
        }
        self.create(Job { id, spec: Arc::new(spec), facts, doing });
        let meta = self.meta_mut();
        meta.next_id = meta.next_id.max(id.0 + 1);
        meta.totals.added += 1;
        if let How::Cached { from } = added.how {
            self.end_with_kept(now, id, from);
        }
    }
}
