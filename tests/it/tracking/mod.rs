//! The tracker against exact truth: CLEAR MOT figures beside those of the tracker that Ocellus had before, places on
//! paths that are known to the px, and what must hold for every sequence.

mod clear;
mod events;
mod figures;
mod greedy;
mod life;
mod places;
mod scene;
mod video;
mod world;

use ocellus::types::{Finding, Rect, Report, Stamp, Value};

/// Findings below are not reported, and begin no object.
const MIN_SCORE: f32 = 0.5;

/// A detection of class 0.
fn finding(rect: Rect, score: f32) -> Finding {
    Finding::new(0, "thing".into(), score, Value::Object { rect, points: heapless::Vec::new() })
}

/// The report of a frame at `ns`, 1000 × 1000 px.
fn report(seq: u64, ns: u64, findings: impl IntoIterator<Item = Finding>) -> Report {
    let mut report = Report::new("front".into());
    (report.frame_seq, report.width, report.height) = (seq, 1000, 1000);
    report.captured = Stamp { mono_ns: ns, wall_ns: ns };
    findings.into_iter().for_each(|finding| report.push(finding));
    report
}
