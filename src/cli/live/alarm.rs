//! `ocellus alarm`: which alarms are raised, and that somebody has seen one.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{LiveCommon, word};
use crate::cli::{CliOutput, output};

#[derive(Debug, Args)]
pub(in crate::cli) struct AlarmArgs {
    #[command(subcommand)]
    action: AlarmAction,
    #[command(flatten)]
    common: LiveCommon,
}

#[derive(Debug, Subcommand)]
enum AlarmAction {
    /// List the alarms that are raised.
    List,
    /// Acknowledge an alarm: it is known and being looked after. It stays until its cause is over.
    Acknowledge {
        /// The alarm, as `alarm list` names it.
        name: String,
        /// Who acknowledges it; the user who is logged in, by default.
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
}

pub(in crate::cli) fn run(arguments: &AlarmArgs) -> anyhow::Result<()> {
    let request = match &arguments.action {
        AlarmAction::List => json!({}),
        AlarmAction::Acknowledge { name, by } => {
            let by =
                by.clone().or_else(|| std::env::var("SUDO_USER").ok()).or_else(|| std::env::var("USER").ok());
            json!({ "acknowledge": name, "by": by })
        }
    };
    let answer = arguments.common.ask("alarm", request);
    let output = answer.map(|mut answer| {
        let words = match answer["alarms"].as_array() {
            Some(alarms) => list(alarms),
            None => line(&answer),
        };
        answer["ok"] = true.into();
        CliOutput::new(words, answer)
    });
    output::output(arguments.common.json, output)
}

fn list(alarms: &[Value]) -> String {
    match alarms {
        [] => "no active alarms".to_owned(),
        _ => alarms.iter().map(line).collect::<Vec<_>>().join("\n"),
    }
}

/// One alarm and who has acknowledged it.
pub(super) fn line(alarm: &Value) -> String {
    let acknowledged = match alarm["acknowledged_by"].as_str() {
        Some(by) => format!("acknowledged by {by} at {}", word(alarm, "acknowledged_at")),
        None => "not acknowledged".to_owned(),
    };
    let (name, since, cause) = (word(alarm, "name"), word(alarm, "since"), word(alarm, "cause"));
    format!("{name}: since {since}, {acknowledged}\n  {cause}")
}
