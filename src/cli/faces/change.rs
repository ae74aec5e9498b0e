//! `ocellus faces rename`, `merge`, `remove`, `erase` and `reenrol`.

use clap::Args;
use serde_json::{Value, json};

use super::{CliOutput, FacesCommon, GalleryClient, pictures};

#[derive(Debug, Args)]
pub(super) struct Rename {
    /// The person, by number or by name.
    person: String,
    /// The name that the person gets.
    name: String,
    #[command(flatten)]
    pub(super) common: FacesCommon,
}

#[derive(Debug, Args)]
pub(super) struct Merge {
    /// Whose pictures go over, by number or by name; this person is gone afterwards.
    person: String,
    /// Who gets them, by number or by name.
    into: String,
    #[command(flatten)]
    pub(super) common: FacesCommon,
}

#[derive(Debug, Args)]
pub(super) struct RemoveFace {
    /// The person, by number or by name.
    person: String,
    /// The picture's number, as `ocellus faces list` tells it.
    #[arg(value_name = "PICTURE")]
    sample: u64,
    #[command(flatten)]
    pub(super) common: FacesCommon,
}

/// The pictures are overwritten; the names, embeddings and events are deleted, and the store's files written anew without
/// them; what was not yet sent is replaced by a note that it is missing. Exported files and what was sent already are
/// elsewhere, and are not touched. A file system that keeps old blocks (snapshots, flash) has to be encrypted.
#[derive(Debug, Args)]
pub(super) struct Erase {
    /// The person, by number or by name.
    person: String,
    #[command(flatten)]
    pub(super) common: FacesCommon,
}

#[derive(Debug, Args)]
pub(super) struct Reenrol {
    #[command(flatten)]
    pub(super) common: FacesCommon,
}

pub(super) fn rename(arguments: &Rename) -> anyhow::Result<CliOutput> {
    let client = GalleryClient::open(&arguments.common)?;
    let person = client.person(&arguments.person)?;
    let answer = client.ask(json!({ "action": "rename", "person": person, "name": arguments.name }))?;
    let words = format!("person {person} is called {} now", name(&answer));
    Ok(CliOutput::new(words, ok(answer)))
}

pub(super) fn merge(arguments: &Merge) -> anyhow::Result<CliOutput> {
    let client = GalleryClient::open(&arguments.common)?;
    let (from, into) = (client.person(&arguments.person)?, client.person(&arguments.into)?);
    let answer = client.ask(json!({ "action": "merge", "person": from, "into": into }))?;
    let words = format!(
        "person {from} is part of person {into}, {} now: {}",
        name(&answer),
        pictures(&answer["samples"])
    );
    Ok(CliOutput::new(words, ok(answer)))
}

pub(super) fn remove(arguments: &RemoveFace) -> anyhow::Result<CliOutput> {
    let client = GalleryClient::open(&arguments.common)?;
    let (person, sample) = (client.person(&arguments.person)?, arguments.sample);
    let answer = client.ask(json!({ "action": "remove", "person": person, "sample": sample }))?;
    let left = pictures(&answer["samples"]);
    let mut words = format!("picture {sample} of person {person}, {}, is gone; {left} left", name(&answer));
    if answer["samples"].as_array().is_some_and(Vec::is_empty) {
        words.push_str("\n  note: without pictures nobody is recognised; add one, or erase the person");
    }
    Ok(CliOutput::new(words, ok(answer)))
}

pub(super) fn erase(arguments: &Erase) -> anyhow::Result<CliOutput> {
    let client = GalleryClient::open(&arguments.common)?;
    let person = client.person(&arguments.person)?;
    let answer = client.ask(json!({ "action": "erase", "person": person }))?;
    if answer["before"] == true {
        return Ok(CliOutput::new(
            format!("person {person} was erased before; nothing of them is here"),
            ok(answer),
        ));
    }
    let erased = &answer["erased"];
    let mut words = format!(
        "person {person} is erased: {} embeddings, {} pictures, {} events, {} messages that were not sent yet; {} bytes \
         of old files overwritten",
        erased["samples"], erased["crops"], erased["events"], erased["outbox"], erased["rewritten_bytes"]
    );
    if erased["set_aside"].as_u64().unwrap_or(0) > 0 {
        words.push_str(&format!("\n  with {} damaged stores that had been set aside", erased["set_aside"]));
    }
    Ok(CliOutput::new(words, ok(answer)))
}

pub(super) fn reenrol(arguments: &Reenrol) -> anyhow::Result<CliOutput> {
    let client = GalleryClient::open(&arguments.common)?;
    let (mut done, mut faults) = (0, Vec::new());
    loop {
        let answer = client.ask(json!({ "action": "reenrol" }))?;
        let fresh = answer["done"].as_u64().unwrap_or(0);
        done += fresh;
        // Those that failed are tried again each time, and fail again.
        faults = answer["faults"].as_array().cloned().unwrap_or(faults);
        if fresh == 0 || answer["left"] == 0 {
            break;
        }
    }
    let mut lines = vec![match (done, faults.len()) {
        (0, 0) => "every picture is embedded by the model in use".to_owned(),
        (done, failed) => format!("{done} pictures embedded again, {failed} failed"),
    }];
    let output = |fault: &Value| {
        format!("  person {}: {}", fault["person"], fault["reason"].as_str().unwrap_or_default())
    };
    lines.extend(faults.iter().map(output));
    let json = json!({ "ok": true, "done": done, "failed": faults.len(), "faults": faults });
    Ok(CliOutput::new(lines.join("\n"), json))
}

fn name(answer: &Value) -> &str {
    answer["name"].as_str().unwrap_or_default()
}

fn ok(mut answer: Value) -> Value {
    answer["ok"] = true.into();
    answer
}
