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

/// What became of one camera's parts, as the figures of a smart camera are.
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
    /// Triggers without a frame.
    pub missed: u64,
    /// Triggers too many.
    pub overrun: u64,
    /// Triggers that bounced; none of them is in `triggers`.
    pub bounced: u64,
    /// What else came on the lines and was no trigger.
    pub garbage: u64,
    /// Parts judged a minute, since the last telemetry.
    pub per_minute: f32,
    /// Share of the judged parts that were good, 0 to 1; absent before the first.
    pub yield_share: Option<f32>,
    /// From the trigger to the verdict: shortest, mean and longest.
    pub processing_us: Processing,
    /// How often each ROI was not good, the worst first.
    pub pareto: Vec<Failing>,
}

/// Processing times, microseconds; 0 before the first part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Processing {
    /// The shortest.
    pub min: u32,
    /// The mean.
    pub mean: u32,
    /// The longest.
    pub max: u32,
}

/// An ROI that was not good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Failing {
    /// Its name.
    pub roi: String,
    /// How often, since the process began.
    pub count: u64,
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
    /// Inspection, by camera.
    pub inspection: BTreeMap<String, Parts>,
    /// Resident memory.
    pub memory_bytes: u64,
    /// Hottest thermal zone, where the board has one.
    pub temperature_c: Option<f32>,
}

impl Payload for Telemetry {
    const SCHEMA: &'static str = "ocellus.telemetry/1";
}
