//! Which commands are written to the audit log: every change, and every reading of protected data. The page
//! writes its requests itself, because only it knows who is logged in.

use serde_json::Value;

use super::App;
use crate::audit::{AuditChange, AuditSource};
use crate::types::{Command, CommandKind, Origin, Responder};

impl App {
    /// Wraps the command so that its outcome is written to the log, if it is one of those.
    pub(super) fn noted(&self, command: Command) -> Command {
        let (source, user) = match command.origin {
            Origin::Web => return command,
            Origin::Mqtt => {
                let suffix = format!("cmd/{}/{}", command.kind.as_str(), command.id);
                (AuditSource::Mqtt, self.mqtt.topics().full(&suffix))
            }
            Origin::Cli { uid } => {
                (AuditSource::Cli, uid.map_or_else(|| "unknown".into(), |uid| format!("uid {uid}")))
            }
            Origin::Serial => (AuditSource::Serial, command.id.clone()),
        };
        let Some((action, target)) = change(command.kind, &command.payload) else { return command };
        let (audit, reply) = (self.audit.clone(), command.reply);
        let reply = Responder::new(move |outcome| {
            let word = outcome.as_ref().map_or_else(|refusal| refusal.code, |_| "ok");
            audit.note(&AuditChange { source, user: &user, action: &action, target: &target, outcome: word });
            reply.answer(outcome);
        });
        Command { reply, ..command }
    }

    /// Notes that the configuration was read again because of SIGHUP.
    pub(super) fn note_signal(&self, done: bool) {
        let outcome = if done { "ok" } else { "refused" };
        self.audit.note(&AuditChange {
            source: AuditSource::Signal,
            user: "SIGHUP",
            action: "reload",
            target: "",
            outcome,
        });
    }
}

/// The action and its object; `None` if nothing changes and nothing protected is read. People appear by
/// number only.
fn change(kind: CommandKind, payload: &Value) -> Option<(String, String)> {
    let text = |key: &str| payload[key].as_str().unwrap_or_default().to_owned();
    let number = |key: &str| payload[key].as_u64().map_or_else(String::new, |number| number.to_string());
    let with_action = || format!("{} {}", kind.as_str(), text("action"));
    match kind {
        CommandKind::Snapshot | CommandKind::Trigger | CommandKind::Status => None,
        CommandKind::Reload | CommandKind::Config => Some((kind.as_str().into(), String::new())),
        CommandKind::Restart => Some((kind.as_str().into(), text("unit"))),
        CommandKind::Product if payload["product"].is_null() => None,
        CommandKind::Product => Some((kind.as_str().into(), text("product"))),
        CommandKind::Golden => match payload["action"].as_str() {
            Some("list" | "revisions" | "sets" | "verify") => None,
            _ => Some((with_action(), text("product"))),
        },
        CommandKind::Faces => match payload["action"].as_str() {
            Some("list" | "picture") => None,
            _ => Some((with_action(), number("person"))),
        },
        CommandKind::Alarm if payload["acknowledge"].is_null() => None,
        CommandKind::Alarm => Some(("alarm acknowledge".into(), text("acknowledge"))),
        CommandKind::Attendance => Some((kind.as_str().into(), text("day"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_change_is_noted_by_number_and_no_reading_of_what_is_open() {
        let noted = |kind, payload: Value| change(kind, &payload);
        let is = |action: &str, target: &str| Some((action.to_owned(), target.to_owned()));
        let faces = CommandKind::Faces;
        assert_eq!(noted(faces, json!({ "action": "erase", "person": 7 })), is("faces erase", "7"));
        assert_eq!(noted(faces, json!({ "action": "enrol", "name": "Grace" })), is("faces enrol", ""));
        assert_eq!(noted(faces, json!({ "action": "list" })), None);
        assert_eq!(noted(CommandKind::Golden, json!({ "action": "prune" })), is("golden prune", ""));
        assert_eq!(noted(CommandKind::Golden, json!({ "action": "sets" })), None);
        assert_eq!(noted(CommandKind::Product, json!({ "product": "plate" })), is("product", "plate"));
        assert_eq!(noted(CommandKind::Product, Value::Null), None);
        assert_eq!(noted(CommandKind::Restart, json!({ "unit": "camera/a" })), is("restart", "camera/a"));
        assert_eq!(noted(CommandKind::Trigger, json!({ "text": "SN-1" })), None);
    }
}
