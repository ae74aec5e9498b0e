//! Loads a product for a camera and selects it, without a restart.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::acquire::PartFeed;
use super::camera::{InspectionCamera, SelectedProduct};
use super::evidence::{GoldenRecord, ModelRecord, ProductRecord};
use super::part::{PartItem, Product};
use super::program::{GoldenPicture, Program, ProgramError};
use super::service::InspectionService;
use crate::config::recipe::{self, Recipe};
use crate::config::{Config, Faults};
use crate::engine::{EngineError, Model};
use crate::scheduler::{Attachment, ExecutorError, Factory, StageSpec};
use crate::store::{GoldenError, GoldenSet};
use crate::types::{Explanation, priority};

/// Why a product is not ready.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    /// The recipe has faults, or there is none.
    #[error(transparent)]
    Recipe(#[from] Faults),
    /// The golden pictures cannot be read.
    #[error(transparent)]
    Golden(#[from] GoldenError),
    /// A model or a golden picture does not fit the recipe.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The workers cannot run it.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
}

impl SelectError {
    /// What is wrong, and what to do next. Each fault of a recipe names its own remedy.
    pub fn explanation(&self) -> Explanation {
        match self {
            SelectError::Recipe(faults) => Explanation::new(faults.to_string(), ""),
            SelectError::Golden(error) => error.explanation(),
            SelectError::Program(error) => error.explanation(),
            SelectError::Executor(error) => Explanation::new(error.to_string(), ""),
        }
    }
}

impl InspectionService {
    /// Loads the first product of every camera that has none. A failure does not stop the service: triggers
    /// end as `error`, an alarm gives the reason, and golden pictures can still be taught from the camera.
    pub fn select_first(&self) {
        for camera in self.cameras().iter().filter(|camera| camera.product().is_none()) {
            if let Err(fault) = self.select(camera, &camera.settings.product) {
                tracing::error!(camera = camera.name, "{fault}");
            }
        }
    }

    /// Reads the recipe of every camera's product again: files may have changed, and cameras may be new. If a
    /// recipe cannot be used, the product in force stays.
    pub fn select_again(&self) {
        for camera in &self.cameras() {
            if let Err(fault) = self.select(camera, &camera.meant()) {
                tracing::error!(camera = camera.name, "{fault}");
            }
        }
    }

    /// Loads `product` for the camera and selects it for the triggers that follow.
    ///
    /// # Errors
    /// Why it is not ready. The product in force stays then, and an alarm gives the reason.
    pub fn select(&self, camera: &InspectionCamera, product: &str) -> Result<(), SelectError> {
        let around = &self.around;
        let outcome = self.make_ready(camera, product);
        let alarm = format!("product-{}", camera.name);
        let done = match outcome {
            Ok(selected) => {
                tracing::info!(camera = camera.name, product, "selected");
                drop(camera.lane.select(selected.product.clone()));
                let mut state = camera.state.lock();
                let former = state.selected.replace(selected);
                state.former.extend(former);
                (state.fault, state.wanted) = (None, None);
                drop(state);
                around.alarms.clear(&alarm);
                around.bell.ring_all();
                Ok(())
            }
            Err(fault) => {
                let why = fault.explanation().within(format_args!("product {product} is not ready"));
                around.alarms.raise(&alarm, &why);
                let mut state = camera.state.lock();
                (state.fault, state.wanted) = (Some(fault.to_string()), Some(product.to_owned()));
                Err(fault)
            }
        };
        (around.handshake)(camera);
        done
    }

    fn make_ready(&self, camera: &InspectionCamera, product: &str) -> Result<SelectedProduct, SelectError> {
        let around = &self.around;
        let config = around.config.get();
        let recipe = Recipe::load(&recipe::find(&camera.settings.recipes, product)?, &config.models)?;
        let set = around.store.goldens().current(product)?;
        let pictures = self.pictures(set.as_ref())?;
        let model = |name: &str, as_vector| self.model(&config, name, as_vector);
        let program = Arc::new(Program::new(recipe, &pictures, &model)?);
        let record = product_record(&program, set.as_ref(), &around.runtime.name());
        let generation = self.generation.fetch_add(1, Ordering::Relaxed) + 1;
        let spec = StageSpec {
            name: format!("inspect/{}/{product}#{generation}", camera.name).into(),
            priority: priority::INSPECT,
            min: 0,
            max: config.workers.cores.len(),
        };
        let product = Arc::new(Product {
            name: product.into(),
            recipe_revision: program.recipe().revision,
            golden_revision: set.map_or(0, |set| set.revision),
            rois: program.rois(),
            outlines: program.outlines().into(),
            stage: spec.name.clone(),
        });
        around.evidence.product(&product.stage, Arc::new(record));
        // Memory for every region of every part that may be in flight.
        let regions = product.rois.len() * camera.settings.queue;
        let feed = PartFeed::new(camera.lane.clone(), product.stage.clone(), regions);
        let factory: Arc<Factory<PartItem>> = Arc::new(move || Ok(Box::new(program.inspector()?)));
        let stage = around.scheduler.add(spec, factory)?;
        let queue = Attachment::new(Arc::new(feed));
        queue.attach(&stage);
        Ok(SelectedProduct { product, queue })
    }

    /// Loads a model of `config` for recipes, once for all that run it; `as_vector` takes its output as an
    /// embedding, whatever task its card names.
    fn model(&self, config: &Config, name: &str, as_vector: bool) -> Result<Arc<Model>, EngineError> {
        let known = config.models.iter().find(|model| model.name == name);
        let Some(settings) = known else { return Err(EngineError::NoTask { model: name.into() }) };
        let key = (name.to_owned(), as_vector);
        if let Some((made_from, model)) = self.models.lock().get(&key)
            && made_from == settings
        {
            return Ok(model.clone());
        }
        let wanted = if as_vector { settings.as_vector() } else { settings.clone() };
        let model = self.around.runtime.open(&config.runtime)?.load(&wanted)?;
        self.models.lock().insert(key, (settings.clone(), model.clone()));
        Ok(model)
    }

    /// The pictures of a set, read and checked against their hashes.
    fn pictures(&self, set: Option<&GoldenSet>) -> Result<Vec<GoldenPicture>, GoldenError> {
        let goldens = self.around.store.goldens();
        let entries = set.map_or(&[][..], |set| &set.entries);
        let pictures = entries.iter().map(|entry| {
            let picture = goldens.picture(&entry.picture)?;
            let name = entry.picture[..12].to_owned();
            Ok(GoldenPicture { name, picture: Arc::new(picture), rois: entry.rois.clone() })
        });
        pictures.collect()
    }
}

/// What a verdict depends on besides the frame.
fn product_record(program: &Program, set: Option<&GoldenSet>, runtime: &str) -> ProductRecord {
    let recipe = program.recipe();
    let goldens = set.iter().flat_map(|set| &set.entries).map(|entry| GoldenRecord {
        sha256: entry.picture.clone(),
        name: entry.name.clone(),
        rois: entry.rois.clone().unwrap_or_default(),
    });
    let models = program.models().iter().map(|model| ModelRecord {
        name: model.name().into(),
        sha256: model.sha256().into(),
        path: model.path().display().to_string(),
        runtime: runtime.into(),
    });
    ProductRecord {
        product: recipe.product.clone(),
        recipe_revision: recipe.revision,
        golden_revision: set.map_or(0, |set| set.revision),
        recipe_text: recipe.text.clone(),
        recipe_sha256: recipe.hash.clone(),
        goldens: goldens.collect(),
        models: models.collect(),
    }
}
