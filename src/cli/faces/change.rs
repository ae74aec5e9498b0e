//! `ocellus faces rename`, `merge`, `remove`, `erase` and `reenrol`.

use clap::Args;
use serde_json::json;

use super::{CliOutput, FacesCommon, GalleryClient, output, pictures};
use crate::commands::faces::{ChangedOut, ErasedCounts, ErasedOut, GalleryCommand, ReenrolledOut};

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
    /// The person whose pictures are moved, by number or by name; this person is deleted afterwards.
    person: String,
    /// The person who gets them, by number or by name.
    into: String,
    #[command(flatten)]
    pub(super) common: FacesCommon,
}

#[derive(Debug, Args)]
pub(super) struct RemoveFace {
    /// The person, by number or by name.
    person: String,
    /// The picture's number, as `ocellus faces list` shows it.
    #[arg(value_name = "PICTURE")]
    sample: u64,
    #[command(flatten)]
    pub(super) common: FacesCommon,
}

/// Pictures are overwritten; names, embeddings and events are deleted, and the store's files are rewritten
/// without them. A note of missing messages replaces what was not yet sent. Exported files and sent messages
/// are not touched. A file system that keeps old blocks (snapshots, flash) has to be encrypted.
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
    let answer = client.ask(GalleryCommand::Rename { person, name: arguments.name.clone() })?;
    output::answered(answer, |ChangedOut { name, .. }| format!("person {person} is called {name} now"))
}

pub(super) fn merge(arguments: &Merge) -> anyhow::Result<CliOutput> {
    let client = GalleryClient::open(&arguments.common)?;
    let (person, into) = (client.person(&arguments.person)?, client.person(&arguments.into)?);
    let answer = client.ask(GalleryCommand::Merge { person, into })?;
    output::answered(answer, |ChangedOut { name, samples, .. }| {
        format!("person {person} is part of person {into}, {name} now: {}", pictures(samples))
    })
}

pub(super) fn remove(arguments: &RemoveFace) -> anyhow::Result<CliOutput> {
    let client = GalleryClient::open(&arguments.common)?;
    let (person, sample) = (client.person(&arguments.person)?, arguments.sample);
    let answer = client.ask(GalleryCommand::Remove { person, sample })?;
    output::answered(answer, |ChangedOut { name, samples, .. }| {
        let left = pictures(samples);
        let words = format!("picture {sample} of person {person}, {name}, is gone; {left} left");
        match samples[..] {
            [] => {
                words + "\n  note: a person without pictures is not recognised; add one, or erase the person"
            }
            _ => words,
        }
    })
}

pub(super) fn erase(arguments: &Erase) -> anyhow::Result<CliOutput> {
    let client = GalleryClient::open(&arguments.common)?;
    let answer = client.ask(GalleryCommand::Erase { person: client.person(&arguments.person)? })?;
    output::answered(answer, erased)
}

fn erased(answer: &ErasedOut) -> String {
    let ErasedOut { person, erased, before } = answer;
    if *before == Some(true) {
        return format!("person {person} was erased before; no data of them is left");
    }
    let ErasedCounts { samples, crops, events, outbox, set_aside, rewritten_bytes } = erased;
    let mut words = format!(
        "person {person} is erased: {samples} embeddings, {crops} pictures, {events} events, {outbox} messages that were not \
         sent yet; {rewritten_bytes} bytes of old files overwritten",
    );
    if *set_aside > 0 {
        words.push_str(&format!("\n  with {set_aside} damaged stores that had been set aside"));
    }
    words
}

pub(super) fn reenrol(arguments: &Reenrol) -> anyhow::Result<CliOutput> {
    let client = GalleryClient::open(&arguments.common)?;
    let mut sum = ReenrolledOut::default();
    loop {
        let answer: ReenrolledOut = client.ask_for(GalleryCommand::Reenrol)?;
        // Failed ones are tried again each time, and fail again.
        sum = ReenrolledOut { done: sum.done + answer.done, ..answer };
        if answer.done == 0 || answer.left == 0 {
            break;
        }
    }
    let ReenrolledOut { done, faults, .. } = sum;
    let mut lines = vec![match (done, faults.len()) {
        (0, 0) => "every picture is embedded by the model in use".to_owned(),
        (done, failed) => format!("{done} pictures embedded again, {failed} failed"),
    }];
    lines.extend(faults.iter().map(|fault| format!("  person {}: {}", fault.person, fault.reason)));
    let json = json!({ "ok": true, "done": done, "failed": faults.len(), "faults": faults });
    Ok(CliOutput::new(lines.join("\n"), json))
}
