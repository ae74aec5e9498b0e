//! The requests and answers of the command `jobs`, shared by MQTT, REST and the command line.

mod clip;
mod fleet;
mod remote;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::contract::{AddedOut, JobOut, JobState, JobsHealthOut, JobsOut, QueueOut, WorkflowOut};
use crate::types::{answers, with_usual_action};

pub use clip::{ClipEncodingIn, ClipIn};
pub use fleet::FleetJobIn;
pub use remote::{FetchIn, GenerateIn, UploadIn, ValueIn};

/// The command `jobs`: studio jobs and their queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "lowercase")]
#[schemars(transform = usual_action)]
pub enum JobsCommand {
    /// The state of the queue.
    Status,
    /// Add one job to the queue.
    Add(JobIn),
    /// Add jobs that depend on one another: all of them, or none.
    Workflow(WorkflowIn),
    /// The jobs that wait, run, or are kept, newest first.
    List(ListRequest),
    /// One job with its answer.
    Show(JobRequest),
    /// A workflow with its jobs.
    Follow(JobRequest),
    /// Cancel a job that waits or runs, and the jobs that need it.
    Cancel(JobRequest),
    /// Cancel all jobs of a workflow that wait or run.
    #[serde(rename = "cancel_workflow")]
    CancelWorkflow(JobRequest),
    /// Try a job again that failed, was cancelled or is set aside.
    Retry(JobRequest),
    /// Start no more jobs, over restarts too; those that run go on.
    Pause,
    /// Start jobs again, and take new ones.
    Resume,
    /// Take no new jobs until the queue is resumed or the service restarts; those that are there run to their end.
    Drain,
    /// Whether the queue does its work, and what is wrong if it does not.
    Health,
}

impl JobsCommand {
    /// What is asked for where no action is named.
    pub const USUAL: &'static str = "status";

    /// The word of the action.
    pub fn action(&self) -> &'static str {
        match self {
            JobsCommand::Status => "status",
            JobsCommand::Add(_) => "add",
            JobsCommand::Workflow(_) => "workflow",
            JobsCommand::List(_) => "list",
            JobsCommand::Show(_) => "show",
            JobsCommand::Follow(_) => "follow",
            JobsCommand::Cancel(_) => "cancel",
            JobsCommand::CancelWorkflow(_) => "cancel_workflow",
            JobsCommand::Retry(_) => "retry",
            JobsCommand::Pause => "pause",
            JobsCommand::Resume => "resume",
            JobsCommand::Drain => "drain",
            JobsCommand::Health => "health",
        }
    }

    /// What it changes; `None` where it only reads.
    pub fn target(&self) -> Option<String> {
        match self {
            JobsCommand::Status
            | JobsCommand::List(_)
            | JobsCommand::Show(_)
            | JobsCommand::Follow(_)
            | JobsCommand::Health => None,
            JobsCommand::Add(job) => Some(job.kind.clone()),
            JobsCommand::Workflow(workflow) => Some(format!("{} jobs", workflow.jobs.len())),
            JobsCommand::Cancel(job) | JobsCommand::CancelWorkflow(job) | JobsCommand::Retry(job) => {
                Some(job.id.to_string())
            }
            JobsCommand::Pause | JobsCommand::Resume | JobsCommand::Drain => Some(String::new()),
        }
    }
}

fn usual_action(schema: &mut Schema) {
    with_usual_action(schema, JobsCommand::USUAL);
}

/// A job that is asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobIn {
    /// What is to be done: `upscale`, `variations`, `clip`, `report`, `fetch`, `upload`, `generate` or `batch`.
    pub kind: String,
    /// What the kind needs: [`UpscaleIn`], [`VariationsIn`], [`ClipIn`], [`ReportIn`], [`FetchIn`], [`UploadIn`],
    /// [`GenerateIn`] or [`BatchIn`].
    #[serde(default)]
    #[schemars(with = "Option<Parameters>")]
    pub parameters: Map<String, Value>,
    /// What people call it; by default the name of its picture or recipe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// 0 to 255, lower goes first; 100 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// Not before this moment, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_at: Option<String>,
    /// Attempts, the first included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
    /// Time limit of an attempt in seconds, a day at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_limit_s: Option<u32>,
    /// Only one job has this key: a second request is answered with the first job, while that one is open, set aside or
    /// kept as completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique_key: Option<String>,
    /// Jobs of the queue that have to end before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<AfterJob>,
}

/// What is wrong with the JSON of a request, without a URL of it: the signature of a presigned one is a secret.
pub(super) fn json_cause(error: &serde_json::Error) -> String {
    let cause = error.to_string();
    if cause.contains("://") { "a value has another type than is needed".to_owned() } else { cause }
}

/// A job of the queue that has to end before another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AfterJob {
    /// Number of that job.
    pub job: u64,
    /// Whether the other one also runs if this one does not complete.
    #[serde(default)]
    pub optional: bool,
}

/// The parameters of a job, by its kind. For the schema alone: each kind reads its own.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "only its schema is of use")]
enum Parameters {
    /// What a job of kind `upscale` needs.
    Upscale(UpscaleIn),
    /// What a job of kind `variations` needs.
    Variations(VariationsIn),
    /// What a job of kind `clip` needs.
    Clip(ClipIn),
    /// What a job of kind `report` needs.
    Report(ReportIn),
    /// What a job of kind `fetch` needs.
    Fetch(FetchIn),
    /// What a job of kind `upload` needs.
    Upload(UploadIn),
    /// What a job of kind `generate` needs.
    Generate(GenerateIn),
    /// What a job of kind `batch` needs.
    Batch(BatchIn),
}

/// The parameters of `upscale`: enlarge a picture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpscaleIn {
    /// The picture, below the folder `jobs.pictures`; from the command line also an absolute path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// In the place of a picture: all pictures that the jobs before this one made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_jobs: bool,
    /// 2 (by default) or 4 times as wide and high.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<u8>,
    /// `png` (by default) or `jpeg`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<FormatIn>,
    /// Quality of a JPEG, 1 to 100; 90 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<u8>,
    /// What is done where no model can enlarge it: `lanczos` (by default), `original` (it stays as it is) or `none` (the job
    /// fails).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<FallbackIn>,
}

/// The format of a picture that a job writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FormatIn {
    /// Lossless, with alpha where the picture has it.
    Png,
    /// Baseline JPEG without alpha.
    Jpeg,
}

/// What is done where no model can enlarge a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FallbackIn {
    /// The picture is enlarged by Lanczos-3.
    Lanczos,
    /// The picture stays as it is.
    Original,
    /// The job fails with the reason.
    None,
}

/// The parameters of `variations`: put what is in the foreground of a picture on other backgrounds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VariationsIn {
    /// The picture, below the folder `jobs.pictures`; from the command line also an absolute path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// In the place of a picture: the one picture that the jobs before this one made or fetched.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_jobs: bool,
    /// 1 to 32 backgrounds: `white`, `plain:#rrggbb`, `random`, `random:SEED`, a picture, or a pattern such as `shop/*.jpg`, which
    /// is looked for when the job runs.
    pub backgrounds: Vec<String>,
    /// Whether the foreground casts a soft shadow.
    #[serde(default)]
    pub shadow: bool,
    /// `png` (by default) or `jpeg`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<FormatIn>,
    /// Quality of a JPEG, 1 to 100; 90 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<u8>,
}

impl VariationsIn {
    /// Whether an entry of `backgrounds` is a word of the list, and never the name of a picture.
    pub fn is_word(background: &str) -> bool {
        let word = background.split_once(':').map_or(background, |(word, _)| word);
        matches!(word, "white" | "plain" | "random")
    }
}

/// The parameters of `report`: a table about the jobs that it comes after.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportIn {
    /// `xlsx` (by default; with small pictures) or `csv`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<TableFormatIn>,
}

/// The format of a table that a job writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TableFormatIn {
    /// A workbook with small pictures.
    Xlsx,
    /// Text with commas, RFC 4180.
    Csv,
}

/// The parameters of `batch`: carry out a microscopy run, or go on with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchIn {
    /// The recipe, as its file in the folder `batch.recipes` is called without `.toml`.
    pub recipe: String,
}

/// Jobs that depend on one another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkflowIn {
    /// The jobs, in any order.
    pub jobs: Vec<WorkflowJobIn>,
}

/// A job of a workflow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkflowJobIn {
    /// What the others of the workflow call it.
    pub label: String,
    /// Jobs of the workflow that have to complete before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// Jobs of the workflow that have to end before, however they do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follows: Vec<String>,
    /// What is to be done, and when.
    #[serde(flatten)]
    pub job: JobIn,
}

/// Which jobs are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListRequest {
    /// Only jobs in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<JobState>,
    /// Only jobs of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Only jobs with smaller numbers: the field `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// How many at most, up to 500; 50 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u16>,
}

impl ListRequest {
    /// Jobs of a page where the request names no number.
    pub const USUAL: u16 = 50;
    /// The most jobs of a page.
    pub const MOST: u16 = 500;
}

/// Which job or workflow is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobRequest {
    /// Number of the job or workflow.
    pub id: u64,
}

answers! {
    /// The answer to a [`JobsCommand`].
    pub enum JobsAnswer {
        /// Answer to `status`, `pause`, `resume` and `drain`: the queue.
        Queue(QueueOut),
        /// Answer to `add`: the job.
        Added(Box<AddedOut>),
        /// Answer to `workflow`, `follow` and `cancel_workflow`: the workflow with its jobs.
        Workflow(WorkflowOut),
        /// Answer to `list`: a page of jobs.
        Jobs(JobsOut),
        /// Answer to `show`, `cancel` and `retry`: the job.
        Job(Box<JobOut>),
        /// Answer to `health`: what is wrong.
        Health(JobsHealthOut),
    }
}
