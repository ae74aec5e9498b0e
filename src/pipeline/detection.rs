//! Detection as a whole: the models that find objects in frames. Each is loaded once, is a stage of the
//! scheduler, and is replaced as a whole when its file or card changes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::{Detect, FrameItem, SharedRuntime};
use crate::config::{Config, ModelConfig, Task};
use crate::engine::{EngineError, Model};
use crate::scheduler::{ExecutorError, Factory, Scheduler, Stage, StageSpec};
use crate::types::priority;

/// Why a model cannot be used for detection.
#[derive(Debug, thiserror::Error)]
pub enum DetectionError {
    /// The runtime or the model cannot be used.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A worker cannot load it.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
}

/// The models that detect.
pub struct Detection {
    runtime: Arc<SharedRuntime>,
    scheduler: Arc<Scheduler>,
    ready: Mutex<HashMap<String, ReadyDetector>>,
    /// Makes stage names unique while an old and a new stage of a model exist side by side.
    generation: AtomicU64,
}

/// A model that is warm on its workers.
#[derive(Clone)]
struct ReadyDetector {
    model: Arc<Model>,
    stage: Arc<Stage<FrameItem>>,
    /// The settings that it was loaded from.
    settings: ModelConfig,
    uses: ModelUses,
}

/// The scores that the cameras of a model need; each camera's lane then applies its threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
struct ModelUses {
    /// The lowest threshold that any camera names.
    lowest: Option<f32>,
    /// Whether any camera uses the threshold of the model's card.
    card: bool,
}

impl Detection {
    /// Detection without a model, which runs on the workers of `scheduler`.
    pub fn new(runtime: Arc<SharedRuntime>, scheduler: Arc<Scheduler>) -> Detection {
        Detection { runtime, scheduler, ready: Mutex::default(), generation: AtomicU64::new(0) }
    }

    /// The models of `config` that a camera detects with.
    pub fn used(config: &Config) -> impl Iterator<Item = &ModelConfig> {
        config.models.iter().filter(|model| {
            config.cameras.iter().filter_map(|camera| camera.detect.as_ref()).any(|d| d.model == model.name)
        })
    }

    /// Loads the model of `settings` for the cameras of `config`, unless the same one is ready.
    ///
    /// # Errors
    /// Why it cannot be used. What was ready under its name stays.
    pub fn load(&self, settings: &ModelConfig, config: &Config) -> Result<(), DetectionError> {
        let uses = ModelUses::of(config, &settings.name);
        let known = self.ready.lock().get(&settings.name).cloned();
        let known = known.filter(|known| known.settings == *settings && known.uses == uses);
        let model = match &known {
            Some(known) => known.model.clone(),
            None => self.runtime.open(&config.runtime)?.load(settings)?,
        };
        if needs_eyes(config, &settings.name) {
            model.expect_task(Task::BlazeFace)?;
        }
        if known.is_none() {
            let ready = self.make_ready(model, settings, uses)?;
            self.ready.lock().insert(settings.name.clone(), ready);
        }
        Ok(())
    }

    fn make_ready(
        &self,
        model: Arc<Model>,
        settings: &ModelConfig,
        uses: ModelUses,
    ) -> Result<ReadyDetector, DetectionError> {
        let generation = self.generation.fetch_add(1, Ordering::Relaxed) + 1;
        let least = uses.least_score(model.min_score());
        let detect = Detect::new(model.clone(), Some(least));
        let spec = StageSpec {
            name: format!("{}#{generation}", settings.name).into(),
            priority: priority::DETECT,
            min: settings.min_workers,
            max: settings.max_workers,
        };
        let factory: Arc<Factory<FrameItem>> = Arc::new(move || Ok(Box::new(detect.detector()?)));
        let stage = self.scheduler.add(spec, factory)?;
        Ok(ReadyDetector { model, stage, settings: settings.clone(), uses })
    }

    /// Forgets the models that no camera of `config` uses any more. Call it when no camera feeds them.
    pub fn drop_unused(&self, config: &Config) {
        let used: Vec<&str> = Detection::used(config).map(|model| model.name.as_str()).collect();
        self.ready.lock().retain(|name, _| used.contains(&name.as_str()));
    }

    /// The model called `name` and its stage, if it is ready.
    pub fn ready(&self, name: &str) -> Option<(Arc<Model>, Arc<Stage<FrameItem>>)> {
        self.ready.lock().get(name).map(|ready| (ready.model.clone(), ready.stage.clone()))
    }

    /// Whether `stage` is a stage of a model that is ready.
    pub fn runs(&self, stage: &str) -> bool {
        self.ready.lock().values().any(|ready| &*ready.stage.spec().name == stage)
    }

    /// All models that are ready.
    pub fn models(&self) -> Vec<Arc<Model>> {
        self.ready.lock().values().map(|ready| ready.model.clone()).collect()
    }
}

/// Whether a camera aligns faces by the key points that the model finds.
fn needs_eyes(config: &Config, model: &str) -> bool {
    let recognising = config.cameras.iter().filter(|camera| camera.recognise.is_some());
    recognising.filter_map(|camera| camera.detect.as_ref()).any(|detect| detect.model == model)
}

impl ModelUses {
    /// A camera that tracks also needs the weaker detections that keep its objects alive.
    fn of(config: &Config, model: &str) -> ModelUses {
        let cameras = || {
            let detecting =
                config.cameras.iter().filter_map(|camera| Some((camera, camera.detect.as_ref()?)));
            detecting.filter(|(_, detect)| detect.model == model)
        };
        let tracking = cameras().filter_map(|(camera, _)| Some(camera.track.as_ref()?.low_score));
        let named = cameras().filter_map(|(_, detect)| detect.min_score);
        ModelUses {
            lowest: named.chain(tracking).reduce(f32::min),
            card: cameras().any(|(_, detect)| detect.min_score.is_none()),
        }
    }

    /// The threshold of the model's decoder; `card` is the threshold of its card.
    fn least_score(self, card: f32) -> f32 {
        match self.lowest {
            Some(lowest) if self.card => lowest.min(card),
            Some(lowest) => lowest,
            None => card,
        }
    }
}
