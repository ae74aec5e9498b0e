//! Loads the models while the cameras open; models that cannot be loaded are left out where that is allowed.

use std::sync::Arc;
use std::time::Duration;

use super::change::{ApplyFailures, Part};
use super::configuration::Configuration;
use super::domains::Domains;
use super::models::{self, Unusable};
use super::publisher::StatusPublisher;
use super::{ServiceError, reload};
use crate::config::Config;
use crate::supervisor::{Spawned, Stop, spawn};
use crate::types::Explanation;

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
    pub(super) fn end(self) -> Result<Vec<Unusable>, ServiceError> {
        while !self.loaded.wait(Duration::from_secs(3_600)) {}
        if self.stop.is_stopped() {
            return Ok(Vec::new());
        }
        self.thread.join().map_err(|panic| ServiceError::Supervisor(models::load_panicked(&panic)))
    }
}

/// Stops its token even if its thread panics.
struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Loads the models of `config` on a separate thread. Compiling for an accelerator may take minutes: `stop`
/// ends the wait, not the work.
pub(super) fn load_aside(
    domains: &Arc<Domains>,
    config: &Arc<Config>,
    stop: &Stop,
) -> Result<Loading, ServiceError> {
    let loaded = stop.child();
    let (domains, config, end) = (domains.clone(), config.clone(), StopOnDrop(loaded.clone()));
    let thread = spawn("models", None, move || {
        let _loaded = end;
        models::load(&domains, &config)
    })?;
    Ok(Loading { thread, loaded, stop: stop.clone() })
}

/// Puts the configuration into force without the cameras whose models cannot be used, and without their
/// triggers; an alarm names them.
pub(super) fn leave_out(configuration: &Configuration, publisher: &StatusPublisher, unusable: &[Unusable]) {
    let mut config = Config::clone(&configuration.in_force.get());
    let failures = ApplyFailures::of_models(unusable, &config);
    if failures.is_empty() {
        return;
    }
    let before = publisher.why(reload::ALARM).map(|why| format!("{why}\n")).unwrap_or_default();
    let words = failures.in_words();
    // Each part names its own remedy.
    let why = Explanation::new(format!("{before}these parts are not in force: {words}"), "");
    publisher.alarm(reload::ALARM, &why);
    config.cameras.retain(|camera| !failures.has(&Part::Camera(camera.name.clone())));
    config.triggers.retain(|trigger| config.cameras.iter().any(|camera| camera.name == trigger.camera));
    configuration.in_force.set(config);
}
