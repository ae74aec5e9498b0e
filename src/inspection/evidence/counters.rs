//! Counts the inspections whose evidence was to be kept: each ends in exactly one of the first four counts.

use crate::telemetry::{Counter, Described, Gauge};

/// Counts since the process began, and gauges of what is on disk now.
#[derive(Debug, Default)]
pub struct EvidenceCounters {
    /// Inspections whose folder was written.
    pub kept: Counter,
    /// Not kept, because too many frames waited for the disk.
    pub dropped: Counter,
    /// Not kept, because the disk or an encoder failed.
    pub failed: Counter,
    /// Good parts that were not kept, because parts that were not good fill the bounds.
    pub outranked: Counter,
    /// Folders removed because of their age, or to make room for newer ones.
    pub removed: Counter,
    /// Number of evidence folders on disk.
    pub folders: Gauge,
    /// Bytes in all evidence folders together.
    pub bytes: Gauge,
}

impl EvidenceCounters {
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

/// Descriptions of the values, as the metrics endpoint gives them.
pub const DESCRIBED: &[Described] = &[
    Described::counter("evidence/kept", "Inspections whose evidence was written."),
    Described::counter(
        "evidence/dropped",
        "Inspections without evidence because too many frames waited for the disk.",
    ),
    Described::counter(
        "evidence/failed",
        "Inspections without evidence because the disk or an encoder refused.",
    ),
    Described::counter(
        "evidence/outranked",
        "Good parts without evidence because parts that were not good fill the bounds.",
    ),
    Described::counter(
        "evidence/removed",
        "Evidence folders deleted because of their age or for newer ones.",
    ),
    Described::gauge("evidence/folders", "Evidence folders on disk now."),
    Described::gauge("evidence/bytes", "Bytes of evidence on disk now."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_is_described() {
        let named = EvidenceCounters::default().named();
        assert!(named.iter().map(|(name, _)| name).eq(DESCRIBED.iter().map(|figure| &figure.key)));
    }
}
