//! Counters, latencies and failures of one lane.

use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;

use crate::telemetry::{Counter, Histogram};
use crate::types::Fault;

/// Failures in a row from which a lane counts as failing. Fewer may be chance, and failures of the model
/// itself are noticed earlier.
const MANY: u32 = 16;

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
    /// Time from the appsink to the sinks, microseconds.
    pub total_us: Histogram,
    /// Time that the model runs, microseconds.
    pub infer_us: Histogram,
    /// Time from planes to tensor, microseconds.
    pub preprocess_us: Histogram,
    /// Time from the appsink to the worker, microseconds.
    pub wait_us: Histogram,
}

/// Counts the frames of one lane that failed in a row, for any reason.
#[derive(Debug, Default)]
pub struct Failures {
    in_a_row: AtomicU32,
    /// Why the newest of them failed.
    cause: Mutex<String>,
}

impl Failures {
    /// Notes the result of a frame. Without failures it costs one load.
    pub(super) fn note(&self, fault: Option<&Fault>) {
        match fault {
            Some(fault) => {
                let mut cause = self.cause.lock();
                cause.clear();
                cause.push_str(&fault.cause);
                self.in_a_row.fetch_add(1, Ordering::Relaxed);
            }
            None if self.in_a_row.load(Ordering::Relaxed) > 0 => self.in_a_row.store(0, Ordering::Relaxed),
            None => {}
        }
    }

    /// Why every frame fails, where the last ones all did; else `None`.
    pub fn cause(&self) -> Option<String> {
        (self.in_a_row.load(Ordering::Relaxed) >= MANY).then(|| self.cause.lock().clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_fails_when_many_frames_in_a_row_do_and_no_longer_with_the_first_good_one() {
        let failures = Failures::default();
        let fault = Fault { stage: "detect".into(), cause: "an odd width".into() };
        (1..MANY).for_each(|_| failures.note(Some(&fault)));
        assert_eq!(failures.cause(), None);
        failures.note(Some(&fault));
        assert_eq!(failures.cause().as_deref(), Some("an odd width"));
        failures.note(None);
        assert_eq!(failures.cause(), None);
    }
}
