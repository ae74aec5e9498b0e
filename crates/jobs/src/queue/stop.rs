//! How running work learns that it is to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Why work is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Somebody cancelled the job.
    Cancelled,
    /// The attempt takes longer than allowed.
    TimedOut,
}

/// A flag that work looks at between tiles, frames or blocks. Looking costs one load.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<AtomicU8>);

impl StopFlag {
    /// Whether the work is to stop, and why. Then it answers [`Outcome::Stopped`](crate::Outcome::Stopped).
    pub fn get(&self) -> Option<Stop> {
        // The flag carries no other data, so no order with other memory is needed.
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(Stop::Cancelled),
            _ => Some(Stop::TimedOut),
        }
    }

    pub(super) fn raise(&self, why: Stop) {
        let number = match why {
            Stop::Cancelled => 1,
            Stop::TimedOut => 2,
        };
        self.0.store(number, Ordering::Relaxed);
    }
}
