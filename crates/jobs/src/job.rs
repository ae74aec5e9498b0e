//! A job: what was asked for, which never changes, and what became of it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cache::CacheKey;
use crate::queue::StopFlag;

/// Attempts that are kept of a job, the newest.
const KEPT_ATTEMPTS: usize = 32;

/// The number of a job: 1, 2, 3, … over the life of the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub u64);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A job that has to end before another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// The number of that job.
    pub job: JobId,
    /// The other one runs also if it fails, and learns of it.
    #[serde(default)]
    pub optional: bool,
}

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It waits: for its parents, its time, the end of a pause or its turn.
    Pending,
    /// An attempt is under way.
    Running,
    /// Its result is there.
    Completed,
    /// It will not be tried again by itself.
    Failed,
    /// Somebody did not want it any more.
    Cancelled,
    /// It ran several times when the process died, and is set aside until somebody tries it again.
    Quarantined,
}

impl State {
    /// Every state, in the order of their numbers.
    pub const ALL: [State; 6] = [
        State::Pending,
        State::Running,
        State::Completed,
        State::Failed,
        State::Cancelled,
        State::Quarantined,
    ];

    /// Whether it still is to run, or runs.
    pub fn is_open(self) -> bool {
        matches!(self, State::Pending | State::Running)
    }

    /// The word that people read.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Running => "running",
            State::Completed => "completed",
            State::Failed => "failed",
            State::Cancelled => "cancelled",
            State::Quarantined => "quarantined",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a job ended without a result, or why its last attempt did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Reason {
    /// The work said so.
    Failed {
        /// What it said, at most `reason_chars` long.
        text: String,
    },
    /// An attempt took longer than allowed.
    TimedOut {
        /// The limit of an attempt, milliseconds.
        limit_ms: u64,
    },
    /// A job that has to end before did not complete.
    Parent {
        /// The number of that job.
        job: JobId,
        /// The name of that job.
        name: Arc<str>,
        /// The reason of that job.
        text: String,
    },
    /// Somebody asked to cancel it.
    Cancelled,
    /// The process died while it ran.
    Killed {
        /// How many times it died so.
        times: u32,
        /// The step of the last time, if it had said one.
        step: Option<Arc<str>>,
        /// How far the last time was as of its last stored progress, 0 to 1.
        fraction: f32,
    },
    /// Its record cannot be read.
    Damaged {
        /// What is wrong with it.
        text: String,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Failed { text } => f.write_str(text),
            Reason::TimedOut { limit_ms } => {
                write!(f, "took longer than its limit of {} s", *limit_ms as f64 / 1000.0)
            }
            Reason::Parent { job, name, text } => {
                write!(f, "needs job {job} ({name}), which did not complete: {text}")
            }
            Reason::Cancelled => f.write_str("cancelled"),
            Reason::Killed { times, step, fraction } => {
                let times = if *times == 1 { "once".into() } else { format!("{times} times") };
                write!(f, "the process died {times} while it ran")?;
                match step {
                    Some(step) => write!(f, ", last in step {step} at {:.0} %", fraction * 100.0),
                    None => Ok(()),
                }
            }
            Reason::Damaged { text } => write!(f, "its record is damaged, so it may have run or not: {text}"),
        }
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// It ended with a result.
    Completed,
    /// It ended with a failure.
    Failed,
    /// It took too long.
    TimedOut,
    /// Somebody asked to cancel it.
    Cancelled,
    /// The process died while it ran.
    Killed,
    /// The work gave it back: the service stopped, or had to wait for something.
    Released,
}

/// One attempt, for the journal of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: u32,
    /// Its start, milliseconds since 1970.
    pub started_ms: i64,
    /// Its end, milliseconds since 1970; of an attempt that was killed, the next start of the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<i64>,
    /// How it ended; `None` while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
    /// Why it failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// How long a step took, all its visits in the last attempt together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepTime {
    /// The name of the step.
    pub step: Arc<str>,
    /// Its length in milliseconds.
    pub ms: u64,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spec {
    pub kind: Arc<str>,
    pub name: Arc<str>,
    /// The first job of the workflow that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<JobId>,
    pub priority: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_at_ms: Option<i64>,
    pub max_attempts: u32,
    pub time_limit_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique_key: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<Dependency>,
    /// Stored behind the header of the record.
    #[serde(skip)]
    pub payload: Arc<[u8]>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub state: State,
    pub created_ms: i64,
    /// Since when it is due, or when it will be, on the wall clock; `None` while it waits for parents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_ms: Option<i64>,
    /// The length of the pause that ends at `due_ms`: after a restart it is not made longer by a clock that was set back.
    #[serde(default)]
    pub pause_ms: u64,
    /// The number of the newest attempt; every claim has its own.
    #[serde(default)]
    pub attempt: u32,
    /// Attempts that count for `max_attempts`.
    #[serde(default)]
    pub tries: u32,
    /// Times that the process died while it ran.
    #[serde(default)]
    pub crashes: u32,
    /// Times that the work gave it back without a pause.
    #[serde(default)]
    pub releases: u32,
    /// It is to be cancelled as soon as its work stops.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_cancelling: bool,
    #[serde(default)]
    pub fraction: f32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Arc<str>>,
    /// Times of the steps of the last attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<StepTime>,
    /// The length of the last attempt.
    #[serde(default)]
    pub total_ms: u64,
    /// How long it waited for its turn before the last attempt.
    #[serde(default)]
    pub waited_ms: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<i64>,
    /// The same on a clock that never goes back, which says what leaves the history first.
    #[serde(default)]
    pub kept_ms: i64,
    /// The job whose kept result is the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_from: Option<JobId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_key: Option<CacheKey>,
    /// Behind the record, of completed jobs.
    #[serde(skip)]
    pub result: Option<Arc<[u8]>>,
}

impl Facts {
    pub fn new(state: State, created_ms: i64) -> Facts {
        Facts {
            state,
            created_ms,
            due_ms: None,
            pause_ms: 0,
            attempt: 0,
            tries: 0,
            crashes: 0,
            releases: 0,
            is_cancelling: false,
            fraction: 0.0,
            step: None,
            times: Vec::new(),
            total_ms: 0,
            waited_ms: 0,
            attempts: Vec::new(),
            reason: None,
            ended_ms: None,
            kept_ms: 0,
            cached_from: None,
            cache_key: None,
            result: None,
        }
    }

    /// Enters the start of attempt [`attempt`](Facts::attempt) into the journal.
    pub fn begin_attempt(&mut self, utc_ms: i64) {
        if self.attempts.len() >= KEPT_ATTEMPTS {
            self.attempts.remove(0);
        }
        let number = self.attempt;
        self.attempts.push(Attempt { number, started_ms: utc_ms, ended_ms: None, end: None, reason: None });
    }

    /// Enters the end of the newest attempt into the journal.
    pub fn end_attempt(&mut self, utc_ms: i64, end: End, reason: Option<Reason>) {
        if let Some(attempt) = self.attempts.last_mut().filter(|attempt| attempt.end.is_none()) {
            attempt.ended_ms = Some(utc_ms);
            attempt.end = Some(end);
            attempt.reason = reason;
        }
    }
}

/// What a job waits for or does; made from the facts at a restart. Times are on the monotonic clock unless named `utc`.
#[derive(Clone, Debug)]
pub(crate) enum Doing {
    /// Waits until its parents have ended.
    Parents,
    /// Waits for its time on the wall clock.
    Until { utc_ms: i64 },
    /// Waits for the end of a pause.
    Pause { until_ms: i64 },
    /// Waits for its turn.
    Due { since_ms: i64 },
    /// An attempt is under way.
    Running(Run),
    /// It ended, however that was.
    Ended,
}

/// An attempt that is under way.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub started_ms: i64,
    /// The time limit ends.
    pub deadline_ms: i64,
    /// Its token is taken back, once it was asked to stop.
    pub revoke_ms: Option<i64>,
    pub step_since_ms: i64,
    /// When progress was stored last.
    pub saved_ms: i64,
    pub stop: StopFlag,
}

impl Run {
    /// When the queue has to look at it again.
    pub fn wake_ms(&self) -> i64 {
        self.revoke_ms.unwrap_or(self.deadline_ms)
    }
}

/// One job in memory.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub id: JobId,
    pub spec: Arc<Spec>,
    pub facts: Facts,
    pub doing: Doing,
}

impl Job {
    pub fn is_suspect(&self) -> bool {
        self.facts.crashes > 0
    }
}
