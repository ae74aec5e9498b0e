//! The latest verdicts on parts, so that a recording with drawings shows them as the page does.

use std::sync::Arc;
use std::time::Duration;

use super::recent::Recent;
use crate::annotate::PartMarks;
use crate::types::{Inspection, Point, Report, Stamp};

/// The verdict on a part, with the frame that it was judged on.
#[derive(Clone)]
pub(super) struct RecentVerdict {
    inspection: Arc<Inspection>,
    /// The corners of each region, recipe px; empty where only the verdict is shown.
    outlines: Arc<[Vec<Point>]>,
}

impl RecentVerdict {
    /// What is drawn of it.
    pub(super) fn marks(&self) -> PartMarks<'_> {
        PartMarks { inspection: &self.inspection, outlines: &self.outlines }
    }

    fn frame(&self) -> (u64, Stamp) {
        self.inspection.frame.unwrap_or_default()
    }
}

/// What is known of a frame when it is recorded.
#[derive(Clone, Copy, Default)]
pub(super) struct Found<'a> {
    pub(super) report: Option<&'a Report>,
    pub(super) part: Option<PartMarks<'a>>,
}

/// The latest verdicts, in the order of their triggers.
pub(super) struct RecentVerdicts {
    verdicts: Recent<RecentVerdict>,
    /// How long a verdict is shown after its frame.
    hold: Duration,
}

impl RecentVerdicts {
    /// Keeps the last `most` verdicts: as many as the ring has frames.
    pub(super) fn new(most: usize, hold: Duration) -> RecentVerdicts {
        RecentVerdicts { verdicts: Recent::new(most), hold }
    }

    /// Keeps the verdict on a part that was judged on a frame, and drops the oldest.
    pub(super) fn add(&self, inspection: &Arc<Inspection>, outlines: &Arc<[Vec<Point>]>) {
        if inspection.frame.is_some() {
            let (inspection, outlines) = (inspection.clone(), outlines.clone());
            self.verdicts.add(RecentVerdict { inspection, outlines });
        }
    }

    /// The verdict that was made on frame `seq`, captured at `mono_ns`; otherwise the one before, without regions, because
    /// the part has moved. Waits at most `patience`.
    pub(super) fn of(&self, (seq, mono_ns): (u64, u64), patience: Duration) -> Option<RecentVerdict> {
        self.verdicts.find(
            patience,
            |verdicts| {
                // Verdicts come in the order of triggers: after a later one there is none for this frame.
                let is_over = verdicts.back().is_some_and(|last| last.frame().0 > seq);
                is_over || verdicts.iter().any(|verdict| verdict.frame().0 == seq)
            },
            |verdicts| {
                let latest = || verdicts.iter().rev();
                if let Some(exact) = latest().find(|verdict| verdict.frame().0 == seq) {
                    return Some(exact.clone());
                }
                let before = latest().find(|verdict| verdict.frame().0 < seq)?;
                let age_ns = mono_ns.saturating_sub(before.frame().1.mono_ns);
                let is_shown = age_ns < self.hold.as_nanos() as u64;
                let inspection = before.inspection.clone();
                is_shown.then(|| RecentVerdict { inspection, outlines: Arc::default() })
            },
        )
    }
}
