//! The figures of `telemetry`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::payload::Payload;

/// Percentiles of a duration, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Percentiles {
    /// Median.
    pub p50_us: u64,
    /// 95th percentile.
    pub p95_us: u64,
    /// 99th percentile.
    pub p99_us: u64,
}

/// `telemetry`
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Telemetry {
    /// Items waiting, by queue.
    pub queues: BTreeMap<String, u64>,
    /// Busy share of each worker, 0 to 1.
    pub utilisation: BTreeMap<String, f32>,
    /// Durations by step.
    pub latency: BTreeMap<String, Percentiles>,
    /// Counts since the process began.
    pub counters: BTreeMap<String, u64>,
    /// Resident memory.
    pub memory_bytes: u64,
    /// Hottest thermal zone, where the board has one.
    pub temperature_c: Option<f32>,
}

impl Payload for Telemetry {
    const SCHEMA: &'static str = "ocellus.telemetry/1";
}
