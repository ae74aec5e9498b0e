//! The queue as the rest of the service holds it: bounded ways in, and what its owner and its workers share.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::command::{JobsAnswer, JobsCommand};
use super::counters;
use super::inbox::Inbox;
use super::kind::JobKind;
use super::owner::Owner;
use super::tidy::RemovalQueue;
use crate::config::JobsConfig;
use crate::contract::JobOut;
use crate::jobqueue::{CacheKey, Claim, Now, Outcome, Settings, SettingsError, Status, Token};
use crate::store::{JobTables, Store};
use crate::supervisor::{Beat, Stop};
use crate::types::{Clock, Delivered, Explanation, Origin, Refusal, Responder};

/// Requests that may wait for the owner of the queue; further ones are refused at once.
const MOST_WAITING: usize = 256;
/// The most messages of one group, so that the first of it does not wait for long.
const MOST_IN_GROUP: usize = 512;
/// How often the owner and idle workers look at their stop tokens.
const LOOK: Duration = Duration::from_millis(500);
/// The same for the owner while the broker has the end of a job.
const SOON: Duration = Duration::from_millis(50);

/// What the queue needs of the rest of the service. None of its calls waits.
pub trait JobsHost: Send + Sync {
    /// A job has changed, or goes on.
    fn changed(&self, job: &JobOut);

    /// Publishes the end of a job with QoS 1; the receiver learns what became of it.
    fn deliver(&self, job: &JobOut) -> oneshot::Receiver<Delivered>;

    /// The store does not take what the queue writes, for this reason; `None` once it does.
    fn store_fault(&self, why: Option<&Explanation>);
}

/// What the queue is built from, besides its settings.
pub struct JobsAround {
    /// Where the queue is kept.
    pub store: Store,
    /// The clocks of pauses and of `run_at`.
    pub clock: Arc<dyn Clock>,
    /// Who is to know of jobs.
    pub host: Arc<dyn JobsHost>,
    /// The kinds of jobs that are done.
    pub kinds: Vec<Arc<dyn JobKind>>,
    /// Where pictures lie that came with requests.
    pub inbox: Arc<Inbox>,
}

/// Why the queue cannot work at all.
#[derive(Debug, thiserror::Error)]
pub enum JobsError {
    /// A setting that the configuration's check let through.
    #[error("the queue of jobs refuses its settings: {0}")]
    Settings(#[from] SettingsError),
}

/// What the owner of the queue is sent.
pub(super) enum Message {
    /// A request from outside.
    Request { command: JobsCommand, origin: Origin, reply: Responder<JobsAnswer> },
    /// An attempt goes on.
    Progress { token: Token, fraction: f32, step: String },
    /// An attempt asks for the answer that is kept under this key.
    Kept { key: CacheKey, reply: SyncSender<Option<Arc<[u8]>>> },
    /// The files of that answer are there, and it completes the attempt; or they are not, and it answers nothing any more.
    TakeKept { token: Token, key: CacheKey, is_there: bool, reply: SyncSender<bool> },
    /// These files are gone.
    Gone { paths: Vec<Arc<str>> },
    /// Files of the inbox that lie there for long, or that an attempt has made: those that no job uses are removed.
    Lying { paths: Vec<String> },
    /// An attempt is over.
    Outcome { token: Token, outcome: Outcome },
}

/// The queue of studio jobs.
pub struct JobsService {
    pub(super) settings: Settings,
    pub(super) workers: usize,
    pub(super) kinds: Vec<Arc<dyn JobKind>>,
    pub(super) tables: JobTables,
    pub(super) host: Arc<dyn JobsHost>,
    pub(super) sender: Sender<Message>,
    pub(super) work: WorkQueue,
    pub(super) removals: RemovalQueue,
    pub(super) inbox: Arc<Inbox>,
    /// Whether what jobs made is removed with them, and the most bytes of it.
    pub(super) removes_files: bool,
    pub(super) history_bytes: u64,
    clock: Arc<dyn Clock>,
    messages: Mutex<Receiver<Message>>,
    /// Requests among the messages that wait.
    waiting: AtomicUsize,
    /// The state of the queue after the last group.
    status: Mutex<Option<Status>>,
}

impl JobsService {
    /// The queue of `config`, which works once its units run.
    pub fn new(config: &JobsConfig, around: JobsAround) -> Arc<JobsService> {
        let JobsAround { store, clock, host, kinds, inbox: pictures } = around;
        let (sender, inbox) = channel();
        let names = kinds.iter().map(|kind| Box::from(kind.name())).collect();
        Arc::new(JobsService {
            settings: settings(config, names),
            workers: config.workers,
            kinds,
            tables: store.jobs(),
            host,
            sender,
            work: WorkQueue::default(),
            removals: RemovalQueue::default(),
            inbox: pictures,
            removes_files: config.remove_files,
            history_bytes: config.history_bytes,
            clock,
            messages: Mutex::new(inbox),
            waiting: AtomicUsize::new(0),
            status: Mutex::default(),
        })
    }

    /// Jobs that run at once, each on a worker of its own.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// Passes a request to the owner of the queue, who answers it when what it changes is on disk.
    pub fn pass(&self, command: JobsCommand, origin: Origin, reply: Responder<JobsAnswer>) {
        if self.waiting.fetch_add(1, Ordering::AcqRel) >= MOST_WAITING {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            let refusal = Refusal::new("busy", "too many requests about jobs wait", "try again later");
            return reply.failed(refusal);
        }
        // The inbox lives as long as this.
        let _ = self.sender.send(Message::Request { command, origin, reply });
    }

    /// Owns the queue until `stop`. Workers have to be stopped before, so that what they did is stored.
    ///
    /// # Errors
    /// The settings are refused.
    pub fn run(&self, stop: &Stop, beat: &Beat) -> Result<(), JobsError> {
        let inbox = self.messages.lock();
        // What an earlier life of this unit handed out is not known to this one.
        self.work.clear();
        let Some(mut owner) = Owner::open(self, stop, beat)? else { return Ok(()) };
        while !stop.is_stopped() {
            beat.beat();
            let mut group = Vec::new();
            let pause = owner.pause().min(if owner.is_publishing() { SOON } else { LOOK });
            if let Ok(first) = inbox.recv_timeout(pause) {
                group.push(first);
                group.extend(inbox.try_iter().take(MOST_IN_GROUP - 1));
            }
            self.count_taken(&group);
            owner.turn(group);
            *self.status.lock() = Some(owner.status());
        }
        let rest: Vec<Message> = inbox.try_iter().collect();
        self.count_taken(&rest);
        owner.close(rest, self.work.clear());
        Ok(())
    }

    fn count_taken(&self, group: &[Message]) {
        let requests = group.iter().filter(|message| matches!(message, Message::Request { .. })).count();
        self.waiting.fetch_sub(requests, Ordering::AcqRel);
    }

    /// The figures of the queue by name; none before it is open.
    pub fn counters(&self) -> Vec<(String, u64)> {
        self.status.lock().as_ref().map(counters::named).unwrap_or_default()
    }

    /// Jobs that wait; 0 before the queue is open.
    pub fn queued(&self) -> u64 {
        self.status.lock().as_ref().map_or(0, |status| status.queue_size as u64)
    }

    /// The present moment on both clocks of the queue.
    pub(super) fn now(&self) -> Now {
        let stamp = self.clock.now();
        let utc_ms = i64::try_from(stamp.wall_ns / 1_000_000).unwrap_or(i64::MAX);
        Now { monotonic: Duration::from_nanos(stamp.mono_ns), utc_ms }
    }
}

impl std::fmt::Debug for JobsService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JobsService({} kinds, {} workers)", self.kinds.len(), self.workers)
    }
}

fn settings(config: &JobsConfig, kinds: std::collections::BTreeSet<Box<str>>) -> Settings {
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Settings {
        max_queue_size: config.max_queue_size,
        kinds: Some(kinds),
        age_ms: ms(config.age),
        max_attempts: config.max_attempts,
        backoff_first_ms: ms(config.backoff),
        backoff_longest_ms: ms(config.backoff_max),
        time_limit_ms: ms(config.time_limit),
        history_count: config.history_count,
        history_days: config.history_days,
        ..Settings::default()
    }
}

/// Attempts that were handed out and that no worker has taken yet. There are never more of them than idle workers.
#[derive(Default)]
pub(super) struct WorkQueue {
    waiting: Mutex<VecDeque<Claim>>,
    bell: Condvar,
}

impl WorkQueue {
    pub(super) fn push(&self, claim: Claim) {
        self.waiting.lock().push_back(claim);
        self.bell.notify_one();
    }

    /// The next attempt; `None` where none comes for a while.
    pub(super) fn take(&self) -> Option<Claim> {
        let mut waiting = self.waiting.lock();
        if waiting.is_empty() {
            self.bell.wait_for(&mut waiting, LOOK);
        }
        waiting.pop_front()
    }

    /// Takes out what no worker has taken.
    fn clear(&self) -> Vec<Claim> {
        self.waiting.lock().drain(..).collect()
    }
}
