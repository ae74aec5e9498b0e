//! An attempt ends: with a result, a failure, or because it was to stop.

use std::sync::Arc;

use super::{Queue, Token};
use crate::backoff;
use crate::cache::CacheKey;
use crate::error::TokenError;
use crate::job::{Doing, End, JobId, Reason, State};
use crate::names;
use crate::settings::LONGEST_MS;
use crate::time::{Now, signed};

/// Times that work may give a job back to be done at once; from then on each counts as an attempt. Those with a pause do not
/// count: work may wait for something for as long as that takes.
const FREE_RELEASES: u32 = 100;

/// What the work says at its end.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The work is done.
    Completed {
        /// The answer; the queue does not look into it.
        result: Arc<[u8]>,
        /// The key of the result, if it was not known when the job was added.
        cache_key: Option<CacheKey>,
    },
    /// It did not work.
    Failed {
        /// What, where, why, and what to do next.
        text: String,
        /// Whether it is worth another attempt.
        retry: Retry,
    },
    /// The flag was raised, and the work stopped. Without a raised flag the same as released.
    Stopped,
    /// The work did nothing and costs no attempt: the service stops, or something has to be waited for. Without a pause this
    /// is so the first 100 times.
    Released {
        /// Not again for so long, milliseconds.
        after_ms: u64,
    },
}

/// Whether a failure is worth another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// After a pause, as often as the job allows.
    Backoff,
    /// The same, and not before so many milliseconds: what a `Retry-After` said.
    After(u64),
    /// No: the input is at fault.
    Never,
}

/// What became of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The number of the job.
    pub id: JobId,
    /// Its state now: pending, if it is tried again.
    pub state: State,
    /// The pause before that, milliseconds.
    pub pause_ms: Option<u64>,
}

impl Queue {
    /// Ends the attempt of `token`. The caller stores and confirms before it tells anybody.
    ///
    /// Of an attempt that is over the answer is refused, whatever it is: it took too long, it was answered already, or the
    /// process died meanwhile. So a job completes once.
    pub fn complete(&mut self, now: Now, token: Token, outcome: Outcome) -> Result<Finished, TokenError> {
        self.check_token(token).inspect_err(|_| self.meta.totals.stale += 1)?;
        let id = token.id;
        self.close_run(now, id);
        let (is_cancelling, is_late, limit_ms) = match self.jobs.get(&id) {
            Some(job) => {
                let is_late = matches!(&job.doing, Doing::Running(run) if run.revoke_ms.is_some());
                (job.facts.is_cancelling, is_late, job.spec.time_limit_ms)
            }
            None => (false, false, 0),
        };
        match outcome {
            Outcome::Completed { result, cache_key } => self.take_result(now, id, result, cache_key),
            _ if is_cancelling => {
                self.end_attempt(now, id, End::Cancelled, None);
                self.end(now, id, State::Cancelled, Some(Reason::Cancelled));
                self.settle(now, id);
            }
            Outcome::Failed { text, retry } => {
                let text = names::clean(&text, self.settings.bounds.reason_chars);
                self.fail(now, id, End::Failed, Reason::Failed { text }, retry);
            }
            Outcome::Stopped if is_late => {
                self.fail(now, id, End::TimedOut, Reason::TimedOut { limit_ms }, Retry::Backoff);
            }
            Outcome::Stopped => self.release(now, id, 0),
            Outcome::Released { after_ms } => self.release(now, id, after_ms),
        }
        let finished = self.finished(now, id);
        self.prune(now);
        Ok(finished)
    }

    /// Completes the attempt of `token` with the result that is kept under `key`, where the work finds out what it depends on
    /// after it began. `None`, and the attempt goes on, where none is kept.
    pub fn complete_with_kept(
        &mut self,
        now: Now,
        token: Token,
        key: &CacheKey,
    ) -> Result<Option<Finished>, TokenError> {
        self.check_token(token).inspect_err(|_| self.meta.totals.stale += 1)?;
        let Some(from) = self.index.kept(key) else { return Ok(None) };
        self.close_run(now, token.id);
        self.end_attempt(now, token.id, End::Completed, None);
        self.edit(token.id, |job| job.facts.cache_key = Some(key.clone()));
        self.end_with_kept(now, token.id, from);
        let finished = self.finished(now, token.id);
        self.prune(now);
        Ok(Some(finished))
    }

    fn finished(&self, now: Now, id: JobId) -> Finished {
        let job = self.jobs.get(&id);
        let state = job.map_or(State::Completed, |job| job.facts.state);
        let pause_ms = job.and_then(|job| match job.doing {
            Doing::Pause { until_ms } => u64::try_from(until_ms - now.mono_ms()).ok(),
            _ => None,
        });
        Finished { id, state, pause_ms }
    }

    /// Whether `token` is the attempt that runs.
    pub(super) fn check_token(&self, token: Token) -> Result<(), TokenError> {
        let Token { id, attempt } = token;
        let Some(job) = self.jobs.get(&id) else { return Err(TokenError::Unknown { id, attempt }) };
        if matches!(job.doing, Doing::Running(_)) && job.facts.attempt == attempt {
            return Ok(());
        }
        let (newest, state) = (job.facts.attempt, job.facts.state);
        Err(TokenError::Stale { id, attempt, newest, state })
    }

    fn take_result(&mut self, now: Now, id: JobId, result: Arc<[u8]>, cache_key: Option<CacheKey>) {
        let (bytes, max) = (result.len(), self.settings.bounds.result_bytes);
        if bytes > max {
            let text = format!(
                "the result has {bytes} bytes, at most {max} are kept: write it to a file, and answer its name"
            );
            return self.fail(now, id, End::Failed, Reason::Failed { text }, Retry::Never);
        }
        self.end_attempt(now, id, End::Completed, None);
        self.edit(id, |job| {
            job.facts.result = Some(result);
            job.facts.fraction = 1.0;
            job.facts.tries += 1;
            if cache_key.is_some() {
                job.facts.cache_key = cache_key;
            }
        });
        self.end(now, id, State::Completed, None);
        self.settle(now, id);
    }

    /// Completes a job with the result of another one.
    pub(super) fn end_with_kept(&mut self, now: Now, id: JobId, from: JobId) {
        let result = self.jobs.get(&from).and_then(|job| job.facts.result.clone());
        self.edit(id, |job| {
            job.facts.result = Some(result.unwrap_or_default());
            job.facts.cached_from = Some(from);
            job.facts.fraction = 1.0;
        });
        self.count(|totals| totals.cached += 1);
        self.end(now, id, State::Completed, None);
        self.settle(now, id);
    }

    /// An attempt failed: another one after a pause, or the end.
    pub(super) fn fail(&mut self, now: Now, id: JobId, end: End, reason: Reason, retry: Retry) {
        self.end_attempt(now, id, end, Some(reason.clone()));
        let Some((tries, max)) = self.edit(id, |job| {
            job.facts.tries += 1;
            (job.facts.tries, job.spec.max_attempts)
        }) else {
            return;
        };
        if end == End::TimedOut {
            self.count(|totals| totals.timed_out += 1);
        }
        if tries >= max || retry == Retry::Never {
            self.end(now, id, State::Failed, Some(reason));
            self.settle(now, id);
            return;
        }
        let (first_ms, longest_ms) = (self.settings.backoff_first_ms, self.settings.backoff_longest_ms);
        let jitter_ms = backoff::pause_ms(&mut self.random, first_ms, longest_ms, tries);
        let pause_ms = match retry {
            // Jitter on top: all that were refused by one server were given the same time.
            Retry::After(ms) => ms.saturating_add(jitter_ms).min(LONGEST_MS),
            Retry::Backoff | Retry::Never => jitter_ms,
        };
        self.count(|totals| totals.retried += 1);
        self.pause(now, id, pause_ms, Some(reason));
    }

    /// The work gave the job back.
    fn release(&mut self, now: Now, id: JobId, after_ms: u64) {
        let releases = self.edit(id, |job| {
            job.facts.releases += u32::from(after_ms == 0);
            job.facts.releases
        });
        if after_ms == 0 && releases.is_some_and(|releases| releases > FREE_RELEASES) {
            let text = format!("its work gave it back {FREE_RELEASES} times without a result");
            return self.fail(now, id, End::Released, Reason::Failed { text }, Retry::Backoff);
        }
        self.end_attempt(now, id, End::Released, None);
        self.count(|totals| totals.released += 1);
        self.pause(now, id, after_ms.min(LONGEST_MS), None);
    }

    /// A job that ran waits again; without a pause it is due since it was before.
    fn pause(&mut self, now: Now, id: JobId, pause_ms: u64, reason: Option<Reason>) {
        let mono_ms = now.mono_ms();
        self.edit(id, |job| {
            job.facts.state = State::Pending;
            job.facts.reason = reason;
            let since_ms = match &job.doing {
                Doing::Running(run) => run.started_ms.saturating_sub(signed(job.facts.waited_ms)),
                _ => mono_ms,
            };
            if pause_ms == 0 {
                job.doing = Doing::Due { since_ms };
            } else {
                job.facts.pause_ms = pause_ms;
                job.facts.due_ms = Some(now.utc_ms.saturating_add(signed(pause_ms)));
                job.doing = Doing::Pause { until_ms: mono_ms.saturating_add(signed(pause_ms)) };
            }
        });
    }

    pub(super) fn end_attempt(&mut self, now: Now, id: JobId, end: End, reason: Option<Reason>) {
        self.edit(id, |job| job.facts.end_attempt(now.utc_ms, end, reason));
    }

    /// A job ends. Its children are not looked at: see [`settle`](Queue::settle).
    pub(super) fn end(&mut self, now: Now, id: JobId, state: State, reason: Option<Reason>) {
        let meta = self.meta_mut();
        meta.latest_ms = meta.latest_ms.max(now.utc_ms);
        let kept_ms = meta.latest_ms;
        self.edit(id, |job| {
            job.facts.state = state;
            job.facts.reason = reason;
            job.facts.ended_ms = Some(now.utc_ms);
            job.facts.kept_ms = kept_ms;
            job.facts.is_cancelling = false;
            job.doing = Doing::Ended;
        });
        self.count(|totals| match state {
            State::Completed => totals.completed += 1,
            State::Failed => totals.failed += 1,
            State::Cancelled => totals.cancelled += 1,
            State::Quarantined => totals.quarantined += 1,
            State::Pending | State::Running => {}
        });
    }
}
