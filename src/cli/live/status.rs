//! `ocellus status`: how the service is, and what its cameras inspect.

use clap::Args;
use serde_json::{Value, json};

use super::{LiveCommon, word};
use crate::cli::{CliOutput, output};

#[derive(Debug, Args)]
pub(in crate::cli) struct StatusArgs {
    #[command(flatten)]
    common: LiveCommon,
}

pub(in crate::cli) fn run(arguments: &StatusArgs) -> anyhow::Result<()> {
    let answer = arguments.common.ask("status", json!({}));
    let output = answer.map(|mut answer| {
        answer["ok"] = true.into();
        CliOutput::new(in_words(&answer), answer)
    });
    output::output(arguments.common.json, output)
}

fn in_words(answer: &Value) -> String {
    let mut lines = vec![format!(
        "{}, version {}, up for {} s, configuration {:.12}",
        word(answer, "state"),
        word(answer, "version"),
        answer["uptime_s"],
        word(answer, "config_hash")
    )];
    let reasons = answer["reasons"].as_array().into_iter().flatten();
    lines.extend(reasons.filter_map(Value::as_str).map(|reason| format!("  {reason}")));
    let alarms = answer["alarms"].as_array().into_iter().flatten();
    lines.extend(alarms.filter_map(acknowledged));
    let triggers = answer["triggers"].as_object().into_iter().flatten();
    lines.extend(triggers.map(|(camera, status)| trigger(camera, status)));
    lines.extend(set_aside(&answer["set_aside"]));
    lines.join("\n")
}

/// An alarm that somebody has seen: its reason stands above.
fn acknowledged(alarm: &Value) -> Option<String> {
    let by = alarm["acknowledged_by"].as_str()?;
    let (name, at) = (word(alarm, "name"), word(alarm, "acknowledged_at"));
    Some(format!("  alarm {name} was acknowledged by {by} at {at}"))
}

/// What the broker does not take.
fn set_aside(list: &Value) -> Vec<String> {
    let newest: Vec<&Value> = list["newest"].as_array().into_iter().flatten().collect();
    if newest.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![format!("the broker did not take {} messages; the newest of them:", list["count"])];
    lines.extend(newest.into_iter().map(|letter| {
        let seq = letter["seq"].as_u64().map_or(String::new(), |seq| format!(" number {seq}"));
        format!("  {} {}{seq}: {}", word(letter, "time"), word(letter, "topic"), word(letter, "reason"))
    }));
    lines
}

fn trigger(camera: &str, status: &Value) -> String {
    let counts = ["ok", "ng", "error", "missed", "overrun"].map(|key| format!("{} {key}", status[key]));
    let ready = if status["ready"] == true { "ready" } else { "not ready" };
    let fault = status["fault"].as_str().map_or(String::new(), |fault| format!("\n  {fault}"));
    format!(
        "{camera}: {ready}, product {}, recipe revision {}, golden revision {}; {} triggers: {}{fault}",
        word(status, "product"),
        status["recipe_revision"],
        status["golden_revision"],
        status["triggers"],
        counts.join(", ")
    )
}
