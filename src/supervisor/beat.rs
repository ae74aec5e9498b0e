//! A heartbeat: proof of progress that a loop gives, and the watchdog reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A counter of progress, shared between a loop and whoever watches it.
#[derive(Clone, Debug, Default)]
pub struct Beat(Arc<AtomicU64>);

impl Beat {
    /// A heart that has not beaten yet.
    pub fn new() -> Beat {
        Beat::default()
    }

    /// Progress was made: once for each turn of the loop, never from a timer of its own.
    pub fn beat(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How often it beat.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
