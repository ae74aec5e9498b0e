//! JSON Schemas of every request on `cmd/COMMAND/ID` and of the `result` of its answer, generated from the
//! types.

use schemars::{JsonSchema, Schema, schema_for};
use serde_json::Value;

use super::preview::{SnapshotOut, SnapshotRequest};
use super::service::{AlarmRequest, AlarmsOut, RestartRequest, RestartedOut, ServiceStatus};
use super::{InspectionRecord, attendance, batch, faces, inspection, intake, jobs, outputs};
use crate::contract::{self, Day};
use crate::types::{CommandKind, ReloadedOut};

/// The schemas by file name (without `.json`), in the order of the commands: one for each request with keys,
/// and one for each answer with a result.
pub fn all() -> Vec<(String, Value)> {
    CommandKind::ALL.into_iter().flat_map(of).collect()
}

fn of(kind: CommandKind) -> Vec<(String, Value)> {
    let (request, result) = match kind {
        CommandKind::Ping => (None, None),
        CommandKind::Reload => (None, Some(schema_for!(ReloadedOut))),
        CommandKind::Snapshot => (Some(schema_for!(SnapshotRequest)), Some(schema_for!(SnapshotOut))),
        CommandKind::Trigger => {
            (Some(schema_for!(inspection::TriggerRequest)), Some(schema_for!(InspectionRecord)))
        }
        CommandKind::Product => {
            (Some(schema_for!(inspection::ProductRequest)), Some(schema_for!(inspection::ProductOut)))
        }
        CommandKind::Golden => {
            (Some(schema_for!(inspection::Golden)), Some(schema_for!(inspection::GoldenAnswer)))
        }
        CommandKind::Status => (None, Some(schema_for!(ServiceStatus))),
        CommandKind::Faces => {
            (Some(schema_for!(faces::GalleryCommand)), Some(schema_for!(faces::GalleryAnswer)))
        }
        CommandKind::Attendance => (Some(schema_for!(attendance::AttendanceCommand)), Some(schema_for!(Day))),
        CommandKind::Batch => (Some(schema_for!(batch::BatchCommand)), Some(schema_for!(batch::BatchAnswer))),
        CommandKind::Jobs => (Some(schema_for!(jobs::JobsCommand)), Some(schema_for!(jobs::JobsAnswer))),
        CommandKind::Output => {
            (Some(schema_for!(outputs::OutputCommand)), Some(schema_for!(outputs::OutputAnswer)))
        }
        CommandKind::Intake => {
            (Some(schema_for!(intake::IntakeCommand)), Some(schema_for!(intake::IntakeAnswer)))
        }
        CommandKind::Restart => (Some(schema_for!(RestartRequest)), Some(schema_for!(RestartedOut))),
        // These commands are not available over MQTT.
        CommandKind::Config
        | CommandKind::Backup
        | CommandKind::Bundle
        | CommandKind::Log
        | CommandKind::Logs
        | CommandKind::Top
        | CommandKind::Hour
        | CommandKind::Stop => (None, None),
        CommandKind::Alarm => (Some(schema_for!(AlarmRequest)), Some(schema_for!(AlarmAnswer))),
    };
    let named = |what: &str, schema: Schema| {
        let mut schema = schema;
        schema.insert("title".into(), format!("cmd/{}: {what}", kind.as_str()).into());
        (format!("{what}-{}", kind.as_str()), schema.to_value())
    };
    let request = request.map(|schema| named("request", schema));
    request.into_iter().chain(result.map(|schema| named("result", schema))).collect()
}

/// The answers of the command `alarm`.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "only its schema is of use")]
enum AlarmAnswer {
    /// Answer to a request without `acknowledge`.
    Alarms(AlarmsOut),
    /// Answer to a request with `acknowledge`.
    Alarm(contract::Alarm),
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_schemas_of_commands_in_docs_are_those_of_the_types() {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/mqtt");
        for (name, schema) in super::all() {
            let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
            let file = dir.join(format!("{name}.json"));
            if std::env::var_os("OCELLUS_WRITE_SCHEMAS").is_some() {
                std::fs::write(&file, &text).unwrap();
            }
            let kept = std::fs::read_to_string(&file).unwrap_or_default();
            assert_eq!(
                kept, text,
                "{name}: run this test with OCELLUS_WRITE_SCHEMAS=1 and look at the difference"
            );
        }
    }
}
