//! Studio jobs and their queue.

use std::fs::File;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::super::answer::{self, Handled, WebFault, json_with, mime};
use super::super::routes::Call;
use super::super::server::Server;
use super::disk::{blocking, stream};
use super::state::ask_within;
use crate::commands::Command;
use crate::commands::jobs::{JobIn, JobRequest, JobsAnswer, JobsCommand, ListRequest, WorkflowIn};
use crate::contract::{
    AddedOut, JobOut, JobState, JobsHealthOut, JobsOut, NoJobState, QueueOut, WorkflowOut,
};

/// Jobs of a page, usually and at most.
const USUAL: usize = ListRequest::USUAL as usize;
pub(in super::super) const MOST: usize = ListRequest::MOST as usize;

/// The answer to `command`, as the type that it has.
async fn ask_for<T: TryFrom<JobsAnswer>>(server: &Server, command: JobsCommand) -> Result<T, WebFault> {
    ask_within::<JobsAnswer, T>(server, Command::Jobs(command)).await
}

pub(in super::super) async fn queue(call: Call) -> Handled {
    answer::json(&ask_for::<QueueOut>(&call.server, JobsCommand::Status).await?)
}

pub(in super::super) async fn health(call: Call) -> Handled {
    answer::json(&ask_for::<JobsHealthOut>(&call.server, JobsCommand::Health).await?)
}

pub(in super::super) async fn pause(call: Call) -> Handled {
    answer::json(&ask_for::<QueueOut>(&call.server, JobsCommand::Pause).await?)
}

pub(in super::super) async fn resume(call: Call) -> Handled {
    answer::json(&ask_for::<QueueOut>(&call.server, JobsCommand::Resume).await?)
}

pub(in super::super) async fn drain(call: Call) -> Handled {
    answer::json(&ask_for::<QueueOut>(&call.server, JobsCommand::Drain).await?)
}

pub(in super::super) async fn list(call: Call) -> Handled {
    let state = call.asked("state").filter(|word| !word.is_empty());
    let state = state.map(|word| {
        let fault = |remedy: NoJobState| WebFault::bad(format!("state is {word:?}"), remedy.to_string());
        JobState::from_word(word).map_err(fault)
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

/// A file that a job made, by its place in the answer, from 1. Its path comes from the answer and never from the request.
pub(in super::super) async fn file(call: Call) -> Handled {
    let (id, number) = (call.number("id")?, call.number("file")?);
    let job = ask_for::<Box<JobOut>>(&call.server, JobsCommand::Show(JobRequest { id })).await?;
    let files = job.result.iter().flat_map(|result| result.files());
    let place = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    let Some(path) = place.and_then(|place| files.map(PathBuf::from).nth(place)) else {
        let message = format!("job {id} has no file {number}");
        return Err(WebFault::unknown("unknown_file", message, "its answer lists them, counted from 1"));
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let content_type = content_type(&path);
    let opened =
        blocking(move || File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)))).await?;
    let (bytes, file) = opened.map_err(|error| {
        let message = format!("the file {name} of job {id} cannot be read: {error}");
        WebFault::unknown("unknown_file", message, "it was removed since: add the job again")
    })?;
    let mut response = Response::new(Body::from_stream(stream(file, 0, bytes)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
    Ok(answer::attachment(response, &name))
}

fn content_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("jpg") => mime::JPEG,
        Some("csv") => mime::CSV,
        Some("xlsx") => mime::XLSX,
        _ => mime::PNG,
    }
}

async fn one(call: Call, command: fn(JobRequest) -> JobsCommand) -> Handled {
    let id = call.number("id")?;
    answer::json(&ask_for::<Box<JobOut>>(&call.server, command(JobRequest { id })).await?)
}
