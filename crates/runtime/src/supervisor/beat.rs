//! A heartbeat: a loop's proof of progress, which the watchdog reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the signs of life of a loop, shared between the loop and its watcher.
#[derive(Clone, Debug, Default)]
pub struct Beat(Arc<BeatCounts>);

#[derive(Debug, Default)]
struct BeatCounts {
    alive: AtomicU64,
    progress: AtomicU64,
}

impl Beat {
    /// Creates a beat whose counts are zero.
    pub fn new() -> Beat {
        Beat::default()
    }

    /// Counts progress: once in each turn of the loop, never from a timer of its own.
    pub fn beat(&self) {
        self.0.progress.fetch_add(1, Ordering::Relaxed);
        self.waiting();
    }

    /// Counts a sign of life without progress, for a loop that waits for another's work: it satisfies the
    /// watchdog, but a unit that was asked to stop has not come nearer to its end.
    pub fn waiting(&self) {
        self.0.alive.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of signs of life, with or without progress.
    pub fn count(&self) -> u64 {
        self.0.alive.load(Ordering::Relaxed)
    }

    /// The number of turns that made progress.
    pub fn progress(&self) -> u64 {
        self.0.progress.load(Ordering::Relaxed)
    }
}
