//! The command `restart`: ends one unit and builds it again.

use std::sync::Arc;
use std::time::Duration;

use super::Service;
use crate::commands::CommandAnswer;
use crate::commands::service::RestartedOut;
use crate::supervisor::{Supervisor, spawn};
use crate::types::{Refusal, Responder};

/// Units of a camera that are built again together.
const CAMERA_UNITS: [&str; 2] = ["camera/", "inspect/"];
/// The unit that executes the restart, which would end itself.
const NEVER: [&str; 1] = ["commands"];
/// Units that carry the answer: they are restarted once it has been sent.
const MESSENGERS: [&str; 3] = ["web", "control", "mqtt"];
/// How long an answer takes to be sent.
const LEAVING: Duration = Duration::from_millis(250);

/// `restart`: `{"unit": NAME}`. A second request during a restart is answered with `already_restarting`, because
/// the unit that comes back is a new one for both.
pub(super) fn restart(service: &Arc<Service>, unit: String, reply: Responder<CommandAnswer>) {
    let supervisor = &service.supervisor;
    let known = supervisor.status().iter().any(|status| *status.name == *unit);
    if !known || NEVER.contains(&unit.as_str()) {
        return reply.failed(not_restartable(supervisor, &unit, known));
    }
    // Claimed before the answer and until the unit is back, so that a second request cannot begin another
    // restart.
    let Some(claim) = supervisor.claim(&unit) else {
        return reply.successful(RestartedOut { unit, already_restarting: Some(true) }.into());
    };
    if !MESSENGERS.contains(&unit.as_str()) {
        drop(claim);
        let outcome = restart_now(service, &unit);
        service.reporter.tell_units();
        return reply.answer(outcome.map(CommandAnswer::from));
    }
    reply.successful(RestartedOut { unit: unit.clone(), already_restarting: None }.into());
    let (supervisor, reporter) = (supervisor.clone(), service.reporter.clone());
    let later = spawn("restart", None, move || {
        std::thread::sleep(LEAVING);
        tracing::info!(unit, "restarted on request");
        if let Err(error) = supervisor.restart_claimed(&claim) {
            tracing::error!(unit, "not restarted: {error}");
        }
        drop(claim);
        reporter.tell_units();
    });
    if let Err(error) = later {
        tracing::error!("not restarted: {error}");
    }
}

fn restart_now(service: &Service, unit: &str) -> Result<RestartedOut, Refusal> {
    tracing::info!(unit, "restarted on request");
    let config = service.configuration.in_force.get();
    let name = CAMERA_UNITS.iter().find_map(|prefix| unit.strip_prefix(prefix));
    let camera = name.and_then(|name| config.cameras.iter().find(|camera| camera.name == name));
    let outcome = match camera {
        // Its ring is closed when capture ends, so a camera is built again as a whole.
        Some(camera) => {
            let changed = service.cameras.change(camera, &config);
            service.cameras.attach_all();
            changed.map_err(|error| error.to_string())
        }
        None => service.supervisor.restart(unit).map_err(|error| error.to_string()),
    };
    outcome.map_err(|cause| Refusal::new("not_restarted", cause, "see the log, or restart the service"))?;
    if name.is_some() {
        service.domains.inspection.select_again();
    }
    Ok(RestartedOut { unit: unit.to_owned(), already_restarting: None })
}

fn not_restartable(supervisor: &Supervisor, unit: &str, known: bool) -> Refusal {
    if known {
        let message = format!("the unit {unit} is the one that would do it");
        return Refusal::new("not_restarted", message, "restart the service instead");
    }
    let names: Vec<_> = supervisor.status().iter().map(|status| status.name.to_string()).collect();
    let message = format!("there is no unit {unit:?}");
    Refusal::new("unknown_unit", message, format!("there are: {}", names.join(", ")))
}
