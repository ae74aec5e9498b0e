//! `ocellus product`, `trigger`, `status`, `alarm`, `intake`, `restart`, `reload`, `stop`, `top`, `log`, `logs` and `console`: requests to the running service.

pub(super) mod alarm;
pub(super) mod console;
mod glance;
pub(super) mod intake;
pub(super) mod log;
mod log_file;
pub(super) mod logs;
pub(super) mod moment;
pub(super) mod product;
pub(super) mod reload;
pub(super) mod restart;
pub(super) mod screen;
pub(super) mod status;
pub(super) mod stop;
pub(super) mod top;
pub(super) mod trigger;

use clap::Args;
use serde::de::DeserializeOwned;

use super::{Configured, output};
use crate::commands::Command;
use crate::control::ask;

/// Which service to ask, and how to print.
#[derive(Debug, Args)]
pub(super) struct LiveCommon {
    #[command(flatten)]
    configured: Configured,
    /// Print the answer as JSON.
    #[arg(long, global = true)]
    json: bool,
}

impl LiveCommon {
    /// Asks the service, and prints its answer: as it is, or in the words that `words` makes of it.
    pub(super) fn show<T: DeserializeOwned>(
        &self,
        command: &Command,
        words: impl FnOnce(&T) -> String,
    ) -> anyhow::Result<()> {
        let answer = output::asked(ask(&self.configured.dir(), command)).map_err(anyhow::Error::from);
        output::output(self.json, answer.and_then(|answer| output::answered(answer, words)))
    }
}
