//! `ocellus faces enrol` and `add`: pictures of a person. Bad ones are listed with a reason, and the good
//! ones are added.

use std::path::PathBuf;

use clap::Args;

use super::client::picture;
use super::{CliOutput, FacesCommon, GalleryClient, output, pictures};
use crate::commands::faces::{EnrolledOut, FaceSource, GalleryCommand};

/// Pictures, or a camera.
#[derive(Debug, Args)]
struct Given {
    /// Pictures of this person only: JPEG or PNG, near, sharp, looking at the camera.
    #[arg(required_unless_present = "camera", value_name = "PICTURE")]
    pictures: Vec<PathBuf>,
    /// The camera of the running service whose current view is used instead of pictures.
    #[arg(long, value_name = "NAME", conflicts_with = "pictures")]
    camera: Option<String>,
    /// This is another person, however similar they look.
    #[arg(long)]
    as_new: bool,
}

#[derive(Debug, Args)]
pub(super) struct Enrol {
    /// The person's name: 1 to 64 characters, unique.
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    given: Given,
    #[command(flatten)]
    pub(super) common: FacesCommon,
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// The person, by number or by name.
    #[arg(value_name = "PERSON")]
    person: String,
    #[command(flatten)]
    given: Given,
    #[command(flatten)]
    pub(super) common: FacesCommon,
}

pub(super) fn enrol(arguments: &Enrol) -> anyhow::Result<CliOutput> {
    let from = source(&arguments.given)?;
    let client = GalleryClient::open(&arguments.common)?;
    let answer = client.ask(GalleryCommand::Enrol { name: arguments.name.clone(), from })?;
    output::answered(answer, |enrolled| in_words(enrolled, &arguments.given, "enrolled"))
}

pub(super) fn add(arguments: &Add) -> anyhow::Result<CliOutput> {
    let from = source(&arguments.given)?;
    let client = GalleryClient::open(&arguments.common)?;
    let answer = client.ask(GalleryCommand::Add { person: client.person(&arguments.person)?, from })?;
    output::answered(answer, |enrolled| in_words(enrolled, &arguments.given, "added"))
}

fn source(given: &Given) -> anyhow::Result<FaceSource> {
    let as_new = Some(given.as_new);
    if let Some(camera) = &given.camera {
        return Ok(FaceSource { pictures: None, camera: Some(camera.clone()), as_new });
    }
    let pictures = given.pictures.iter().map(|file| picture(file)).collect::<Result<Vec<_>, _>>()?;
    Ok(FaceSource { pictures: Some(pictures), camera: None, as_new })
}

fn in_words(enrolled: &EnrolledOut, given: &Given, done: &str) -> String {
    let EnrolledOut { person, name, samples, rejected } = enrolled;
    let mut lines = vec![format!("person {person}, {name}: {} {done}", pictures(samples))];
    for rejected in rejected {
        let file = given.pictures.get(rejected.index as usize);
        let file = file.map_or_else(|| "the frame".into(), |file| file.display().to_string());
        lines.push(format!("  not taken: {file}: {}; {}", rejected.reason, rejected.remedy));
    }
    lines.join("\n")
}
