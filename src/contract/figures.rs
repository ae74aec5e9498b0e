//! The payload of `telemetry`: figures about load, latency and results.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::payload::Payload;

/// Percentiles of a duration, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Percentiles {
    /// Median, which is the 50th percentile.
    pub p50_us: u64,
    /// 95th percentile of the duration.
    pub p95_us: u64,
    /// 99th percentile of the duration.
    pub p99_us: u64,
}

/// Inspection results of one camera, with the usual figures of a smart camera.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Parts {
    /// Triggers since the process began.
    pub triggers: u64,
    /// Parts that were good.
    pub ok: u64,
    /// Parts that were bad.
    pub ng: u64,
    /// Parts that could not be judged.
    pub error: u64,
    /// Triggers for which no frame was available.
    pub missed: u64,
    /// Triggers that came while too many acquisitions were running.
    pub overrun: u64,
    /// Triggers that were debounced; they are not counted in `triggers`.
    pub bounced: u64,
    /// Other input on the trigger lines that is not a trigger.
    pub garbage: u64,
    /// Parts judged per minute, since the last telemetry.
    pub per_minute: f32,
    /// Yield: fraction of the judged parts that were good, 0 to 1; `null` before the first part.
    pub yield_share: Option<f32>,
    /// Time from the trigger to the verdict.
    pub processing_us: Processing,
    /// Number of failures of each ROI, the worst first.
    pub pareto: Vec<Failing>,
}

/// Processing times, microseconds; 0 before the first part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Processing {
    /// Shortest time of a part.
    pub min: u32,
    /// Mean time of all parts.
    pub mean: u32,
    /// Longest time of a part.
    pub max: u32,
}

/// The failures of one ROI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Failing {
    /// Name of the ROI in the recipe.
    pub roi: String,
    /// Number of parts on which the ROI was not good, since the process began.
    pub count: u64,
}

/// `telemetry`: figures about load, latency and results.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Telemetry {
    /// Number of waiting items by queue.
    pub queues: BTreeMap<String, u64>,
    /// Busy fraction of each worker, 0 to 1.
    pub utilisation: BTreeMap<String, f32>,
    /// Durations by step of the pipeline.
    pub latency: BTreeMap<String, Percentiles>,
    /// Counters since the process began, by name.
    pub counters: BTreeMap<String, u64>,
    /// Inspection results by camera.
    pub inspection: BTreeMap<String, Parts>,
    /// Resident memory of the process in bytes.
    pub memory_bytes: u64,
    /// Temperature of the hottest thermal zone in °C; `null` where the board has none.
    pub temperature_c: Option<f32>,
}

impl Payload for Telemetry {
    const SCHEMA: &'static str = "ocellus.telemetry/1";
}
