//! The commands that the service itself answers, and their answers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::overview::Overview;
use crate::contract::rest::ComponentOut;
use crate::contract::{self, Status, TriggerStatus};

pub use crate::contract::rest::ConfigOut;

/// The command `restart`: restart one component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RestartRequest {
    /// The unit, such as `camera/front`, `mqtt` or `web`.
    #[serde(default)]
    pub unit: String,
}

/// A unit that was restarted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RestartedOut {
    /// Name of the unit, such as `camera/front`.
    pub unit: String,
    /// Whether an earlier request is already restarting it; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub already_restarting: Option<bool>,
}

/// The command `alarm`: list the alarms, or acknowledge one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlarmRequest {
    /// Name of the alarm to acknowledge; without it, the alarms are listed.
    #[serde(default)]
    pub acknowledge: Option<String>,
    /// Name of the person who acknowledges it.
    #[serde(default)]
    pub by: Option<String>,
}

/// The contents of the store, written into files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DumpedOut {
    /// The folder with the files; whoever asked removes it.
    pub folder: std::path::PathBuf,
    /// The schema of the entries.
    pub schema: u32,
    /// How many entries there are.
    pub entries: u64,
}

/// The archive for support: plain text without secrets, as gzipped tar file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BundleOut {
    /// The name that the file should have.
    pub file: String,
    /// Its bytes in base64.
    pub base64: String,
}

/// The alarms that are active.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlarmsOut {
    /// One entry for each alarm, sorted by name.
    pub alarms: Vec<contract::Alarm>,
}

/// The state of the service, of its components and of its triggers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceStatus {
    /// The fields of the topic `status`.
    #[serde(flatten)]
    pub status: Status,
    /// The fields of `camera/NAME/trigger` for each camera that inspects, by camera name.
    pub triggers: BTreeMap<String, TriggerStatus>,
    /// Every component with its state.
    pub components: Vec<ComponentOut>,
    /// The alarms that are active.
    pub alarms: Vec<contract::Alarm>,
    /// Messages that the broker rejects.
    pub set_aside: SetAside,
    /// What the service does without under overload at present, in the order in which it began to; empty where nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
    /// Cameras, queues, disks and units; absent in the answer of an older service.
    #[serde(flatten)]
    pub overview: Option<Overview>,
}

/// Messages that the broker rejects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SetAside {
    /// The messages are stored and can be read.
    Kept {
        /// Number of messages set aside.
        count: u64,
        /// The newest of these messages.
        newest: Vec<SetAsideMessage>,
    },
    /// The stored messages cannot be read.
    Unreadable {
        /// Why they cannot be read.
        error: String,
    },
}

/// A message that was set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SetAsideMessage {
    /// Topic of the message below `PREFIX/DEVICE/`.
    pub topic: String,
    /// Number of the message in its stream; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Length of the payload in bytes.
    pub bytes: u64,
    /// Why the broker rejects it.
    pub reason: String,
    /// When it was set aside, RFC 3339, UTC.
    pub time: String,
}
