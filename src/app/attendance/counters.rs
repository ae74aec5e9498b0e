//! What became of every sighting and of every event.

use crate::stages::rules::Counts;
use crate::telemetry::{Counter, Gauge};

/// Counts since the process began, and what is so now.
#[derive(Debug, Default)]
pub struct Counters {
    /// Sightings that the rules were told of, by what became of them.
    pub rules: Counts,
    /// Sightings that found the queue full.
    pub dropped: Counter,
    /// Events that are on disk.
    pub events: Counter,
    /// Events that could not be written, and for which memory had no room any more.
    pub lost: Counter,
    /// Attempts to write that the disk refused; what was to be written waits in memory.
    pub failed: Counter,
    /// Events that were removed because of their age.
    pub pruned: Counter,
    /// Sightings that wait.
    pub waiting: Gauge,
    /// People who are here.
    pub present: Gauge,
}

impl Counters {
    /// The values by name, as `telemetry` publishes them.
    pub fn named(&self) -> [(&'static str, u64); 14] {
        let rules = &self.rules;
        [
            ("attendance/sightings", rules.sightings.get()),
            ("attendance/counted", rules.counted.get()),
            ("attendance/awaiting_others", rules.waiting.get()),
            ("attendance/disagreed", rules.disagreed.get()),
            ("attendance/unknown", rules.unknown.get()),
            ("attendance/weak", rules.weak.get()),
            ("attendance/elsewhere", rules.elsewhere.get()),
            ("attendance/closed", rules.closed.get()),
            ("attendance/dropped", self.dropped.get()),
            ("attendance/events", self.events.get()),
            ("attendance/lost", self.lost.get()),
            ("attendance/failed", self.failed.get()),
            ("attendance/pruned", self.pruned.get()),
            ("attendance/present", self.present.get().max(0) as u64),
        ]
    }
}
