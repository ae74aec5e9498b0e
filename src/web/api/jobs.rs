//! Studio jobs and their queue.

use axum::http::StatusCode;

use super::super::answer::{self, Handled, WebFault, json_with};
use super::super::routes::Call;
use super::super::server::Server;
use super::state::{another_answer, ask};
use crate::commands::jobs::{JobIn, JobRequest, JobsAnswer, JobsCommand, ListRequest, WorkflowIn};
use crate::commands::{Command, CommandAnswer};
use crate::contract::{AddedOut, JobOut, JobState, JobsHealthOut, JobsOut, QueueOut, WorkflowOut};
use crate::types::CommandKind;

/// Jobs of a page, usually and at most.
const USUAL: usize = 50;
pub(in super::super) const MOST: usize = 500;

/// The answer to `command`, as the type that it has.
async fn ask_for<T: TryFrom<JobsAnswer>>(server: &Server, command: JobsCommand) -> Result<T, WebFault> {
    match ask(server, Command::Jobs(command)).await? {
        CommandAnswer::Jobs(answer) => T::try_from(answer).map_err(|_| another_answer(CommandKind::Jobs)),
        _ => Err(another_answer(CommandKind::Jobs)),
    }
}

pub(in super::super) async fn queue(call: Call) -> Handled {
    answer::json(&ask_for::<QueueOut>(&call.server, JobsCommand::Status).await?)
}

pub(in super::super) async fn health(call: Call) -> Handled {
    answer::json(&ask_for::<JobsHealthOut>(&call.server, JobsCommand::Health).await?)
}

pub(in super::super) async fn control(call: Call) -> Handled {
    let command = match call.param("action") {
        "pause" => JobsCommand::Pause,
        "resume" => JobsCommand::Resume,
        "drain" => JobsCommand::Drain,
        other => {
            let message = format!("the queue cannot {other:?}");
            return Err(WebFault::unknown("not_found", message, "use pause, resume or drain"));
        }
    };
    answer::json(&ask_for::<QueueOut>(&call.server, command).await?)
}

pub(in super::super) async fn list(call: Call) -> Handled {
    let state = call.asked("state").filter(|word| !word.is_empty());
    let state = state.map(|word| {
        let known = JobState::ALL.into_iter().find(|state| state.as_str() == word);
        let remedy = "use pending, running, completed, failed, cancelled or quarantined";
        known.ok_or_else(|| WebFault::bad(format!("state is {word:?}"), remedy))
    });
    let before = call.asked("before").filter(|text| !text.is_empty());
    let fault = |_| WebFault::bad("before is not a number", "write a job's number");
    let request = ListRequest {
        state: state.transpose()?,
        kind: call.asked("kind").filter(|kind| !kind.is_empty()).map(str::to_owned),
        before: before.map(|text| text.parse().map_err(fault)).transpose()?,
        limit: Some(call.limit(USUAL, MOST)? as u16),
    };
    answer::json(&ask_for::<JobsOut>(&call.server, JobsCommand::List(request)).await?)
}

pub(in super::super) async fn add(mut call: Call) -> Handled {
    let job: JobIn = call.short_json().await?;
    json_with(StatusCode::ACCEPTED, &ask_for::<Box<AddedOut>>(&call.server, JobsCommand::Add(job)).await?)
}

pub(in super::super) async fn workflow(mut call: Call) -> Handled {
    let jobs: WorkflowIn = call.short_json().await?;
    json_with(StatusCode::ACCEPTED, &ask_for::<WorkflowOut>(&call.server, JobsCommand::Workflow(jobs)).await?)
}

pub(in super::super) async fn show(call: Call) -> Handled {
    one(call, JobsCommand::Show).await
}

pub(in super::super) async fn cancel(call: Call) -> Handled {
    one(call, JobsCommand::Cancel).await
}

pub(in super::super) async fn retry(call: Call) -> Handled {
    one(call, JobsCommand::Retry).await
}

pub(in super::super) async fn follow(call: Call) -> Handled {
    let id = call.number("id")?;
    let command = JobsCommand::Follow(JobRequest { id });
    answer::json(&ask_for::<WorkflowOut>(&call.server, command).await?)
}

async fn one(call: Call, command: fn(JobRequest) -> JobsCommand) -> Handled {
    let id = call.number("id")?;
    answer::json(&ask_for::<Box<JobOut>>(&call.server, command(JobRequest { id })).await?)
}
