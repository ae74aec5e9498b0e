//! Loads the models of a configuration into the domains that run them, and finds out which cannot be used.

use super::ServiceError;
use super::domains::Domains;
use crate::config::{CameraConfig, Config};
use crate::pipeline::Detection;
use crate::recognition::Recognition;
use crate::supervisor::{JoinError, SupervisorError};
use crate::types::Explanation;

/// A model that cannot be used, and the cameras that need it.
pub(super) struct Unusable {
    pub(super) model: String,
    pub(super) cause: String,
    /// Whether it is the embedding model; otherwise it detects.
    recognises: bool,
    pub(super) error: ServiceError,
}

impl Unusable {
    fn new(model: &str, recognises: bool, error: ServiceError) -> Unusable {
        Unusable { model: model.into(), cause: error.to_string(), recognises, error }
    }

    /// Whether `camera` cannot work without the model.
    pub(super) fn stops(&self, camera: &CameraConfig) -> bool {
        let detects = camera.detect.as_ref().is_some_and(|detect| detect.model == self.model);
        if self.recognises { camera.recognise.is_some() } else { detects }
    }
}

/// Loads every model that a camera of `config` uses, and keeps those that did not change. Returns those that
/// cannot be used; what was ready under their names stays.
pub(super) fn load(domains: &Domains, config: &Config) -> Vec<Unusable> {
    let mut unusable = Vec::new();
    for settings in Detection::used(config) {
        if let Err(error) = domains.detection.load(settings, config) {
            unusable.push(Unusable::new(&settings.name, false, error.into()));
        }
    }
    if let (Some(settings), Err(error)) = (Recognition::used(config), domains.recognition.load(config)) {
        unusable.push(Unusable::new(&settings.name, true, error.into()));
    }
    for model in domains.models() {
        if let Some(coverage) = model.coverage() {
            tracing::info!("model {}: {coverage}", model.name());
        }
    }
    unusable
}

/// The error for a panic of the thread that loads the models: a failed unit.
pub(super) fn load_panicked(panic: &JoinError) -> SupervisorError {
    SupervisorError::Essential { unit: "models".into(), cause: Explanation::new(panic.to_string(), "") }
}
