//! What became of every inspection that was to be kept: each ends in exactly one of the first four counts.

use crate::telemetry::{Counter, Gauge};

/// Counts since the process began, and what lies on disk now.
#[derive(Debug, Default)]
pub struct Counters {
    /// Folders written.
    pub kept: Counter,
    /// Not kept: as many frames waited for the disk as may.
    pub dropped: Counter,
    /// Not kept: the disk, or an encoder, refused.
    pub failed: Counter,
    /// Good parts not kept: the bounds are used up by parts that were not good.
    pub outranked: Counter,
    /// Folders removed, because of their age or for newer ones.
    pub removed: Counter,
    /// Folders on disk.
    pub folders: Gauge,
    /// Bytes in them.
    pub bytes: Gauge,
}

impl Counters {
    /// The values by name, as `telemetry` publishes them.
    pub fn named(&self) -> [(&'static str, u64); 7] {
        let gauge = |gauge: &Gauge| gauge.get().max(0) as u64;
        [
            ("evidence/kept", self.kept.get()),
            ("evidence/dropped", self.dropped.get()),
            ("evidence/failed", self.failed.get()),
            ("evidence/outranked", self.outranked.get()),
            ("evidence/removed", self.removed.get()),
            ("evidence/folders", gauge(&self.folders)),
            ("evidence/bytes", gauge(&self.bytes)),
        ]
    }
}
