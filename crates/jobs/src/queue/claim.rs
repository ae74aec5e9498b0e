//! The next job is handed out: one attempt, with a token.

use std::sync::Arc;
use std::time::Duration;

use super::{Queue, StopFlag};
use crate::job::{Doing, JobId, Run, State};
use crate::ready::Limits;
use crate::time::{Now, signed};

/// Starts whose waits are kept for the percentiles.
const KEPT_WAITS: usize = 512;
/// Whoever sleeps until a time on the wall clock looks again after so long: it may be set.
const WALL_LOOK_MS: i64 = 60_000;

/// One attempt of a job. Only the newest one of a job counts, and only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token {
    pub(super) id: JobId,
    pub(super) attempt: u32,
}

impl Token {
    /// The number of the job.
    pub fn job(self) -> JobId {
        self.id
    }

    /// The attempt's number, from 1, over the life of the job.
    pub fn attempt(self) -> u32 {
        self.attempt
    }
}

/// A job that is to run now.
#[derive(Clone, Debug)]
pub struct Claim {
    /// What the outcome is answered with.
    pub token: Token,
    /// What is to be done.
    pub kind: Arc<str>,
    /// What people call it.
    pub name: Arc<str>,
    /// The workflow that it belongs to.
    pub workflow: Option<JobId>,
    /// What was asked for.
    pub payload: Arc<[u8]>,
    /// What became of the jobs before it.
    pub parents: Vec<ParentOutcome>,
    /// The moment at which the flag is raised because it takes too long, on the monotonic clock.
    pub deadline: Duration,
    /// If this attempt fails, there will be no other one.
    pub is_last: bool,
    /// Raised when the work is to stop.
    pub stop: StopFlag,
}

/// What became of a job before this one.
#[derive(Clone, Debug, PartialEq)]
pub struct ParentOutcome {
    /// The number of that job.
    pub id: JobId,
    /// The kind of that job.
    pub kind: Arc<str>,
    /// What people call it.
    pub name: Arc<str>,
    /// How it ended. Anything but completed only where the dependency is optional.
    pub state: State,
    /// Why it did not complete.
    pub reason: Option<String>,
    /// Its result, if it completed.
    pub result: Option<Arc<[u8]>>,
}

impl Queue {
    /// Hands out the job whose turn it is under `limits`. The caller stores and confirms before the work begins.
    ///
    /// A job that ran when the process died runs alone: nothing starts beside it, and it starts when nothing runs. If the
    /// process dies again, it is known whose fault it is. So all jobs of a queue are claimed by one caller.
    pub fn claim(&mut self, now: Now, limits: &Limits) -> Option<Claim> {
        self.advance(now);
        if self.meta.is_paused {
            return None;
        }
        let claim = self.next(now, limits);
        self.prune(now);
        claim
    }

    fn next(&mut self, now: Now, limits: &Limits) -> Option<Claim> {
        loop {
            let id = self.index.ready.first(&self.index.running, limits)?;
            let key = self.jobs.get(&id).and_then(|job| job.facts.cache_key.as_ref());
            // The same work may have been done since it was added.
            match key.and_then(|key| self.index.kept(key)) {
                Some(from) => self.end_with_kept(now, id, from),
                None => return self.start(now, id),
            }
        }
    }

    fn start(&mut self, now: Now, id: JobId) -> Option<Claim> {
        let mono_ms = now.mono_ms();
        let stop = StopFlag::default();
        let given = stop.clone();
        let waited_ms = self.edit(id, |job| {
            let waited_ms = match job.doing {
                Doing::Due { since_ms } => u64::try_from(mono_ms - since_ms).unwrap_or(0),
                _ => 0,
            };
            let facts = &mut job.facts;
            facts.state = State::Running;
            facts.attempt += 1;
            facts.waited_ms = waited_ms;
            (facts.fraction, facts.step, facts.total_ms, facts.pause_ms) = (0.0, None, 0, 0);
            facts.times.clear();
            facts.begin_attempt(now.utc_ms);
            job.doing = Doing::Running(Run {
                started_ms: mono_ms,
                deadline_ms: mono_ms.saturating_add(signed(job.spec.time_limit_ms)),
                revoke_ms: None,
                step_since_ms: mono_ms,
                saved_ms: mono_ms,
                stop: given,
            });
            waited_ms
        })?;
        if self.waits.len() == KEPT_WAITS {
            self.waits.pop_front();
        }
        self.waits.push_back(waited_ms);
        let job = self.jobs.get(&id)?;
        Some(Claim {
            token: Token { id, attempt: job.facts.attempt },
            kind: job.spec.kind.clone(),
            name: job.spec.name.clone(),
            workflow: job.spec.workflow,
            payload: job.spec.payload.clone(),
            parents: self.outcomes(id),
            deadline: now.monotonic.saturating_add(Duration::from_millis(job.spec.time_limit_ms)),
            is_last: job.facts.tries + 1 >= job.spec.max_attempts,
            stop,
        })
    }

    fn outcomes(&self, id: JobId) -> Vec<ParentOutcome> {
        let parents = self.jobs.get(&id).map(|job| job.spec.parents.as_slice()).unwrap_or_default();
        let known = parents.iter().filter_map(|parent| self.jobs.get(&parent.job));
        known
            .map(|job| ParentOutcome {
                id: job.id,
                kind: job.spec.kind.clone(),
                name: job.spec.name.clone(),
                state: job.facts.state,
                reason: job.facts.reason.as_ref().map(ToString::to_string),
                result: job.facts.result.clone(),
            })
            .collect()
    }

    /// In how long [`claim`](Queue::claim) and [`expire`](Queue::expire) have something to do that no operation brings
    /// about: a time or a pause ends, an attempt takes too long, a job leaves the history.
    pub fn next_wake(&self, now: Now) -> Option<Duration> {
        let mono_ms = now.mono_ms();
        let pause = self.index.pauses.first().map(|(at, _)| at.saturating_sub(mono_ms));
        let wall = self.index.until.first().map(|(at, _)| at.saturating_sub(now.utc_ms).min(WALL_LOOK_MS));
        let limit = self.index.deadlines.first().map(|(at, _)| at.saturating_sub(mono_ms));
        let removal = self.next_removal_ms(now).map(|at| at.saturating_sub(now.utc_ms));
        let next = pause.into_iter().chain(wall).chain(limit).chain(removal).min()?;
        Some(Duration::from_millis(u64::try_from(next).unwrap_or(0)))
    }
}
