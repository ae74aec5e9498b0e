//! The commands that the service itself answers, and their answers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::rest::ComponentOut;
use crate::contract::{self, Status, TriggerStatus};

pub use crate::contract::rest::ConfigOut;

/// The command `snapshot`: the newest frame of a camera as JPEG.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotRequest {
    /// The camera's name; the only one, by default.
    #[serde(default)]
    pub camera: Option<String>,
    /// Quality of the JPEG, 1 to 100; 85 by default.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100))]
    pub quality: Option<u64>,
    /// Put the picture into the answer, instead of beside it on its own topic.
    #[serde(default)]
    pub inline: Option<bool>,
    /// Keep the picture on the broker.
    #[serde(default)]
    pub retain_picture: Option<bool>,
}

/// A picture of a camera.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotOut {
    /// The camera's name.
    pub camera: String,
    /// The frame's number since the process began.
    pub frame: u64,
    /// When it was captured, RFC 3339, UTC.
    pub time: String,
    /// Width in px.
    pub width: u64,
    /// Height in px.
    pub height: u64,
    /// Length of the JPEG in bytes.
    pub bytes: u64,
    /// The topic on which the JPEG was published; absent where it is in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// The JPEG in base64; absent where it has a topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jpeg_base64: Option<String>,
}

/// The command `restart`: build a unit again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RestartRequest {
    /// The unit, such as `camera/front`, `mqtt` or `web`.
    #[serde(default)]
    pub unit: String,
}

/// A unit that was built again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RestartedOut {
    /// The unit.
    pub unit: String,
    /// An earlier request is restarting it already; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub already_restarting: Option<bool>,
}

/// The command `alarm`: list the alarms, or acknowledge one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlarmRequest {
    /// The alarm that is acknowledged; without it, the alarms are listed.
    #[serde(default)]
    pub acknowledge: Option<String>,
    /// Who acknowledges it.
    #[serde(default)]
    pub by: Option<String>,
}

/// The alarms that are raised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlarmsOut {
    /// One entry an alarm, by name.
    pub alarms: Vec<contract::Alarm>,
}

/// The state of the service, of its components and of its triggers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceStatus {
    /// What the topic `status` says.
    #[serde(flatten)]
    pub status: Status,
    /// What `camera/NAME/trigger` says of each camera that inspects, by the camera's name.
    pub triggers: BTreeMap<String, TriggerStatus>,
    /// Every component and its state.
    pub components: Vec<ComponentOut>,
    /// The alarms that are raised.
    pub alarms: Vec<contract::Alarm>,
    /// Messages that the broker does not take.
    pub set_aside: SetAside,
}

/// Messages that the broker does not take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SetAside {
    /// They are kept.
    Kept {
        /// How many there are.
        count: u64,
        /// The newest of them.
        newest: Vec<SetAsideMessage>,
    },
    /// They cannot be read.
    Unreadable {
        /// Why not.
        error: String,
    },
}

/// A message that was set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SetAsideMessage {
    /// Its topic below `PREFIX/DEVICE/`.
    pub topic: String,
    /// Its number in its stream; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The length of what was to be sent.
    pub bytes: u64,
    /// Why it is here.
    pub reason: String,
    /// When it was set aside, RFC 3339, UTC.
    pub time: String,
}
