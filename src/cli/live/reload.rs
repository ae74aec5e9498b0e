//! `ocellus reload`: the configuration and the recipes are read again, as by SIGHUP, and how that went is told.

use clap::Args;
use serde_json::{Value, json};

use super::LiveCommon;
use crate::cli::{CliOutput, output};

/// A file that cannot be applied leaves the old configuration in force.
#[derive(Debug, Args)]
pub(in crate::cli) struct ReloadArgs {
    #[command(flatten)]
    common: LiveCommon,
}

pub(in crate::cli) fn run(arguments: &ReloadArgs) -> anyhow::Result<()> {
    let answer = arguments.common.ask("reload", json!({}));
    let output = answer.map(|mut answer| {
        answer["ok"] = true.into();
        CliOutput::new(in_words(&answer), answer)
    });
    output::output(arguments.common.json, output)
}

fn in_words(answer: &Value) -> String {
    if answer["starts_anew"] == true {
        return "the file is in order; the service starts anew from it".to_owned();
    }
    let names = |key: &str| {
        let names = answer["cameras"][key].as_array().into_iter().flatten().filter_map(Value::as_str);
        names.collect::<Vec<_>>().join(", ")
    };
    let output = ["added", "removed", "changed", "unchanged"].map(|key| (key, names(key)));
    let output = output.iter().filter(|(_, names)| !names.is_empty());
    let output: Vec<_> = output.map(|(key, names)| format!("{key}: {names}")).collect();
    format!("reloaded; cameras {}", output.join("; "))
}
