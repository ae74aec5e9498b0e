//! Loads recipes outside the service: for `replay` and `golden qualify`, even while it runs.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use crate::config::recipe::Recipe;
use crate::config::{self, Config};
use crate::engine::{EngineError, Model, Runtime};
use crate::inspection::{GoldenPicture, Program};
use crate::store::{GoldenEntry, GoldenError, GoldenFiles};
use crate::types::{Patch, sha256};

/// The settings of a model, and whether its output is taken as a vector.
type ModelChoice = (config::ModelConfig, bool);

/// Loads each model and each golden picture once, for any number of programs.
pub(super) struct RecipeLoader {
    settings: config::RuntimeSettings,
    runtime: OnceCell<Runtime>,
    models: RefCell<Vec<(ModelChoice, Arc<Model>)>>,
    files: GoldenFiles,
    pictures: RefCell<HashMap<String, Arc<Patch>>>,
}

impl RecipeLoader {
    pub fn new(config: &Config) -> RecipeLoader {
        RecipeLoader {
            settings: config.runtime.clone(),
            runtime: OnceCell::new(),
            models: RefCell::default(),
            files: GoldenFiles::of_state_dir(&config.device.state_dir),
            pictures: RefCell::default(),
        }
    }

    /// Builds the program of `recipe` with these golden pictures, the master first, and these models. Errors:
    /// [`GoldenError`], [`crate::inspection::ProgramError`].
    pub fn program(
        &self,
        recipe: Recipe,
        goldens: &[GoldenEntry],
        models: &[config::ModelConfig],
    ) -> anyhow::Result<Arc<Program>> {
        let pictures = goldens.iter().map(|golden| self.picture(golden));
        let pictures: Vec<GoldenPicture> = pictures.collect::<Result<_, _>>()?;
        let model = |name: &str, as_vector: bool| {
            let known = models.iter().find(|model| model.name == name);
            self.model(known.ok_or_else(|| EngineError::NoTask { model: name.into() })?, as_vector)
        };
        Ok(Arc::new(Program::new(recipe, &pictures, &model)?))
    }

    /// The runtime's name and version; empty where no model was needed.
    pub fn runtime_name(&self) -> String {
        self.runtime.get().map(Runtime::describe).unwrap_or_default()
    }

    /// SHA-256 of the model's file, 64 hexadecimal digits.
    pub fn digest(&self, settings: &config::ModelConfig) -> std::io::Result<String> {
        Ok(sha256(&std::fs::read(&settings.path)?))
    }

    /// Loads the model of these settings, or returns the loaded one.
    fn model(&self, settings: &config::ModelConfig, as_vector: bool) -> Result<Arc<Model>, EngineError> {
        let key = (settings.clone(), as_vector);
        if let Some((_, model)) = self.models.borrow().iter().find(|(known, _)| *known == key) {
            return Ok(model.clone());
        }
        let wanted = if as_vector { settings.as_vector() } else { settings.clone() };
        let model = self.open()?.load(&wanted)?;
        self.models.borrow_mut().push((key, model.clone()));
        Ok(model)
    }

    fn open(&self) -> Result<&Runtime, EngineError> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let opened = Runtime::open(&self.settings)?;
        Ok(self.runtime.get_or_init(|| opened))
    }

    fn picture(&self, golden: &GoldenEntry) -> Result<GoldenPicture, GoldenError> {
        let known = self.pictures.borrow().get(&golden.picture).cloned();
        let picture = match known {
            Some(picture) => picture,
            None => Arc::new(self.files.picture(&golden.picture)?),
        };
        self.pictures.borrow_mut().insert(golden.picture.clone(), picture.clone());
        Ok(GoldenPicture { name: golden.short().to_owned(), picture, rois: golden.rois.clone() })
    }
}
