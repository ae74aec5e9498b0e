//! What time brings about: attempts take too long, ended jobs leave the history.

use super::{Queue, Retry, Stop, Token};
use crate::index::Index;
use crate::job::{Doing, End, JobId, Reason, State};
use crate::settings::DAY_MS;
use crate::time::{Now, first_set_ms, is_set, signed};

/// An attempt whose token was taken back because its work did not stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expired {
    /// The token of the attempt.
    pub token: Token,
    /// Why it was to stop.
    pub why: Stop,
    /// The job's state now: pending, if it is tried again.
    pub state: State,
}

impl Queue {
    /// Asks attempts to stop that take too long, and takes the token back from those that were asked `stop_grace_ms` ago.
    /// Their threads may still work: the caller decides what becomes of those. Removes what left the history.
    pub fn expire(&mut self, now: Now) -> Vec<Expired> {
        let mut expired = Vec::new();
        while let Some(&(at, id)) = self.index.deadlines.first()
            && at <= now.mono_ms()
        {
            expired.extend(self.overdue(now, id));
        }
        self.prune(now);
        expired
    }

    fn overdue(&mut self, now: Now, id: JobId) -> Option<Expired> {
        let grace_ms = signed(self.settings.stop_grace_ms);
        let job = self.jobs.get(&id)?;
        let (attempt, is_cancelling, limit_ms) =
            (job.facts.attempt, job.facts.is_cancelling, job.spec.time_limit_ms);
        let Doing::Running(run) = &job.doing else { return None };
        if run.revoke_ms.is_none() {
            let flag = run.stop.clone();
            self.touch(id, |job| {
                if let Doing::Running(run) = &mut job.doing {
                    run.revoke_ms = Some(now.mono_ms().saturating_add(grace_ms));
                }
            });
            // Nothing of a request to stop is stored: the limit is.
            flag.raise(Stop::TimedOut);
            return None;
        }
        self.close_run(now, id);
        let why = if is_cancelling {
            self.end_attempt(now, id, End::Cancelled, None);
            self.end(now, id, State::Cancelled, Some(Reason::Cancelled));
            self.settle(now, id);
            Stop::Cancelled
        } else {
            self.fail(now, id, End::TimedOut, Reason::TimedOut { limit_ms }, Retry::Backoff);
            Stop::TimedOut
        };
        let state = self.jobs.get(&id).map_or(State::Failed, |job| job.facts.state);
        Some(Expired { token: Token { id, attempt }, why, state })
    }

    /// Removes the oldest ended jobs beyond the count, and those beyond the days. Jobs that open ones depend on stay, and do
    /// not count. Those that are set aside go last, but take at most half of the places.
    pub(super) fn prune(&mut self, now: Now) {
        let count = self.settings.history_count;
        let Index { removable, removable_aside, .. } = &self.index;
        for _ in count..removable.len() + removable_aside.len() {
            let Index { removable, removable_aside, .. } = &self.index;
            let is_many = removable_aside.len() * 2 > count;
            let first = if is_many || removable.is_empty() { removable_aside } else { removable };
            let Some(&(_, id)) = first.first() else { break };
            self.leave(id);
        }
        let oldest_ms = now.utc_ms.saturating_sub(signed(u64::from(self.settings.history_days) * DAY_MS));
        // A job that ended while the clock was not set is as old as nobody knows: only the count removes it.
        while let Some((kept_ms, id)) = self.oldest_dated()
            && kept_ms < oldest_ms
        {
            self.leave(id);
        }
    }

    fn leave(&mut self, id: JobId) {
        self.delete(id);
        self.count(|totals| totals.removed += 1);
    }

    fn oldest_dated(&self) -> Option<(i64, JobId)> {
        let from = (first_set_ms(), JobId(0));
        let first = |set: &std::collections::BTreeSet<(i64, JobId)>| set.range(from..).next().copied();
        first(&self.index.removable).into_iter().chain(first(&self.index.removable_aside)).min()
    }

    /// When the next job leaves the history because of its age, on the wall clock.
    pub(super) fn next_removal_ms(&self, now: Now) -> Option<i64> {
        let days_ms = signed(u64::from(self.settings.history_days) * DAY_MS);
        self.oldest_dated()
            .filter(|_| is_set(now.utc_ms))
            .map(|(kept_ms, _)| kept_ms.saturating_add(days_ms + 1))
    }
}
