//! Commands to instruments: what they are, run one, turn off. Whether the user's role is enough is decided where the
//! command is known.

use super::super::answer::{self, Handled, WebFault};
use super::super::bodies::RunIn;
use super::super::routes::Call;
use super::super::server::Server;
use super::state::ask_within;
use crate::commands::Command;
use crate::commands::outputs::{
    CommandsOut, OffOut, OffRequest, OutputAnswer, OutputCommand, RanOut, RunRequest,
};

/// The answer to `command`, as the type that it has.
async fn ask_for<T: TryFrom<OutputAnswer>>(server: &Server, command: OutputCommand) -> Result<T, WebFault> {
    ask_within::<OutputAnswer, T>(server, Command::Output(command)).await
}

pub(in super::super) async fn list(call: Call) -> Handled {
    answer::json(&ask_for::<CommandsOut>(&call.server, OutputCommand::List).await?)
}

pub(in super::super) async fn run(mut call: Call) -> Handled {
    let RunIn { values } = call.short_json().await?;
    let (by, role) = (Some(call.who.name().to_owned()), call.who.role());
    let request = RunRequest { name: call.param("name").to_owned(), values, by, role };
    answer::json(&ask_for::<RanOut>(&call.server, OutputCommand::Run(request)).await?)
}

pub(in super::super) async fn off(call: Call) -> Handled {
    let name = Some(call.param("name").to_owned());
    turn_off(call, name).await
}

pub(in super::super) async fn all_off(call: Call) -> Handled {
    turn_off(call, None).await
}

async fn turn_off(call: Call, name: Option<String>) -> Handled {
    let (by, role) = (Some(call.who.name().to_owned()), call.who.role());
    let request = OffRequest { name, by, role };
    answer::json(&ask_for::<OffOut>(&call.server, OutputCommand::Off(request)).await?)
}
