//! The state of the service: page, status, health, alarms, figures, units, configuration, audit log.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::super::answer::{self, Handled, WebFault, bytes, json_text, json_with, mime};
use super::super::metrics as prometheus;
use super::super::routes::Call;
use super::super::server::Server;
use super::super::snapshot::SnapshotState;
use crate::commands::service::{AlarmRequest, RestartRequest};
use crate::commands::{Command, CommandAnswer};
use crate::contract::rest::HealthOut;
use crate::contract::topic;
use crate::types::{CommandKind, Stamp};

/// If the cameras' state was not reported for this long, the reporting thread is stuck.
const SILENT_NS: u64 = 10_000_000_000;
/// Lines of the audit log that are returned at once.
const AUDIT: usize = 200;
pub(in super::super) const MOST_AUDIT: usize = 5_000;

pub(in super::super) async fn page(call: Call) -> Handled {
    Ok(call.server.page.answer(&call.headers))
}

pub(in super::super) async fn openapi(call: Call) -> Handled {
    Ok(json_text(StatusCode::OK, call.server.openapi.clone()))
}

pub(in super::super) async fn status(call: Call) -> Handled {
    let shared = &call.server.shared;
    let snapshot = shared.snapshot.lock();
    let mut response = snapshot.states.get(topic::STATUS).cloned().unwrap_or_else(starting);
    let names: Vec<_> = snapshot.cameras.iter().map(|camera| camera.name.as_str()).collect();
    response.insert("uptime_s".into(), json!(shared.clock.now().micros_since(shared.started) / 1_000_000));
    response.insert("device".into(), json!(shared.device));
    response.insert("host".into(), json!(rustix::system::uname().nodename().to_string_lossy()));
    response.insert("cameras".into(), json!(names));
    response.insert("features".into(), json!(snapshot.features));
    response.insert("components".into(), json!(snapshot.components));
    answer::json(&response)
}

/// The status before the service has reported one.
fn starting() -> Map<String, Value> {
    let response = json!({
        "schema": "ocellus.status/1", "seq": 0, "time": crate::types::rfc3339(0), "state": "degraded",
        "reasons": ["the service is starting"], "version": env!("CARGO_PKG_VERSION"), "config_hash": "",
    });
    match response {
        Value::Object(response) => response,
        _ => Map::new(),
    }
}

pub(in super::super) async fn health(call: Call) -> Handled {
    let shared = &call.server.shared;
    let (works, health) = healthy(&shared.snapshot.lock(), shared.clock.now());
    json_with(if works { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &health)
}

/// Whether the service works, and its health: docs/operations.md, "Health", has the rule.
fn healthy(snapshot: &SnapshotState, now: Stamp) -> (bool, HealthOut) {
    let Some(status) = snapshot.states.get(topic::STATUS) else {
        let reasons = vec!["waiting for the first frame".into()];
        return (false, HealthOut { state: "starting".into(), reasons });
    };
    let reasons = status["reasons"].as_array().into_iter().flatten();
    let mut reasons: Vec<String> = reasons.filter_map(|reason| Some(reason.as_str()?.to_owned())).collect();
    let silent = now.mono_ns.saturating_sub(snapshot.reported_ns) > SILENT_NS;
    if silent {
        reasons.push("the service has not reported its cameras for 10 s".into());
    }
    let (works, essential_ok) = snapshot.serves;
    let state = match works && !silent {
        true => status["state"].as_str().unwrap_or("degraded"),
        false => "standing",
    };
    (works && essential_ok && !silent, HealthOut { state: state.into(), reasons })
}

pub(in super::super) async fn metrics(call: Call) -> Handled {
    let shared = &call.server.shared;
    let text = prometheus::text(&shared.snapshot.lock(), shared, shared.clock.now());
    Ok(bytes(mime::PROMETHEUS, text.into()))
}

pub(in super::super) async fn alarms(call: Call) -> Handled {
    answer::json(&call.server.shared.snapshot.lock().alarms)
}

pub(in super::super) async fn acknowledge(call: Call) -> Handled {
    let (acknowledge, by) = (Some(call.param("name").to_owned()), Some(call.who.name().to_owned()));
    answer::json(&ask(&call.server, Command::Alarm(AlarmRequest { acknowledge, by })).await?)
}

pub(in super::super) async fn telemetry(call: Call) -> Handled {
    let history = call.server.shared.snapshot.figures();
    let mut out = b"{\"now\":".to_vec();
    out.extend_from_slice(history.last().map_or(b"null", |newest| newest));
    out.extend_from_slice(b",\"history\":");
    out.extend_from_slice(&answer::list(history));
    out.push(b'}');
    Ok(json_text(StatusCode::OK, out))
}

pub(in super::super) async fn units(call: Call) -> Handled {
    answer::json(&call.server.shared.snapshot.lock().units)
}

pub(in super::super) async fn restart(call: Call) -> Handled {
    let unit = call.param("name").to_owned();
    answer::json(&ask(&call.server, Command::Restart(RestartRequest { unit })).await?)
}

pub(in super::super) async fn config(call: Call) -> Handled {
    answer::json(&ask(&call.server, Command::Config).await?)
}

pub(in super::super) async fn audit(call: Call) -> Handled {
    answer::json(&call.server.shared.audit.last(call.limit(AUDIT, MOST_AUDIT)?))
}

pub(in super::super) async fn refused(call: Call) -> Handled {
    answer::json(&call.server.shared.audit.last_refused(call.limit(AUDIT, MOST_AUDIT)?))
}

/// Has the service execute `command` and waits for the answer.
pub(super) async fn ask(server: &Server, command: Command) -> Result<CommandAnswer, WebFault> {
    server.commands.ask(command, &*server.shared.clock).await
}

/// As [`ask`], with the answer as the type that the handler needs.
pub(super) async fn ask_for<T: TryFrom<CommandAnswer>>(
    server: &Server,
    command: Command,
) -> Result<T, WebFault> {
    let kind = command.kind();
    let answer = ask(server, command).await?;
    T::try_from(answer).map_err(|_| another_answer(kind))
}

/// The fault if the service gave the answer of another command, which is a programming error.
pub(super) fn another_answer(kind: CommandKind) -> WebFault {
    let message = format!("the answer to {} is another command's", kind.as_str());
    WebFault::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message, "see the log")
}
