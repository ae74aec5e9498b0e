//! Checks every component of the running service, once a second and on request.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::{Component, ComponentState, text};
use crate::camera::Health;
use crate::contract::rest::ComponentOut;
use crate::examine::disk::DiskFolder;
use crate::mqtt::Link;
use crate::service::camera::{Camera, unit_name};
use crate::service::camera_report::STOPPED;
use crate::service::outputs;
use crate::service::provisioning;
use crate::service::status::Reporter;
use crate::supervisor::{State as Life, UnitStatus};
use crate::types::{Condition, Explanation};

/// The result of a check of the service's health.
pub(in crate::service) struct HealthReport {
    pub(in crate::service) components: Vec<ComponentOut>,
    /// Why the service is degraded; empty if it is not.
    pub(in crate::service) reasons: Vec<String>,
    /// Whether some camera delivers frames that the models can process.
    pub(in crate::service) works: bool,
    /// Whether everything that the configuration calls essential is well.
    pub(in crate::service) essential_ok: bool,
}

/// Units that are part of another component, which reports for them.
const FOLDED_UNITS: [&str; 2] = ["camera/", "trigger/"];

impl Reporter {
    /// Checks everything, raises and clears the alarms, and returns the result.
    pub(in crate::service) fn look_at_health(&self) -> HealthReport {
        let config = self.around.config.get();
        let units = self.around.supervisor.status();
        let mut seen = Vec::new();
        seen.extend(units.iter().filter_map(unit_component));
        seen.extend(self.around.cameras.all().iter().map(|camera| {
            let name = unit_name(&camera.settings.name);
            let state = camera_state(camera, units.iter().find(|unit| *unit.name == *name));
            (name, state)
        }));
        seen.extend(self.model_states());
        seen.push(("broker".into(), self.broker_state()));
        seen.push((
            "store".into(),
            self.around.store.missing().map_or_else(ComponentState::ok, ComponentState::faulty),
        ));
        seen.extend(self.disk_states(&config.device.state_dir));
        let provisioned = provisioning::state(&config.device.state_dir);
        seen.extend(provisioned.map(|state| (provisioning::COMPONENT.to_owned(), state)));
        seen.extend(config.triggers.iter().map(|trigger| self.trigger_state(&trigger.name, &units)));
        seen.extend(self.around.domains.outputs.faults().into_iter().map(|(name, fault)| {
            (outputs::component(&name), fault.map_or_else(ComponentState::ok, ComponentState::faulty))
        }));
        self.health.observe(seen);
        let components = self.health.components();
        self.health.sync_alarms(&components, &self.around.interfaces.publisher);
        let essential = |component: &str| is_essential(&config.supervisor.essential, component);
        HealthReport {
            works: self.works(&components),
            essential_ok: !components.iter().any(|one| one.state.is_faulty() && essential(&one.name)),
            reasons: text::reasons(&components, &self.around.interfaces.mqtt.alarms()),
            components: text::out(&components, essential),
        }
    }

    fn model_states(&self) -> BTreeMap<String, ComponentState> {
        let mut states = BTreeMap::new();
        for model in self.around.domains.models() {
            let state = states.entry(format!("model/{}", model.name())).or_insert_with(ComponentState::ok);
            if let Some(cause) = model.run_fault() {
                let name = model.name();
                *state = ComponentState::faulty(Explanation::new(
                    format!("model {name}: inference fails: {cause}"),
                    "check its file and its delegate (`ocellus check`), then restart the service",
                ));
            }
        }
        states
    }

    fn broker_state(&self) -> ComponentState {
        let link = self.around.interfaces.mqtt.link();
        let Link::Down { cause, .. } = &link else { return ComponentState::ok() };
        let crate::mqtt::Cause { place, what, next } = cause;
        if link.is_untried() {
            return ComponentState::starting(Explanation::new(format!("broker {place}: {what}"), ""));
        }
        let waiting = match self.around.interfaces.mqtt.waiting_events() {
            1 => "1 event waits".to_owned(),
            count => format!("{count} events wait"),
        };
        let cause = Explanation::new(format!("broker {place}: {what}"), next.as_str());
        ComponentState::faulty(cause).with_detail(waiting)
    }

    /// The disks that the service writes to.
    fn disk_states(&self, state_dir: &Path) -> Vec<(String, ComponentState)> {
        let state_of = |folder: &DiskFolder| {
            let fault = folder.fault();
            let state = fault.map_or_else(ComponentState::ok, ComponentState::faulty);
            (format!("disk/{}", folder.name), state)
        };
        self.disk_folders(state_dir).iter().map(state_of).collect()
    }

    /// The state that the port reports, or that of its unit.
    fn trigger_state(&self, name: &str, units: &[UnitStatus]) -> (String, ComponentState) {
        let component = format!("trigger/{name}");
        let alarm = super::alarms::alarm_name(&component);
        let away = self.around.interfaces.publisher.why(&alarm);
        let unit = units.iter().find(|unit| *unit.name == *component);
        let state = match (away, unit) {
            (Some(why), _) => ComponentState::faulty(why),
            (None, Some(unit)) => unit_state(unit),
            (None, None) => {
                let cause = format!("trigger {name}: it is not listened to yet");
                ComponentState::starting(Explanation::new(cause, ""))
            }
        };
        (component, state)
    }

    /// Whether anything works: a camera delivers frames, and its model (if it has one) can process them. True
    /// as well if all cameras have ended.
    fn works(&self, components: &[Component]) -> bool {
        let condition = |name: &str| {
            let known = components.iter().find(|component| component.name == name);
            known.map_or(Condition::Ok, |component| component.state.condition)
        };
        let cameras = self.around.cameras.all();
        let of_camera = |camera: &Arc<Camera>| condition(&unit_name(&camera.settings.name));
        let sees = |camera: &Arc<Camera>| {
            let model = camera.settings.detect.as_ref().map(|detect| format!("model/{}", detect.model));
            let model = model.map_or(Condition::Ok, |model| condition(&model));
            of_camera(camera) == Condition::Ok && model != Condition::Faulty
        };
        cameras.iter().any(sees) || cameras.iter().all(|camera| of_camera(camera) == Condition::Ended)
    }
}

/// A unit as a component, unless another component reports for it.
fn unit_component(unit: &UnitStatus) -> Option<(String, ComponentState)> {
    let is_folded = FOLDED_UNITS.iter().any(|prefix| unit.name.starts_with(prefix));
    (!is_folded).then(|| (format!("unit/{}", unit.name), unit_state(unit)))
}

fn unit_state(unit: &UnitStatus) -> ComponentState {
    let name = &unit.name;
    match unit.state {
        Life::Running => ComponentState::ok(),
        Life::Ended => ComponentState::ended(),
        Life::Starting => {
            ComponentState::starting(Explanation::new(format!("unit {name}: it has not started yet"), ""))
        }
        Life::Backoff | Life::Failed => {
            let cause = unit.last_error.clone();
            let cause = cause.unwrap_or_else(|| Explanation::new("no cause was given", ""));
            ComponentState::faulty(cause.within(format_args!("unit {name} {}", unit.state.as_str())))
        }
    }
}

fn camera_state(camera: &Camera, unit: Option<&UnitStatus>) -> ComponentState {
    let name = &camera.settings.name;
    let offline = |cause: &Explanation| cause.clone().within(format_args!("camera {name} offline"));
    let state = match &*camera.health.lock() {
        Health::Ended => ComponentState::ended(),
        health @ Health::Offline { cause, .. } if health.is_starting() => {
            ComponentState::starting(offline(cause))
        }
        Health::Offline { cause, .. } => ComponentState::faulty(offline(cause)),
        // Somebody wanted it so: no fault, but to be seen.
        Health::Stopped => ComponentState::ok().with_detail(STOPPED.to_owned()),
        Health::Frozen { .. } => {
            let limit = camera.settings.frozen_after.as_millis();
            ComponentState::faulty(Explanation::new(
                format!("camera {name} frozen: connected, but no new frame for {limit} ms"),
                "look at the camera and its cable",
            ))
        }
        Health::Online { .. } => camera.failing().map_or_else(
            || online_state(camera),
            |cause| {
                ComponentState::faulty(Explanation::new(
                    format!("camera {name}: every frame fails: {cause}"),
                    "",
                ))
            },
        ),
    };
    // A panic is not reported in the camera's health, so the unit reports it.
    match unit.map(unit_state) {
        Some(unit) if unit.is_faulty() && !state.is_faulty() => unit,
        _ => state,
    }
}

/// The state of a camera that delivers frames; a second sender that was refused is part of it.
fn online_state(camera: &Camera) -> ComponentState {
    match camera.senders.last_refusal() {
        None => ComponentState::ok(),
        Some(last) => {
            let count = camera.senders.counters().refused.get();
            ComponentState::ok()
                .with_detail(format!("{count} connections were refused, the last from {last}"))
        }
    }
}

/// Whether one of the words of `supervisor.essential` means `component`: by its name, `mqtt` the broker and
/// its unit, and `disk` every disk.
fn is_essential(words: &[String], component: &str) -> bool {
    words.iter().any(|word| match word.as_str() {
        "mqtt" => matches!(component, "broker" | "unit/mqtt"),
        "disk" => component.starts_with("disk/"),
        "web" => component == "unit/web",
        other => component == other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn essential_means_components_by_their_names_and_the_broker_by_that_of_its_unit() {
        let words = ["mqtt".to_owned(), "camera/a".into(), "disk".into()];
        for component in ["broker", "unit/mqtt", "camera/a", "disk/state", "disk/evidence"] {
            assert!(is_essential(&words, component), "{component}");
        }
        for component in ["camera/b", "store", "unit/web"] {
            assert!(!is_essential(&words, component), "{component}");
        }
    }
}
