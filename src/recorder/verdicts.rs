//! The latest verdicts on parts, so that a recording with drawings shows them as the page does.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::annotate::PartMarks;
use crate::types::{Inspection, Point, Report, Stamp};

/// A part that was judged on a frame.
#[derive(Clone)]
pub(super) struct JudgedPart {
    inspection: Arc<Inspection>,
    /// The corners of each region, recipe px; empty where only the verdict is shown.
    outlines: Arc<[Vec<Point>]>,
}

impl JudgedPart {
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

/// The latest judged parts, in the order of their triggers.
pub(super) struct RecentVerdicts {
    parts: Mutex<VecDeque<JudgedPart>>,
    changed: Condvar,
    most: usize,
    /// How long a verdict is shown after its frame.
    hold: Duration,
}

impl RecentVerdicts {
    /// Keeps the last `most` parts: as many as the ring has frames.
    pub(super) fn new(most: usize, hold: Duration) -> RecentVerdicts {
        RecentVerdicts { parts: Mutex::default(), changed: Condvar::new(), most, hold }
    }

    /// Keeps a part that was judged on a frame, and drops the oldest.
    pub(super) fn add(&self, inspection: &Arc<Inspection>, outlines: &Arc<[Vec<Point>]>) {
        if inspection.frame.is_none() {
            return;
        }
        let mut parts = self.parts.lock();
        if parts.len() >= self.most {
            parts.pop_front();
        }
        parts.push_back(JudgedPart { inspection: inspection.clone(), outlines: outlines.clone() });
        drop(parts);
        self.changed.notify_all();
    }

    /// The part that was judged on frame `seq`, captured at `mono_ns`; otherwise the verdict on the part before, without
    /// regions, because the part has moved. Waits at most `patience`, because verdicts come later than their frames.
    pub(super) fn of(&self, (seq, mono_ns): (u64, u64), patience: Duration) -> Option<JudgedPart> {
        let deadline = Instant::now() + patience;
        let mut parts = self.parts.lock();
        loop {
            if let Some(part) = parts.iter().rev().find(|part| part.frame().0 == seq) {
                return Some(part.clone());
            }
            // Verdicts come in the order of triggers: after a later one there is none for this frame.
            let is_over = parts.back().is_some_and(|last| last.frame().0 > seq);
            if is_over || self.changed.wait_until(&mut parts, deadline).timed_out() {
                break;
            }
        }
        let before = parts.iter().rev().find(|part| part.frame().0 < seq)?;
        let age_ns = mono_ns.saturating_sub(before.frame().1.mono_ns);
        let is_shown = age_ns < self.hold.as_nanos() as u64;
        is_shown.then(|| JudgedPart { inspection: before.inspection.clone(), outlines: Arc::default() })
    }
}
