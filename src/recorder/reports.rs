//! The latest reports of a camera, so that what was found on a frame is known when the frame is recorded.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::types::Report;

/// A report of an earlier frame stands for a frame that detection did not look at, if it is no older than this.
const FRESH_NS: u64 = 1_000_000_000;

/// The latest reports, in the order of frames.
pub(super) struct RecentReports {
    reports: Mutex<VecDeque<Arc<Report>>>,
    changed: Condvar,
    most: usize,
}

impl RecentReports {
    /// Keeps the last `most` reports: as many as the ring has frames.
    pub(super) fn new(most: usize) -> RecentReports {
        RecentReports { reports: Mutex::new(VecDeque::with_capacity(most)), changed: Condvar::new(), most }
    }

    /// Keeps a report, and drops the oldest.
    pub(super) fn add(&self, report: &Arc<Report>) {
        let mut reports = self.reports.lock();
        if reports.len() >= self.most {
            reports.pop_front();
        }
        reports.push_back(report.clone());
        drop(reports);
        self.changed.notify_all();
    }

    /// The report of frame `seq`, captured at `mono_ns`; otherwise the last one before it. Waits at most `patience` for
    /// it, because reports come later than their frames.
    pub(super) fn of(&self, (seq, mono_ns): (u64, u64), patience: Duration) -> Option<Arc<Report>> {
        let deadline = Instant::now() + patience;
        let mut reports = self.reports.lock();
        while reports.back().is_none_or(|last| last.frame_seq < seq) {
            if self.changed.wait_until(&mut reports, deadline).timed_out() {
                break;
            }
        }
        let found = reports.iter().rev().find(|report| report.frame_seq <= seq)?;
        let age = mono_ns.saturating_sub(found.captured.mono_ns);
        (found.frame_seq == seq || age <= FRESH_NS).then(|| found.clone())
    }
}
