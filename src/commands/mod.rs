//! Every command of the box under its word: one typed enum that MQTT, the control socket, REST and the command line
//! share. They read bytes into it once, with [`Command::parse`], and write the typed [`CommandAnswer`]; between them and the
//! domains no JSON is looked up by key.
//!
//! The commands of a domain are the domain's own types; those of the service itself are in [`service`].

mod parse;
pub mod schema;
pub mod service;

use std::sync::Arc;

use serde::{Serialize, Serializer};

pub use crate::attendance::command as attendance;
pub use crate::inspection::command as inspection;
pub use crate::recognition::command as faces;

use crate::contract::{Day, InspectionOut};
use crate::types::{CommandKind, Inspection, Origin, ReloadedOut, Responder, Stamp, answers};
use service::{
    AlarmRequest, AlarmsOut, ConfigOut, RestartRequest, RestartedOut, ServiceStatus, SnapshotOut,
    SnapshotRequest,
};

/// A command with its keys. Serialised as a request of the control socket: `{"command": …, "payload": …}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "command", content = "payload", rename_all = "lowercase")]
pub enum Command {
    /// Whether the service answers.
    Ping,
    /// Read the configuration again.
    Reload,
    /// A picture of a camera.
    Snapshot(SnapshotRequest),
    /// Inspect the part that is there now.
    Trigger(inspection::TriggerRequest),
    /// Select a product.
    Product(inspection::ProductRequest),
    /// Teach, list or take back golden pictures.
    Golden(inspection::Golden),
    /// The state of the service and of its components.
    Status,
    /// The people of the gallery.
    Faces(faces::GalleryCommand),
    /// The attendance log.
    Attendance(attendance::AttendanceCommand),
    /// Build a unit again.
    Restart(RestartRequest),
    /// The configuration in force, without secrets and comments.
    Config,
    /// List the alarms, or acknowledge one.
    Alarm(AlarmRequest),
}

impl Command {
    /// The word by which it is called.
    pub fn kind(&self) -> CommandKind {
        match self {
            Command::Ping => CommandKind::Ping,
            Command::Reload => CommandKind::Reload,
            Command::Snapshot(_) => CommandKind::Snapshot,
            Command::Trigger(_) => CommandKind::Trigger,
            Command::Product(_) => CommandKind::Product,
            Command::Golden(_) => CommandKind::Golden,
            Command::Status => CommandKind::Status,
            Command::Faces(_) => CommandKind::Faces,
            Command::Attendance(_) => CommandKind::Attendance,
            Command::Restart(_) => CommandKind::Restart,
            Command::Config => CommandKind::Config,
            Command::Alarm(_) => CommandKind::Alarm,
        }
    }
}

/// A command that has to be answered.
#[derive(Debug)]
pub struct CommandRequest {
    /// The command.
    pub command: Command,
    /// Where it came from.
    pub origin: Origin,
    /// When it arrived: the moment that a trigger means, however long the request before it takes.
    pub at: Stamp,
    /// The requester's id.
    pub id: String,
    /// How to answer.
    pub reply: Responder<CommandAnswer>,
}

answers! {
    /// The answer to a [`Command`].
    pub enum CommandAnswer {
        /// To `ping`: done, and nothing more to report.
        Done(()),
        /// To `reload`.
        Reloaded(ReloadedOut),
        /// To `snapshot`.
        Snapshot(SnapshotOut),
        /// To `trigger`.
        Inspection(InspectionRecord),
        /// To `product`.
        Product(inspection::ProductOut),
        /// To `golden`.
        Golden(inspection::GoldenAnswer),
        /// To `status`.
        Status(Box<ServiceStatus>),
        /// To `faces`.
        Faces(faces::GalleryAnswer),
        /// To `attendance`.
        Attendance(Day),
        /// To `restart`.
        Restarted(RestartedOut),
        /// To `config`.
        Config(ConfigOut),
        /// To `alarm`.
        Alarms(AlarmsOut),
        /// To `alarm` with `acknowledge`.
        Alarm(crate::contract::Alarm),
    }
}

/// The record of an acquisition, as `camera/NAME/inspection` has it.
#[derive(Clone, Debug)]
pub struct InspectionRecord(pub Arc<Inspection>);

impl Serialize for InspectionRecord {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        InspectionOut::from(&*self.0).serialize(out)
    }
}

impl schemars::JsonSchema for InspectionRecord {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        InspectionOut::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        InspectionOut::json_schema(generator)
    }
}
