//! `ocellus jobs`: studio jobs and their queue, on the running service.

mod add;
mod clip;
mod remote;
mod then;
mod watch;
mod words;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{Configured, output};
use crate::commands::Command;
use crate::commands::jobs::{JobRequest, JobsCommand, ListRequest, WorkflowIn};
use crate::config::text;
use crate::contract::{AddedOut, JobOut, JobState, JobsHealthOut, JobsOut, QueueOut};
use crate::control::ask;
use add::AddArgs;
use watch::WatchArgs;

/// The queue is that of the running service, which has jobs.enabled = true. It survives restarts: a job that was under way
/// when the power failed is done again.
#[derive(Debug, Args)]
pub(super) struct JobsArgs {
    #[command(subcommand)]
    action: JobsAction,
    #[command(flatten)]
    configured: Configured,
    /// Print the answer as JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum JobsAction {
    /// Add jobs: what is done with pictures, or a microscopy run.
    Add(AddArgs),
    /// Add jobs that depend on one another: all of them, or none.
    Workflow {
        /// A file with the jobs, as docs/jobs.md describes it.
        #[arg(value_name = "FILE.json")]
        file: PathBuf,
    },
    /// List jobs, newest first.
    List {
        /// Only jobs in this state: pending, running, completed, failed, cancelled or quarantined.
        #[arg(long, value_parser = JobState::from_word)]
        state: Option<JobState>,
        /// Only jobs of this kind.
        #[arg(long)]
        kind: Option<String>,
        /// How many at most.
        #[arg(long, default_value_t = ListRequest::USUAL,
            value_parser = clap::value_parser!(u16).range(1..=i64::from(ListRequest::MOST)))]
        limit: u16,
        /// Only jobs with smaller numbers.
        #[arg(long, value_name = "ID")]
        before: Option<u64>,
    },
    /// Show a job: its answer, its times, its attempts.
    Show(OneJob),
    /// Show a workflow with its jobs.
    Follow(OneJob),
    /// Cancel a job that waits or runs, and the jobs that need it.
    Cancel {
        #[command(flatten)]
        job: OneJob,
        /// Cancel all jobs of the workflow with this number.
        #[arg(long)]
        workflow: bool,
    },
    /// Try a job again that failed, was cancelled or is set aside.
    Retry(OneJob),
    /// Show the state of the queue in a few lines.
    Status,
    /// Show the queue and its jobs as they change.
    Watch(WatchArgs),
    /// Start no more jobs, over restarts too; those that run go on.
    Pause,
    /// Start jobs again, and take new ones.
    Resume,
    /// Take no new jobs until `jobs resume` or a restart; those that are there run to their end.
    Drain,
    /// Check whether the queue does its work: exit code 15 and each problem if it does not.
    Health,
}

/// Which job is meant.
#[derive(Clone, Copy, Debug, Args)]
struct OneJob {
    /// Number of the job or workflow.
    id: u64,
}

/// The queue has problems, which are printed.
#[derive(Debug, thiserror::Error)]
#[error("the queue has {0} problems; each is printed with what to do")]
pub(super) struct UnhealthyQueue(usize);

pub(super) fn run(arguments: &JobsArgs) -> anyhow::Result<()> {
    let JobsArgs { action, configured, json } = arguments;
    let one = |one: &OneJob| JobRequest { id: one.id };
    let (command, words): (JobsCommand, Words) = match action {
        JobsAction::Add(add) => return add::run(add, configured, *json),
        JobsAction::Watch(watch) => return watch::run(watch, configured, *json),
        JobsAction::Workflow { file } => (JobsCommand::Workflow(read(file)?), Words::Workflow),
        JobsAction::List { state, kind, limit, before } => {
            let (state, kind, before) = (*state, kind.clone(), *before);
            (JobsCommand::List(ListRequest { state, kind, before, limit: Some(*limit) }), Words::List)
        }
        JobsAction::Show(job) => (JobsCommand::Show(one(job)), Words::Job),
        JobsAction::Follow(job) => (JobsCommand::Follow(one(job)), Words::Workflow),
        JobsAction::Cancel { job, workflow: false } => (JobsCommand::Cancel(one(job)), Words::Job),
        JobsAction::Cancel { job, workflow: true } => {
            (JobsCommand::CancelWorkflow(one(job)), Words::Workflow)
        }
        JobsAction::Retry(job) => (JobsCommand::Retry(one(job)), Words::Job),
        JobsAction::Status => (JobsCommand::Status, Words::Queue),
        JobsAction::Pause => (JobsCommand::Pause, Words::Queue),
        JobsAction::Resume => (JobsCommand::Resume, Words::Queue),
        JobsAction::Drain => (JobsCommand::Drain, Words::Queue),
        JobsAction::Health => (JobsCommand::Health, Words::Health),
    };
    let answer = output::asked(ask(&configured.dir(), &Command::Jobs(command)));
    let answer = answer.map_err(anyhow::Error::from).and_then(|answer| match words {
        Words::Job => output::answered(answer, words::job),
        Words::List => output::answered(answer, |jobs: &JobsOut| words::list(jobs).join("\n")),
        Words::Workflow => output::answered(answer, words::workflow),
        Words::Queue => output::answered(answer, |queue: &QueueOut| words::queue(queue).join("\n")),
        Words::Health => {
            let mut problems = 0;
            let outcome = output::answered(answer, |health: &JobsHealthOut| {
                problems = health.problems.len();
                words::health(health)
            });
            outcome.map(|outcome| output::CliOutput {
                fault: (problems > 0).then(|| UnhealthyQueue(problems).into()),
                ..outcome
            })
        }
    });
    output::output(*json, answer)
}

/// Which answer is put into words.
enum Words {
    Job,
    List,
    Workflow,
    Queue,
    Health,
}

/// The jobs of a workflow's file.
fn read(file: &Path) -> anyhow::Result<WorkflowIn> {
    let text = text::read(file).map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
    serde_json::from_str(&text).map_err(|error| {
        anyhow::anyhow!("{}: {error}; docs/jobs.md describes what such a file holds", file.display())
    })
}

/// One line about a job that was added.
fn added(added: &AddedOut) -> String {
    let AddedOut { added, job } = added;
    let JobOut { id, kind, name, .. } = job;
    match added.as_str() {
        "existing" => format!("job {id}: {kind} {name} was there already, {}", job.state.as_str()),
        "cached" => format!("job {id}: {kind} {name} is answered with what is kept"),
        _ => format!("job {id}: {kind} {name}"),
    }
}
