//! `ocellus restart`: stops one unit of the running service and builds it again.

use clap::Args;

use super::LiveCommon;
use crate::commands::Command;
use crate::commands::service::{RestartRequest, RestartedOut};

/// All other units run on; `ocellus status` and the page list the units.
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
