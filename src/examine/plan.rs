//! Which checks there are: those of this machine always, those that would disturb a service only where none runs.

use std::time::Duration;

use super::live::{self, Asked};
use super::run::Check;
use super::{Machine, Note, broker, camera, certificate, instances, machine, model, port, state};
use crate::config::{CameraConfig, Config, Faults};
use crate::store;

/// How long a check of files or of the kernel's figures may take.
const SHORT: Duration = Duration::from_secs(8);
/// How long a connection or the reading of the store may take: a camera that accepts and stays silent is known after 15 s.
const LONG: Duration = Duration::from_secs(24);

/// The checks of a box with this configuration, `faults` of which make parts of it unusable. `asked` is what its service
/// answered: what a service holds is not opened beside it.
pub fn checks(config: &Config, faults: &Faults, asked: Asked, machine: &Machine) -> Vec<Check> {
    let mut checks = of_configuration(faults);
    checks.extend(of_machine(config, faults, machine));
    let (own, shared) = (asked.process(), config.clone());
    checks.push(Check::new("instances", "/proc", SHORT, move || instances::instances(&shared, own)));
    let dir = config.device.state_dir.clone();
    match asked {
        Asked::Answered { status, .. } => {
            let results = live::results(&status, &dir);
            checks.extend(results.into_iter().map(|(name, note)| ready(name, note)));
        }
        Asked::Silent { why, .. } => {
            checks.push(ready("service", Note::fault(dir.display().to_string(), why)))
        }
        Asked::Nobody => {
            checks.push(ready(
                "service",
                Note::ok(dir.display().to_string(), "no service runs on this state directory"),
            ));
            match store::check_free(&dir) {
                Err(error @ store::StoreError::Locked { .. }) => {
                    // Whoever holds the state may hold the cameras too.
                    let place = dir.display().to_string();
                    let held = move || vec![Note::fault(place, state::held(error, &dir))];
                    checks.push(Check::new(
                        "store",
                        config.device.state_dir.display().to_string(),
                        SHORT,
                        held,
                    ));
                }
                _ => checks.extend(of_stopped(config, faults)),
            }
        }
    }
    checks
}

/// A result that is known already.
fn ready(name: impl Into<String>, note: Note) -> Check {
    let place = note.place.clone();
    Check::new(name, place, SHORT, move || vec![note])
}

fn of_configuration(faults: &Faults) -> Vec<Check> {
    if faults.0.is_empty() {
        return vec![ready("config", Note::ok("", "every key is known and valid"))];
    }
    let check = |fault: &crate::config::Fault| {
        let place = match fault.line {
            0 => fault.file.clone(),
            line => format!("{}:{line}:{}", fault.file, fault.column),
        };
        let key = if fault.key.is_empty() { String::new() } else { format!("{}: ", fault.key) };
        let what = crate::types::Explanation::new(format!("{key}{}", fault.reason), fault.remedy.as_str());
        ready("config", Note::fault(place, what))
    };
    faults.0.iter().map(check).collect()
}

fn of_machine(config: &Config, faults: &Faults, machine: &Machine) -> Vec<Check> {
    let dir = config.device.state_dir.clone();
    let shown = dir.display().to_string();
    let mut checks = Vec::new();
    let mut add = |name: &str, place: &str, work: Box<dyn FnOnce() -> Vec<Note> + Send>| {
        checks.push(Check::new(name, place, SHORT, work));
    };
    // A core that is offline is refused as one that does not exist.
    let refused = faults.0.iter().any(|fault| fault.key.starts_with("workers.cores"));
    let wanted: Vec<usize> = if refused { (0..1 << 12).collect() } else { config.workers.cores.clone() };
    let own = machine.clone();
    add("cores", "/sys/devices/system/cpu", Box::new(move || machine::cores(&own, &wanted)));
    let own = machine.clone();
    add("memory", "/proc/meminfo", Box::new(move || machine::memory(&own)));
    let own = machine.clone();
    add("thermal", "/sys/class/thermal", Box::new(move || machine::thermal(&own)));
    let (own, cameras) = (machine.clone(), config.cameras.clone());
    add("usb", "/sys/bus/usb/devices", Box::new(move || machine::usb(&own, &cameras)));
    let (own, state) = (machine.clone(), dir.clone());
    add("clock", &shown, Box::new(move || machine::clock(&own, &state)));
    let own = config.clone();
    add("disk", &shown, Box::new(move || state::disks(&own)));
    let (own, state) = (machine.clone(), dir);
    add("disk/speed", &shown, Box::new(move || state::writes(&own, &state)));
    let own = config.clone();
    add(
        "certificates",
        "mqtt, web",
        Box::new(move || {
            let mut notes = certificate::of_broker(&own.mqtt);
            notes.extend(certificate::of_page(&own.web));
            notes
        }),
    );
    checks
}

/// What can be tried only where no service has it.
fn of_stopped(config: &Config, faults: &Faults) -> Vec<Check> {
    let mut checks = Vec::new();
    let dir = config.device.state_dir.clone();
    let shown = dir.display().to_string();
    checks.push(Check::new("store", shown, LONG, move || state::store(&dir)));
    let cfg = config.mqtt.clone();
    let place = format!("{}:{}", cfg.host, cfg.port);
    checks.push(Check::new("broker", place, LONG, move || broker::broker(&cfg)));
    let has_fault = |key: &str| faults.0.iter().any(|fault| fault.key.starts_with(key));
    if config.web.enabled {
        let cfg = config.web.clone();
        checks.push(Check::new("page", cfg.bind.to_string(), SHORT, move || port::page(&cfg)));
    }
    if config.zmq.is_on() && !has_fault("zmq.") {
        let cfg = config.zmq.clone();
        checks.push(Check::new("zmq", "[zmq]", SHORT, move || port::zmq(&cfg)));
    }
    let sound = config.models.iter().filter(|model| !has_fault(&format!("model.{}", model.name)));
    let (settings, models) = (config.runtime.clone(), sound.cloned().collect::<Vec<_>>());
    if !config.models.is_empty() {
        checks.push(Check::new("models", "runtime", LONG, move || model::models(&settings, &models)));
    }
    let cameras = config.cameras.iter().enumerate().filter(|(at, _)| !has_fault(&format!("camera[{at}]")));
    checks.extend(cameras.map(|(_, camera)| of_camera(camera.clone())));
    checks
}

fn of_camera(camera: CameraConfig) -> Check {
    let (name, place) = (format!("camera/{}", camera.name), camera.source_text.clone());
    Check::new(name, place, LONG, move || camera::camera(&camera))
}
