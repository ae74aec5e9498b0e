//! Microscopy: recipes, their runs and their results.

use axum::http::StatusCode;
use bytes::Bytes;

use super::super::answer::{self, Handled, WebFault, bytes, json_with, mime};
use super::super::bodies::{FitIn, MarkIn};
use super::super::routes::Call;
use super::super::server::Server;
use super::state::ask_within;
use crate::commands::Command;
use crate::commands::batch::{
    BatchAnswer, BatchCommand, BatchOut, FileOut, MarkedOut, ResultsOut, TracesOut,
};
use crate::contract::BatchProgress;

/// The answer to `command`, as the type that it has.
async fn ask_for<T: TryFrom<BatchAnswer>>(server: &Server, command: BatchCommand) -> Result<T, WebFault> {
    ask_within::<BatchAnswer, T>(server, Command::Batch(command)).await
}

pub(in super::super) async fn status(call: Call) -> Handled {
    answer::json(&ask_for::<BatchOut>(&call.server, BatchCommand::Status).await?)
}

pub(in super::super) async fn run(call: Call) -> Handled {
    let recipe = call.param("recipe").to_owned();
    changed(call, BatchCommand::Run { recipe }).await
}

pub(in super::super) async fn resume(call: Call) -> Handled {
    let run = call.param("recipe").to_owned();
    changed(call, BatchCommand::Resume { run }).await
}

pub(in super::super) async fn cancel(call: Call) -> Handled {
    let run = Some(call.param("recipe").to_owned());
    changed(call, BatchCommand::Cancel { run }).await
}

pub(in super::super) async fn results(call: Call) -> Handled {
    let recipe = call.param("recipe").to_owned();
    answer::json(&ask_for::<ResultsOut>(&call.server, BatchCommand::Results { recipe }).await?)
}

pub(in super::super) async fn traces(call: Call) -> Handled {
    let recipe = call.param("recipe").to_owned();
    let fov = fov(&call)?;
    let feature = call.asked("feature").filter(|name| !name.is_empty()).map(str::to_owned);
    let command = BatchCommand::Traces { recipe, fov, feature };
    answer::json(&ask_for::<TracesOut>(&call.server, command).await?)
}

pub(in super::super) async fn overlay(call: Call) -> Handled {
    let recipe = call.param("recipe").to_owned();
    let fov = fov(&call)?;
    let frame = call.asked("frame").unwrap_or("0");
    let fault = |_| WebFault::bad(format!("frame is {frame:?}"), "write a whole number, from 0");
    let command = BatchCommand::Overlay { recipe, fov, frame: frame.parse().map_err(fault)? };
    let file = ask_for::<FileOut>(&call.server, command).await?;
    Ok(bytes(mime::JPEG, Bytes::from(file.bytes)))
}

pub(in super::super) async fn mark(mut call: Call) -> Handled {
    let recipe = call.param("recipe").to_owned();
    let (fov, cell) = (fov(&call)?, call.number("cell")?);
    let cell = u32::try_from(cell).map_err(|_| {
        WebFault::unknown("unknown_cell", format!("there is no cell {cell}"), "ids are from 1")
    })?;
    let MarkIn { good } = call.short_json().await?;
    let command = BatchCommand::Mark { recipe, fov, cell, good };
    answer::json(&ask_for::<MarkedOut>(&call.server, command).await?)
}

pub(in super::super) async fn fit(mut call: Call) -> Handled {
    let recipe = call.param("recipe").to_owned();
    let FitIn { model, feature } = call.short_json().await?;
    let command = BatchCommand::Fit { recipe, model, feature };
    answer::json(&ask_for::<ResultsOut>(&call.server, command).await?)
}

pub(in super::super) async fn tables(call: Call) -> Handled {
    let recipe = call.param("recipe").to_owned();
    let file = ask_for::<FileOut>(&call.server, BatchCommand::Tables { recipe }).await?;
    Ok(answer::attachment(bytes(mime::ZIP, Bytes::from(file.bytes)), &file.name))
}

fn fov(call: &Call) -> Result<usize, WebFault> {
    Ok(call.number("fov")? as usize)
}

/// The run goes on after the answer, so it is only accepted.
async fn changed(call: Call, command: BatchCommand) -> Handled {
    json_with(StatusCode::ACCEPTED, &ask_for::<BatchProgress>(&call.server, command).await?)
}
