//! Recognition: the embedding model on the workers, the gallery in force, and the faces of each camera.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::camera::Camera;
use super::{App, AppError, lock};
use crate::config::{self, Config};
use crate::engine::Model;
use crate::pipeline::Follower;
use crate::recognition::{
    FaceFeed, FaceFollower, FaceItem, FaceLane, FaceLaneSettings, Gallery, GalleryIndex, Recognise, Settings,
};
use crate::scheduler::{Attachment, Factory, Stage, StageSpec};
use crate::types::priority;

/// The embedding model, warm on its workers.
#[derive(Clone)]
pub(super) struct Recognition {
    pub(super) model: Arc<Model>,
    stage: Arc<Stage<FaceItem>>,
    /// The settings that it was loaded from.
    settings: config::ModelConfig,
    workers: (usize, usize),
}

/// The service's part of recognition.
#[derive(Default)]
pub(super) struct Faces {
    pub(super) gallery: Arc<Gallery>,
    recognition: Mutex<Option<Recognition>>,
}

/// A camera's part of recognition.
pub(super) struct CameraFaces {
    pub(super) lane: Arc<FaceLane>,
    queue: Attachment<FaceItem>,
}

impl App {
    /// Replaces the gallery of every camera at once.
    pub(super) fn set_gallery(&self, index: Arc<GalleryIndex>) {
        self.faces.gallery.set(index);
    }

    /// The embedding model in use, if any camera recognises.
    pub(super) fn recognition(&self) -> Option<Recognition> {
        lock(&self.faces.recognition).clone()
    }

    /// Loads the embedding model of `config` if a camera needs it; an unchanged one is kept.
    pub(super) fn load_recognition(&self, config: &Config) -> Result<(), AppError> {
        let Some(settings) = used_model(config) else { return Ok(()) };
        let workers = (config.faces.min_workers, config.faces.max_workers);
        let known = self.recognition();
        if known.is_some_and(|known| known.settings == *settings && known.workers == workers) {
            return Ok(());
        }
        let model = self.open_runtime(config)?.load(settings)?;
        let recognise = Recognise::new(model.clone(), self.faces.gallery.clone())?;
        let spec = StageSpec {
            name: format!("recognise/{}#{}", settings.name, self.next_generation()).into(),
            priority: priority::RECOGNISE,
            min: workers.0,
            max: workers.1,
        };
        let factory: Arc<Factory<FaceItem>> = Arc::new(move || Ok(Box::new(recognise.recogniser()?)));
        let stage = self.scheduler.add(spec, factory)?;
        let ready = Recognition { model, stage, settings: settings.clone(), workers };
        *lock(&self.faces.recognition) = Some(ready);
        Ok(())
    }

    /// Whether the stage `stage` is the recognition stage.
    pub(super) fn recognises(&self, stage: &str) -> bool {
        lock(&self.faces.recognition).as_ref().is_some_and(|ready| &*ready.stage.spec().name == stage)
    }

    /// Drops the embedding model if no camera of `config` recognises any more.
    pub(super) fn drop_unused_recognition(&self, config: &Config) {
        if used_model(config).is_none() {
            *lock(&self.faces.recognition) = None;
        }
    }

    /// Joins a camera's faces to the recognition stage.
    pub(super) fn attach_faces(&self, camera: &Camera) {
        let (Some(faces), Some(ready)) = (&camera.faces, self.recognition()) else { return };
        faces.attach(&ready.stage);
    }
}

impl CameraFaces {
    /// The faces of `camera`, if it recognises; `in_step`: its frames wait for their answers.
    pub(super) fn new(camera: &config::CameraConfig, in_step: bool, app: &App) -> Option<CameraFaces> {
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
        let queue = Attachment::new(Arc::new(FaceFeed(lane.clone())));
        Some(CameraFaces { lane, queue })
    }

    /// Follows the camera's lane, so that faces move on with its frames.
    pub(super) fn follower(&self) -> Arc<dyn Follower> {
        Arc::new(FaceFollower(self.lane.clone()))
    }

    fn attach(&self, stage: &Arc<Stage<FaceItem>>) {
        if self.queue.attach(stage) {
            self.lane.set_attached(true);
        }
    }

    pub(super) fn detach(&self) {
        self.queue.detach();
        self.lane.set_attached(false);
    }

    /// Drains the last faces after the last frame.
    pub(super) fn drain(&self, patience: Duration) -> bool {
        !self.queue.is_attached() || self.lane.wait_idle(patience)
    }
}

/// The embedding model, where a camera recognises.
pub(super) fn used_model(config: &Config) -> Option<&config::ModelConfig> {
    config.cameras.iter().find(|camera| camera.recognise.is_some())?;
    let name = config.faces.model.as_deref()?;
    config.models.iter().find(|model| model.name == name)
}
