//! A new configuration, applied without a restart: what did not change is not touched.

use std::sync::Arc;

use serde_json::{Value, json};

use super::desk::trigger_unit_name;
use super::{App, AppError};
use crate::config::{self, Change, Config};
use crate::supervisor::notify;

/// The alarm that stands while the file on disk cannot be applied.
const ALARM: &str = "config";

impl App {
    /// Reads the file again and applies it. A file that cannot be applied changes nothing: the old configuration
    /// stays in force, and an alarm says why.
    pub(super) fn reload(self: &Arc<App>) -> Result<Value, String> {
        notify::reloading();
        let outcome = self.try_reload();
        match &outcome {
            Ok(told) => {
                tracing::info!("configuration reloaded: {told}");
                self.voice.clear_alarm(ALARM);
            }
            Err(reason) => {
                self.voice.alarm(ALARM, &format!("the old configuration stays in force: {reason}"));
            }
        }
        // After the alarm, so that the line says what came of it.
        notify::ready(&self.status_line());
        outcome
    }

    fn try_reload(self: &Arc<App>) -> Result<Value, String> {
        let new = self.options.load().map_err(|faults| faults.to_string())?;
        let old = self.config().clone();
        let change = Config::diff(&old, &new);
        refuse_restarts(&change, &old, &new)?;
        // Whatever can fail because of what the file says comes first: after this line things change.
        self.load_models(&new).map_err(|error| error.to_string())?;
        *self.config() = new.clone();
        self.apply(&change, &new).map_err(|error| error.to_string())?;
        let cameras = &change.cameras;
        Ok(json!({
            "config_hash": new.hash,
            "cameras": {
                "added": cameras.added, "removed": cameras.removed,
                "changed": cameras.changed, "unchanged": cameras.unchanged,
            },
        }))
    }

    fn apply(self: &Arc<App>, change: &Change, new: &Config) -> Result<(), AppError> {
        // Cameras that stay go over to their new stages before the old stages go.
        self.attach_all()?;
        if change.mqtt_changed {
            self.supervisor.replace(self.mqtt_unit(new))?;
        }
        self.change_web(change.web_changed, new)?;
        if change.evidence_changed {
            self.evidence.reconfigure(&new.evidence, &new.hash);
        }
        // A camera's part of it stands in the camera's section.
        self.attendance.reconfigure(new);
        if change.log_changed {
            self.logging.set_level(&new.log.level)?;
        }
        // In this order there is never a moment without a camera at work, which would end the service.
        for camera in named(new, &change.cameras.added) {
            self.add_camera(camera, new)?;
        }
        for camera in named(new, &change.cameras.changed) {
            self.change_camera(camera, new)?;
        }
        for name in &change.cameras.removed {
            self.remove_camera(name)?;
            self.voice.clear(&format!("camera/{name}/status"));
            self.voice.clear(&format!("camera/{name}/trigger"));
        }
        self.refresh_gallery();
        self.attach_all()?;
        self.drop_unused_models(new);
        self.change_triggers(&change.triggers, new)?;
        self.select_again();
        Ok(())
    }

    fn change_triggers(self: &Arc<App>, names: &config::Names, new: &Config) -> Result<(), AppError> {
        for name in &names.removed {
            self.supervisor.remove(&trigger_unit_name(name))?;
        }
        for trigger in &new.triggers {
            if names.changed.contains(&trigger.name) {
                self.supervisor.replace(self.trigger_unit(trigger, new))?;
            } else if names.added.contains(&trigger.name) {
                self.supervisor.add(self.trigger_unit(trigger, new))?;
            }
        }
        Ok(())
    }
}

fn named<'a>(config: &'a Config, names: &'a [String]) -> impl Iterator<Item = &'a config::Camera> {
    config.cameras.iter().filter(|camera| names.contains(&camera.name))
}

/// Some keys cannot change under a running service; better to refuse the whole file than to apply half of it.
fn refuse_restarts(change: &Change, old: &Config, new: &Config) -> Result<(), String> {
    let mut keys = change.needs_restart.clone();
    if old.mqtt.prefix != new.mqtt.prefix {
        keys.push("mqtt.prefix");
    }
    if keys.is_empty() {
        return Ok(());
    }
    Err(format!("{} changed, which only a restart applies: systemctl restart ocellus", keys.join(", ")))
}
