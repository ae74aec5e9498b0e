//! The payloads about studio jobs and their queue.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::job_answers::{ClipOut, FetchedOut, GeneratedOut, UploadedOut};
use super::payload::Payload;

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// It waits: for other jobs, its time, the end of a pause or its turn.
    Pending,
    /// An attempt is under way.
    Running,
    /// Its answer is there.
    Completed,
    /// It is not tried again by itself.
    Failed,
    /// Somebody did not want it any more.
    Cancelled,
    /// It ran each time when the process died; it is set aside until somebody tries it again.
    Quarantined,
}

impl JobState {
    /// Every state, in the order of a life.
    pub const ALL: [JobState; 6] = [
        JobState::Pending,
        JobState::Running,
        JobState::Completed,
        JobState::Failed,
        JobState::Cancelled,
        JobState::Quarantined,
    ];

    /// The word that stands for it in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            JobState::Pending => "pending",
            JobState::Running => "running",
            JobState::Completed => "completed",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
            JobState::Quarantined => "quarantined",
        }
    }

    /// The state that `word` stands for.
    ///
    /// # Errors
    /// It stands for none; the error lists the words.
    pub fn from_word(word: &str) -> Result<JobState, NoJobState> {
        JobState::ALL.into_iter().find(|state| state.as_str() == word).ok_or(NoJobState)
    }

    /// Whether the job has come to its end.
    pub fn is_over(self) -> bool {
        !matches!(self, JobState::Pending | JobState::Running)
    }
}

/// A word that stands for no state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use pending, running, completed, failed, cancelled or quarantined")]
pub struct NoJobState;

/// `jobs/ID`: how a job ended; `jobs/progress`: how far one is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobOut {
    /// Number of the job.
    pub id: u64,
    /// What it does, such as `upscale`.
    pub kind: String,
    /// What people call it.
    pub name: String,
    /// The picture that it is made from, as a path on the box; `null` where it has none, or takes what other jobs made.
    pub picture: Option<String>,
    /// Number of the workflow that it belongs to; `null` where it belongs to none.
    pub workflow: Option<u64>,
    /// Where it is in its life.
    pub state: JobState,
    /// What it waits for, in words; `null` unless it is pending.
    pub waits_for: Option<String>,
    /// 0 to 255; lower goes first.
    pub priority: u8,
    /// Numbers of the jobs that have to end before it.
    pub after: Vec<u64>,
    /// The key that only this job has; `null` where it has none.
    pub unique_key: Option<String>,
    /// Share of the attempt that is done, 0 to 1.
    pub progress: f32,
    /// The step that is under way or was the last; `null` before the first.
    pub step: Option<String>,
    /// Whether it was asked to stop and has not stopped yet.
    pub is_stopping: bool,
    /// Attempts that counted so far.
    pub tries: u32,
    /// Attempts that it has.
    pub max_attempts: u32,
    /// Time limit of an attempt in seconds.
    pub time_limit_s: f64,
    /// Seconds of each step of the last attempt, and `total`.
    pub processing_times: BTreeMap<String, f64>,
    /// How long it waited for its turn before the last attempt, in milliseconds.
    pub waited_ms: u64,
    /// Why it, or its last attempt, did not succeed; `null` where it did.
    pub reason: Option<String>,
    /// The job whose kept answer is its own; `null` where it was computed.
    pub cached_from: Option<u64>,
    /// Its newest attempts, oldest first.
    pub attempts: Vec<AttemptOut>,
    /// When it was added, RFC 3339, UTC.
    pub created: String,
    /// When it ended, RFC 3339, UTC; `null` until then.
    pub ended: Option<String>,
    /// Its answer; `null` until it is completed.
    pub result: Option<JobResult>,
}

impl Payload for JobOut {
    const SCHEMA: &'static str = "ocellus.job/1";
}

/// One attempt of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptOut {
    /// Its number, from 1.
    pub number: u32,
    /// When it began, RFC 3339, UTC.
    pub started: String,
    /// When it ended, RFC 3339, UTC; `null` while it runs.
    pub ended: Option<String>,
    /// `completed`, `failed`, `timed_out`, `cancelled`, `killed` (the process died) or `released` (given back, which costs
    /// no attempt); `null` while it runs.
    pub end: Option<String>,
    /// Why it did not succeed; `null` where it did.
    pub reason: Option<String>,
}

/// The answer of a completed job, by its kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum JobResult {
    /// The answer of `upscale`.
    Upscaled(UpscaledOut),
    /// The answer of `upscale` of what other jobs made.
    UpscaledAll(UpscaledAllOut),
    /// The answer of `variations`.
    Variations(VariationsOut),
    /// The answer of `report`.
    Report(ReportOut),
    /// The answer of `clip`.
    Clip(ClipOut),
    /// The answer of `fetch`.
    Fetched(FetchedOut),
    /// The answer of `upload`.
    Uploaded(UploadedOut),
    /// The answer of `generate`.
    Generated(GeneratedOut),
    /// The answer of `batch`.
    Batch(BatchedOut),
}

impl JobResult {
    /// The answer that the queue keeps as `bytes`; `None` where a newer program wrote it in another form.
    pub fn read(bytes: &[u8]) -> Option<JobResult> {
        serde_json::from_slice(bytes).ok()
    }

    /// Paths of the files that the job made, in the order of its answer.
    pub fn files(&self) -> Vec<&str> {
        match self {
            JobResult::Report(made) => vec![&made.path],
            JobResult::Clip(made) => vec![&made.clip.path],
            _ => self.pictures().into_iter().map(|picture| picture.path.as_str()).collect(),
        }
    }

    /// The pictures that the job made, in the order of its answer.
    pub fn pictures(&self) -> Vec<&JobFileOut> {
        match self {
            JobResult::Upscaled(made) => vec![&made.file],
            JobResult::UpscaledAll(made) => made.enlarged.iter().map(|one| &one.file).collect(),
            JobResult::Variations(made) => made.variations.iter().map(|one| &one.file).collect(),
            JobResult::Fetched(made) => vec![&made.fetched],
            JobResult::Generated(made) => made.generated.iter().collect(),
            JobResult::Report(_) | JobResult::Clip(_) | JobResult::Uploaded(_) | JobResult::Batch(_) => {
                Vec::new()
            }
        }
    }
}

/// A picture that was enlarged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UpscaledOut {
    /// The file that was written.
    pub file: JobFileOut,
    /// How it was really enlarged: `model`, `lanczos`, or `original` (not at all).
    pub method: String,
    /// SHA-256 of the model's file; `null` where no model enlarged it.
    pub model: Option<String>,
    /// Tiles that the model computed; 0 without a model.
    pub tiles: u64,
    /// Why it was not enlarged as it was asked for; `null` where it was.
    pub fell_back: Option<String>,
}

/// The pictures of other jobs that were enlarged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UpscaledAllOut {
    /// One for each picture, in the order in which they were made.
    pub enlarged: Vec<UpscaledOut>,
}

/// The variations of a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VariationsOut {
    /// One for each background, in the order of the request.
    pub variations: Vec<VariationOut>,
    /// The share of the picture that is foreground, 0 to 1.
    pub foreground: f32,
    /// SHA-256 of the file of the model that found the foreground.
    pub model: String,
}

/// A picture on another background.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VariationOut {
    /// The background: `white`, `plain:#rrggbb`, `random:SEED`, or the path of a picture.
    pub background: String,
    /// The file that was written.
    pub file: JobFileOut,
}

/// A table about other jobs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReportOut {
    /// Path of the file on the box.
    pub path: String,
    /// SHA-256 of the file; its name has the first 16 digits.
    pub sha256: String,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// Rows of the table, without its head.
    pub rows: u64,
}

/// A file that a job made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobFileOut {
    /// Path of the file on the box.
    pub path: String,
    /// SHA-256 of the file; its name has the first 16 digits.
    pub sha256: String,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// Width of the picture in px.
    pub width: u64,
    /// Height of the picture in px.
    pub height: u64,
}

/// A microscopy run that was carried out as a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BatchedOut {
    /// Name of the run.
    pub run: String,
    /// The recipe, as its file is called without `.toml`.
    pub recipe: String,
    /// Fields of view of the run; all of them are complete.
    pub fovs: u64,
}

/// `GET /api/v1/status/queue`: the queue. The first eight fields have the names that services of this kind use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QueueOut {
    /// Jobs that wait, for whatever.
    pub queue_size: u64,
    /// How many may wait.
    pub max_queue_size: u64,
    /// Jobs that run now.
    pub running_tasks: u64,
    /// How many may run at once.
    pub max_workers: u64,
    /// Completed jobs whose answers are kept.
    pub total_results: u64,
    /// Whether jobs are started: `false` while the queue is paused.
    pub is_running: bool,
    /// Jobs that completed so far.
    pub completed_tasks: u64,
    /// Jobs that failed so far.
    pub failed_tasks: u64,
    /// Whether new jobs are refused until the queue is resumed or the service restarts.
    pub is_draining: bool,
    /// Of those that wait: it would be their turn.
    pub due_tasks: u64,
    /// Of those that wait: for a time or the end of a pause.
    pub delayed_tasks: u64,
    /// Of those that wait: for other jobs.
    pub blocked_tasks: u64,
    /// Jobs that are set aside, because the process died each time while they ran.
    pub quarantined_tasks: u64,
    /// Ended jobs that are kept.
    pub history_size: u64,
    /// For how long the oldest due job waits, in milliseconds.
    pub oldest_age_ms: u64,
    /// From being due to the start, 50 of 100 of the last 512 jobs waited no longer, in milliseconds.
    pub wait_p50_ms: u64,
    /// The same for 99 of 100.
    pub wait_p99_ms: u64,
    /// Jobs that run now, by kind.
    pub running_kinds: BTreeMap<String, u64>,
    /// The kinds of jobs that this box does.
    pub kinds: Vec<String>,
    /// What happened over the life of the store: `added`, `refused`, `retried`, `timed_out`, `killed`, `cached`, ….
    pub totals: BTreeMap<String, u64>,
}

/// A job that was added, or that was there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AddedOut {
    /// `new`, `existing` (the job with its unique key) or `cached` (a kept answer is its own).
    pub added: String,
    /// The job as it is now.
    pub job: JobOut,
}

/// A workflow: jobs that depend on one another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkflowOut {
    /// Number of the workflow, which is that of its first job.
    pub id: u64,
    /// `pending` before the first start; `running` until all ended; then `failed`, `quarantined` or `cancelled` if a job is,
    /// in this order, or `completed`.
    pub state: JobState,
    /// The mean of its jobs, 0 to 1; those that ended count as done.
    pub progress: f32,
    /// Seconds of the steps of all jobs, equal names added up; `total` is from the first start to the last end.
    pub processing_times: BTreeMap<String, f64>,
    /// Its jobs, by number.
    pub jobs: Vec<JobOut>,
}

/// A page of jobs, the newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobsOut {
    /// The jobs of this page.
    pub jobs: Vec<JobOut>,
    /// The value of `before` for the next page; `null` where this is the last.
    pub next: Option<u64>,
}

/// Whether the queue does its work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobsHealthOut {
    /// Whether nothing is wrong.
    pub healthy: bool,
    /// What is wrong, with what to do; empty where nothing is.
    pub problems: Vec<String>,
    /// The queue as it is now.
    pub queue: QueueOut,
}
