//! The latest reports of a camera, so that what was found on a frame is known when the frame is recorded.

use std::sync::Arc;
use std::time::Duration;

use super::recent::Recent;
use crate::types::Report;

/// A report of an earlier frame stands for a frame that detection did not look at, if it is no older than this.
const FRESH_NS: u64 = 1_000_000_000;

/// The latest reports, in the order of frames.
pub(super) struct RecentReports(Recent<Arc<Report>>);

impl RecentReports {
    /// Keeps the last `most` reports: as many as the ring has frames.
    pub(super) fn new(most: usize) -> RecentReports {
        RecentReports(Recent::new(most))
    }

    /// Keeps a report, and drops the oldest.
    pub(super) fn add(&self, report: &Arc<Report>) {
        self.0.add(report.clone());
    }

    /// The report of frame `seq`, captured at `mono_ns`; otherwise the last one before it. Waits at most `patience`.
    pub(super) fn of(&self, (seq, mono_ns): (u64, u64), patience: Duration) -> Option<Arc<Report>> {
        self.0.find(
            patience,
            |reports| reports.back().is_some_and(|last| last.frame_seq >= seq),
            |reports| {
                let found = reports.iter().rev().find(|report| report.frame_seq <= seq)?;
                let age = mono_ns.saturating_sub(found.captured.mono_ns);
                (found.frame_seq == seq || age <= FRESH_NS).then(|| found.clone())
            },
        )
    }
}
