//! Applies a new configuration without a restart: a plan says what differs, and each part is applied
//! separately, so that unchanged parts are not touched and a part that fails does not block the others.

use std::sync::Arc;

use super::boot::{self, Basis};
use super::change::{self, ApplyFailures, Part};
use super::configuration::Configuration;
use super::intake::{source_unit, source_unit_name};
use super::units::{mqtt_unit, recorder_alarm, trigger_unit, trigger_unit_name, web_unit, zmq_unit};
use super::{Service, ServiceError, models};
use crate::config::{self, ChangedNames, Config, ConfigChange, IntakeConfig};
use crate::supervisor::{Supervisor, Unit, notify};
use crate::types::{Details, FailedPart, Refusal, ReloadedCameras, ReloadedOut};

/// The alarm while the configuration in force differs from the file.
pub(super) const ALARM: &str = "config";

/// What a reload has to do.
enum Plan {
    /// Build the service again from this configuration: none is in force that could be kept.
    Anew(Box<Config>),
    /// Change the parts that differ.
    Change(Box<PlannedChange>),
}

/// The difference between the configuration in force and the file.
struct PlannedChange {
    old: Arc<Config>,
    new: Config,
    change: ConfigChange,
}

/// Reads the file again and applies it. A file with faults changes nothing. Otherwise everything that can be
/// applied is, and an alarm names the rest until it is applied, too.
pub(super) fn reload(service: &Service) -> Result<ReloadedOut, Refusal> {
    notify::reloading();
    let outcome = plan(&service.configuration).and_then(|plan| match plan {
        Plan::Anew(new) => {
            service.configuration.anew.stop();
            Ok(ReloadedOut { config_hash: new.hash, starts_anew: true, ..ReloadedOut::default() })
        }
        Plan::Change(planned) => carry_out(service, &planned),
    });
    let publisher = &service.interfaces.publisher;
    match &outcome {
        Ok(response) => {
            tracing::info!("configuration reloaded: {}", in_json(response));
            publisher.clear_alarm(ALARM);
        }
        Err(refusal) => publisher.alarm(ALARM, &refusal.explanation()),
    }
    // After the alarm, so that the status line includes the outcome.
    notify::ready(&service.reporter.status_line());
    outcome
}

/// Reads the file, and finds out what differs from the configuration in force.
fn plan(configuration: &Configuration) -> Result<Plan, Refusal> {
    let new = configuration.options.load();
    let new = new.map_err(|faults| configuration.unchanged(&boot::brief(&faults)))?;
    if configuration.basis == Basis::Bare {
        return Ok(Plan::Anew(Box::new(new)));
    }
    let old = configuration.in_force.get();
    let mut change = Config::diff(&old, &new);
    change::repeat(&mut change, &configuration.unsettled.lock());
    refuse_restarts(&change, &old, &new).map_err(|refused| configuration.unchanged(&refused.to_string()))?;
    Ok(Plan::Change(Box::new(PlannedChange { old, new, change })))
}

/// Applies what is planned, and puts into force what could be applied.
fn carry_out(service: &Service, planned: &PlannedChange) -> Result<ReloadedOut, Refusal> {
    let PlannedChange { old, new, change } = planned;
    let configuration = &service.configuration;
    let unusable = models::load(&service.domains, new);
    let mut failures = ApplyFailures::of_models(&unusable, new);
    configuration.in_force.set(new.clone());
    apply(service, planned, &mut failures);
    configuration.in_force.set(failures.in_force(old, new));
    *configuration.unsettled.lock() = failures.half_way();
    let response = answer(change, new, &failures);
    if failures.is_empty() {
        configuration.keep_as_applied();
        return Ok(response);
    }
    let message = format!(
        "not all of {} is in force, but for these parts it is: {}",
        configuration.options.file_name(),
        failures.in_words()
    );
    Err(Refusal::new("partly_applied", message, "correct what they name, and reload again")
        .with(Details::Reloaded(Box::new(response))))
}

fn apply(service: &Service, planned: &PlannedChange, failures: &mut ApplyFailures) {
    let PlannedChange { old, new, change } = planned;
    let Service { configuration, supervisor, interfaces, store, domains, cameras, commands, .. } = service;
    // Cameras move to their new stages before the old stages are removed.
    cameras.attach_all();
    if change.mqtt_changed {
        let unit = mqtt_unit(new, &interfaces.mqtt, &store.store, commands);
        failures.note(Part::Mqtt, supervisor.replace(unit));
    }
    failures.note(Part::Web, change_web(service, change.web_changed, new));
    if change.zmq_changed {
        failures.note(Part::Zmq, change_zmq(service, new));
    }
    if change.evidence_changed {
        domains.evidence.reconfigure(&new.evidence, &new.hash);
    }
    if !change.outputs.is_same() {
        domains.outputs.reconfigure(super::outputs::settings(new));
    }
    if change.recorder_changed {
        domains.recorders.library().reconfigure(&new.recorder);
    }
    // The camera's section holds its part of attendance.
    domains.attendance.reconfigure(new);
    if change.log_changed {
        failures.note(Part::Log, configuration.logging.set_level(&new.log.level));
        configuration.logging.write_to(configuration.options.log_file(new));
    }
    apply_cameras(service, &change.cameras, new, failures);
    domains.recognition.refresh_gallery();
    cameras.attach_all();
    domains.drop_unused_models(&failures.in_force(old, new));
    apply_triggers(service, &change.triggers, new, failures);
    apply_intake(service, planned, failures);
    domains.inspection.select_again();
}

/// Applies a changed `[web]`; certificates are read again in any case.
fn change_web(service: &Service, changed: bool, config: &Config) -> Result<(), ServiceError> {
    let Service { supervisor, interfaces, commands, .. } = service;
    interfaces.web.refresh();
    if !changed {
        return Ok(());
    }
    change_unit(supervisor, "web", web_unit(config, interfaces, commands))?;
    if !config.web.enabled {
        interfaces.publisher.clear_alarm("web");
    }
    Ok(())
}

/// Applies a changed `[zmq]`: its peers have to connect again.
fn change_zmq(service: &Service, config: &Config) -> Result<(), ServiceError> {
    let Service { supervisor, interfaces, commands, .. } = service;
    interfaces.zmq.reconfigure(&config.zmq);
    change_unit(supervisor, "zmq", zmq_unit(config, interfaces, commands))?;
    if !config.zmq.is_on() {
        interfaces.publisher.clear_alarm("zmq");
    }
    Ok(())
}

/// Makes `unit` the one that runs as `name`; without one, none runs.
fn change_unit(supervisor: &Supervisor, name: &str, unit: Option<Unit>) -> Result<(), ServiceError> {
    let runs = supervisor.status().iter().any(|known| &*known.name == name);
    match (unit, runs) {
        (Some(unit), true) => supervisor.replace(unit)?,
        (Some(unit), false) => supervisor.add(unit)?,
        (None, true) => supervisor.remove(name)?,
        (None, false) => {}
    }
    Ok(())
}

/// In this order at least one camera is always at work; without any the service would end.
fn apply_cameras(service: &Service, names: &ChangedNames, new: &Config, failures: &mut ApplyFailures) {
    let part = |name: &str| Part::Camera(name.to_owned());
    for camera in named(new, &names.added) {
        if !failures.has(&part(&camera.name)) {
            failures.note(part(&camera.name), service.cameras.add(camera, new));
        }
    }
    for camera in named(new, &names.changed) {
        if !failures.has(&part(&camera.name)) {
            failures.note(part(&camera.name), service.cameras.change(camera, new));
        }
    }
    for name in &names.removed {
        match service.cameras.remove(name) {
            Ok(()) => {
                service.interfaces.publisher.clear(&format!("camera/{name}/status"));
                service.interfaces.publisher.clear(&format!("camera/{name}/trigger"));
                service.interfaces.publisher.clear_alarm(&recorder_alarm(name));
            }
            failed => failures.note(part(name), failed),
        }
    }
}

fn apply_triggers(service: &Service, names: &ChangedNames, new: &Config, failures: &mut ApplyFailures) {
    let Service { supervisor, domains, commands, .. } = service;
    let part = |name: &str| Part::Trigger(name.to_owned());
    for name in &names.removed {
        failures.note(part(name), supervisor.remove(&trigger_unit_name(name)));
    }
    for trigger in &new.triggers {
        let unit = || trigger_unit(trigger, new, &domains.inspection, commands);
        if names.changed.contains(&trigger.name) {
            failures.note(part(&trigger.name), supervisor.replace(unit()));
        } else if names.added.contains(&trigger.name) {
            failures.note(part(&trigger.name), supervisor.add(unit()));
        }
    }
}

/// A source that is changed goes on where it was; one that comes back later, too.
fn apply_intake(service: &Service, planned: &PlannedChange, failures: &mut ApplyFailures) {
    let Service { supervisor, domains, .. } = service;
    let PlannedChange { old, new, change } = planned;
    let names = &change.intake;
    // Topics below zmq/ are those of the bridge or of the broker, which a source asks when it begins.
    let zmq_moved = old.zmq.data.is_some() != new.zmq.data.is_some();
    let subscribes_again = |source: &IntakeConfig| zmq_moved && source.is_fed_by_zmq();
    let part = |name: &str| Part::Intake(name.to_owned());
    for name in &names.removed {
        failures.note(part(name), supervisor.remove(&source_unit_name(name)));
        domains.intake.retire(name);
    }
    for source in &new.intake {
        let unit = || source_unit(source, &domains.intake);
        if names.added.contains(&source.name) {
            failures.note(part(&source.name), supervisor.add(unit()));
        } else if names.changed.contains(&source.name) || subscribes_again(source) {
            failures.note(part(&source.name), supervisor.replace(unit()));
        }
    }
    domains.intake.arrange(&new.intake, &new.intake_store);
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

/// Keys changed that cannot change in a running service.
#[derive(Debug, thiserror::Error)]
#[error("{} changed, which only a restart applies: systemctl restart ocellus", .0.join(", "))]
struct NeedsRestart(Vec<&'static str>);

/// Some keys cannot change in a running service; refusing the whole file is better than applying half of it.
fn refuse_restarts(change: &ConfigChange, old: &Config, new: &Config) -> Result<(), NeedsRestart> {
    let mut keys = change.needs_restart.clone();
    if old.mqtt.prefix != new.mqtt.prefix {
        keys.push("mqtt.prefix");
    }
    if keys.is_empty() {
        return Ok(());
    }
    Err(NeedsRestart(keys))
}
