//! `ocellus reload`: the configuration and the recipes are read again, as by SIGHUP, and how that went is told.

use clap::Args;
use serde_json::{Value, json};

use super::Common;
use crate::cli::{Told, tell};

/// A file that cannot be applied leaves the old configuration in force.
#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    common: Common,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let answer = arguments.common.ask("reload", json!({}));
    let told = answer.map(|mut answer| {
        answer["ok"] = true.into();
        Told::new(in_words(&answer), answer)
    });
    tell::tell(arguments.common.json, told)
}

fn in_words(answer: &Value) -> String {
    if answer["starts_anew"] == true {
        return "the file is in order; the service starts anew from it".to_owned();
    }
    let names = |key: &str| {
        let names = answer["cameras"][key].as_array().into_iter().flatten().filter_map(Value::as_str);
        names.collect::<Vec<_>>().join(", ")
    };
    let told = ["added", "removed", "changed", "unchanged"].map(|key| (key, names(key)));
    let told = told.iter().filter(|(_, names)| !names.is_empty());
    let told: Vec<_> = told.map(|(key, names)| format!("{key}: {names}")).collect();
    format!("reloaded; cameras {}", told.join("; "))
}
