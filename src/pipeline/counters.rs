//! What a lane counts.

use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;

use super::lock;
use crate::telemetry::{Counter, Histogram};
use crate::types::Fault;

/// So many frames of a lane that fail one after the other are no chance; a model's own failures are seen before.
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
    /// From the appsink to the sinks, microseconds.
    pub total_us: Histogram,
    /// Runs of the model, microseconds.
    pub infer_us: Histogram,
    /// Planes to tensor, microseconds.
    pub preprocess_us: Histogram,
    /// From the appsink to the worker, microseconds.
    pub wait_us: Histogram,
}

/// The frames of one lane that failed one after the other, whatever the reason.
#[derive(Debug, Default)]
pub struct Failures {
    in_a_row: AtomicU32,
    /// Why the newest of them failed.
    cause: Mutex<String>,
}

impl Failures {
    /// A frame was worked on, well or badly. Where all is well it costs one load.
    pub(super) fn note(&self, fault: Option<&Fault>) {
        match fault {
            Some(fault) => {
                let mut cause = lock(&self.cause);
                cause.clear();
                cause.push_str(&fault.cause);
                self.in_a_row.fetch_add(1, Ordering::Relaxed);
            }
            None if self.in_a_row.load(Ordering::Relaxed) > 0 => self.in_a_row.store(0, Ordering::Relaxed),
            None => {}
        }
    }

    /// Why every frame fails, if the last ones all did.
    pub fn cause(&self) -> Option<String> {
        (self.in_a_row.load(Ordering::Relaxed) >= MANY).then(|| lock(&self.cause).clone())
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
