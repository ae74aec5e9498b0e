//! `ocellus trigger`: inspects one part, and prints the verdict.

use clap::Args;
use serde::Deserialize;

use super::LiveCommon;
use crate::commands::Command;
use crate::commands::inspection::TriggerRequest;

/// The verdict is `ok`, `ng`, `error`, `missed` or `overrun`; the exit code is 0 for all of them, because the
/// trigger was answered.
#[derive(Debug, Args)]
pub(in crate::cli) struct TriggerArgs {
    /// The camera; the only one that inspects, by default.
    #[arg(long, value_name = "NAME")]
    camera: Option<String>,
    /// Text that comes with the trigger, such as the part's serial number.
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    #[command(flatten)]
    common: LiveCommon,
}

pub(in crate::cli) fn run(arguments: &TriggerArgs) -> anyhow::Result<()> {
    let (camera, text) = (arguments.camera.clone(), arguments.text.clone());
    arguments.common.show(&Command::Trigger(TriggerRequest { camera, text }), in_words)
}

/// What is printed of an acquisition's record (`contract::InspectionOut`).
#[derive(Deserialize)]
struct PrintedRecord {
    acquisition: u64,
    verdict: String,
    product: String,
    camera: String,
    cause: Option<String>,
    latency: PrintedLatency,
    rois: Vec<PrintedRoi>,
}

#[derive(Deserialize)]
struct PrintedLatency {
    total_us: u64,
}

#[derive(Deserialize)]
struct PrintedRoi {
    name: String,
    kind: String,
    verdict: String,
    score: Option<serde_json::Number>,
    threshold: Option<serde_json::Number>,
    unit: Option<String>,
    text: Option<String>,
    error: Option<String>,
}

fn in_words(record: &PrintedRecord) -> String {
    let PrintedRecord { acquisition, verdict, product, camera, .. } = record;
    let took_ms = record.latency.total_us / 1_000;
    let mut lines =
        vec![format!("acquisition {acquisition}: {verdict} ({product} on {camera}, {took_ms} ms)")];
    lines.extend(record.cause.iter().map(|cause| format!("  {cause}")));
    // A part that could not be found is reported once, not for each region.
    let rois = record.rois.iter().filter(|roi| roi.error.is_none() || roi.error != record.cause);
    lines.extend(rois.map(PrintedRoi::line));
    lines.join("\n")
}

impl PrintedRoi {
    fn line(&self) -> String {
        let PrintedRoi { name, kind, verdict, .. } = self;
        let number =
            |number: &Option<serde_json::Number>| number.as_ref().map_or("null".into(), ToString::to_string);
        let found = match &self.error {
            Some(error) => error.clone(),
            None => {
                let (score, threshold) = (number(&self.score), number(&self.threshold));
                format!("{score} (limit {threshold} {})", self.unit.as_deref().unwrap_or("-"))
            }
        };
        let text = self.text.as_ref().map_or(String::new(), |text| format!(", \"{text}\""));
        format!("  {verdict:<5}  {name} ({kind}): {found}{text}")
    }
}
