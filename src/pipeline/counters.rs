//! What a lane counts.

use crate::telemetry::{Counter, Histogram};

/// The figures of one lane; all of them only grow.
#[derive(Debug, Default)]
pub struct LaneCounters {
    /// Frames leased by a worker.
    pub taken: Counter,
    /// Reports handed to the sinks.
    pub reported: Counter,
    /// Frames whose stage failed or panicked.
    pub failed: Counter,
    /// Reports that a sink dropped.
    pub dropped: Counter,
    /// Events handed to the sinks.
    pub events: Counter,
    /// Events that a sink could not take.
    pub events_lost: Counter,
    /// From the appsink to the sinks, microseconds.
    pub total_us: Histogram,
    /// The model, microseconds.
    pub infer_us: Histogram,
    /// Planes to tensor, microseconds.
    pub preprocess_us: Histogram,
    /// From the appsink to the worker, microseconds.
    pub wait_us: Histogram,
}
