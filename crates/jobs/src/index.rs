//! Where each job is found without looking at all of them. Everything here follows from the jobs alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::cache::CacheKey;
use crate::job::{Doing, Job, JobId, State};
use crate::ready::{Ready, Running};
use crate::time::signed;

/// The ways to find jobs.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Index {
    pub ready: Ready,
    pub running: Running,
    /// Jobs that wait for their time on the wall clock.
    pub until: BTreeSet<(i64, JobId)>,
    /// Jobs that wait for the end of a pause.
    pub pauses: BTreeSet<(i64, JobId)>,
    /// Jobs that run, by the moment at which they have to be looked at.
    pub deadlines: BTreeSet<(i64, JobId)>,
    pub unique: BTreeMap<Arc<str>, JobId>,
    /// Jobs with a result that is an answer for others.
    pub cache: BTreeMap<CacheKey, BTreeSet<JobId>>,
    /// Jobs of each state.
    pub counts: [usize; State::ALL.len()],
    /// Ended jobs that may be removed, by the time of their end.
    pub removable: BTreeSet<(i64, JobId)>,
    /// The same for jobs that are set aside: they go last.
    pub removable_aside: BTreeSet<(i64, JobId)>,
    ended: BTreeMap<JobId, (i64, bool)>,
    /// How many open jobs depend on a job.
    pins: BTreeMap<JobId, usize>,
    children: BTreeMap<JobId, BTreeSet<JobId>>,
    workflows: BTreeMap<JobId, BTreeSet<JobId>>,
}

impl Index {
    /// Jobs that depend on `id`.
    pub fn children(&self, id: JobId) -> Vec<JobId> {
        self.children.get(&id).map(|set| set.iter().copied().collect()).unwrap_or_default()
    }

    /// Jobs of the workflow `id`.
    pub fn workflow(&self, id: JobId) -> impl Iterator<Item = JobId> + '_ {
        self.workflows.get(&id).into_iter().flatten().copied()
    }

    pub fn count(&self, state: State) -> usize {
        self.counts[state as usize]
    }

    /// Jobs that ended and are kept.
    pub fn ended(&self) -> usize {
        self.ended.len()
    }

    /// Whether open jobs depend on `id`.
    pub fn is_pinned(&self, id: JobId) -> bool {
        self.pins.contains_key(&id)
    }

    /// The newest job whose result is kept under `key`.
    pub fn kept(&self, key: &CacheKey) -> Option<JobId> {
        self.cache.get(key).and_then(BTreeSet::last).copied()
    }

    /// Enters what never changes of a job.
    pub fn link(&mut self, job: &Job) {
        for parent in &job.spec.parents {
            self.children.entry(parent.job).or_default().insert(job.id);
        }
        if let Some(workflow) = job.spec.workflow {
            self.workflows.entry(workflow).or_default().insert(job.id);
        }
    }

    /// Takes out what [`link`](Index::link) entered.
    pub fn unlink(&mut self, job: &Job) {
        for parent in &job.spec.parents {
            remove_from(&mut self.children, &parent.job, &job.id);
        }
        if let Some(workflow) = &job.spec.workflow {
            remove_from(&mut self.workflows, workflow, &job.id);
        }
    }

    /// Enters where the job is now.
    pub fn insert(&mut self, job: &Job, age_ms: u64) {
        let (id, facts) = (job.id, &job.facts);
        self.counts[facts.state as usize] += 1;
        match &job.doing {
            Doing::Parents => {}
            Doing::Until { utc_ms } => drop(self.until.insert((*utc_ms, id))),
            Doing::Pause { until_ms } => drop(self.pauses.insert((*until_ms, id))),
            Doing::Due { since_ms } => {
                let place = place(*since_ms, job.spec.priority, age_ms);
                self.ready.insert(&job.spec.kind, place, *since_ms, id, job.is_suspect());
            }
            Doing::Running(run) => {
                self.deadlines.insert((run.wake_ms(), id));
                self.running.add(&job.spec.kind, job.is_suspect());
            }
            Doing::Ended => {
                let entry = (facts.kept_ms, facts.state == State::Quarantined);
                self.ended.insert(id, entry);
                if !self.is_pinned(id) {
                    self.removable_of(entry.1).insert((entry.0, id));
                }
            }
        }
        if facts.state.is_open() {
            for parent in &job.spec.parents {
                self.pin(parent.job);
            }
        }
        if let (Some(key), true) = (&job.spec.unique_key, holds_key(facts.state)) {
            self.unique.insert(key.clone(), id);
        }
        if let (Some(key), State::Completed) = (&facts.cache_key, facts.state) {
            self.cache.entry(key.clone()).or_default().insert(id);
        }
    }

    /// Takes out what [`insert`](Index::insert) entered.
    pub fn remove(&mut self, job: &Job, age_ms: u64) {
        let (id, facts) = (job.id, &job.facts);
        self.counts[facts.state as usize] -= 1;
        match &job.doing {
            Doing::Parents => {}
            Doing::Until { utc_ms } => drop(self.until.remove(&(*utc_ms, id))),
            Doing::Pause { until_ms } => drop(self.pauses.remove(&(*until_ms, id))),
            Doing::Due { since_ms } => {
                let place = place(*since_ms, job.spec.priority, age_ms);
                self.ready.remove(&job.spec.kind, place, *since_ms, id);
            }
            Doing::Running(run) => {
                self.deadlines.remove(&(run.wake_ms(), id));
                self.running.remove(&job.spec.kind, job.is_suspect());
            }
            Doing::Ended => {
                if let Some((kept_ms, is_aside)) = self.ended.remove(&id) {
                    self.removable_of(is_aside).remove(&(kept_ms, id));
                }
            }
        }
        if facts.state.is_open() {
            for parent in &job.spec.parents {
                self.unpin(parent.job);
            }
        }
        if let Some(key) = &job.spec.unique_key
            && self.unique.get(key) == Some(&id)
        {
            self.unique.remove(key);
        }
        if let Some(key) = &facts.cache_key {
            remove_from(&mut self.cache, key, &id);
        }
    }

    fn removable_of(&mut self, is_aside: bool) -> &mut BTreeSet<(i64, JobId)> {
        if is_aside { &mut self.removable_aside } else { &mut self.removable }
    }

    fn pin(&mut self, parent: JobId) {
        let count = self.pins.entry(parent).or_default();
        *count += 1;
        if *count == 1
            && let Some(&(kept_ms, is_aside)) = self.ended.get(&parent)
        {
            self.removable_of(is_aside).remove(&(kept_ms, parent));
        }
    }

    fn unpin(&mut self, parent: JobId) {
        let Some(count) = self.pins.get_mut(&parent) else { return };
        *count -= 1;
        if *count == 0 {
            self.pins.remove(&parent);
            if let Some(&(kept_ms, is_aside)) = self.ended.get(&parent) {
                self.removable_of(is_aside).insert((kept_ms, parent));
            }
        }
    }
}

/// States in which a job keeps others with its unique key away. One that failed or was cancelled may be asked for again.
pub(crate) fn holds_key(state: State) -> bool {
    !matches!(state, State::Failed | State::Cancelled)
}

fn place(since_ms: i64, priority: u8, age_ms: u64) -> i64 {
    since_ms.saturating_add(signed(age_ms.saturating_mul(priority.into())))
}

fn remove_from<K: Ord, V: Ord>(map: &mut BTreeMap<K, BTreeSet<V>>, key: &K, value: &V) {
    if let Some(set) = map.get_mut(key) {
        set.remove(value);
        if set.is_empty() {
            map.remove(key);
        }
    }
}
