//! `ocellus faces list`: who is known, and by which pictures.

use clap::Args;
use serde_json::{Value, json};

use super::{CliOutput, FacesCommon, GalleryClient, output, pictures};

#[derive(Debug, Args)]
pub(super) struct ListFacesArgs {
    #[command(flatten)]
    pub(super) common: FacesCommon,
}

pub(super) fn run(arguments: &ListFacesArgs) -> anyhow::Result<CliOutput> {
    let mut output = GalleryClient::open(&arguments.common)?.ask(json!({ "action": "list" }))?;
    let words = in_words(&output);
    output["ok"] = true.into();
    Ok(CliOutput::new(words, output))
}

fn in_words(output: &Value) -> String {
    let people: Vec<_> = output["people"].as_array().into_iter().flatten().collect();
    let mut lines = vec![output::count(people.len(), "person").replace("persons", "people")];
    for person in people {
        let name = person["name"].as_str().unwrap_or_default();
        let created = moment(&person["created"]);
        lines.push(format!(
            "{:>5}  {name}  ({}, since {created})",
            person["id"],
            pictures(&person["samples"])
        ));
        let samples = person["samples"].as_array().into_iter().flatten();
        lines.extend(samples.map(sample));
    }
    match output["stale"].as_u64() {
        Some(0) | None => {}
        Some(stale) => lines.push(format!(
            "{} embedded by another model, and not recognised by; run `ocellus faces reenrol`",
            if stale == 1 { "1 picture was".to_owned() } else { format!("{stale} pictures were") }
        )),
    }
    lines.join("\n")
}

fn sample(sample: &Value) -> String {
    let (source, stale) = (sample["source"].as_str().unwrap_or_default(), sample["stale"] == true);
    let stale = if stale { "  stale" } else { "" };
    let quality = sample["quality"].as_f64().unwrap_or(0.0);
    format!(
        "         {:>6}  quality {quality:.2}  {}  {source}{stale}",
        sample["id"],
        moment(&sample["added"])
    )
}

/// Day and time to the second, UTC.
fn moment(time: &Value) -> String {
    let text = time.as_str().unwrap_or_default();
    text.split('.').next().unwrap_or(text).replace('T', " ")
}
