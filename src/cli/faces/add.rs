//! `ocellus faces enrol` and `add`: pictures of a person. Bad ones are told, and the good ones are taken.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::client::picture;
use super::{CliOutput, FacesCommon, GalleryClient, pictures};

/// Pictures, or a camera.
#[derive(Debug, Args)]
struct Given {
    /// Pictures of the person alone: JPEG or PNG, near, sharp, looking at the camera.
    #[arg(required_unless_present = "camera", value_name = "PICTURE")]
    pictures: Vec<PathBuf>,
    /// What this camera of the running service sees now, instead of pictures.
    #[arg(long, value_name = "NAME", conflicts_with = "pictures")]
    camera: Option<String>,
    /// It is somebody else, however alike they look.
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
    let mut request = request(&arguments.given)?;
    (request["action"], request["name"]) = ("enrol".into(), arguments.name.as_str().into());
    let client = GalleryClient::open(&arguments.common)?;
    Ok(output(client.ask(request)?, &arguments.given, "enrolled"))
}

pub(super) fn add(arguments: &Add) -> anyhow::Result<CliOutput> {
    let mut request = request(&arguments.given)?;
    let client = GalleryClient::open(&arguments.common)?;
    (request["action"], request["person"]) = ("add".into(), client.person(&arguments.person)?.into());
    Ok(output(client.ask(request)?, &arguments.given, "added"))
}

fn request(given: &Given) -> anyhow::Result<Value> {
    let mut request = json!({ "as_new": given.as_new });
    match &given.camera {
        Some(camera) => request["camera"] = camera.as_str().into(),
        None => {
            let pictures = given.pictures.iter().map(|file| picture(file)).collect::<Result<Vec<_>, _>>()?;
            request["pictures"] = pictures.into();
        }
    }
    Ok(request)
}

fn output(mut answer: Value, given: &Given, done: &str) -> CliOutput {
    let name = answer["name"].as_str().unwrap_or_default();
    let mut lines =
        vec![format!("person {}, {name}: {} {done}", answer["person"], pictures(&answer["samples"]))];
    for rejected in answer["rejected"].as_array().into_iter().flatten() {
        let index = rejected["index"].as_u64().unwrap_or(0) as usize;
        let file =
            given.pictures.get(index).map_or_else(|| "the frame".into(), |file| file.display().to_string());
        let word = |key: &str| rejected[key].as_str().unwrap_or_default();
        lines.push(format!("  not taken: {file}: {}; {}", word("reason"), word("remedy")));
    }
    answer["ok"] = true.into();
    CliOutput::new(lines.join("\n"), answer)
}
