//! Studio jobs and their queue.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::Value;

use super::super::answer::{self, Handled, WebFault, json_with, mime};
use super::super::body;
use super::super::routes::Call;
use super::super::server::Server;
use super::disk::{archive, asked_range, opening, sent};
use super::state::ask_within;
use super::upload;
use crate::commands::Command;
use crate::commands::jobs::{JobIn, JobRequest, JobsAnswer, JobsCommand, ListRequest, WorkflowIn};
use crate::contract::rest::UploadedOut;
use crate::contract::{
    AddedOut, JobOut, JobState, JobsHealthOut, JobsOut, NoJobState, QueueOut, WorkflowOut,
};
use crate::image::picture;

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

/// Adds a job: the body is the request as JSON, or the job's picture with the request in the query.
pub(in super::super) async fn add(mut call: Call) -> Handled {
    let job: JobIn = match upload::is_picture(&call.headers) {
        true => with_picture(&mut call).await?,
        false => call.short_json().await?,
    };
    json_with(StatusCode::ACCEPTED, &ask_for::<Box<AddedOut>>(&call.server, JobsCommand::Add(job)).await?)
}

async fn with_picture(call: &mut Call) -> Result<JobIn, WebFault> {
    let request = call.asked("request").unwrap_or_default();
    let mut job: JobIn = body::json(request.as_bytes())?;
    job.name.get_or_insert_with(|| upload::name(call).to_owned());
    let picture = upload::take(call).await?;
    job.parameters.insert("picture".to_owned(), Value::String(picture));
    Ok(job)
}

/// Takes a picture for jobs that are added next.
pub(in super::super) async fn take_picture(mut call: Call) -> Handled {
    json_with(StatusCode::CREATED, &UploadedOut { picture: upload::take(&mut call).await? })
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

pub(in super::super) async fn cancel_workflow(call: Call) -> Handled {
    let id = call.number("id")?;
    let command = JobsCommand::CancelWorkflow(JobRequest { id });
    answer::json(&ask_for::<WorkflowOut>(&call.server, command).await?)
}

/// A file that a job made, by its name or by its place in the answer, from 1. Its path comes from the answer and never from
/// the request.
pub(in super::super) async fn file(call: Call) -> Handled {
    let (id, asked) = (call.number("id")?, call.param("file"));
    let job = ask_for::<Box<JobOut>>(&call.server, JobsCommand::Show(JobRequest { id })).await?;
    let mut files = files_of(&job).into_iter();
    let place = asked.parse::<usize>().ok().map(|number| number.checked_sub(1));
    let found = match place {
        Some(place) => place.and_then(|place| files.nth(place)),
        None => files.find(|path| path.file_name().is_some_and(|name| name.to_str() == Some(asked))),
    };
    let Some(path) = found else {
        let message = format!("job {id} has no file {asked:?}");
        let remedy = "its answer lists them: ask by their names, or by numbers from 1";
        return Err(WebFault::unknown("unknown_file", message, remedy));
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let content_type = content_type(path.extension().unwrap_or_default().to_str().unwrap_or_default());
    let opened =
        opening(move || File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)))).await?;
    let (bytes, file) = opened.map_err(|error| {
        let message = format!("the file {name} of job {id} cannot be read: {error}");
        WebFault::unknown("unknown_file", message, "it was removed since: add the job again")
    })?;
    // Players ask for a clip in ranges, and some play it only then.
    let range = asked_range(&call.headers, bytes)?;
    Ok(answer::attachment(sent(file, bytes, range, content_type), &name))
}

/// All files of a job as one ZIP.
pub(in super::super) async fn zip(call: Call) -> Handled {
    let id = call.number("id")?;
    let job = ask_for::<Box<JobOut>>(&call.server, JobsCommand::Show(JobRequest { id })).await?;
    zip_of(&format!("job-{id}"), files_of(&job)).await
}

/// All files of a workflow's jobs as one ZIP.
pub(in super::super) async fn workflow_zip(call: Call) -> Handled {
    let id = call.number("id")?;
    let command = JobsCommand::Follow(JobRequest { id });
    let workflow = ask_for::<WorkflowOut>(&call.server, command).await?;
    zip_of(&format!("workflow-{id}"), workflow.jobs.iter().flat_map(files_of).collect()).await
}

/// Paths of the files that a job made.
fn files_of(job: &JobOut) -> Vec<PathBuf> {
    job.result.iter().flat_map(|result| result.files()).map(PathBuf::from).collect()
}

async fn zip_of(name: &str, mut files: Vec<PathBuf>) -> Handled {
    if files.is_empty() {
        let remedy = "wait until it is completed; a microscopy run keeps its tables with its recipe";
        return Err(WebFault::unknown("unknown_file", format!("{name} has made no file yet"), remedy));
    }
    // Jobs with the same picture have the same file.
    files.sort_unstable();
    files.dedup();
    // What hangs is found here, where a limit holds.
    let files = opening(move || {
        files.retain(|path| path.try_exists().unwrap_or(true));
        files
    })
    .await?;
    let mut response = Response::new(Body::from_stream(archive(files)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(mime::ZIP));
    Ok(answer::attachment(response, &format!("{name}.zip")))
}

/// The picture that a job is made from. Its path comes from the queue and never from the request, and a file that is no
/// picture is not sent: a job of the command line may name any file.
pub(in super::super) async fn picture(call: Call) -> Handled {
    let id = call.number("id")?;
    let job = ask_for::<Box<JobOut>>(&call.server, JobsCommand::Show(JobRequest { id })).await?;
    let Some(path) = job.picture else {
        let message = format!("job {id} is made from no picture of its own");
        return Err(WebFault::unknown(
            "unknown_file",
            message,
            "the jobs in its field after made what it takes",
        ));
    };
    let opened = opening(move || {
        let mut file = File::open(path)?;
        let mut begin = [0; 4];
        file.read_exact(&mut begin)?;
        Ok::<_, std::io::Error>((file.metadata()?.len(), picture::extension(&begin), file))
    });
    let gone = |why: &dyn std::fmt::Display| {
        let message = format!("the picture of job {id} cannot be shown: {why}");
        WebFault::unknown("unknown_file", message, "it was removed or replaced since: add the job again")
    };
    let (bytes, extension, file) = opened.await?.map_err(|error| gone(&error))?;
    let extension = extension.ok_or_else(|| gone(&"the file is no JPEG, PNG or BMP"))?;
    let range = asked_range(&call.headers, bytes)?;
    Ok(sent(file, bytes, range, content_type(extension)))
}

fn content_type(extension: &str) -> &'static str {
    match extension {
        "jpg" => mime::JPEG,
        "bmp" => mime::BMP,
        "mp4" => mime::MP4,
        "mkv" => mime::MKV,
        "csv" => mime::CSV,
        "xlsx" => mime::XLSX,
        _ => mime::PNG,
    }
}

async fn one(call: Call, command: fn(JobRequest) -> JobsCommand) -> Handled {
    let id = call.number("id")?;
    answer::json(&ask_for::<Box<JobOut>>(&call.server, command(JobRequest { id })).await?)
}
