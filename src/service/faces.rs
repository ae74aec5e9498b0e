//! Recognition: the embedding model made ready on the workers, the gallery in force, and each camera's faces.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::camera::Camera;
use super::{App, AppError, lock};
use crate::config::{self, Config};
use crate::engine::Model;
use crate::pipeline::{FaceFeed, FaceFollower, FaceLane, FaceLaneSettings, FaceStation, Follower, Item};
use crate::recognition::{Gallery, GalleryIndex, Recognise, Settings};
use crate::scheduler::{Factory, Feed, Rank, Stage};

/// The embedding model, warm on its workers.
#[derive(Clone)]
pub(super) struct Recognition {
    pub(super) model: Arc<Model>,
    stage: Arc<Stage<Item>>,
    /// What it was made from.
    settings: config::ModelSettings,
    workers: (usize, usize),
}

/// What the service has for faces.
#[derive(Default)]
pub(super) struct Faces {
    pub(super) gallery: Arc<Gallery>,
    recognition: Mutex<Option<Recognition>>,
}

/// What a rig has for faces.
pub(super) struct CameraFaces {
    pub(super) lane: Arc<FaceLane>,
    feed: Mutex<Option<Attached>>,
}

/// A feed of faces, and the stage that it feeds.
type Attached = (Arc<Stage<Item>>, Arc<dyn Feed<Item>>);

impl App {
    /// Puts another gallery in force, at once for every camera.
    pub(super) fn set_gallery(&self, index: Arc<GalleryIndex>) {
        self.faces.gallery.set(index);
    }

    /// The embedding model in use, if a camera recognises.
    pub(super) fn recognition(&self) -> Option<Recognition> {
        lock(&self.faces.recognition).clone()
    }

    /// Makes the embedding model of `config` ready, where a camera needs it; one that is as wished stays.
    pub(super) fn load_recognition(&self, config: &Config) -> Result<(), AppError> {
        let Some(settings) = used_model(config) else { return Ok(()) };
        let workers = (config.faces.min_workers, config.faces.max_workers);
        let known = self.recognition();
        if known.is_some_and(|known| known.settings == *settings && known.workers == workers) {
            return Ok(());
        }
        let model = self.open_runtime(config)?.load(settings)?;
        let recognise = Recognise::new(&settings.name, model.clone(), self.faces.gallery.clone())?;
        let rank = Rank {
            name: format!("recognise/{}#{}", recognise.name(), self.next_generation()).into(),
            class: recognise.class(),
            min: workers.0,
            max: workers.1,
        };
        let factory: Arc<Factory<Item>> = Arc::new(move || {
            let station = recognise.station().map_err(|error| error.to_string())?;
            Ok(Box::new(FaceStation(station)))
        });
        // What recognition is given comes through feeds alone.
        let stage = self.scheduler.add(rank, 1, factory)?;
        let ready = Recognition { model, stage, settings: settings.clone(), workers };
        *lock(&self.faces.recognition) = Some(ready);
        Ok(())
    }

    /// Whether `stage` is the one that recognises.
    pub(super) fn recognises(&self, stage: &Arc<Stage<Item>>) -> bool {
        lock(&self.faces.recognition).as_ref().is_some_and(|ready| Arc::ptr_eq(&ready.stage, stage))
    }

    /// Forgets the embedding model where no camera of `config` recognises any more.
    pub(super) fn drop_unused_recognition(&self, config: &Config) {
        if used_model(config).is_none() {
            *lock(&self.faces.recognition) = None;
        }
    }

    /// Joins a camera's faces to the stage that recognises.
    pub(super) fn attach_faces(&self, camera: &Camera) {
        let (Some(faces), Some(ready)) = (&camera.faces, self.recognition()) else { return };
        faces.attach(&ready.stage);
    }
}

impl CameraFaces {
    /// The faces of `camera`, if it recognises; `in_step`: its frames wait for their answers.
    pub(super) fn new(camera: &config::Camera, in_step: bool, app: &App) -> Option<CameraFaces> {
        let recognise = camera.recognise.as_ref()?;
        let settings = FaceLaneSettings {
            camera: camera.name.as_str().into(),
            recognition: Settings::from(recognise),
            agree: recognise.agree,
            recheck: recognise.recheck,
            queue: recognise.queue,
            in_step,
        };
        let gallery = app.faces.gallery.clone();
        let lane = FaceLane::new(settings, gallery, app.sightings(), app.bell.clone());
        Some(CameraFaces { lane, feed: Mutex::default() })
    }

    /// What stands beside the camera's lane.
    pub(super) fn follower(&self) -> Arc<dyn Follower> {
        Arc::new(FaceFollower(self.lane.clone()))
    }

    fn attach(&self, stage: &Arc<Stage<Item>>) {
        let mut feed = lock(&self.feed);
        if feed.as_ref().is_some_and(|(known, _)| Arc::ptr_eq(known, stage)) {
            return;
        }
        let fresh: Arc<dyn Feed<Item>> = Arc::new(FaceFeed(self.lane.clone()));
        // The new stage first: faces that wait always have somebody who takes them.
        stage.attach(fresh.clone());
        self.lane.set_attached(true);
        if let Some((old, feed)) = feed.replace((stage.clone(), fresh)) {
            old.detach(&feed);
        }
    }

    pub(super) fn detach(&self) {
        if let Some((stage, feed)) = lock(&self.feed).take() {
            stage.detach(&feed);
        }
        self.lane.set_attached(false);
    }

    /// No more frames will come: lets the last faces through.
    pub(super) fn drain(&self, patience: Duration) -> bool {
        lock(&self.feed).is_none() || self.lane.wait_idle(patience)
    }
}

/// The embedding model, where a camera recognises.
pub(super) fn used_model(config: &Config) -> Option<&config::ModelSettings> {
    config.cameras.iter().find(|camera| camera.recognise.is_some())?;
    let name = config.faces.model.as_deref()?;
    config.models.iter().find(|model| model.name == name)
}
