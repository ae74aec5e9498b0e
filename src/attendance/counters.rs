//! Counts sightings and events by what happened to them.

use crate::attendance::rules::SightingCounts;
use crate::telemetry::{Counter, Described, Gauge};

/// Counts since the process began, and gauges of the present state.
#[derive(Debug, Default)]
pub struct AttendanceCounters {
    /// Sightings that reached the rules, by how the rules used them.
    pub rules: SightingCounts,
    /// Sightings that were dropped because the queue was full.
    pub dropped: Counter,
    /// Events that are on disk.
    pub events: Counter,
    /// Events that could not be written and no longer fitted into memory.
    pub lost: Counter,
    /// Attempts to write that the disk refused; the events wait in memory meanwhile.
    pub failed: Counter,
    /// Events that were removed because of their age.
    pub pruned: Counter,
    /// Sightings that wait in the queue.
    pub waiting: Gauge,
    /// Number of people who are present.
    pub present: Gauge,
}

impl AttendanceCounters {
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

/// Descriptions of the values, as the metrics endpoint gives them.
pub const DESCRIBED: &[Described] = &[
    Described::counter("attendance/sightings", "Faces compared with the gallery that attendance was given."),
    Described::counter("attendance/counted", "Sightings of somebody who is present or was leaving."),
    Described::counter("attendance/awaiting_others", "Sightings that waited for others that agree."),
    Described::counter(
        "attendance/disagreed",
        "Sightings that named another person than the track's one before.",
    ),
    Described::counter("attendance/unknown", "Sightings of somebody who is not enrolled."),
    Described::counter("attendance/weak", "Sightings that were not similar enough."),
    Described::counter(
        "attendance/elsewhere",
        "Sightings on a camera that does not count, or outside its zones.",
    ),
    Described::counter("attendance/closed", "Sightings outside the schedule."),
    Described::counter("attendance/dropped", "Sightings dropped because the queue was full."),
    Described::counter("attendance/events", "Attendance events that are on disk."),
    Described::counter(
        "attendance/lost",
        "Attendance events lost: not written, and no memory left to keep them.",
    ),
    Described::counter(
        "attendance/failed",
        "Attempts to write attendance that the disk refused; they are repeated.",
    ),
    Described::counter("attendance/pruned", "Attendance events deleted because of their age."),
    Described::gauge("attendance/present", "People who are present now."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_is_described() {
        let named = AttendanceCounters::default().named();
        assert!(named.iter().map(|(name, _)| name).eq(DESCRIBED.iter().map(|figure| &figure.key)));
    }
}
