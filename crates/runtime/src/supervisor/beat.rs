//! A heartbeat: proof of progress that a loop gives, and the watchdog reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the signs of life of a loop, shared between the loop and its watcher.
#[derive(Clone, Debug, Default)]
pub struct Beat(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    alive: AtomicU64,
    progress: AtomicU64,
}

impl Beat {
    /// A heart that has not beaten yet.
    pub fn new() -> Beat {
        Beat::default()
    }

    /// Progress was made: once for each turn of the loop, never from a timer of its own.
    pub fn beat(&self) {
        self.0.progress.fetch_add(1, Ordering::Relaxed);
        self.waiting();
    }

    /// The loop lives, and waits for the work of another: the watchdog is content, and a unit that was asked to stop
    /// has not come nearer to its end.
    pub fn waiting(&self) {
        self.0.alive.fetch_add(1, Ordering::Relaxed);
    }

    /// How often it showed that it lives.
    pub fn count(&self) -> u64 {
        self.0.alive.load(Ordering::Relaxed)
    }

    /// How often it made progress.
    pub fn progress(&self) -> u64 {
        self.0.progress.load(Ordering::Relaxed)
    }
}
