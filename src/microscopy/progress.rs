//! How far a run is, for a terminal, a program, or the broker.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde::Serialize;

use super::plan::RANGE_FRAMES;

/// Longest time between two reports of a step that goes on, milliseconds.
const EVERY_MS: u64 = 1000;

/// One report: a step of a field of view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// The step that is meant.
    pub step: &'static str,
    /// The field of view.
    pub fov: usize,
    /// Frames of the step that are complete.
    pub t: usize,
    /// Frames that there are.
    #[serde(rename = "T")]
    pub frames: usize,
    /// The same for a person.
    pub message: String,
    /// Fields of view that are complete.
    pub complete: usize,
    /// Fields of view that failed.
    pub failed: usize,
    /// Share of the whole run that is complete, 0 to 1000.
    pub permille: usize,
}

/// Takes reports; called by the workers, so it must not wait.
pub trait ProgressSink: Send + Sync {
    /// Takes one report; it must not wait.
    fn progress(&self, progress: &Progress);
}

/// Drops every report, because nobody looks.
impl ProgressSink for () {
    fn progress(&self, _: &Progress) {}
}

/// Decides when a report is due: every 30th frame of a step, each second, and at its end.
#[derive(Debug)]
pub struct Due {
    began: Instant,
    last_ms: AtomicU64,
}

impl Due {
    /// Nothing was reported yet.
    pub fn new() -> Due {
        Due { began: Instant::now(), last_ms: AtomicU64::new(0) }
    }

    /// Whether frame `t` of `frames` is to be reported.
    pub fn is_due(&self, t: usize, frames: usize) -> bool {
        let now = self.began.elapsed().as_millis() as u64;
        let last = self.last_ms.load(Ordering::Relaxed);
        let due = t.is_multiple_of(RANGE_FRAMES) || t == frames || now >= last + EVERY_MS;
        if due {
            self.last_ms.store(now, Ordering::Relaxed);
        }
        due
    }
}
