//! The queue's one owner: a group of messages changes the queue, one durable batch stores that, and only then requests are
//! answered, work is handed out and anybody is informed.

mod answer;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use super::command::{JobsAnswer, JobsCommand, ListRequest};
use super::publish::Publisher;
use super::refuse;
use super::report;
use super::request;
use super::service::{JobsError, JobsService, Message};
use crate::contract::JobResult;
use crate::jobqueue::{
    Added, CacheKey, Claim, JobId, Key, Limits, Outcome, Queue, Restored, Status, Token, restore,
};
use crate::store::StoreError;
use crate::supervisor::{Beat, Stop};
use crate::types::{Explanation, Origin, Refusal, Responder};

/// Pause before a store that refused a batch is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// The progress of a job is published at most so often.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);

/// The queue, and what its owner remembers from one group to the next.
pub(super) struct Owner<'s> {
    service: &'s JobsService,
    queue: Queue,
    publisher: Publisher,
    /// Ends of attempts that are not on disk yet.
    outcomes: Vec<(Token, Outcome)>,
    /// Attempts whose token was taken back and whose workers are still busy with them.
    stuck: BTreeSet<Token>,
    /// When the progress of a running job was published last, on the monotonic clock.
    shown: BTreeMap<JobId, Duration>,
    /// Why the store refused the last batch.
    fault: Option<Explanation>,
}

/// What is answered once a group is on disk.
enum Answering {
    Added(Added),
    Workflow(JobId),
    Job(JobId),
    Queue,
    List(ListRequest),
    Health,
}

/// The answers of a group.
#[derive(Default)]
struct Group {
    /// To requests that changed something.
    changes: Vec<(Responder<JobsAnswer>, Answering)>,
    /// To requests that only read: they are answered whatever becomes of the group.
    reads: Vec<(Responder<JobsAnswer>, Answering)>,
    /// To attempts that asked for a kept answer, and whether they got it.
    kept: Vec<(SyncSender<bool>, bool)>,
}

impl<'s> Owner<'s> {
    /// Reads the queue from the store. `None` if the service stops before the store can be read.
    pub(super) fn open(
        service: &'s JobsService,
        stop: &Stop,
        beat: &Beat,
    ) -> Result<Option<Owner<'s>>, JobsError> {
        loop {
            beat.beat();
            let read =
                service.tables.records().and_then(|records| Ok((records, service.tables.unpublished()?)));
            let error = match read {
                Ok((records, unpublished)) => {
                    let now = service.now();
                    // Jitter needs no more than that two boxes differ.
                    let seed = now.utc_ms.unsigned_abs() ^ (u64::from(std::process::id()) << 32);
                    let restored = restore(service.settings.clone(), seed, now, records)?;
                    log_restored(&restored);
                    let mut owner = Owner {
                        service,
                        queue: restored.queue,
                        publisher: Publisher::new(unpublished),
                        outcomes: Vec::new(),
                        stuck: BTreeSet::new(),
                        shown: BTreeMap::new(),
                        fault: None,
                    };
                    match owner.commit() {
                        Ok(_) => {
                            service.host.store_fault(None);
                            return Ok(Some(owner));
                        }
                        Err(error) => error,
                    }
                }
                Err(error) => error,
            };
            service.host.store_fault(Some(&error.explanation().within("the queue of jobs cannot be read")));
            service.tables.close();
            if stop.wait(RETRY) {
                return Ok(None);
            }
        }
    }

    /// For how long nothing happens by itself.
    pub(super) fn pause(&self) -> Duration {
        match self.fault {
            Some(_) => RETRY,
            None => self.queue.next_wake(self.service.now()).unwrap_or(Duration::MAX),
        }
    }

    /// Whether the broker has the end of a job now.
    pub(super) fn is_publishing(&self) -> bool {
        self.publisher.is_busy()
    }

    /// The state of the queue.
    pub(super) fn status(&self) -> Status {
        self.queue.status(self.service.now(), self.service.workers)
    }

    /// Takes in a group of messages, stores what they change, and does what follows from it.
    pub(super) fn turn(&mut self, messages: Vec<Message>) {
        let mut group = Group::default();
        for (token, outcome) in self.outcomes.clone() {
            self.complete(token, outcome);
        }
        for message in messages {
            self.take(message, &mut group);
        }
        for expired in self.queue.expire(self.service.now()) {
            let (job, attempt) = (expired.token.job().0, expired.token.attempt());
            tracing::error!(
                job,
                attempt,
                "jobs: the attempt did not stop in time; its answer will be dropped"
            );
            self.stuck.insert(expired.token);
        }
        let claims = self.claims();
        match self.commit() {
            Ok(changed) => {
                self.outcomes.clear();
                self.note_fault(None);
                claims.into_iter().for_each(|claim| self.service.work.push(claim));
                for (reply, is_kept) in group.kept {
                    // A worker that waits no longer does the work.
                    let _ = reply.try_send(is_kept);
                }
                self.answer(group.changes);
                self.inform(&changed);
            }
            Err(error) => {
                self.queue.abandon();
                self.service.tables.close();
                // Work goes on where it asked for a kept answer; requests did not happen.
                for (reply, _) in group.kept {
                    let _ = reply.try_send(false);
                }
                for (reply, _) in group.changes {
                    reply.failed(refuse::not_stored(&error));
                }
                self.note_fault(Some(error.explanation()));
            }
        }
        self.answer(group.reads);
        let now = self.service.now();
        self.publisher.tend(self.service, &self.queue, now);
    }

    /// Stores what the workers said before they stopped, and gives back what none of them has taken.
    pub(super) fn close(&mut self, rest: Vec<Message>, untaken: Vec<Claim>) {
        // Whoever asks now is answered that the service gives the request up.
        let rest = rest.into_iter().filter(|message| !matches!(message, Message::Request { .. }));
        let mut group = Group::default();
        for (token, outcome) in self.outcomes.clone() {
            self.complete(token, outcome);
        }
        rest.for_each(|message| self.take(message, &mut group));
        for claim in untaken {
            self.complete(claim.token, Outcome::Released { after_ms: 0 });
        }
        if let Err(error) = self.commit() {
            tracing::error!(
                "jobs: what ended last is not stored, and is done again at the next start: {error}"
            );
        }
    }

    fn take(&mut self, message: Message, group: &mut Group) {
        let now = self.service.now();
        match message {
            Message::Request { command, origin, reply } => match self.apply(command, origin) {
                Ok((answering, true)) => group.changes.push((reply, answering)),
                Ok((answering, false)) => group.reads.push((reply, answering)),
                Err(refusal) => reply.failed(refusal),
            },
            Message::Progress { token, fraction, step } => {
                if let Err(error) = self.queue.progress(now, token, fraction, Some(&step)) {
                    return tracing::debug!("jobs: {error}");
                }
                self.show_progress(token.job());
            }
            Message::Kept { token, key, reply } => {
                let is_kept = self.complete_with_kept(token, &key);
                group.kept.push((reply, is_kept));
            }
            Message::Outcome { token, outcome } => {
                self.stuck.remove(&token);
                self.outcomes.push((token, outcome.clone()));
                self.complete(token, outcome);
            }
        }
    }

    fn complete(&mut self, token: Token, outcome: Outcome) {
        if let Err(error) = self.queue.complete(self.service.now(), token, outcome) {
            tracing::info!("jobs: {error}");
        }
    }

    /// Completes the attempt with a kept answer whose files are still there; others answer nothing from now on.
    fn complete_with_kept(&mut self, token: Token, key: &CacheKey) -> bool {
        let now = self.service.now();
        while let Some((_, result)) = self.queue.kept(key) {
            if self.is_still_there(token, &result) {
                return matches!(self.queue.complete_with_kept(now, token, key), Ok(Some(_)));
            }
            self.queue.invalidate(key);
        }
        false
    }

    fn is_still_there(&self, token: Token, result: &[u8]) -> bool {
        let Some(job) = self.queue.get(self.service.now(), token.job()) else { return false };
        let kind = self.service.kinds.iter().find(|kind| *kind.name() == *job.kind);
        let result = serde_json::from_slice::<JobResult>(result);
        kind.zip(result.ok()).is_some_and(|(kind, result)| kind.is_still_there(&result))
    }

    /// Does what `command` asks for in memory. Returns how it is answered, and whether it changed something.
    fn apply(&mut self, command: JobsCommand, origin: Origin) -> Result<(Answering, bool), Refusal> {
        let (now, kinds) = (self.service.now(), &self.service.kinds);
        Ok(match command {
            JobsCommand::Status => (Answering::Queue, false),
            JobsCommand::Health => (Answering::Health, false),
            JobsCommand::List(asked) => (Answering::List(asked), false),
            JobsCommand::Show(asked) => (Answering::Job(JobId(asked.id)), false),
            JobsCommand::Follow(asked) => (Answering::Workflow(JobId(asked.id)), false),
            JobsCommand::Add(asked) => {
                let job = request::job(kinds, asked, origin)?;
                let added = self.queue.add(now, job).map_err(|error| refuse::not_added(&error))?;
                (Answering::Added(added), true)
            }
            JobsCommand::Workflow(asked) => {
                let workflow = request::workflow(kinds, asked, origin)?;
                let added = self.queue.add_workflow(now, &workflow);
                (Answering::Workflow(added.map_err(|error| refuse::not_added(&error))?.id), true)
            }
            JobsCommand::Cancel(asked) => {
                let id = JobId(asked.id);
                self.queue.cancel(now, id).map_err(|error| refuse::not_done(&error))?;
                (Answering::Job(id), true)
            }
            JobsCommand::Retry(asked) => {
                let id = JobId(asked.id);
                self.queue.retry(now, id).map_err(|error| refuse::not_done(&error))?;
                (Answering::Job(id), true)
            }
            JobsCommand::Pause => {
                self.queue.pause_all();
                (Answering::Queue, true)
            }
            JobsCommand::Resume => {
                self.queue.resume();
                (Answering::Queue, true)
            }
            JobsCommand::Drain => {
                self.queue.drain();
                (Answering::Queue, true)
            }
        })
    }

    /// The attempts that begin now: no more than there are idle workers.
    fn claims(&mut self) -> Vec<Claim> {
        let most = self.service.workers.saturating_sub(self.stuck.len());
        let mut limits = Limits::total(most);
        for kind in &self.service.kinds {
            limits.kinds.insert(kind.name().into(), kind.most_at_once());
        }
        let mut claims = Vec::new();
        while let Some(claim) = self.queue.claim(self.service.now(), &limits) {
            claims.push(claim);
        }
        claims
    }

    /// Writes what the queue has changed; returns the jobs that changed.
    fn commit(&mut self) -> Result<Vec<JobId>, StoreError> {
        if self.queue.has_changes() {
            let changes = self.queue.changes();
            let ended = changes.iter().filter_map(|change| match (&change.key, &change.value) {
                (Key::Facts(id), Some(_)) if self.is_over(*id) => Some(id.0),
                _ => None,
            });
            let ended: Vec<u64> = ended.collect();
            let records = changes.into_iter().map(|change| (change.key.encode(), change.value));
            self.service.tables.apply(records, &ended)?;
        }
        Ok(self.queue.confirm())
    }

    fn is_over(&self, id: JobId) -> bool {
        self.queue.get(self.service.now(), id).is_some_and(|job| !job.state.is_open())
    }

    fn note_fault(&mut self, fault: Option<Explanation>) {
        if fault != self.fault {
            let shown = fault.clone().map(|why| why.within("jobs are not started and not added"));
            self.service.host.store_fault(shown.as_ref());
            self.fault = fault;
        }
    }

    /// Informs whoever watches of the jobs that changed; the ends of jobs are published until the broker has them.
    fn inform(&mut self, changed: &[JobId]) {
        let now = self.service.now();
        for id in changed {
            let Some(job) = report::job(&self.queue, now, *id) else {
                self.publisher.forget(*id);
                continue;
            };
            self.service.host.changed(&job);
            if job.state.is_over() {
                self.shown.remove(id);
                self.publisher.add(*id);
                let reason = job.reason.as_deref().unwrap_or_default();
                tracing::info!(
                    job = job.id,
                    kind = job.kind,
                    name = job.name,
                    "jobs: {} {reason}",
                    job.state.as_str()
                );
            }
        }
    }

    fn show_progress(&mut self, id: JobId) {
        let now = self.service.now();
        let last = self.shown.get(&id);
        if last.is_some_and(|last| now.monotonic.saturating_sub(*last) < PROGRESS_EVERY) {
            return;
        }
        self.shown.insert(id, now.monotonic);
        if let Some(job) = report::job(&self.queue, now, id) {
            self.service.host.changed(&job);
        }
    }
}

fn log_restored(restored: &Restored) {
    for damage in &restored.damaged {
        tracing::error!("jobs: {damage}");
    }
    for id in &restored.killed {
        let is_aside = restored.quarantined.contains(id);
        let next = if is_aside { "it is set aside" } else { "it is due again" };
        tracing::warn!(job = id.0, "jobs: the process died while it ran; {next}");
    }
}
