//! Commands of the page (list and restart units, read the configuration), and what the page is given to show.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::camera::Camera;
use super::{App, lock};
use crate::commands::CommandAnswer;
use crate::commands::service::{ConfigOut, RestartedOut};
use crate::config::Config;
use crate::contract::rest::{Features, UnitOut};
use crate::supervisor::{Unit, UnitStatus, spawn};
use crate::types::{Clock, Origin, Refusal, Responder, SystemClock, rfc3339};
use crate::web::CameraFacts;

/// Units of a camera that are built again together.
const CAMERA_UNITS: [&str; 2] = ["camera/", "inspect/"];
/// The unit that executes the restart, which would end itself.
const NEVER: [&str; 1] = ["commands"];
/// Units that carry the answer: they are restarted once it has been sent.
const MESSENGERS: [&str; 3] = ["web", "control", "mqtt"];
/// How long an answer takes to be sent.
const LEAVING: Duration = Duration::from_millis(250);

impl App {
    /// `restart`: `{"unit": NAME}`. A second request during a restart is answered with `already_restarting`,
    /// because the unit that comes back is a new one for both.
    pub(super) fn restart_command(self: &Arc<App>, unit: String, reply: Responder<CommandAnswer>) {
        let known = self.supervisor.status().iter().any(|status| *status.name == *unit);
        if !known || NEVER.contains(&unit.as_str()) {
            return reply.failed(self.not_restartable(&unit, known));
        }
        // Claimed before the answer and until the unit is back, so that a second request cannot begin another
        // restart.
        let Some(claim) = self.supervisor.claim(&unit) else {
            return reply.successful(RestartedOut { unit, already_restarting: Some(true) }.into());
        };
        if !MESSENGERS.contains(&unit.as_str()) {
            drop(claim);
            let outcome = self.restart(&unit);
            self.tell_units();
            return reply.answer(outcome.map(CommandAnswer::from));
        }
        reply.successful(RestartedOut { unit: unit.clone(), already_restarting: None }.into());
        let app = self.clone();
        let later = spawn("restart", None, move || {
            std::thread::sleep(LEAVING);
            tracing::info!(unit, "restarted on request");
            if let Err(error) = app.supervisor.restart_claimed(&claim) {
                tracing::error!(unit, "not restarted: {error}");
            }
            drop(claim);
            app.tell_units();
        });
        if let Err(error) = later {
            tracing::error!("not restarted: {error}");
        }
    }

    fn restart(self: &Arc<App>, unit: &str) -> Result<RestartedOut, Refusal> {
        tracing::info!(unit, "restarted on request");
        let camera = CAMERA_UNITS.iter().find_map(|prefix| unit.strip_prefix(prefix));
        let outcome = match camera.and_then(|name| self.camera_settings(name)) {
            // Its ring is closed when capture ends, so a camera is built again as a whole.
            Some((camera, config)) => {
                let changed = self.change_camera(&camera, &config);
                self.attach_all();
                changed.map_err(|error| error.to_string())
            }
            None => self.supervisor.restart(unit).map_err(|error| error.to_string()),
        };
        match outcome {
            Ok(()) => {
                if camera.is_some() {
                    self.select_again();
                }
                Ok(RestartedOut { unit: unit.to_owned(), already_restarting: None })
            }
            Err(cause) => Err(Refusal::new("not_restarted", cause, "see the log, or restart the service")),
        }
    }

    fn camera_settings(&self, name: &str) -> Option<(crate::config::CameraConfig, Config)> {
        let config = self.config().clone();
        let camera = config.cameras.iter().find(|camera| camera.name == name)?.clone();
        Some((camera, config))
    }

    fn not_restartable(&self, unit: &str, known: bool) -> Refusal {
        if known {
            let message = format!("the unit {unit} is the one that would do it");
            return Refusal::new("not_restarted", message, "restart the service instead");
        }
        let names: Vec<_> = self.supervisor.status().iter().map(|status| status.name.to_string()).collect();
        let message = format!("there is no unit {unit:?}");
        Refusal::new("unknown_unit", message, format!("there are: {}", names.join(", ")))
    }

    /// `config`: the file in force, without secrets and comments. Not over MQTT, where every subscriber could
    /// read it.
    pub(super) fn config_command(&self, origin: Origin) -> Result<ConfigOut, Refusal> {
        if origin == Origin::Mqtt {
            return Err(Refusal::new(
                "not_here",
                "the configuration is not sent over MQTT",
                "ask the page or REST",
            ));
        }
        let config = self.config();
        Ok(ConfigOut {
            text: config.text.clone(),
            hash: config.hash.clone(),
            path: self
                .options
                .config
                .as_ref()
                .map_or("built-in default".into(), |path| path.display().to_string()),
        })
    }

    /// The unit of the page and REST. Not essential: without them the service runs on.
    pub(super) fn web_unit(self: &Arc<App>, config: &Config) -> Option<Unit> {
        let settings = config.web.clone();
        self.web.set_enabled(settings.enabled);
        if !settings.enabled {
            return None;
        }
        let (app, state_dir) = (self.clone(), config.device.state_dir.clone());
        let essential = config.supervisor.essential.iter().any(|name| name == "web");
        let body = move |context: &crate::supervisor::UnitContext| {
            let alarm = |cause: Option<&str>| app.publisher.alarm_while("web", cause);
            let commands = app.commands.clone();
            crate::web::run(&settings, &state_dir, &app.web, commands, &alarm, &context.stop, &context.beat)?;
            Ok(())
        };
        Some(Unit::new("web", body).essential(essential))
    }

    /// Gives the page the list of cameras, and the state of the units.
    pub(super) fn describe_to_web(&self) {
        let cameras: Vec<_> = lock(&self.cameras).iter().map(facts).collect();
        let features = Features {
            people: cameras.iter().any(|camera| camera.recognises),
            inspection: cameras.iter().any(|camera| camera.inspects),
        };
        self.web.cameras(cameras, features);
        self.tell_units();
    }

    fn tell_units(&self) {
        self.web.units(self.supervisor.status().into_iter().map(unit_response).collect());
    }

    /// Applies a changed `[web]`; certificates are read again in any case.
    pub(super) fn change_web(self: &Arc<App>, changed: bool, config: &Config) -> Result<(), super::AppError> {
        self.web.refresh();
        if !changed {
            return Ok(());
        }
        let runs = self.supervisor.status().iter().any(|unit| &*unit.name == "web");
        match (self.web_unit(config), runs) {
            (Some(unit), true) => self.supervisor.replace(unit)?,
            (Some(unit), false) => self.supervisor.add(unit)?,
            (None, true) => self.supervisor.remove("web")?,
            (None, false) => {}
        }
        if !config.web.enabled {
            self.publisher.clear_alarm("web");
        }
        Ok(())
    }
}

fn facts(camera: &Arc<Camera>) -> CameraFacts {
    let settings = &camera.settings;
    let size = camera.ring.newest().map_or((0, 0), |frame| (frame.width as u32, frame.height as u32));
    CameraFacts {
        name: settings.name.clone(),
        source: settings.source_text.clone(),
        size,
        detects: settings.detect.is_some(),
        recognises: settings.recognise.is_some(),
        inspects: settings.inspect.is_some(),
    }
}

fn unit_response(status: UnitStatus) -> UnitOut {
    let ago = Instant::now().saturating_duration_since(status.since).as_nanos() as u64;
    UnitOut {
        name: status.name.to_string(),
        state: status.state.as_str().to_owned(),
        restarts: status.restarts,
        last_error: status.last_error,
        since: rfc3339(SystemClock.now().wall_ns.saturating_sub(ago)),
    }
}
