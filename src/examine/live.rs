//! A running service is asked how it is: nothing that it holds is opened beside it.

use std::path::Path;
use std::time::Duration;

use super::Note;
use super::state::set_aside;
use crate::commands::Command;
use crate::commands::service::ServiceStatus;
use crate::contract::rest::ComponentOut;
use crate::control::{AskError, ask_within, server_process};
use crate::types::Explanation;

/// How long the service may take to answer.
const PATIENCE: Duration = Duration::from_secs(4);

/// What asking the service gave.
#[derive(Debug)]
pub enum Asked {
    /// Nobody serves the socket.
    Nobody,
    /// The service has answered.
    Answered {
        /// The state that it reports.
        status: Box<ServiceStatus>,
        /// Its process, where the kernel reports it.
        process: Option<u32>,
    },
    /// Somebody serves the socket, and does not answer or refuses.
    Silent {
        /// Why there is no answer.
        why: Explanation,
        /// Its process, where the kernel reports it.
        process: Option<u32>,
    },
}

impl Asked {
    /// The process that serves the socket.
    pub(super) fn process(&self) -> Option<u32> {
        match self {
            Asked::Nobody => None,
            Asked::Answered { process, .. } | Asked::Silent { process, .. } => *process,
        }
    }
}

/// Asks the service on the state directory `dir` for its state.
pub fn ask(dir: &Path) -> Asked {
    match ask_within::<ServiceStatus>(dir, &Command::Status, PATIENCE) {
        Ok(status) => Asked::Answered { status: Box::new(status), process: server_process(dir) },
        Err(AskError::NotRunning { source, .. }) if source.kind() != std::io::ErrorKind::PermissionDenied => {
            Asked::Nobody
        }
        Err(error) => Asked::Silent { why: silent(&error), process: server_process(dir) },
    }
}

fn silent(error: &AskError) -> Explanation {
    match error {
        AskError::NotRunning { path, source } => Explanation::new(
            format!("the socket {} of the service cannot be opened ({source})", path.display()),
            "run this as root, or as the user of the service",
        ),
        AskError::Broken { path, .. } => Explanation::new(
            format!(
                "the service at {} runs, and did not answer within {} s",
                path.display(),
                PATIENCE.as_secs()
            ),
            "see its log (`journalctl -u ocellus -n 100`), and restart it: `systemctl restart ocellus`",
        ),
        AskError::Refused(refusal) => Explanation::new(refusal.reason.as_str(), refusal.remedy.as_str()),
    }
}

/// The checks that a service's own report makes: each component, and the alarms that belong to none. (check, note)
pub(super) fn results(status: &ServiceStatus, dir: &Path) -> Vec<(String, Note)> {
    let mut results: Vec<(String, Note)> = status.components.iter().map(component).collect();
    let of_component = |name: &str| {
        let is = |component: &&ComponentOut| {
            component.component.replace('/', "-") == name && component.state == "faulty"
        };
        status.components.iter().find(is).is_some()
    };
    let alone =
        status.alarms.iter().filter(|alarm| !of_component(&alarm.name) && !is_other_name(&alarm.name));
    results.extend(alone.map(|alarm| {
        let what = Explanation::new(format!("{}, since {}", alarm.cause, alarm.since), "");
        (format!("alarm/{}", alarm.name), Note::fault("", what))
    }));
    results.extend(set_aside(dir).map(|note| ("store".to_owned(), note)));
    results
}

/// Alarms that a component raises under another name.
fn is_other_name(alarm: &str) -> bool {
    ["store-files", "provisioning-failed"].contains(&alarm)
}

fn component(one: &ComponentOut) -> (String, Note) {
    let name = one.component.clone();
    let what = Explanation::new(one.what.clone().unwrap_or_default(), one.remedy.clone().unwrap_or_default());
    let since = format!("since {}", one.since);
    let note = match one.state.as_str() {
        "faulty" => Note::fault(since, what),
        "starting" => {
            Note::warning(since, Explanation { cause: format!("it is starting: {}", what.cause), ..what })
        }
        other => Note::ok(since, format!("the service reports: {other}")),
    };
    (name, note)
}
