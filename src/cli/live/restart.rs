//! `ocellus restart`: one unit of the running service is built again.

use clap::Args;
use serde_json::json;

use super::LiveCommon;
use crate::cli::{CliOutput, output};

/// What is not restarted goes on; `ocellus status` and the page tell the units.
#[derive(Debug, Args)]
pub(in crate::cli) struct RestartArgs {
    /// The unit, such as camera/front, mqtt or web.
    unit: String,
    #[command(flatten)]
    common: LiveCommon,
}

pub(in crate::cli) fn run(arguments: &RestartArgs) -> anyhow::Result<()> {
    let answer = arguments.common.ask("restart", json!({ "unit": arguments.unit }));
    let output = answer.map(|mut answer| {
        answer["ok"] = true.into();
        let what = if answer["already_restarting"] == true { "being restarted already" } else { "restarted" };
        CliOutput::new(format!("{} is {what}", arguments.unit), answer)
    });
    output::output(arguments.common.json, output)
}
