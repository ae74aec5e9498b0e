//! When a pending job may run: its parents, its time, its pause.

use std::sync::Arc;

use super::Queue;
use crate::job::{Doing, Job, JobId, Reason, Spec, State};
use crate::time::Now;

/// What the parents of a job say.
pub(super) enum Gate {
    /// They ended, and it may run.
    Open,
    /// Some of them are open.
    Waits,
    /// One did not complete, and the job needs it: it ends in this state.
    Blocked(State, Reason),
}

impl Queue {
    /// Looks at the parents of a job.
    pub(super) fn gate(&self, spec: &Spec) -> Gate {
        let mut gate = Gate::Open;
        for parent in &spec.parents {
            let known = self.jobs.get(&parent.job);
            match known.map(|job| job.facts.state) {
                Some(State::Completed) => {}
                Some(State::Pending | State::Running) => gate = Gate::Waits,
                _ if parent.optional => {}
                Some(State::Cancelled) => return Gate::Blocked(State::Cancelled, because(parent.job, known)),
                _ => return Gate::Blocked(State::Failed, because(parent.job, known)),
            }
        }
        gate
    }

    /// Where a job goes whose parents allow it, and since or until when on the wall clock.
    pub(super) fn place(&self, now: Now, spec: &Spec) -> (Doing, i64) {
        match spec.run_at_ms {
            Some(utc_ms) if utc_ms > now.utc_ms => (Doing::Until { utc_ms }, utc_ms),
            _ => (Doing::Due { since_ms: now.mono_ms() }, now.utc_ms),
        }
    }

    /// Jobs whose time has come, or whose pause is over, wait for their turn. Nothing of it is stored: it follows from the
    /// times that are.
    pub(super) fn advance(&mut self, now: Now) {
        let since_ms = now.mono_ms();
        while let Some(&(at, id)) = self.index.until.first()
            && at <= now.utc_ms
        {
            self.touch(id, |job| job.doing = Doing::Due { since_ms });
        }
        while let Some(&(at, id)) = self.index.pauses.first()
            && at <= since_ms
        {
            self.touch(id, |job| job.doing = Doing::Due { since_ms });
        }
    }

    /// Lets the children of `ended` jobs go on, or ends them as well, and their children.
    pub(super) fn settle(&mut self, now: Now, ended: JobId) {
        let mut ended = vec![ended];
        while let Some(parent) = ended.pop() {
            for child in self.index.children(parent) {
                if self.open_gate(now, child) {
                    ended.push(child);
                }
            }
        }
    }

    /// Looks at the parents of a job that waits for them. Returns whether it ended.
    pub(super) fn open_gate(&mut self, now: Now, id: JobId) -> bool {
        let Some(job) = self.jobs.get(&id) else { return false };
        if job.facts.state != State::Pending || !matches!(job.doing, Doing::Parents) {
            return false;
        }
        // Only while the queue is read from disk: it was let through before, and keeps its place in the order.
        if job.facts.due_ms.is_some() {
            return self.open_gate_again(now, id);
        }
        match self.gate(&job.spec) {
            Gate::Waits => false,
            Gate::Open => {
                let (doing, due_ms) = self.place(now, &job.spec);
                self.edit(id, |job| {
                    job.facts.due_ms = Some(due_ms);
                    job.doing = doing;
                });
                false
            }
            Gate::Blocked(state, reason) => {
                self.end(now, id, state, Some(reason));
                true
            }
        }
    }
}

/// The reason of a job whose parent did not complete: the cause, also where that is the parent of a parent.
fn because(id: JobId, job: Option<&Job>) -> Reason {
    let Some(job) = job else {
        let text = "it is not kept any more".into();
        return Reason::Parent { job: id, name: Arc::from("unknown"), text };
    };
    match &job.facts.reason {
        Some(cause @ Reason::Parent { .. }) => cause.clone(),
        Some(reason) => Reason::Parent { job: id, name: job.spec.name.clone(), text: reason.to_string() },
        None => Reason::Parent { job: id, name: job.spec.name.clone(), text: job.facts.state.to_string() },
    }
}
