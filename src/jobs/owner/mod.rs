//! The queue's one owner: a group of messages changes the queue, one durable batch stores that, and only then requests are
//! answered, work is handed out and anybody is informed.

mod answer;
mod commit;
mod files;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use super::command::{JobsAnswer, JobsCommand, ListRequest};
use super::publish::Publisher;
use super::refuse;
use super::report;
use super::request;
use super::service::{JobsError, JobsService, Message};
use crate::jobqueue::{
    Added, CacheKey, Claim, JobId, Limits, Outcome, Queue, Restored, Status, Token, restore,
};
use crate::store::StoredJobs;
use crate::supervisor::{Beat, Stop};
use crate::types::{Origin, Refusal, Responder};
use commit::{Committed, StoreFault};
use files::FileIndex;

/// Pause before a store that cannot be read or refused a batch is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// The progress of a job is published at most so often.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);

/// The queue, and what its owner remembers from one group to the next.
pub(super) struct Owner<'s> {
    service: &'s JobsService,
    queue: Queue,
    publisher: Publisher,
    files: FileIndex,
    /// Ends of attempts that are not on disk yet.
    outcomes: Vec<(Token, Outcome)>,
    /// Attempts whose token was taken back and whose workers are still busy with them.
    stuck: BTreeSet<Token>,
    /// When the progress of a running job was published last, on the monotonic clock.
    shown: BTreeMap<JobId, Duration>,
    /// Why the store takes nothing, until something was written again.
    fault: Option<StoreFault>,
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
            match service.tables.read() {
                Ok(stored) => {
                    if let Some(owner) = Owner::begin(service, stored)? {
                        return Ok(Some(owner));
                    }
                }
                Err(error) => {
                    let why = error.explanation().within("the queue of jobs cannot be read");
                    service.host.store_fault(Some(&why));
                }
            }
            if stop.wait(RETRY) {
                return Ok(None);
            }
        }
    }

    /// Makes the queue from what was read, and stores what that decided. Those who watch learn of each job that it changed.
    /// `None` where the store does not take it, of which the alarm says why.
    fn begin(service: &'s JobsService, stored: StoredJobs) -> Result<Option<Owner<'s>>, JobsError> {
        let now = service.now();
        // Jitter needs no more than that two boxes differ.
        let seed = now.utc_ms.unsigned_abs() ^ (u64::from(std::process::id()) << 32);
        let restored = restore(service.settings.clone(), seed, now, stored.records)?;
        log_restored(&restored);
        let mut owner = Owner {
            service,
            queue: restored.queue,
            publisher: Publisher::new(stored.unpublished),
            files: FileIndex::new(service, stored.files),
            outcomes: Vec::new(),
            stuck: BTreeSet::new(),
            shown: BTreeMap::new(),
            fault: None,
        };
        let Ok(committed) = owner.commit() else { return Ok(None) };
        // An earlier process may have raised the alarm.
        service.host.store_fault(None);
        owner.index_all();
        owner.inform(&committed);
        Ok(Some(owner))
    }

    /// For how long nothing happens by itself.
    pub(super) fn pause(&self) -> Duration {
        let now = self.service.now();
        match &self.fault {
            Some(fault) => fault.left(now),
            None => self.queue.next_wake(now).unwrap_or(Duration::MAX),
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
            // While the store is at fault the same attempt expires in each group.
            if self.stuck.insert(expired.token) {
                let (job, attempt) = (expired.token.job().0, expired.token.attempt());
                tracing::error!(
                    job,
                    attempt,
                    "jobs: the attempt did not stop in time; its answer will be dropped"
                );
            }
        }
        self.free_space();
        let claims = self.claims();
        match self.commit() {
            Ok(committed) => {
                for claim in claims {
                    self.files.begin(claim.token, self.service.now().utc_ms);
                    self.service.work.push(claim);
                }
                for (reply, is_kept) in group.kept {
                    let _ = reply.try_send(is_kept);
                }
                self.answer(group.changes);
                self.inform(&committed);
                for (token, _) in std::mem::take(&mut self.outcomes) {
                    self.files.end(token);
                }
            }
            Err(why) => {
                // Work goes on where it asked for a kept answer; requests did not happen.
                for (reply, _) in group.kept {
                    let _ = reply.try_send(false);
                }
                for (reply, _) in group.changes {
                    reply.failed(refuse::not_stored(&why));
                }
            }
        }
        self.answer(group.reads);
        self.remove_left();
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
        if let Err(why) = self.commit() {
            tracing::error!(
                "jobs: what ended last is not stored, and is done again at the next start: {why}"
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
            // A worker that waits no longer does the work.
            Message::Kept { key, reply } => drop(reply.try_send(self.queue.kept(&key).map(|kept| kept.1))),
            Message::TakeKept { token, key, is_there, reply } => {
                let is_kept = self.take_kept(token, &key, is_there);
                group.kept.push((reply, is_kept));
            }
            Message::Gone { paths } => self.forget_files(&paths),
            Message::Lying { paths } => self.files.offer(paths, now.monotonic),
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

    /// Completes the attempt with a kept answer, if its files are there; otherwise it answers nothing from now on.
    fn take_kept(&mut self, token: Token, key: &CacheKey, is_there: bool) -> bool {
        if !is_there {
            self.queue.invalidate(key);
            return false;
        }
        let is_kept = matches!(self.queue.complete_with_kept(self.service.now(), token, key), Ok(Some(_)));
        if is_kept {
            self.files.end(token);
        }
        is_kept
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
            JobsCommand::CancelWorkflow(asked) => {
                let id = JobId(asked.id);
                self.queue.cancel_workflow(now, id).map_err(|error| refuse::not_done(&error))?;
                (Answering::Workflow(id), true)
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

    /// Informs those who watch of the jobs that changed; the ends of jobs are published until the broker has them.
    fn inform(&mut self, Committed { changed, ended }: &Committed) {
        let now = self.service.now();
        // All of the group is entered before a file is removed: one job may take over what another one leaves.
        self.index_files(changed.iter().map(|id| (*id, ended.binary_search(id).is_ok())));
        for id in changed {
            let is_end = ended.binary_search(id).is_ok();
            let Some(job) = report::job(&self.service.kinds, &self.queue, now, *id) else {
                self.shown.remove(id);
                self.publisher.forget(*id);
                continue;
            };
            // A job that ended before and changed since has lost its place in the cache, which nobody watches.
            if is_end || !job.state.is_over() {
                self.service.host.changed(&job);
            }
            if is_end {
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
        if let Some(job) = report::job(&self.service.kinds, &self.queue, now, id) {
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
