//! One attempt of a job, as its work sees it: what to do, when to stop, and where progress goes.

use std::sync::mpsc::{Sender, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::de::DeserializeOwned;

use super::kind::{JobFailure, JobKind};
use super::service::Message;
use crate::contract::JobResult;
use crate::jobqueue::{CacheKey, Claim, ParentOutcome};
use crate::supervisor::Stop;
use crate::types::Explanation;

/// Progress within one step is reported at most so often.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// How long the owner of the queue may take to look for a kept answer; it waits for the disk at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// An attempt that is under way.
pub struct Task<'a> {
    claim: &'a Claim,
    kind: &'a dyn JobKind,
    stop: &'a Stop,
    reports: &'a Sender<Message>,
    last: Mutex<LastReport>,
    /// Files that the attempt has made so far.
    made: Mutex<Vec<String>>,
}

/// The last progress that was reported.
#[derive(Default)]
struct LastReport {
    at: Option<Instant>,
    step: String,
}

impl<'a> Task<'a> {
    pub(super) fn new(
        claim: &'a Claim,
        kind: &'a dyn JobKind,
        stop: &'a Stop,
        reports: &'a Sender<Message>,
    ) -> Task<'a> {
        Task { claim, kind, stop, reports, last: Mutex::default(), made: Mutex::default() }
    }

    /// What was planned, as its type.
    ///
    /// # Errors
    /// A failure that lasts: a newer program may have written it.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, JobFailure> {
        serde_json::from_slice(&self.claim.payload).map_err(|error| {
            JobFailure::lasting(Explanation::new(
                format!("the request of the job cannot be read ({error})"),
                "add the job again",
            ))
        })
    }

    /// What people call the job.
    pub fn name(&self) -> &str {
        &self.claim.name
    }

    /// What became of the jobs before this one.
    pub fn parents(&self) -> &[ParentOutcome] {
        &self.claim.parents
    }

    /// Whether the work is to end: the job was cancelled, takes too long, or the service stops.
    pub fn is_stopped(&self) -> bool {
        self.is_revoked() || self.stop.is_stopped()
    }

    /// Whether the job itself is to stop; `false` where the service stops and the job goes on at its next start.
    pub fn is_revoked(&self) -> bool {
        self.claim.stop.get().is_some()
    }

    /// Notes a file that has its name now: it is removed unless an answer names it.
    pub fn made(&self, path: &str) {
        self.made.lock().push(path.to_owned());
    }

    /// The files that were noted.
    pub(super) fn into_made(self) -> Vec<String> {
        self.made.into_inner()
    }

    /// Waits at most `pause`; returns early if the service stops.
    pub fn wait(&self, pause: Duration) {
        self.stop.wait(pause);
    }

    /// Reports how far the attempt is, 0 to 1, and its step. Within a step most reports are left out.
    pub fn progress(&self, fraction: f32, step: &str) {
        let now = Instant::now();
        let mut last = self.last.lock();
        if last.step == step && last.at.is_some_and(|at| now - at < PROGRESS_EVERY) {
            return;
        }
        last.at = Some(now);
        if last.step != step {
            step.clone_into(&mut last.step);
        }
        let (token, fraction) = (self.claim.token, fraction.clamp(0.0, 1.0));
        // Without an owner nobody wants to know.
        let _ = self.reports.send(Message::Progress { token, fraction, step: step.to_owned() });
    }

    /// Completes the job with the answer that is kept under `key`, if there is one: then the work is not done.
    pub fn answer_with_kept(&self, key: &CacheKey) -> bool {
        let token = self.claim.token;
        let kept = self.ask(|reply| Message::Kept { key: key.clone(), reply });
        let Some(result) = kept.flatten() else { return false };
        // Its files may lie on a share that hangs, so this thread looks at them and not the owner of the queue.
        let is_there = JobResult::read(&result).is_some_and(|result| self.kind.is_still_there(&result));
        let is_taken = self.ask(|reply| Message::TakeKept { token, key: key.clone(), is_there, reply });
        is_taken.unwrap_or(false)
    }

    /// The answer of the queue's owner; `None` where there is none any more.
    fn ask<T>(&self, message: impl FnOnce(SyncSender<T>) -> Message) -> Option<T> {
        let (reply, answer) = sync_channel(1);
        self.reports.send(message(reply)).ok()?;
        answer.recv_timeout(PATIENCE).ok()
    }
}
