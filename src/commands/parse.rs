//! Parses JSON into a [`Command`] at the edge. A fault is refused with the command, the wrong key and the
//! known keys. Unknown keys are ignored, so that a plant can add fields of its systems.

use schemars::{JsonSchema, schema_for};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Command, attendance, batch, intake, jobs, outputs};
use crate::types::{CommandKind, Refusal};

impl Command {
    /// Parses the command `kind` with the keys of `payload`; a payload that is not an object has no keys.
    ///
    /// # Errors
    /// `bad_request` (`bad_action`, `refused`), with the keys or the actions that are known.
    pub fn parse(kind: CommandKind, payload: Value) -> Result<Command, Refusal> {
        let keys = match payload {
            Value::Object(keys) => keys,
            _ => Map::new(),
        };
        Ok(match kind {
            CommandKind::Ping => Command::Ping,
            CommandKind::Reload => Command::Reload,
            CommandKind::Status => Command::Status,
            CommandKind::Config => Command::Config,
            CommandKind::Backup => Command::Backup,
            CommandKind::Bundle => Command::Bundle,
            CommandKind::Top => Command::Top,
            CommandKind::Hour => Command::Hour,
            CommandKind::Stop => Command::Stop,
            CommandKind::Snapshot => Command::Snapshot(read(kind, keys)?),
            CommandKind::Trigger => Command::Trigger(read(kind, keys)?),
            CommandKind::Product => Command::Product(read(kind, keys)?),
            CommandKind::Restart => Command::Restart(read(kind, keys)?),
            CommandKind::Alarm => Command::Alarm(read(kind, keys)?),
            CommandKind::Log => Command::Log(read(kind, keys)?),
            CommandKind::Logs => Command::Logs(read(kind, keys)?),
            CommandKind::Golden => Command::Golden(read_action(kind, keys, None)?),
            CommandKind::Faces => Command::Faces(read_action(kind, keys, None)?),
            CommandKind::Attendance => {
                Command::Attendance(read_action(kind, keys, Some(attendance::AttendanceCommand::USUAL))?)
            }
            CommandKind::Batch => Command::Batch(read_action(kind, keys, Some(batch::BatchCommand::USUAL))?),
            CommandKind::Jobs => Command::Jobs(read_action(kind, keys, Some(jobs::JobsCommand::USUAL))?),
            CommandKind::Output => {
                Command::Output(read_action(kind, keys, Some(outputs::OutputCommand::USUAL))?)
            }
            CommandKind::Intake => {
                Command::Intake(read_action(kind, keys, Some(intake::IntakeCommand::USUAL))?)
            }
        })
    }
}

/// Reads a command with several actions; `usual` is the default action.
fn read_action<T: DeserializeOwned + JsonSchema>(
    kind: CommandKind,
    mut keys: Map<String, Value>,
    usual: Option<&str>,
) -> Result<T, Refusal> {
    let named = keys.get("action").and_then(Value::as_str).or(usual).unwrap_or_default().to_owned();
    let shape = KeySet::of::<T>();
    let Some(shape) = shape.iter().find(|shape| shape.action == named) else {
        let known: Vec<_> = shape.iter().map(|shape| shape.action.as_str()).collect();
        return Err(unknown_action(kind, &named, &known));
    };
    keys.insert("action".into(), named.into());
    read_as(kind, keys, shape)
}

fn unknown_action(kind: CommandKind, named: &str, known: &[&str]) -> Refusal {
    let known = match known {
        [most @ .., last] if !most.is_empty() => format!("{} or {last}", most.join(", ")),
        _ => known.concat(),
    };
    let write = format!("write {{\"action\": …}}, one of {known}");
    let message = format!("there is no action {named:?} for {}", kind.as_str());
    match kind {
        CommandKind::Golden => format!("say what: {{\"action\": …}}, one of {known}").into(),
        CommandKind::Attendance => Refusal::new("bad_action", message, write),
        _ => Refusal::new("bad_request", message, write),
    }
}

fn read<T: DeserializeOwned + JsonSchema>(kind: CommandKind, keys: Map<String, Value>) -> Result<T, Refusal> {
    match &KeySet::of::<T>()[..] {
        [shape] => read_as(kind, keys, shape),
        _ => Err(Refusal::new("bad_request", format!("{} has no keys", kind.as_str()), "")),
    }
}

fn read_as<T: DeserializeOwned>(
    kind: CommandKind,
    keys: Map<String, Value>,
    shape: &KeySet,
) -> Result<T, Refusal> {
    let name = format!("{} {}", kind.as_str(), shape.action);
    let remedy = format!("{} takes {}", name.trim_end(), shape.keys.join(", "));
    let absent = |key: &&String| keys.get(*key).is_none_or(Value::is_null);
    if let Some(key) = shape.required.iter().find(absent) {
        return Err(Refusal::new("bad_request", format!("{key} is missing"), remedy));
    }
    // The keys are moved, not copied, because they may hold pictures. So the wrong key is searched in an
    // outline.
    let outline = outline(&keys);
    serde_json::from_value(Value::Object(keys)).map_err(|error| {
        let error = error.to_string();
        let message = match culprit::<T>(&outline, &error) {
            Some(key) => format!("{key}: {error}"),
            None => error,
        };
        Refusal::new("bad_request", message, remedy)
    })
}

/// The keys with shortened values of the same types.
fn outline(keys: &Map<String, Value>) -> Map<String, Value> {
    fn short(value: &Value) -> Value {
        match value {
            Value::String(text) => text.chars().take(64).collect::<String>().into(),
            Value::Array(items) => items.iter().map(short).collect(),
            Value::Object(keys) => keys.iter().map(|(key, value)| (key.clone(), short(value))).collect(),
            other => other.clone(),
        }
    }
    keys.iter().map(|(key, value)| (key.clone(), short(value))).collect()
}

/// The key whose removal changes or removes the fault.
fn culprit<T: DeserializeOwned>(outline: &Map<String, Value>, error: &str) -> Option<String> {
    let without = |key: &&String| {
        let mut keys = outline.clone();
        keys.remove(*key);
        serde_json::from_value::<T>(Value::Object(keys)).err().is_none_or(|other| other.to_string() != error)
    };
    outline.keys().filter(|key| *key != "action").find(without).cloned()
}

/// The keys of a request, or of one of its actions, according to its schema.
struct KeySet {
    action: String,
    keys: Vec<String>,
    required: Vec<String>,
}

impl KeySet {
    /// One set for each action; a single one where the request has no actions.
    fn of<T: JsonSchema>() -> Vec<KeySet> {
        let schema = schema_for!(T).to_value();
        let actions = schema.get("oneOf").and_then(Value::as_array);
        match actions {
            Some(actions) => actions.iter().map(|action| KeySet::read(&schema, action)).collect(),
            None => vec![KeySet::read(&schema, &schema)],
        }
    }

    fn read(schema: &Value, part: &Value) -> KeySet {
        let mut shape = KeySet { action: String::new(), keys: Vec::new(), required: Vec::new() };
        shape.add(schema, part);
        shape
    }

    fn add(&mut self, schema: &Value, part: &Value) {
        for (key, described) in part.get("properties").and_then(Value::as_object).into_iter().flatten() {
            match described.get("const").and_then(Value::as_str) {
                Some(action) if key == "action" => self.action = action.to_owned(),
                _ => self.keys.push(key.clone()),
            }
        }
        let required = part.get("required").and_then(Value::as_array).into_iter().flatten();
        let required = required.filter_map(Value::as_str).filter(|key| *key != "action");
        self.required.extend(required.map(str::to_owned));
        // The schema refers to a part that is defined elsewhere in it.
        let pointer = part.get("$ref").and_then(Value::as_str).and_then(|at| at.strip_prefix('#'));
        if let Some(defined) = pointer.and_then(|at| schema.pointer(at)) {
            self.add(schema, defined);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::inspection::{Golden, Selection};
    use super::super::{attendance, faces, preview};
    use super::*;

    fn refused(kind: CommandKind, payload: Value) -> Refusal {
        Command::parse(kind, payload).unwrap_err()
    }

    #[test]
    fn a_fault_is_refused_with_the_key_that_is_wrong_and_those_that_are_known() {
        let fault = refused(CommandKind::Snapshot, json!({ "camera": "front", "quality": "high" }));
        assert_eq!(fault.code, "bad_request");
        assert!(fault.message.starts_with("quality: ") && fault.message.contains("\"high\""), "{fault}");
        assert_eq!(fault.remedy, "snapshot takes camera, inline, quality, retain_picture");
        let fault = refused(CommandKind::Faces, json!({ "action": "merge", "person": 1, "into": [2] }));
        assert!(fault.message.starts_with("into: "), "{fault}");
        let fault = refused(CommandKind::Faces, json!({ "action": "rename", "person": 1 }));
        assert_eq!((fault.message.as_str(), fault.code), ("name is missing", "bad_request"));
        assert_eq!(fault.remedy, "faces rename takes name, person");
        let fault = refused(CommandKind::Golden, json!({ "action": "remove" }));
        assert_eq!(fault.remedy, "golden remove takes camera, picture, product");
    }

    #[test]
    fn an_action_that_does_not_exist_is_refused_with_those_that_do() {
        let fault = refused(CommandKind::Golden, json!({ "action": "burn" })).to_string();
        assert!(fault.starts_with("say what") && fault.contains("list, revisions, add, keep"), "{fault}");
        assert!(fault.ends_with("verify or prune"), "{fault}");
        let fault = refused(CommandKind::Faces, json!({}));
        assert!(fault.remedy.contains("one of list, enrol, add, rename"), "{fault}");
        assert_eq!(refused(CommandKind::Attendance, json!({ "action": "week" })).code, "bad_action");
    }

    #[test]
    fn numbers_may_be_text_and_marks_of_the_plant_are_passed_over() {
        let erase = json!({ "action": "erase", "person": "7", "order": 4711, "retain": true });
        let erase = Command::parse(CommandKind::Faces, erase);
        assert_eq!(erase, Ok(Command::Faces(faces::GalleryCommand::Erase { person: 7 })));
        let day = Command::parse(CommandKind::Attendance, json!({ "person": 7 }));
        let wanted = attendance::DayRequest { day: None, person: Some("7".into()) };
        assert_eq!(day, Ok(Command::Attendance(attendance::AttendanceCommand::Day(wanted))));
    }

    #[test]
    fn what_is_no_object_asks_with_no_keys() {
        for payload in [Value::Null, json!(1), json!("x"), json!([])] {
            let shot = Command::parse(CommandKind::Snapshot, payload);
            assert_eq!(shot, Ok(Command::Snapshot(preview::SnapshotRequest::default())));
        }
    }

    #[test]
    fn a_command_that_is_written_is_read_as_it_was() {
        let rollback = Golden::Rollback { of: Selection::product("plate"), to: Some(3) };
        let from = faces::FaceSource {
            camera: Some("a".into()),
            as_new: Some(true),
            ..faces::FaceSource::default()
        };
        for command in [
            Command::Status,
            Command::Golden(rollback),
            Command::Faces(faces::GalleryCommand::Add { person: 3, from }),
            Command::Faces(faces::GalleryCommand::Export { after: None, most_bytes: Some(9) }),
            Command::Attendance(attendance::AttendanceCommand::Day(attendance::DayRequest::default())),
        ] {
            let mut written = serde_json::to_value(&command).unwrap();
            let kind = CommandKind::from_word(written["command"].as_str().unwrap()).unwrap();
            assert_eq!(kind, command.kind());
            assert_eq!(Command::parse(kind, written["payload"].take()), Ok(command));
        }
    }
}
