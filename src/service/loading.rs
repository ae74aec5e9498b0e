//! Loads the models while the cameras open; models that cannot be loaded are left out where that is allowed.

use std::sync::Arc;
use std::time::Duration;

use super::change::{ApplyFailures, Part};
use super::models::{self, Unusable};
use super::{App, AppError, reload};
use crate::config::Config;
use crate::supervisor::{Spawned, Stop, spawn};

/// Models that are being loaded on a thread.
pub(super) struct Loading {
    thread: Spawned<Vec<Unusable>>,
    /// Stopped when the models are loaded, and when the service is asked to stop.
    loaded: Stop,
    stop: Stop,
}

impl Loading {
    /// Waits for the models. Returns those that cannot be used; none if the service is asked to stop
    /// meanwhile.
    pub(super) fn end(self) -> Result<Vec<Unusable>, AppError> {
        while !self.loaded.wait(Duration::from_secs(3_600)) {}
        if self.stop.is_stopped() {
            return Ok(Vec::new());
        }
        self.thread.join().map_err(|panic| AppError::Supervisor(models::load_panicked(&panic)))
    }
}

/// Stops its token even if its thread panics.
struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl App {
    /// Loads the models of `config` on a separate thread. Compiling for an accelerator may take minutes:
    /// `stop` ends the wait, not the work.
    pub(super) fn load_aside(self: &Arc<App>, config: &Config, stop: &Stop) -> Result<Loading, AppError> {
        let loaded = stop.child();
        let (app, config, end) = (self.clone(), config.clone(), StopOnDrop(loaded.clone()));
        let thread = spawn("models", None, move || {
            let _loaded = end;
            app.load_models(&config)
        })?;
        Ok(Loading { thread, loaded, stop: stop.clone() })
    }

    /// `config` without the cameras whose models cannot be used, and without their triggers; an alarm names
    /// them.
    pub(super) fn leave_out(&self, config: &Config, unusable: &[Unusable]) -> Config {
        let failures = ApplyFailures::of_models(unusable, config);
        if failures.is_empty() {
            return config.clone();
        }
        let before =
            self.publisher.cause(reload::ALARM).map(|cause| format!("{cause}\n")).unwrap_or_default();
        let words = failures.in_words();
        self.publisher.alarm(reload::ALARM, &format!("{before}these parts are not in force: {words}"));
        let mut config = config.clone();
        config.cameras.retain(|camera| !failures.has(&Part::Camera(camera.name.clone())));
        config.triggers.retain(|trigger| config.cameras.iter().any(|camera| camera.name == trigger.camera));
        *self.config() = config.clone();
        config
    }
}
