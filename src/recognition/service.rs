//! Recognition as a whole: the embedding model on the workers, the gallery in force, and the faces of each
//! camera.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::people::gather;
use super::{FaceFeed, FaceFollower, FaceItem, FaceLane, FaceLaneSettings, Gallery, Recognise};
use crate::config::{CameraConfig, Config, ModelConfig};
use crate::engine::{EngineError, Model};
use crate::pipeline::{Follower, SharedRuntime};
use crate::ring::Bell;
use crate::scheduler::{Attachment, ExecutorError, Factory, Scheduler, Stage, StageSpec};
use crate::store::Store;
use crate::types::{Alarms, Explanation, SightingSink, priority};

/// The alarm while faces of another model are left out.
const ALARM: &str = "gallery-model";

/// Why the embedding model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecognitionError {
    /// The runtime or the model cannot be used.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A worker cannot load it.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
}

/// Recognition of all cameras.
pub struct Recognition {
    runtime: Arc<SharedRuntime>,
    scheduler: Arc<Scheduler>,
    bell: Arc<Bell>,
    store: Store,
    alarms: Arc<dyn Alarms>,
    gallery: Arc<Gallery>,
    ready: Mutex<Option<ReadyEmbedder>>,
    /// Makes stage names unique while an old and a new stage exist side by side.
    generation: AtomicU64,
}

/// The embedding model, warm on its workers.
struct ReadyEmbedder {
    model: Arc<Model>,
    stage: Arc<Stage<FaceItem>>,
    /// The settings that it was loaded from.
    settings: ModelConfig,
    workers: (usize, usize),
}

/// The faces of one camera.
pub struct CameraFaces {
    /// The tracked faces that are looked at, and what was found out.
    pub lane: Arc<FaceLane>,
    queue: Attachment<FaceItem>,
}

impl Recognition {
    /// Recognition without a model and with an empty gallery. `store` holds the people.
    pub fn new(
        runtime: Arc<SharedRuntime>,
        scheduler: Arc<Scheduler>,
        bell: Arc<Bell>,
        store: Store,
        alarms: Arc<dyn Alarms>,
    ) -> Recognition {
        let (gallery, ready, generation) = (Arc::default(), Mutex::default(), AtomicU64::new(0));
        Recognition { runtime, scheduler, bell, store, alarms, gallery, ready, generation }
    }

    /// The embedding model of `config`, where a camera recognises.
    pub fn used(config: &Config) -> Option<&ModelConfig> {
        config.cameras.iter().find(|camera| camera.recognise.is_some())?;
        let name = config.faces.model.as_deref()?;
        config.models.iter().find(|model| model.name == name)
    }

    /// The embedding model in use, if any camera recognises.
    pub fn model(&self) -> Option<Arc<Model>> {
        self.ready.lock().as_ref().map(|ready| ready.model.clone())
    }

    /// Loads the embedding model of `config` if a camera needs it; an unchanged one is kept.
    ///
    /// # Errors
    /// Why it cannot be used. The former one stays then.
    pub fn load(&self, config: &Config) -> Result<(), RecognitionError> {
        let Some(settings) = Recognition::used(config) else { return Ok(()) };
        let workers = (config.faces.min_workers, config.faces.max_workers);
        let is_same = |ready: &ReadyEmbedder| ready.settings == *settings && ready.workers == workers;
        if self.ready.lock().as_ref().is_some_and(is_same) {
            return Ok(());
        }
        let model = self.runtime.open(&config.runtime)?.load(settings)?;
        let recognise = Recognise::new(model.clone(), self.gallery.clone())?;
        let generation = self.generation.fetch_add(1, Ordering::Relaxed) + 1;
        let spec = StageSpec {
            name: format!("recognise/{}#{generation}", settings.name).into(),
            priority: priority::RECOGNISE,
            min: workers.0,
            max: workers.1,
        };
        let factory: Arc<Factory<FaceItem>> = Arc::new(move || Ok(Box::new(recognise.recogniser()?)));
        let stage = self.scheduler.add(spec, factory)?;
        *self.ready.lock() = Some(ReadyEmbedder { model, stage, settings: settings.clone(), workers });
        Ok(())
    }

    /// Whether `stage` is the stage of the model in use.
    pub fn runs(&self, stage: &str) -> bool {
        self.ready.lock().as_ref().is_some_and(|ready| &*ready.stage.spec().name == stage)
    }

    /// Drops the embedding model if no camera of `config` recognises any more.
    pub fn drop_unused(&self, config: &Config) {
        if Recognition::used(config).is_none() {
            *self.ready.lock() = None;
        }
    }

    /// The faces of `camera`, if it recognises, which are reported to `sightings`; `in_step`: its frames wait
    /// for their answers.
    pub fn camera(
        &self,
        camera: &CameraConfig,
        in_step: bool,
        sightings: Arc<dyn SightingSink>,
    ) -> Option<CameraFaces> {
        let recognise = camera.recognise.as_ref()?;
        let settings =
            FaceLaneSettings { camera: camera.name.as_str().into(), recognition: recognise.clone(), in_step };
        let lane = FaceLane::new(settings, self.gallery.clone(), sightings, self.bell.clone());
        let queue = Attachment::new(Arc::new(FaceFeed(lane.clone())));
        Some(CameraFaces { lane, queue })
    }

    /// Joins a camera's faces to the stage of the model in use.
    pub fn attach(&self, faces: &CameraFaces) {
        let stage = self.ready.lock().as_ref().map(|ready| ready.stage.clone());
        if stage.is_some_and(|stage| faces.queue.attach(&stage)) {
            faces.lane.set_attached(true);
        }
    }

    /// Loads the gallery from disk into use. Faces that another model embedded are left out, and an alarm
    /// reports that.
    pub fn refresh_gallery(&self) {
        let Some(model) = self.model() else { return self.alarms.clear(ALARM) };
        match gather(&self.store.gallery(), model.sha256()) {
            Ok((index, stale)) => {
                let faces = index.faces();
                self.gallery.set(Arc::new(index));
                if stale == 0 {
                    return self.alarms.clear(ALARM);
                }
                let all = faces + stale;
                let cause = format!(
                    "{stale} of {all} faces were embedded by another model than [model.{}] and are left out",
                    model.name()
                );
                self.alarms.raise(ALARM, &Explanation::new(cause, "run `ocellus faces reenrol`"));
            }
            Err(error) => {
                self.alarms.raise(ALARM, &error.explanation().within("the gallery cannot be read"));
            }
        }
    }
}

impl CameraFaces {
    /// Follows the camera's lane, so that faces move on with its frames.
    pub fn follower(&self) -> Arc<dyn Follower> {
        Arc::new(FaceFollower(self.lane.clone()))
    }

    /// Removes the camera's faces from the stage.
    pub fn detach(&self) {
        self.queue.detach();
        self.lane.set_attached(false);
    }

    /// Drains the last faces after the last frame, for at most `patience`; false if some are left.
    pub fn drain(&self, patience: Duration) -> bool {
        !self.queue.is_attached() || self.lane.wait_idle(patience)
    }
}
