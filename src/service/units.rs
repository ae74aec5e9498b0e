//! The units that the supervisor runs, except those of the cameras.

use std::sync::Arc;

use super::{App, lock};
use crate::config::Config;
use crate::control;
use crate::mqtt;
use crate::supervisor::{Unit, watchdog};

impl App {
    /// The MQTT unit. Not essential: without a broker the service runs on and keeps its events.
    pub(super) fn mqtt_unit(self: &Arc<App>, config: &Config) -> Unit {
        let app = self.clone();
        let (mqtt, outbox, device) = (config.mqtt.clone(), config.outbox.clone(), config.device.clone());
        let essential = config.supervisor.essential.iter().any(|name| name == "mqtt");
        Unit::new("mqtt", move |context| {
            let commands = app.commands.clone();
            let store = Some(app.store.clone());
            mqtt::run(&mqtt, &outbox, &device, &app.mqtt, store, commands, &context.stop, &context.beat)?;
            Ok(())
        })
        .essential(essential)
    }

    /// Writes evidence, and removes what exceeds its limits.
    pub(super) fn evidence_unit(self: &Arc<App>) -> Unit {
        let app = self.clone();
        Unit::new("evidence", move |context| {
            let alarm = |cause: Option<&str>| match cause {
                Some(cause) => app.publisher.alarm("evidence", cause),
                None => app.publisher.clear_alarm("evidence"),
            };
            app.evidence.run(&context.stop, &context.beat, &alarm);
            Ok(())
        })
    }

    /// The socket for the command line.
    pub(super) fn control_unit(self: &Arc<App>, config: &Config) -> Unit {
        let (dir, commands) = (config.device.state_dir.clone(), self.commands.clone());
        Unit::new("control", move |context| {
            control::serve(&dir, &commands, &context.stop, &context.beat)?;
            Ok(())
        })
    }

    /// The workers, one pinned thread for each core. Without them the service cannot work.
    pub(super) fn worker_units(&self) -> Vec<Unit> {
        let workers = self.scheduler.workers().iter().enumerate();
        workers
            .map(|(at, worker)| {
                let worker = worker.clone();
                let core = worker.core;
                let body = move |context: &crate::supervisor::UnitContext| {
                    worker.run(&context.stop, &context.beat);
                    Ok(())
                };
                Unit::new(format!("worker/{at}"), body).essential(true).on_core(core).together("worker")
            })
            .collect()
    }

    /// Feeds systemd's watchdog while every other unit makes progress; only if systemd asks for it.
    pub(super) fn watchdog_unit(&self) -> Option<Unit> {
        let interval = watchdog::interval()?;
        let supervisor = self.supervisor.clone();
        let body = move |context: &crate::supervisor::UnitContext| {
            watchdog::run(|| supervisor.hearts(), interval, &context.stop, &context.beat);
            Ok(())
        };
        Some(Unit::new("watchdog", body).unwatched())
    }

    /// Publishes a camera's health, retained, and logs it.
    pub(super) fn camera_health(&self, camera: &super::camera::Camera, health: crate::camera::Health) {
        let name = camera.settings.name.as_str();
        lock(&camera.health_log).log(name, &camera.settings.source_text, &health);
        if let Some(parts) = &camera.parts {
            parts.lane.set_away(super::status::away(&health).as_deref());
        }
        *lock(&camera.health) = health;
        self.publish_camera(camera, 0.0);
        self.publish_trigger(camera);
    }
}
