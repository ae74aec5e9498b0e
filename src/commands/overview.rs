//! What `status` answers beside the state: cameras, queues, disks, units and the page's address.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::CameraState;
use crate::contract::rest::UnitOut;

/// The service at a glance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Overview {
    /// Whether the page listens and the first frame has passed, as far as they can.
    pub ready: bool,
    /// The process of the service.
    pub pid: u32,
    /// Its resident memory in bytes.
    pub memory_bytes: u64,
    /// Address of the page; absent where it is switched off, or has no port yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// The cameras, in the order of the configuration.
    pub cameras: Vec<CameraGlance>,
    /// Number of waiting items by queue.
    pub queues: BTreeMap<String, u64>,
    /// The disks that the service writes to.
    pub disks: Vec<DiskOut>,
    /// The units in the order of their start, with their restarts.
    pub units: Vec<UnitOut>,
}

/// One camera at a glance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CameraGlance {
    /// Name of the camera, as configured.
    pub camera: String,
    /// Current state of the camera.
    pub state: CameraState,
    /// Why the camera is offline; absent where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Frames per second in the last second.
    pub fps: f32,
    /// Frames captured since the process began.
    pub frames: u64,
    /// Frames dropped since the process began, for any reason.
    pub drops: u64,
    /// From the frame to its result, in the last period of telemetry; absent where nothing was processed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<LatencyOut>,
}

/// Percentiles of a latency, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LatencyOut {
    /// Half of the frames were faster.
    pub p50_us: u64,
    /// One frame of a hundred was slower.
    pub p99_us: u64,
}

/// The space on one disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiskOut {
    /// What is on it: `state` or `evidence`.
    pub disk: String,
    /// The folder on it.
    pub path: PathBuf,
    /// Bytes that the service may still write.
    pub free_bytes: u64,
    /// Size of the file system in bytes.
    pub total_bytes: u64,
}
