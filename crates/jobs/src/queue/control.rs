//! What people do with jobs: cancel, try again, remove, pause, drain.

use super::Queue;
use super::gate::Gate;
use crate::cache::CacheKey;
use crate::error::ControlError;
use crate::index::holds_key;
use crate::job::{Doing, JobId, Reason, State};
use crate::time::{Now, signed};

/// The answer to a request to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It waited, and is cancelled.
    AtOnce,
    /// It runs; its flag is raised, and after `stop_grace_ms` its token is taken back.
    Requested,
}

impl Queue {
    /// Cancels a job that waits or runs, and the jobs that need it. Those for which it is optional go on.
    pub fn cancel(&mut self, now: Now, id: JobId) -> Result<Cancelled, ControlError> {
        let Some(job) = self.jobs.get(&id) else { return Err(ControlError::Unknown { id }) };
        match job.facts.state {
            State::Pending => {
                self.end(now, id, State::Cancelled, Some(Reason::Cancelled));
                self.settle(now, id);
                self.prune(now);
                Ok(Cancelled::AtOnce)
            }
            // A second time too: jobs that need it may have come since.
            State::Running => {
                self.cancel_running(now, id);
                Ok(Cancelled::Requested)
            }
            state => Err(ControlError::Ended { id, state }),
        }
    }

    /// Cancels every open job of a workflow. Returns how many these are.
    pub fn cancel_workflow(&mut self, now: Now, id: JobId) -> Result<usize, ControlError> {
        let jobs: Vec<JobId> = self.index.workflow(id).collect();
        if jobs.is_empty() {
            return Err(ControlError::UnknownWorkflow { id });
        }
        let open =
            |queue: &Queue, id: &JobId| queue.jobs.get(id).is_some_and(|job| job.facts.state.is_open());
        let count = jobs.iter().filter(|id| open(self, id)).count();
        for id in jobs {
            // Those that ended meanwhile, with the ones before them, need nothing more.
            if open(self, &id) {
                self.cancel(now, id)?;
            }
        }
        Ok(count)
    }

    fn cancel_running(&mut self, now: Now, id: JobId) {
        let grace_ms = signed(self.settings.stop_grace_ms);
        let flag = self.edit(id, |job| {
            job.facts.is_cancelling = true;
            let Doing::Running(run) = &mut job.doing else { return None };
            run.revoke_ms.get_or_insert(now.mono_ms().saturating_add(grace_ms));
            Some(run.stop.clone())
        });
        if let Some(flag) = flag.flatten() {
            self.staged.signals.push(flag);
        }
        let name = self.jobs.get(&id).map(|job| job.spec.name.clone()).unwrap_or_else(|| "".into());
        for child in self.index.children(id) {
            let needs = |job: &crate::job::Job| {
                job.facts.state == State::Pending
                    && job.spec.parents.iter().any(|parent| parent.job == id && !parent.optional)
            };
            if self.jobs.get(&child).is_some_and(needs) {
                let reason =
                    Reason::Parent { job: id, name: name.clone(), text: Reason::Cancelled.to_string() };
                self.end(now, child, State::Cancelled, Some(reason));
                self.settle(now, child);
            }
        }
    }

    /// Tries a failed, cancelled or quarantined job again, with all its attempts; and the jobs that ended only because of it
    /// wait again. A job that was set aside runs alone, and is set aside again by the next death of the process.
    pub fn retry(&mut self, now: Now, id: JobId) -> Result<(), ControlError> {
        let Some(job) = self.jobs.get(&id) else { return Err(ControlError::Unknown { id }) };
        let state = job.facts.state;
        if state.is_open() || state == State::Completed {
            return Err(ControlError::NotRetried { id, state });
        }
        if let Gate::Blocked(_, reason) = self.gate(&job.spec) {
            return Err(ControlError::Parent { id, reason: reason.to_string() });
        }
        let key = job.spec.unique_key.as_ref();
        if let Some((key, holder)) = key.and_then(|key| self.index.unique.get_key_value(key))
            && *holder != id
        {
            return Err(ControlError::KeyTaken { id, holder: *holder, key: key.to_string() });
        }
        let (waiting, max) = (self.index.count(State::Pending), self.settings.max_queue_size);
        if waiting >= max {
            self.meta.totals.refused += 1;
            let retry_after_s = self.retry_after_s(now, waiting + 1 - max);
            return Err(ControlError::Full { id, waiting, max, retry_after_s });
        }
        self.count(|totals| totals.retried_by_hand += 1);
        self.reopen(now, id);
        self.revive(now, id);
        Ok(())
    }

    /// A job that ended waits again, with all its attempts.
    fn reopen(&mut self, now: Now, id: JobId) {
        let crashes = self.settings.max_crashes.saturating_sub(1);
        self.edit(id, |job| {
            let facts = &mut job.facts;
            (facts.tries, facts.releases, facts.pause_ms) = (0, 0, 0);
            facts.crashes = facts.crashes.min(crashes);
            (facts.state, facts.reason, facts.ended_ms, facts.due_ms) = (State::Pending, None, None, None);
            (facts.fraction, facts.step) = (0.0, None);
            job.doing = Doing::Parents;
        });
        self.open_gate(now, id);
    }

    /// Jobs that ended because of `id` wait again, if nothing else keeps them from it.
    fn revive(&mut self, now: Now, id: JobId) {
        let mut reopened = vec![id];
        while let Some(parent) = reopened.pop() {
            for child in self.index.children(parent) {
                let Some(job) = self.jobs.get(&child) else { continue };
                let is_because = matches!(job.facts.reason, Some(Reason::Parent { .. }));
                let ended = matches!(job.facts.state, State::Failed | State::Cancelled);
                let is_free =
                    job.spec.unique_key.as_ref().is_none_or(|key| !self.index.unique.contains_key(key));
                if is_because && ended && is_free && !matches!(self.gate(&job.spec), Gate::Blocked(..)) {
                    self.reopen(now, child);
                    reopened.push(child);
                }
            }
        }
        debug_assert!(self.index.unique.values().all(|id| holds_key(self.jobs[id].facts.state)));
    }

    /// Removes an ended job and its result.
    pub fn remove(&mut self, id: JobId) -> Result<(), ControlError> {
        let Some(job) = self.jobs.get(&id) else { return Err(ControlError::Unknown { id }) };
        if job.facts.state.is_open() {
            return Err(ControlError::Needed { id, why: "it did not end yet: cancel it first" });
        }
        if self.index.is_pinned(id) {
            return Err(ControlError::Needed { id, why: "jobs that are open depend on it" });
        }
        self.delete(id);
        self.count(|totals| totals.removed += 1);
        Ok(())
    }

    /// Results under `key` answer nothing any more: the files that they name are gone. Returns how many these are.
    pub fn invalidate(&mut self, key: &CacheKey) -> usize {
        let kept: Vec<JobId> = self.index.cache.get(key).into_iter().flatten().copied().collect();
        for &id in &kept {
            self.edit(id, |job| job.facts.cache_key = None);
        }
        kept.len()
    }

    /// Starts no more jobs, over restarts too; those that run go on, and new ones are taken.
    pub fn pause_all(&mut self) {
        self.meta_mut().is_paused = true;
    }

    /// Takes no more jobs until the next start of the process; those that are there run to their end.
    pub fn drain(&mut self) {
        self.is_draining = true;
    }

    /// Starts jobs again, and takes new ones.
    pub fn resume(&mut self) {
        self.meta_mut().is_paused = false;
        self.is_draining = false;
    }

    /// Whether nothing waits and nothing runs: the end of a drain.
    pub fn is_empty(&self) -> bool {
        self.index.count(State::Pending) + self.index.count(State::Running) == 0
    }
}
