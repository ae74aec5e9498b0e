//! `ocellus restart`: one unit of the running service is built again.

use clap::Args;

use super::LiveCommon;
use crate::commands::Command;
use crate::commands::service::{RestartRequest, RestartedOut};

/// What is not restarted goes on; `ocellus status` and the page tell the units.
#[derive(Debug, Args)]
pub(in crate::cli) struct RestartArgs {
    /// The unit, such as camera/front, mqtt or web.
    unit: String,
    #[command(flatten)]
    common: LiveCommon,
}

pub(in crate::cli) fn run(arguments: &RestartArgs) -> anyhow::Result<()> {
    let unit = arguments.unit.clone();
    arguments.common.show(&Command::Restart(RestartRequest { unit }), |answer: &RestartedOut| {
        let already = answer.already_restarting == Some(true);
        let what = if already { "being restarted already" } else { "restarted" };
        format!("{} is {what}", answer.unit)
    })
}
