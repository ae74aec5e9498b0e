//! People: the commands of the gallery. One service of them for the running box and for a command line that finds none
//! running: both answer alike.

mod answer;
mod change;
pub mod command;
mod enrol;
mod erase;
mod errors;
mod fields;
mod picture;
mod transfer;

use std::sync::Arc;

use crate::config::{Config, RecognitionConfig, Task};
use crate::engine::{EngineError, Model};
use crate::recognition::{Enrolled, GalleryIndex, IndexError, Study};
use crate::ring::Lease;
use crate::store::{Erasing, Forgotten, Gallery, GalleryError, Person};
use crate::types::{Explanation, Frame, Origin, PersonId, Refusal};
use command::{GalleryAnswer, GalleryCommand};

pub use erase::{erasure_pending, finish_erasures, forget_alone};

/// What the commands need of the program that runs them.
pub trait GalleryHost {
    /// The gallery that commands read and change.
    fn gallery(&self) -> Gallery;
    /// The configuration in force.
    fn config(&self) -> Config;
    /// A model of the configuration, by its name.
    fn model(&self, config: &Config, name: &str) -> Result<Arc<Model>, EngineError>;
    /// The newest frame of this camera, and where it is from in words.
    fn frame(&self, camera: Option<&str>) -> Result<(Lease<Frame>, String), Refusal>;
    /// Called after the gallery was changed.
    fn changed(&self);
    /// The last step of an erasure: events, what was not sent, and the files of the store.
    fn forget(&self, erasing: &Erasing) -> Result<(u64, Forgotten), Refusal>;
}

/// Runs the gallery's commands on their host.
pub struct GalleryService<'h>(pub &'h dyn GalleryHost);

impl GalleryService<'_> {
    /// Does what `command` asks for, if it may come from `origin`: every subscriber of a broker can read what
    /// it forwards, and brokers can retain it, so faces are not sent over MQTT.
    ///
    /// # Errors
    /// A refusal, with what to do next.
    pub fn answer_to(&self, origin: Origin, command: GalleryCommand) -> Result<GalleryAnswer, Refusal> {
        if origin == Origin::Mqtt && command.carries_faces() {
            let message = format!("faces are not sent over MQTT ({})", command.action());
            return Err(Refusal::new("not_over_mqtt", message, "use `ocellus faces` or the page"));
        }
        self.answer(command)
    }

    /// Does what `command` asks for.
    ///
    /// # Errors
    /// A refusal, with what to do next.
    pub fn answer(&self, command: GalleryCommand) -> Result<GalleryAnswer, Refusal> {
        match command {
            GalleryCommand::List => self.list().map(GalleryAnswer::from),
            GalleryCommand::Enrol { name, from } => self.enrol(&name, &from).map(GalleryAnswer::from),
            GalleryCommand::Add { person, from } => {
                self.add(PersonId(person), &from).map(GalleryAnswer::from)
            }
            GalleryCommand::Rename { person, name } => {
                self.rename(PersonId(person), &name).map(GalleryAnswer::from)
            }
            GalleryCommand::Merge { person, into } => {
                self.merge(PersonId(person), PersonId(into)).map(GalleryAnswer::from)
            }
            GalleryCommand::Remove { person, sample } => {
                self.remove(PersonId(person), sample).map(GalleryAnswer::from)
            }
            GalleryCommand::Erase { person } => self.erase(PersonId(person)).map(GalleryAnswer::from),
            GalleryCommand::Picture { person, sample } => {
                self.picture(PersonId(person), sample).map(GalleryAnswer::from)
            }
            GalleryCommand::Export { after, most_bytes } => {
                self.export(after.map(PersonId), most_bytes).map(GalleryAnswer::from)
            }
            GalleryCommand::Import { lines } => self.import(&lines).map(GalleryAnswer::from),
            GalleryCommand::Reenrol => self.reenrol().map(GalleryAnswer::from),
        }
    }

    /// The name and the SHA-256 of the embedding model; `None` where the configuration has none.
    fn embedder(&self) -> Result<Option<(String, String)>, Refusal> {
        let config = self.0.config();
        let Some(name) = &config.faces.model else { return Ok(None) };
        let model = self.0.model(&config, name).map_err(errors::of_model)?;
        Ok(Some((name.clone(), model.sha256().to_owned())))
    }

    /// Opens the models that find and embed faces in pictures.
    fn tools(&self) -> Result<Tools, Refusal> {
        let config = self.0.config();
        let Some(embedder) = &config.faces.model else { return Err(errors::no_model("faces.model")) };
        let Some(detector) = detector(&config) else { return Err(errors::no_model("faces.detector")) };
        let detector = self.0.model(&config, &detector).map_err(errors::of_model)?;
        let embedder = self.0.model(&config, embedder).map_err(errors::of_model)?;
        let bounds = config.faces.recognition.clone();
        let study = Study::new(&detector, &embedder, bounds.gate).map_err(errors::of_model)?;
        Ok(Tools { study, sha256: embedder.sha256().to_owned(), bounds })
    }
}

/// The opened models for pictures, with their settings.
struct Tools {
    study: Study,
    /// SHA-256 of the embedding model, hexadecimal.
    sha256: String,
    bounds: RecognitionConfig,
}

/// The name of the model that finds faces in pictures: the configured one, that of the first camera that
/// recognises, or the first model for faces.
fn detector(config: &Config) -> Option<String> {
    let of_camera = || {
        let camera = config.cameras.iter().find(|camera| camera.recognise.is_some())?;
        camera.detect.as_ref().map(|detect| detect.model.clone())
    };
    let only = || {
        let finds = |model: &&crate::config::ModelConfig| model.card.task == Some(Task::BlazeFace);
        config.models.iter().find(finds).map(|model| model.name.clone())
    };
    config.faces.detector.clone().or_else(of_camera).or_else(only)
}

/// Why the index of the gallery cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// The gallery cannot be read.
    #[error(transparent)]
    Gallery(#[from] GalleryError),
    /// An embedding does not fit the others.
    #[error(transparent)]
    Index(#[from] IndexError),
}

impl GatherError {
    /// What is wrong, and what to do next.
    pub fn explanation(&self) -> Explanation {
        match self {
            GatherError::Gallery(error) => error.explanation(),
            GatherError::Index(error) => Explanation::new(error.to_string(), ""),
        }
    }
}

/// Builds the index of all faces that the model with this SHA-256 embedded; also returns how many other faces
/// there are.
///
/// # Errors
/// The gallery cannot be read, or holds an embedding that does not fit the others.
pub fn gather(gallery: &Gallery, sha256: &str) -> Result<(GalleryIndex, usize), GatherError> {
    let people = gallery.people()?;
    let stale = people.iter().flat_map(|person| &person.samples).filter(|sample| sample.model != sha256);
    let stale = stale.count();
    let enrolled = people.into_iter().map(|person| {
        let Person { id, name, samples, .. } = person;
        let fresh = samples.into_iter().filter(|sample| sample.model == sha256);
        Enrolled { person: id, name: name.into(), embeddings: fresh.map(|sample| sample.embedding).collect() }
    });
    Ok((GalleryIndex::new(enrolled)?, stale))
}
