//! Which commands are written to the audit log: every change, and every reading of protected data. The page
//! writes its requests itself, because only it knows who is logged in.

use std::sync::Arc;

use crate::audit::{Audit, AuditChange, AuditSource};
use crate::commands::log::LogRequest;
use crate::commands::{Command, CommandRequest, attendance, faces};
use crate::contract::topic::Topics;
use crate::types::{CommandKind, Origin, Responder};

/// Wraps the request so that its outcome is written to `audit`, if it is one of those.
pub(super) fn noted(request: CommandRequest, audit: &Arc<Audit>, topics: &Topics) -> CommandRequest {
    if request.origin == Origin::Web {
        return request;
    }
    let (source, user) = requester(request.origin, (request.command.kind(), &request.id), topics);
    let Some((action, target)) = change(&request.command) else { return request };
    let (audit, reply) = (audit.clone(), request.reply);
    let reply = Responder::new(move |outcome| {
        let word = outcome.as_ref().map_or_else(|refusal| refusal.code, |_| "ok");
        audit.note(&AuditChange { source, user: &user, action: &action, target: &target, outcome: word });
        reply.answer(outcome);
    });
    CommandRequest { reply, ..request }
}

/// Who asks, as the log names it: for MQTT by the topic of the request, which has the command's word and its id.
pub(super) fn requester(
    origin: Origin,
    (kind, id): (CommandKind, &str),
    topics: &Topics,
) -> (AuditSource, String) {
    match origin {
        Origin::Web => (AuditSource::Web, id.to_owned()),
        Origin::Mqtt => (AuditSource::Mqtt, topics.full(&format!("cmd/{}/{id}", kind.as_str()))),
        Origin::Cli { uid } => {
            (AuditSource::Cli, uid.map_or_else(|| "unknown".into(), |uid| format!("uid {uid}")))
        }
        Origin::Serial => (AuditSource::Serial, id.to_owned()),
    }
}

/// Notes that the configuration was read again because of SIGHUP.
pub(super) fn note_signal(audit: &Audit, done: bool) {
    let outcome = if done { "ok" } else { "refused" };
    audit.note(&AuditChange {
        source: AuditSource::Signal,
        user: "SIGHUP",
        action: "reload",
        target: "",
        outcome,
    });
}

/// The change and its target; `None` if nothing changes and nothing protected is read. People appear by
/// number only.
fn change(command: &Command) -> Option<(String, String)> {
    let word = command.kind().as_str();
    match command {
        Command::Ping | Command::Snapshot(_) | Command::Trigger(_) | Command::Status | Command::Intake(_) => {
            None
        }
        // The outputs write their own lines, which have the values, for every interface and for their rules.
        Command::Output(_) => None,
        Command::Logs(_) | Command::Top | Command::Hour => None,
        Command::Log(asked) => log_change(asked).map(|target| (word.into(), target)),
        Command::Reload | Command::Config | Command::Backup | Command::Bundle | Command::Stop => {
            Some((word.into(), String::new()))
        }
        Command::Restart(asked) => Some((word.into(), asked.unit.clone())),
        Command::Product(asked) => Some((word.into(), asked.product.clone()?)),
        Command::Golden(asked) if asked.only_reads() => None,
        Command::Golden(asked) => {
            let product = asked.product().unwrap_or_default();
            Some((format!("{word} {}", asked.action()), product.to_owned()))
        }
        Command::Faces(faces::GalleryCommand::List | faces::GalleryCommand::Picture { .. }) => None,
        Command::Faces(asked) => {
            let person = asked.person().map_or_else(String::new, |person| person.to_string());
            Some((format!("{word} {}", asked.action()), person))
        }
        Command::Batch(asked) => Some((format!("{word} {}", asked.action()), asked.target()?.to_owned())),
        Command::Jobs(asked) => Some((format!("{word} {}", asked.action()), asked.target()?)),
        Command::Alarm(asked) => Some(("alarm acknowledge".into(), asked.acknowledge.clone()?)),
        Command::Attendance(attendance::AttendanceCommand::Day(asked)) => {
            Some((word.into(), asked.day.clone().unwrap_or_default()))
        }
    }
}

/// What a request changes about the level of the log; `None` if it only reads it.
fn log_change(asked: &LogRequest) -> Option<String> {
    match (&asked.filter, asked.for_s) {
        (Some(filter), Some(seconds)) => Some(format!("{filter} for {seconds} s")),
        (Some(filter), None) => Some(filter.clone()),
        (None, _) => asked.reset.then(|| "reset".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn every_change_is_noted_by_number_and_no_reading_of_what_is_open() {
        let noted = |kind, payload: Value| change(&Command::parse(kind, payload).unwrap());
        let is = |action: &str, target: &str| Some((action.to_owned(), target.to_owned()));
        let faces = CommandKind::Faces;
        assert_eq!(noted(faces, json!({ "action": "erase", "person": 7 })), is("faces erase", "7"));
        let enrol = json!({ "action": "enrol", "name": "Grace" });
        assert_eq!(noted(faces, enrol), is("faces enrol", ""));
        assert_eq!(noted(faces, json!({ "action": "list" })), None);
        assert_eq!(noted(CommandKind::Golden, json!({ "action": "prune" })), is("golden prune", ""));
        assert_eq!(noted(CommandKind::Golden, json!({ "action": "sets" })), None);
        assert_eq!(noted(CommandKind::Product, json!({ "product": "plate" })), is("product", "plate"));
        assert_eq!(noted(CommandKind::Product, Value::Null), None);
        assert_eq!(noted(CommandKind::Restart, json!({ "unit": "camera/a" })), is("restart", "camera/a"));
        assert_eq!(
            noted(CommandKind::Log, json!({ "filter": "debug", "for_s": 60 })),
            is("log", "debug for 60 s")
        );
        assert_eq!(noted(CommandKind::Log, Value::Null), None);
        assert_eq!(noted(CommandKind::Trigger, json!({ "text": "SN-1" })), None);
    }
}
