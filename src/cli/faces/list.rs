//! `ocellus faces list`: who is enrolled, and with which pictures.

use clap::Args;

use super::{CliOutput, FacesCommon, GalleryClient, output, pictures};
use crate::commands::faces::{GalleryCommand, PeopleOut, SampleOut};

#[derive(Debug, Args)]
pub(super) struct ListFacesArgs {
    #[command(flatten)]
    pub(super) common: FacesCommon,
}

pub(super) fn run(arguments: &ListFacesArgs) -> anyhow::Result<CliOutput> {
    output::answered(GalleryClient::open(&arguments.common)?.ask(GalleryCommand::List)?, in_words)
}

fn in_words(PeopleOut { people, stale, .. }: &PeopleOut) -> String {
    let mut lines = vec![output::count(people.len(), "person").replace("persons", "people")];
    for person in people {
        let created = moment(&person.created);
        lines.push(format!(
            "{:>5}  {}  ({}, since {created})",
            person.id,
            person.name,
            pictures(&person.samples)
        ));
        lines.extend(person.samples.iter().map(line));
    }
    match stale {
        0 => {}
        stale => lines.push(format!(
            "{} embedded by another model and not used; run `ocellus faces reenrol`",
            if *stale == 1 { "1 picture was".to_owned() } else { format!("{stale} pictures were") }
        )),
    }
    lines.join("\n")
}

fn line(sample: &SampleOut) -> String {
    let SampleOut { id, added, source, quality, stale } = sample;
    let stale = if *stale { "  stale" } else { "" };
    format!("         {id:>6}  quality {quality:.2}  {}  {source}{stale}", moment(added))
}

/// Formats day and time to the second, UTC.
fn moment(time: &str) -> String {
    time.split('.').next().unwrap_or(time).replace('T', " ")
}
