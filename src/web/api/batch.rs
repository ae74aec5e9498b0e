//! Microscopy: recipes, their runs and their results.

use axum::http::StatusCode;

use super::super::answer::{self, Handled, WebFault, json_with};
use super::super::routes::Call;
use super::super::server::Server;
use super::state::{another_answer, ask};
use crate::commands::batch::{BatchAnswer, BatchCommand, BatchOut};
use crate::commands::{Command, CommandAnswer};
use crate::contract::BatchProgress;
use crate::types::CommandKind;

/// The answer to `command`, as the type that it has.
async fn ask_for<T: TryFrom<BatchAnswer>>(server: &Server, command: BatchCommand) -> Result<T, WebFault> {
    match ask(server, Command::Batch(command)).await? {
        CommandAnswer::Batch(answer) => T::try_from(answer).map_err(|_| another_answer(CommandKind::Batch)),
        _ => Err(another_answer(CommandKind::Batch)),
    }
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

/// The run goes on after the answer, so it is only accepted.
async fn changed(call: Call, command: BatchCommand) -> Handled {
    json_with(StatusCode::ACCEPTED, &ask_for::<BatchProgress>(&call.server, command).await?)
}
