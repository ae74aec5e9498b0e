//! A model that the first job loads which needs it, so that a service without such jobs does not pay for it.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::config::ModelConfig;
use crate::engine::{EngineError, Model, RuntimeSettings};
use crate::pipeline::SharedRuntime;
use crate::studio::StudioError;

/// A model of `[jobs]`.
pub struct LazyModel {
    settings: Option<ModelConfig>,
    runtime: Arc<SharedRuntime>,
    opened: RuntimeSettings,
    known: Mutex<Option<Arc<Model>>>,
}

impl LazyModel {
    /// The model of `settings`, if there is one. The runtime of the service is opened with `opened`, unless it is open.
    pub fn new(
        settings: Option<ModelConfig>,
        runtime: &Arc<SharedRuntime>,
        opened: &RuntimeSettings,
    ) -> LazyModel {
        LazyModel { settings, runtime: runtime.clone(), opened: opened.clone(), known: Mutex::default() }
    }

    /// Whether the configuration names a model.
    pub(super) fn is_configured(&self) -> bool {
        self.settings.is_some()
    }

    /// The model.
    ///
    /// # Errors
    /// There is none, or it cannot be loaded; the next job tries it again.
    pub(super) fn get(&self) -> Result<Arc<Model>, StudioError> {
        let mut known = self.known.lock();
        if let Some(model) = &*known {
            return Ok(model.clone());
        }
        let settings = self.settings.as_ref().ok_or(StudioError::NoModel)?;
        let load = || -> Result<Arc<Model>, EngineError> { self.runtime.open(&self.opened)?.load(settings) };
        let model = load()?;
        *known = Some(model.clone());
        Ok(model)
    }
}
