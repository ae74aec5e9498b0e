//! `ocellus trigger`: one part is inspected, and the verdict told.

use clap::Args;
use serde_json::{Value, json};

use super::{LiveCommon, word};
use crate::cli::{CliOutput, output};

/// The verdict is `ok`, `ng`, `error`, `missed` or `overrun`; the exit code is 0 for all of them, because the trigger
/// was answered.
#[derive(Debug, Args)]
pub(in crate::cli) struct TriggerArgs {
    /// The camera; the only one that inspects, by default.
    #[arg(long, value_name = "NAME")]
    camera: Option<String>,
    /// What comes with the trigger, such as the part's serial number.
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    #[command(flatten)]
    common: LiveCommon,
}

pub(in crate::cli) fn run(arguments: &TriggerArgs) -> anyhow::Result<()> {
    let request = json!({ "camera": arguments.camera, "text": arguments.text });
    let answer = arguments.common.ask("trigger", request);
    output::output(
        arguments.common.json,
        answer.map(|answer| CliOutput::new(in_words(&answer), json(answer))),
    )
}

fn in_words(answer: &Value) -> String {
    let mut lines = vec![format!(
        "acquisition {}: {} ({} on {}, {} ms)",
        answer["acquisition"],
        word(answer, "verdict"),
        word(answer, "product"),
        word(answer, "camera"),
        answer["latency"]["total_us"].as_u64().unwrap_or(0) / 1_000
    )];
    lines.extend(answer["cause"].as_str().map(|cause| format!("  {cause}")));
    // A part that could not be found says so once, not for each region.
    let rois = answer["rois"].as_array().into_iter().flatten();
    lines.extend(rois.filter(|roi| roi["error"].is_null() || roi["error"] != answer["cause"]).map(roi));
    lines.join("\n")
}

fn roi(roi: &Value) -> String {
    let (verdict, name, kind) = (word(roi, "verdict"), word(roi, "name"), word(roi, "kind"));
    let found = match (roi["error"].as_str(), &roi["score"], &roi["threshold"]) {
        (Some(error), ..) => error.to_owned(),
        (None, score, threshold) => format!("{score} held against {threshold} {}", word(roi, "unit")),
    };
    let text = roi["text"].as_str().map_or(String::new(), |text| format!(", \"{text}\""));
    format!("  {verdict:<5}  {name} ({kind}): {found}{text}")
}

fn json(mut answer: Value) -> Value {
    answer["ok"] = true.into();
    answer
}
