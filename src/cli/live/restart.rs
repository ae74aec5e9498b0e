//! `ocellus restart`: one unit of the running service is built again.

use clap::Args;
use serde_json::json;

use super::Common;
use crate::cli::{Output, output};

/// What is not restarted goes on; `ocellus status` and the page tell the units.
#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The unit, such as camera/front, mqtt or web.
    unit: String,
    #[command(flatten)]
    common: Common,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let answer = arguments.common.ask("restart", json!({ "unit": arguments.unit }));
    let output = answer.map(|mut answer| {
        answer["ok"] = true.into();
        let what = if answer["already_restarting"] == true { "being restarted already" } else { "restarted" };
        Output::new(format!("{} is {what}", arguments.unit), answer)
    });
    output::output(arguments.common.json, output)
}
