//! Applies a new configuration without a restart: unchanged parts are not touched, and each part is applied
//! separately, so that a part that fails does not block the others.

use std::sync::Arc;

use super::boot::{self, Basis};
use super::change::{self, ApplyFailures, Part};
use super::target::trigger_unit_name;
use super::{App, AppError, last_applied, lock};
use crate::config::{self, Config, ConfigChange};
use crate::supervisor::notify;
use crate::types::{Details, FailedPart, Refusal, ReloadedCameras, ReloadedOut};

/// The alarm while the configuration in force differs from the file.
pub(super) const ALARM: &str = "config";

impl App {
    /// Reads the file again and applies it. A file with faults changes nothing. Otherwise everything that can
    /// be applied is, and an alarm names the rest until it is applied, too.
    pub(super) fn reload(self: &Arc<App>) -> Result<ReloadedOut, Refusal> {
        notify::reloading();
        let outcome = self.try_reload();
        match &outcome {
            Ok(response) => {
                tracing::info!("configuration reloaded: {}", in_json(response));
                self.publisher.clear_alarm(ALARM);
            }
            Err(refusal) => self.publisher.alarm(ALARM, &refusal.to_string()),
        }
        // After the alarm, so that the status line includes the outcome.
        notify::ready(&self.status_line());
        outcome
    }

    fn try_reload(self: &Arc<App>) -> Result<ReloadedOut, Refusal> {
        let new = self.options.load().map_err(|faults| self.unchanged(&boot::brief(&faults)))?;
        if self.basis == Basis::Bare {
            // No configuration is in force that could be kept, so the service is built again.
            self.anew.stop();
            return Ok(ReloadedOut { config_hash: new.hash, starts_anew: true, ..ReloadedOut::default() });
        }
        let old = self.config().clone();
        let mut change = Config::diff(&old, &new);
        change::repeat(&mut change, &lock(&self.unsettled));
        refuse_restarts(&change, &old, &new).map_err(|reason| self.unchanged(&reason))?;
        let unusable = self.load_models(&new);
        let mut failures = ApplyFailures::of_models(&unusable, &new);
        *self.config() = new.clone();
        self.apply(&change, (&old, &new), &mut failures);
        *self.config() = failures.in_force(&old, &new);
        *lock(&self.unsettled) = failures.half_way();
        let response = answer(&change, &new, &failures);
        if failures.is_empty() {
            self.keep_as_applied();
            return Ok(response);
        }
        let message = format!(
            "not all of {} is in force, but for these parts it is: {}",
            self.options.file_name(),
            failures.in_words()
        );
        Err(Refusal::new("partly_applied", message, "correct what they name, and reload again")
            .with(Details::Reloaded(Box::new(response))))
    }

    /// The refusal of a reload that changed nothing, because of `reason`.
    fn unchanged(&self, reason: &str) -> Refusal {
        match self.basis {
            Basis::Bare => format!("no camera runs, because no configuration can be used: {reason}").into(),
            _ => format!("the old configuration stays in force: {reason}").into(),
        }
    }

    /// Stores the configuration in force; the next start falls back to it.
    pub(super) fn keep_as_applied(&self) {
        let config = self.config().clone();
        if let Err(error) =
            last_applied::save(&config.device.state_dir, &config, self.options.config.as_deref())
        {
            let dir = config.device.state_dir.display();
            tracing::warn!(
                "the configuration in force cannot be kept in {dir} for a start without its file: {error}"
            );
        }
    }

    fn apply(
        self: &Arc<App>,
        change: &ConfigChange,
        (old, new): (&Config, &Config),
        failures: &mut ApplyFailures,
    ) {
        // Cameras move to their new stages before the old stages are removed.
        self.attach_all();
        if change.mqtt_changed {
            failures.note(Part::Mqtt, self.supervisor.replace(self.mqtt_unit(new)));
        }
        failures.note(Part::Web, self.change_web(change.web_changed, new));
        if change.evidence_changed {
            self.evidence.reconfigure(&new.evidence, &new.hash);
        }
        // The camera's section holds its part of attendance.
        self.attendance.reconfigure(new);
        if change.log_changed {
            failures.note(Part::Log, self.logging.set_level(&new.log.level));
        }
        self.apply_cameras(&change.cameras, new, failures);
        self.refresh_gallery();
        self.attach_all();
        self.drop_unused_models(&failures.in_force(old, new));
        self.change_triggers(&change.triggers, new, failures);
        self.select_again();
    }

    /// In this order at least one camera is always at work; without any the service would end.
    fn apply_cameras(
        self: &Arc<App>,
        names: &config::ChangedNames,
        new: &Config,
        failures: &mut ApplyFailures,
    ) {
        let part = |name: &str| Part::Camera(name.to_owned());
        for camera in named(new, &names.added) {
            if !failures.has(&part(&camera.name)) {
                failures.note(part(&camera.name), self.add_camera(camera, new));
            }
        }
        for camera in named(new, &names.changed) {
            if !failures.has(&part(&camera.name)) {
                failures.note(part(&camera.name), self.change_camera(camera, new));
            }
        }
        for name in &names.removed {
            match self.remove_camera(name) {
                Ok(()) => {
                    self.publisher.clear(&format!("camera/{name}/status"));
                    self.publisher.clear(&format!("camera/{name}/trigger"));
                }
                failed => failures.note(part(name), failed),
            }
        }
    }

    fn change_triggers(
        self: &Arc<App>,
        names: &config::ChangedNames,
        new: &Config,
        failures: &mut ApplyFailures,
    ) {
        let part = |name: &str| Part::Trigger(name.to_owned());
        for name in &names.removed {
            failures.note(part(name), self.supervisor.remove(&trigger_unit_name(name)));
        }
        for trigger in &new.triggers {
            let unit = || self.trigger_unit(trigger, new);
            if names.changed.contains(&trigger.name) {
                failures.note(part(&trigger.name), self.supervisor.replace(unit()));
            } else if names.added.contains(&trigger.name) {
                failures.note(part(&trigger.name), self.supervisor.add(unit()));
            }
        }
    }
}

/// The outcome for the cameras, and what differs from the file.
fn answer(change: &ConfigChange, new: &Config, failures: &ApplyFailures) -> ReloadedOut {
    let cameras = &change.cameras;
    let done = |names: &[String]| -> Vec<String> {
        names.iter().filter(|name| !failures.has(&Part::Camera((*name).clone()))).cloned().collect()
    };
    let cameras = ReloadedCameras {
        added: done(&cameras.added),
        removed: done(&cameras.removed),
        changed: done(&cameras.changed),
        unchanged: cameras.unchanged.clone(),
    };
    let failed = failures
        .iter()
        .map(|failure| FailedPart { part: failure.part.to_string(), cause: failure.cause.clone() });
    ReloadedOut {
        config_hash: new.hash.clone(),
        cameras: Some(cameras),
        failed: failed.collect(),
        starts_anew: false,
    }
}

/// The answer as JSON, for the log.
fn in_json(answer: &ReloadedOut) -> String {
    serde_json::to_string(answer).unwrap_or_default()
}

fn named<'a>(config: &'a Config, names: &'a [String]) -> impl Iterator<Item = &'a config::CameraConfig> {
    config.cameras.iter().filter(|camera| names.contains(&camera.name))
}

/// Some keys cannot change in a running service; refusing the whole file is better than applying half of it.
fn refuse_restarts(change: &ConfigChange, old: &Config, new: &Config) -> Result<(), String> {
    let mut keys = change.needs_restart.clone();
    if old.mqtt.prefix != new.mqtt.prefix {
        keys.push("mqtt.prefix");
    }
    if keys.is_empty() {
        return Ok(());
    }
    Err(format!("{} changed, which only a restart applies: systemctl restart ocellus", keys.join(", ")))
}

impl AppError {
    /// Whether a model of the configuration, or the runtime that it needs, cannot be used.
    pub(super) fn is_of_a_model(&self) -> bool {
        matches!(self, AppError::Engine(_) | AppError::Executor(_))
    }
}
