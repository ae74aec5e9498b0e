//! Connects the units of `[[trigger]]` to the cameras that they trigger.

use std::sync::Arc;

use super::camera::Camera;
use super::{App, lock};
use crate::commands::{Command, CommandRequest, inspection};
use crate::config::recipe::{self, Recipe};
use crate::config::trigger::Source;
use crate::config::{self, Config, Faults};
use crate::supervisor::Unit;
use crate::trigger::{self, PortState, Pulled, Rejected, TargetState, TriggerTarget};
use crate::types::{
    Clock, Inspection, InspectionLatency, OnComplete, Origin, Outcome, Responder, Stamp, SystemClock, Trigger,
};

/// A camera, looked up for each trigger, because a reload may have replaced it.
struct CameraTarget {
    app: Arc<App>,
    camera: String,
}

impl App {
    /// The unit of one `[[trigger]]`.
    pub(super) fn trigger_unit(self: &Arc<App>, settings: &config::TriggerConfig, config: &Config) -> Unit {
        let name = trigger_unit_name(&settings.name);
        let essential = config.supervisor.essential.contains(&name);
        let target: Arc<dyn TriggerTarget> =
            Arc::new(CameraTarget { app: self.clone(), camera: settings.camera.clone() });
        let mut settings = settings.clone();
        if let Source::Serial(serial) = &mut settings.source {
            // An absolute path stays; a relative one belongs to a virtual port, beside the socket and the
            // store.
            serial.path = config.device.state_dir.join(&serial.path);
        }
        let body = move |context: &crate::supervisor::UnitContext| {
            trigger::run(&settings, &target, &context.stop, &context.beat)?;
            Ok(())
        };
        Unit::new(name, body).essential(essential)
    }
}

/// The first of several faults, as one line.
fn first(faults: &Faults) -> String {
    faults.0.first().map_or_else(String::new, |fault| format!("{}; {}", fault.reason, fault.remedy))
}

/// Name of the unit that listens to trigger `name`.
pub(super) fn trigger_unit_name(name: &str) -> String {
    format!("trigger/{name}")
}

impl CameraTarget {
    fn camera(&self) -> Option<Arc<Camera>> {
        let cameras = lock(&self.app.cameras);
        cameras.iter().find(|camera| camera.settings.name == self.camera && camera.parts.is_some()).cloned()
    }
}

impl TriggerTarget for CameraTarget {
    fn pull(&self, trigger: Trigger, moment: Stamp, on_complete: Option<Arc<dyn OnComplete>>) -> Pulled {
        let camera = self.camera();
        match camera.as_ref().and_then(|camera| camera.parts.as_ref()) {
            Some(parts) => parts.lane.pull(trigger, moment, on_complete),
            None => {
                // No camera: a reload is between the end of the camera and that of its trigger.
                if let Some(on_complete) = on_complete {
                    on_complete.completed(&Arc::new(self.nobody(trigger)));
                }
                Pulled { id: 0, taken: false }
            }
        }
    }

    fn select(&self, product: &str) -> Result<(), String> {
        let camera = self.camera().ok_or("the camera does not inspect")?;
        let parts = camera.parts.as_ref().ok_or("the camera does not inspect")?;
        let lane = parts.lane.clone();
        if lane.product().is_some_and(|known| &*known.name == product) && !lane.is_blocked() {
            return Ok(());
        }
        // Faults that can be seen at once are answered at once; learning takes longer than a serial port may
        // be blocked.
        let path = recipe::find(&parts.settings.recipes, product).map_err(|faults| first(&faults))?;
        Recipe::load(&path, &self.app.config().models).map_err(|faults| first(&faults))?;
        lane.promise(&format!("product {product} is being made ready"));
        let command =
            inspection::ProductRequest { camera: Some(self.camera.clone()), product: Some(product.into()) };
        let wanted = product.to_owned();
        let response = lane.clone();
        let reply = Responder::new(move |reply| {
            let fault = reply.err().map(|fault| format!("product {wanted} is not ready: {fault}"));
            response.settle(fault.as_deref());
        });
        let id = format!("camera {}", self.camera);
        let request = CommandRequest {
            command: Command::Product(command),
            origin: Origin::Serial,
            at: SystemClock.now(),
            id,
            reply,
        };
        self.app.commands.try_send(request).map_err(|_| "too many requests wait; try again later".to_owned())
    }

    fn state(&self) -> TargetState {
        let camera = self.camera();
        let parts = camera.as_ref().and_then(|camera| camera.parts.as_ref());
        parts.map_or_else(TargetState::default, |parts| parts.lane.target())
    }

    fn rejected(&self, _: &str, rejected: &Rejected) {
        if let Some(parts) = self.camera().as_ref().and_then(|camera| camera.parts.as_ref()) {
            parts.lane.add_rejected(rejected);
        }
    }

    fn port(&self, name: &str, state: PortState) {
        let alarm = format!("trigger-{name}");
        match state {
            PortState::Open => self.app.publisher.clear_alarm(&alarm),
            PortState::Away { cause, .. } => self.app.publisher.alarm(&alarm, &cause),
        }
    }
}

impl CameraTarget {
    fn nobody(&self, trigger: Trigger) -> Inspection {
        Inspection {
            id: 0,
            camera: self.camera.as_str().into(),
            trigger,
            product: "".into(),
            recipe_revision: 0,
            golden_revision: 0,
            frame: None,
            outcome: Outcome::Missed,
            cause: Some("the camera is being reconfigured".into()),
            pose: None,
            rois: Vec::new(),
            latency: InspectionLatency::default(),
        }
    }
}
