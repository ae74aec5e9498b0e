//! The state of the service: page, status, health, alarms, figures, units, configuration, audit log.

use axum::http::{HeaderValue, StatusCode, header};
use base64::Engine as _;

use super::super::answer::{self, Handled, WebFault, bytes, json_text, json_with, mime};
use super::super::metrics as prometheus;
use super::super::routes::Call;
use super::super::server::Server;
use super::super::snapshot::{PublishedStatus, SnapshotState};
use crate::commands::service::{AlarmRequest, BundleOut, RestartRequest};
use crate::commands::{Command, CommandAnswer};
use crate::contract::rest::{HealthOut, StatusOut};
use crate::contract::{Payload, Service, Status};
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
    let PublishedStatus { seq, time, body } = snapshot.status.clone().unwrap_or_else(starting);
    answer::json(&StatusOut {
        schema: Status::SCHEMA.into(),
        seq,
        time,
        state: body.state,
        reasons: body.reasons,
        version: body.version,
        config_hash: body.config_hash,
        uptime_s: shared.clock.now().micros_since(shared.started) / 1_000_000,
        device: shared.device.clone(),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        cameras: snapshot.cameras.iter().map(|camera| camera.name.clone()).collect(),
        features: snapshot.features,
        components: snapshot.components.clone(),
    })
}

/// The status before the service has reported one.
fn starting() -> PublishedStatus {
    let body = Status {
        state: Service::Degraded,
        reasons: vec!["the service is starting".into()],
        version: env!("CARGO_PKG_VERSION").into(),
        config_hash: String::new(),
        uptime_s: 0,
    };
    PublishedStatus { seq: 0, time: crate::types::rfc3339(0), body }
}

pub(in super::super) async fn health(call: Call) -> Handled {
    let shared = &call.server.shared;
    let (works, health) = healthy(&shared.snapshot.lock(), shared.clock.now());
    json_with(if works { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &health)
}

/// Whether the service works, and its health: docs/operations.md, "Health", has the rule.
fn healthy(snapshot: &SnapshotState, now: Stamp) -> (bool, HealthOut) {
    let Some(PublishedStatus { body: status, .. }) = &snapshot.status else {
        let reasons = vec!["waiting for the first frame".into()];
        return (false, HealthOut { state: "starting".into(), reasons });
    };
    let mut reasons = status.reasons.clone();
    let silent = now.mono_ns.saturating_sub(snapshot.reported_ns) > SILENT_NS;
    if silent {
        reasons.push("the service has not reported its cameras for 10 s".into());
    }
    let (works, essential_ok) = snapshot.serves;
    let state = match works && !silent {
        true => status.state.as_str(),
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

/// The archive for support. It is the one reading that is written to the audit log: what it holds leaves the box.
pub(in super::super) async fn bundle(call: Call) -> Handled {
    let made = ask_for::<BundleOut>(&call.server, Command::Bundle).await;
    let outcome = made.as_ref().map_or_else(|fault| fault.code, |_| "ok");
    call.server.note(call.who.name(), "GET /api/v1/doctor/bundle", "", outcome);
    let BundleOut { file, base64 } = made?;
    let archive = base64::engine::general_purpose::STANDARD.decode(base64);
    let archive = archive.map_err(|error| WebFault::bad(error.to_string(), "please report this"))?;
    let mut response = bytes(mime::GZIP, archive.into());
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{file}\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
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

/// As [`ask_for`], for a command whose answer `A` depends on its action.
pub(super) async fn ask_within<A: TryFrom<CommandAnswer>, T: TryFrom<A>>(
    server: &Server,
    command: Command,
) -> Result<T, WebFault> {
    let kind = command.kind();
    let answer: A = ask_for(server, command).await?;
    T::try_from(answer).map_err(|_| another_answer(kind))
}

/// The fault if the service gave the answer of another command, which is a programming error.
pub(super) fn another_answer(kind: CommandKind) -> WebFault {
    let message = format!("the answer to {} is another command's", kind.as_str());
    WebFault::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message, "see the log")
}
