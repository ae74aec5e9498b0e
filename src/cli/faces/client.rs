//! Where `ocellus faces` sends its requests: to the running service, or to the store itself while none runs.

use std::cell::{OnceCell, RefCell};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{FacesCommon, FacesFault};
use crate::cli::output;
use crate::cli::store_owner::{StoreOwner, store_owner};
use crate::commands::Command;
use crate::commands::faces::{self, PeopleOut, SentPicture};
use crate::config::Config;
use crate::control::ask;
use crate::engine::{EngineError, Model, Runtime};
use crate::recognition::people::{self, GalleryHost, finish_erasures, forget_alone};
use crate::ring::Lease;
use crate::store::{Erasing, Forgotten, Gallery, Store, StoreError};
use crate::types::{Frame, Refusal};

/// Where gallery commands are executed.
pub(super) enum GalleryClient {
    /// The service that runs on this state directory.
    Service(PathBuf),
    /// This process, which holds the store while it works.
    Here(Box<LocalGallery>),
}

impl GalleryClient {
    pub fn open(common: &FacesCommon) -> anyhow::Result<GalleryClient> {
        // A running service can be asked even if the configuration has faults.
        let dir = common.configured.dir();
        if ask(&dir, &Command::Ping).is_ok() {
            return Ok(GalleryClient::Service(dir));
        }
        let dir = common.configured.sound_dir()?;
        match store_owner(&dir) {
            Ok(StoreOwner::Nobody(store)) => {
                Ok(GalleryClient::Here(Box::new(LocalGallery::new(common, store)?)))
            }
            Ok(StoreOwner::Service) => Ok(GalleryClient::Service(dir)),
            Err(StoreError::Locked { path }) => Err(FacesFault::Held { path }.into()),
            Err(other) => Err(other.into()),
        }
    }

    /// The answer to `command`, as it is printed for programs. Errors: a refusal.
    pub fn ask(&self, command: faces::GalleryCommand) -> anyhow::Result<Value> {
        match self {
            GalleryClient::Service(dir) => Ok(output::asked(ask(dir, &Command::Faces(command)))?),
            GalleryClient::Here(alone) => {
                let answer = output::done(people::GalleryService(&**alone).answer(command));
                Ok(serde_json::to_value(answer.map_err(FacesFault::from)?)?)
            }
        }
    }

    /// The same as the type that the command answers with.
    pub fn ask_for<T: DeserializeOwned>(&self, command: faces::GalleryCommand) -> anyhow::Result<T> {
        Ok(serde_json::from_value(self.ask(command)?)?)
    }

    /// The id of the person that `who` names by number or by name.
    pub fn person(&self, who: &str) -> anyhow::Result<u64> {
        let PeopleOut { people, .. } = self.ask_for(faces::GalleryCommand::List)?;
        let wanted = who.trim().to_lowercase();
        let by_name = people.iter().find(|person| person.name.to_lowercase() == wanted);
        let number = who.parse::<u64>().ok();
        if let Some(id) = by_name.map(|person| person.id).or(number) {
            // An unknown number is refused where it is used, because an erasure may be half done.
            return Ok(id);
        }
        let names: Vec<_> = people.iter().map(|person| person.name.as_str()).collect();
        let remedy = match names.is_empty() {
            true => "no one is enrolled yet".to_owned(),
            false => crate::config::nearest(who, &names),
        };
        Err(FacesFault::Nobody { who: who.to_owned(), remedy }.into())
    }
}

/// The store, and the models once they are needed.
pub(super) struct LocalGallery {
    config: Config,
    store: Store,
    runtime: OnceCell<Runtime>,
    models: RefCell<Vec<Arc<Model>>>,
}

impl LocalGallery {
    fn new(common: &FacesCommon, store: Store) -> anyhow::Result<LocalGallery> {
        let config = common.configured.options().load()?;
        if finish_erasures(&store)? > 0 {
            output::complain("ocellus: an interrupted erasure was finished first");
        }
        Ok(LocalGallery { config, store, runtime: OnceCell::new(), models: RefCell::default() })
    }

    fn runtime(&self) -> Result<&Runtime, EngineError> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let opened = Runtime::open(&self.config.runtime)?;
        Ok(self.runtime.get_or_init(|| opened))
    }
}

impl GalleryHost for LocalGallery {
    fn gallery(&self) -> Gallery {
        self.store.gallery()
    }

    fn config(&self) -> Config {
        self.config.clone()
    }

    fn model(&self, config: &Config, name: &str) -> Result<Arc<Model>, EngineError> {
        if let Some(known) = self.models.borrow().iter().find(|model| model.name() == name) {
            return Ok(known.clone());
        }
        let settings = config.models.iter().find(|model| model.name == name);
        let model =
            self.runtime()?.load(settings.ok_or_else(|| EngineError::NoTask { model: name.into() })?)?;
        self.models.borrow_mut().push(model.clone());
        Ok(model)
    }

    fn frame(&self, _: Option<&str>) -> Result<(Lease<Frame>, String), Refusal> {
        let message = "no service runs, so no camera sees anything";
        Err(Refusal::new(
            "unknown_camera",
            message,
            "start it (`systemctl start ocellus`), or name picture files",
        ))
    }

    fn changed(&self) {}

    fn forget(&self, erasing: &Erasing) -> Result<(u64, Forgotten), Refusal> {
        forget_alone(&self.store, erasing)
    }
}

/// Reads a picture's file for a request.
pub(super) fn picture(file: &Path) -> Result<SentPicture, FacesFault> {
    use base64::Engine as _;
    let remedy = "correct the path";
    let bytes = std::fs::read(file).map_err(|source| FacesFault::File {
        file: file.to_owned(),
        what: "read",
        source,
        remedy,
    })?;
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(SentPicture::Named { name, base64: base64::engine::general_purpose::STANDARD.encode(bytes) })
}
