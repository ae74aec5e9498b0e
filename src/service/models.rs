//! The models in use: each is loaded once, is a stage of the scheduler, and is replaced as a whole when its
//! file or card changes.

use std::collections::HashMap;
use std::sync::Arc;

use super::faces::used_model as used_recognition;
use super::{App, AppError, lock};
use crate::config::{self, Config};
use crate::engine::{EngineError, Model, Runtime};
use crate::pipeline::{Detect, FrameItem};
use crate::scheduler::{Factory, Stage, StageSpec};
use crate::supervisor::{JoinError, SupervisorError};
use crate::types::priority;

/// A model that is warm on its workers.
#[derive(Clone)]
pub(super) struct Ready {
    pub(super) model: Arc<Model>,
    pub(super) stage: Arc<Stage<FrameItem>>,
    /// The settings that it was loaded from.
    settings: config::ModelConfig,
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

/// A model that cannot be used, and the cameras that need it.
pub(super) struct Unusable {
    pub(super) model: String,
    pub(super) cause: String,
    /// Whether it is the embedding model; otherwise it detects.
    recognises: bool,
    /// The cause as an error, for the first one that met it.
    pub(super) error: Option<AppError>,
}

impl Unusable {
    fn detection(model: &str, cause: &dyn ToString) -> Unusable {
        Unusable { model: model.into(), cause: cause.to_string(), recognises: false, error: None }
    }

    fn recognition(model: &str, cause: &dyn ToString) -> Unusable {
        Unusable { recognises: true, ..Unusable::detection(model, cause) }
    }

    fn because(self, error: AppError) -> Unusable {
        Unusable { error: Some(error), ..self }
    }

    /// Whether `camera` cannot work without the model.
    pub(super) fn stops(&self, camera: &config::CameraConfig) -> bool {
        let detects = camera.detect.as_ref().is_some_and(|detect| detect.model == self.model);
        if self.recognises { camera.recognise.is_some() } else { detects }
    }
}

/// The models by name.
#[derive(Default)]
pub(super) struct Models {
    runtime: Option<Arc<Runtime>>,
    ready: HashMap<String, Ready>,
    /// Models of recipes: by name, and whether the output is taken as a vector.
    inspection: HashMap<(String, bool), (config::ModelConfig, Arc<Model>)>,
    /// Makes stage names unique while an old and a new stage of a model exist side by side.
    generation: u64,
}

impl Models {
    pub(super) fn next_generation(&mut self) -> u64 {
        self.generation += 1;
        self.generation
    }
}

impl App {
    /// Loads every model that a camera of `config` uses, and keeps those that did not change. Returns those
    /// that cannot be used; what was ready under their names stays.
    pub(super) fn load_models(&self, config: &Config) -> Vec<Unusable> {
        let mut unusable = Vec::new();
        let runtime = match self.open_runtime(config) {
            Ok(runtime) => runtime,
            Err(error) => {
                let cause = error.to_string();
                unusable.extend(used_models(config).map(|model| Unusable::detection(&model.name, &cause)));
                unusable.extend(
                    used_recognition(config)
                        .into_iter()
                        .map(|model| Unusable::recognition(&model.name, &cause)),
                );
                if let Some(first) = unusable.first_mut() {
                    first.error = Some(error.into());
                }
                return unusable;
            }
        };
        for settings in used_models(config) {
            match self.fresh_model(&runtime, settings, config) {
                Ok(None) => {}
                Ok(Some(ready)) => drop(lock(&self.models).ready.insert(settings.name.clone(), ready)),
                Err(error) => unusable.push(Unusable::detection(&settings.name, &error).because(error)),
            }
        }
        if let (Some(settings), Err(error)) = (used_recognition(config), self.load_recognition(config)) {
            unusable.push(Unusable::recognition(&settings.name, &error).because(error));
        }
        unusable
    }

    /// Loads the model of `settings`; `None` if the same one is ready already.
    fn fresh_model(
        &self,
        runtime: &Runtime,
        settings: &config::ModelConfig,
        config: &Config,
    ) -> Result<Option<Ready>, AppError> {
        let uses = ModelUses::of(config, &settings.name);
        let known = self.ready_model(&settings.name);
        let known = known.filter(|known| known.settings == *settings && known.uses == uses);
        let model = known.as_ref().map_or_else(|| runtime.load(settings), |known| Ok(known.model.clone()))?;
        if needs_eyes(config, &settings.name) {
            model.expect_task(config::Task::BlazeFace)?;
        }
        match known {
            Some(_) => Ok(None),
            None => self.make_ready(model, settings, uses).map(Some),
        }
    }

    /// Drops the stages whose models are not in `config` any more. Call it when no camera feeds them.
    pub(super) fn drop_unused_models(&self, config: &Config) {
        self.drop_unused_recognition(config);
        let models = &mut lock(&self.models).ready;
        models.retain(|name, _| {
            config.cameras.iter().filter_map(|camera| camera.detect.as_ref()).any(|d| d.model == *name)
        });
        // The stages of inspection belong to their cameras, and that of annotation to all of them.
        let foreign = [priority::INSPECT, priority::ANNOTATE];
        let stages = self.scheduler.stages();
        for stage in stages.iter().map(|stage| stage.spec()).filter(|spec| !foreign.contains(&spec.priority))
        {
            let detects = models.values().any(|ready| ready.stage.spec().name == stage.name);
            if !detects && !self.recognises(&stage.name) {
                self.scheduler.remove(&stage.name);
            }
        }
    }

    /// The model called `name`, if it is ready.
    pub(super) fn ready_model(&self, name: &str) -> Option<Ready> {
        lock(&self.models).ready.get(name).cloned()
    }

    /// Loads a model of `config` for recipes, once for all that run it; `as_vector` takes its output as an
    /// embedding, whatever task its card names.
    pub(super) fn inspection_model(
        &self,
        config: &Config,
        name: &str,
        as_vector: bool,
    ) -> Result<Arc<Model>, EngineError> {
        let known = config.models.iter().find(|model| model.name == name);
        let Some(settings) = known else { return Err(EngineError::NoTask { model: name.into() }) };
        let key = (name.to_owned(), as_vector);
        if let Some((made_from, model)) = lock(&self.models).inspection.get(&key)
            && made_from == settings
        {
            return Ok(model.clone());
        }
        let wanted = if as_vector { settings.as_vector() } else { settings.clone() };
        let model = self.open_runtime(config)?.load(&wanted)?;
        lock(&self.models).inspection.insert(key, (settings.clone(), model.clone()));
        Ok(model)
    }

    /// The runtime in use, and its version if it reports one; empty before a model was loaded.
    pub(super) fn runtime_name(&self) -> String {
        lock(&self.models).runtime.as_ref().map(|runtime| runtime.describe()).unwrap_or_default()
    }

    /// All models that are loaded: of cameras, of recipes, and the one that embeds faces.
    pub(super) fn models_in_use(&self) -> Vec<Arc<Model>> {
        let mut models: Vec<Arc<Model>> = {
            let known = lock(&self.models);
            let detecting = known.ready.values().map(|ready| ready.model.clone());
            detecting.chain(known.inspection.values().map(|(_, model)| model.clone())).collect()
        };
        models.extend(self.recognition().map(|recognition| recognition.model));
        models
    }

    /// A number that no stage's name contains yet.
    pub(super) fn next_generation(&self) -> u64 {
        lock(&self.models).next_generation()
    }

    pub(super) fn open_runtime(&self, config: &Config) -> Result<Arc<Runtime>, EngineError> {
        let mut models = lock(&self.models);
        if let Some(runtime) = &models.runtime {
            return Ok(runtime.clone());
        }
        let runtime = Arc::new(Runtime::open(&config.runtime)?);
        tracing::info!("inference runtime: {}", runtime.describe());
        models.runtime = Some(runtime.clone());
        Ok(runtime)
    }

    fn make_ready(
        &self,
        model: Arc<Model>,
        settings: &config::ModelConfig,
        uses: ModelUses,
    ) -> Result<Ready, AppError> {
        let generation = lock(&self.models).next_generation();
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
        Ok(Ready { model, stage, settings: settings.clone(), uses })
    }
}

fn used_models(config: &Config) -> impl Iterator<Item = &config::ModelConfig> {
    config.models.iter().filter(|model| {
        config.cameras.iter().filter_map(|camera| camera.detect.as_ref()).any(|d| d.model == model.name)
    })
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

/// The error for a panic of the thread that loads the models: a failed unit.
pub(super) fn load_panicked(panic: &JoinError) -> SupervisorError {
    SupervisorError::Essential { unit: "models".into(), cause: panic.to_string() }
}
