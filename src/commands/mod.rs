//! All commands: one typed enum that MQTT, the control socket, REST and the command line share. They parse
//! bytes into it once, with [`Command::parse`], and write the typed [`CommandAnswer`]; between them and the
//! domains no JSON is looked up by key.
//!
//! The types of a domain's commands belong to the domain; those of the service itself are in [`service`].

mod ask;
pub mod log;
pub mod overview;
mod parse;
mod queue;
pub mod schema;
pub mod service;
pub mod top;

use std::sync::Arc;

use serde::{Serialize, Serializer};

pub use ask::{AskFault, Question};
pub use queue::{CommandQueue, OutputEntry};

pub use crate::attendance::command as attendance;
pub use crate::inspection::command as inspection;
pub use crate::intake::command as intake;
pub use crate::jobs::command as jobs;
pub use crate::microscopy::command as batch;
pub use crate::outputs::command as outputs;
pub use crate::preview::command as preview;
pub use crate::recognition::command as faces;

use crate::contract::{Day, InspectionOut};
use crate::types::{CommandKind, Inspection, Origin, ReloadedOut, Responder, Stamp, answers};
use service::{
    AlarmRequest, AlarmsOut, BundleOut, ConfigOut, DumpedOut, RestartRequest, RestartedOut, ServiceStatus,
};

/// A command with its keys. It is serialised as a request of the control socket: `{"command": …, "payload":
/// …}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "command", content = "payload", rename_all = "lowercase")]
pub enum Command {
    /// Check that the service answers.
    Ping,
    /// Read the configuration again and apply its changes.
    Reload,
    /// Take a picture of a camera.
    Snapshot(preview::SnapshotRequest),
    /// Trigger an inspection on a camera.
    Trigger(inspection::TriggerRequest),
    /// Select the product that a camera inspects.
    Product(inspection::ProductRequest),
    /// Add, remove or list golden pictures.
    Golden(inspection::Golden),
    /// Report the state of the service and its components.
    Status,
    /// Change or list the people of the gallery.
    Faces(faces::GalleryCommand),
    /// Report who was present on a day.
    Attendance(attendance::AttendanceCommand),
    /// Restart one component of the service.
    Restart(RestartRequest),
    /// Report the configuration in force, without secrets and comments.
    Config,
    /// List the alarms, or acknowledge one.
    Alarm(AlarmRequest),
    /// Write the contents of the store into files, for `ocellus backup`.
    Backup,
    /// Run microscopy recipes, and read their results.
    Batch(batch::BatchCommand),
    /// Add, watch, cancel and retry studio jobs, and control their queue.
    Jobs(jobs::JobsCommand),
    /// Make the archive for support.
    Bundle,
    /// Run commands to instruments, and turn their outputs off.
    #[serde(rename = "command")]
    Output(outputs::OutputCommand),
    /// Report sources of telemetry, their channels and histories.
    Intake(intake::IntakeCommand),
    /// Show or change the level of the log.
    Log(log::LogRequest),
    /// Read the newest lines of the log.
    Logs(log::LogsRequest),
    /// Report the CPU times of threads, stages and cameras.
    Top,
    /// Report the telemetry of the last hour.
    Hour,
    /// Finish the work under way, and end the service.
    Stop,
}

impl Command {
    /// The kind of the command, which names its word.
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
            Command::Backup => CommandKind::Backup,
            Command::Batch(_) => CommandKind::Batch,
            Command::Jobs(_) => CommandKind::Jobs,
            Command::Bundle => CommandKind::Bundle,
            Command::Output(_) => CommandKind::Output,
            Command::Intake(_) => CommandKind::Intake,
            Command::Log(_) => CommandKind::Log,
            Command::Logs(_) => CommandKind::Logs,
            Command::Top => CommandKind::Top,
            Command::Hour => CommandKind::Hour,
            Command::Stop => CommandKind::Stop,
        }
    }
}

/// A command that must be answered.
#[derive(Debug)]
pub struct CommandRequest {
    /// The command with its keys.
    pub command: Command,
    /// The interface through which it arrived.
    pub origin: Origin,
    /// Time of arrival. A trigger refers to this moment, even if an earlier request delays its handling.
    pub at: Stamp,
    /// The requester's id for this request, repeated in the answer.
    pub id: String,
    /// Sends the answer to the requester.
    pub reply: Responder<CommandAnswer>,
}

answers! {
    /// The answer to a [`Command`].
    pub enum CommandAnswer {
        /// Answer to `ping`, which has no content.
        Done(()),
        /// Answer to `reload`: the changes.
        Reloaded(ReloadedOut),
        /// Answer to `snapshot`: the picture.
        Snapshot(preview::SnapshotOut),
        /// Answer to `trigger`: the inspection.
        Inspection(InspectionRecord),
        /// Answer to `product`: the selected product.
        Product(inspection::ProductOut),
        /// Answer to `golden`: the golden pictures.
        Golden(inspection::GoldenAnswer),
        /// Answer to `status`: the state.
        Status(Box<ServiceStatus>),
        /// Answer to `faces`: depends on the action.
        Faces(faces::GalleryAnswer),
        /// Answer to `attendance`: one day.
        Attendance(Day),
        /// Answer to `restart`: the unit.
        Restarted(RestartedOut),
        /// Answer to `config`: the configuration.
        Config(ConfigOut),
        /// Answer to `alarm` without `acknowledge`: all alarms.
        Alarms(AlarmsOut),
        /// Answer to `alarm` with `acknowledge`: that alarm.
        Alarm(crate::contract::Alarm),
        /// Answer to `backup`: the files.
        Dumped(DumpedOut),
        /// Answer to `batch`: depends on the action.
        Batch(batch::BatchAnswer),
        /// Answer to `jobs`: depends on the action.
        Jobs(jobs::JobsAnswer),
        /// Answer to `bundle`: the archive.
        Bundle(BundleOut),
        /// Answer to `command`: depends on the action.
        Output(outputs::OutputAnswer),
        /// Answer to `intake`: depends on the action.
        Intake(intake::IntakeAnswer),
        /// Answer to `log`: the level in force.
        LogLevel(log::LogLevelOut),
        /// Answer to `logs`: the lines.
        Logs(log::LogsOut),
        /// Answer to `top`: the CPU times.
        Top(top::TopOut),
        /// Answer to `hour`: the lines.
        Hour(top::HourOut),
        /// Answer to `stop`: what ends.
        Stopping(top::StoppingOut),
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
