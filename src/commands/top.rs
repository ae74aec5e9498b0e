//! The commands `top`, `hour` and `stop`: what the processors are busy with, the figures of the last hour, and the end of the
//! service.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// CPU times since the service began. The difference of two answers gives the load between them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TopOut {
    /// The process; another one counts from zero again.
    pub pid: u32,
    /// When the times were read, in nanoseconds on the monotonic clock of the process.
    pub at_ns: u64,
    /// The processor cores that the process may use.
    pub cores: u32,
    /// CPU time of all threads, in nanoseconds, also of those that have ended.
    pub cpu_ns: u64,
    /// Resident memory in bytes.
    pub memory_bytes: u64,
    /// Every thread of the process, in the kernel's order.
    pub threads: Vec<ThreadCpu>,
    /// The stages of the workers, the highest priority first.
    pub stages: Vec<StageCpu>,
    /// The names of the cameras.
    pub cameras: Vec<String>,
}

/// Telemetry of the last hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HourOut {
    /// One line of JSON for each minute, the oldest first.
    pub lines: Vec<String>,
}

/// One thread and its CPU time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ThreadCpu {
    /// The kernel's number of the thread.
    pub id: u32,
    /// Its name, such as `worker/0`.
    pub name: String,
    /// The camera that it captures and decodes for; absent if it works for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<String>,
    /// CPU time since it began, in nanoseconds.
    pub cpu_ns: u64,
}

/// One stage and the CPU time of its items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StageCpu {
    /// Name of the stage, such as that of its model.
    pub stage: String,
    /// Items that wait for a worker.
    pub waiting: u64,
    /// Workers that run it now.
    pub running: u64,
    /// CPU time by camera, in nanoseconds; under an empty name the work of no camera.
    pub cpu_ns: BTreeMap<String, u64>,
}

/// The service stops. It has answered before it ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoppingOut {
    /// The process that ends.
    pub pid: u32,
    /// Where the number of the process means that process: `/proc/self/ns/pid` of the service.
    pub pid_namespace: String,
    /// The longest time that its parts get to finish their work, in milliseconds.
    pub drain_ms: u64,
    /// The unit of systemd that started it; absent if something else did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub systemd_unit: Option<String>,
}
