//! What is drawn for a finding, a place and a judged part.

use super::palette::{PLACE, of_class, of_outcome, of_track, of_verdict};
use super::sketch::Marks;
use super::{PartMarks, Place};
use crate::types::{Finding, Point, Pose, Rect, Report, RoiResult, Value, Verdict};

/// How much of a zone's colour is mixed into its inside, of 256.
const ZONE_TINT: u16 = 36;
/// Characters of a cause that are shown at most.
const CAUSE: usize = 120;

impl Marks<'_> {
    /// A zone, tinted, or a line with its beginning marked.
    pub fn place(&mut self, place: &Place) {
        let (width, height) = self.room();
        let on_canvas = |share: &Point| Point { x: share.x * width, y: share.y * height };
        let named = match place.points.as_slice() {
            [] => return,
            [from, to] => {
                let (from, to) = (on_canvas(from), on_canvas(to));
                self.line(from, to, PLACE);
                let bead = self.width * 2.0;
                let corner = |dx: f32, dy: f32| Point { x: from.x + dx * bead, y: from.y + dy * bead };
                let bead = [corner(0.0, -1.0), corner(1.0, 0.0), corner(0.0, 1.0), corner(-1.0, 0.0)];
                self.polygon(bead.into_iter(), 2.0, PLACE, 256);
                Some(Point { x: (from.x + to.x) / 2.0, y: (from.y + to.y) / 2.0 - self.width })
            }
            corners => self.polygon(corners.iter().map(on_canvas), self.width, PLACE, ZONE_TINT),
        };
        if let Some(at) = named {
            let at = Point { x: at.x + self.width, y: at.y + self.width + f32::from(self.size) };
            self.note(at, PLACE, format_args!("{}", place.name));
        }
    }

    /// Everything that was found, the best on top.
    pub fn report(&mut self, report: &Report) {
        for finding in report.findings.iter().rev().filter(|finding| finding.rect().is_some()) {
            self.finding(finding);
        }
        let mut at = Point { x: 0.0, y: f32::from(self.size) };
        for finding in report.findings.iter().filter(|finding| finding.value == Value::Class).take(3) {
            let text = format_args!("{} {:.0} %", finding.label, finding.score * 100.0);
            at.y += self.tag(at, of_class(finding.class), text).h;
        }
        if let Some(fault) = &report.fault {
            let text = format_args!("! {}: {:.CAUSE$}", fault.stage, fault.cause);
            self.tag(at, of_verdict(Verdict::Error).0, text);
        }
    }

    fn finding(&mut self, finding: &Finding) {
        let Some(rect) = finding.rect() else { return };
        let ink = finding.track.map_or_else(|| of_class(finding.class), of_track);
        let rect = self.frame(rect, self.width, ink);
        if let Value::Object { points, .. } = &finding.value {
            points.iter().for_each(|point| self.dot(*point, ink));
        }
        let (at, score) = (Point { x: rect.x, y: rect.y }, finding.score * 100.0);
        let label = &finding.label;
        match (&finding.name, finding.track) {
            (Some(name), Some(track)) => self.tag(at, ink, format_args!("{name} #{track}")),
            (Some(name), None) => self.tag(at, ink, format_args!("{name}")),
            (None, Some(track)) => self.tag(at, ink, format_args!("{label} {score:.0} % #{track}")),
            (None, None) => self.tag(at, ink, format_args!("{label} {score:.0} %")),
        };
    }

    /// The verdict on a part, and on each of its regions.
    pub fn part(&mut self, part: &PartMarks<'_>) {
        let PartMarks { inspection, outlines } = *part;
        // A part that was looked for and not found has its regions nowhere.
        let is_lost = inspection.pose.is_none() && inspection.cause.is_some();
        if !is_lost {
            let pose = inspection.pose.unwrap_or_default();
            // Good ones first, so that nothing lies over a bad one.
            for wanted in [Verdict::Ok, Verdict::Error, Verdict::Ng] {
                let regions = inspection.rois.iter().zip(outlines);
                for (roi, outline) in regions.filter(|(roi, _)| roi.verdict == wanted) {
                    self.region(roi, outline, pose);
                }
            }
        }
        let (ink, word) = of_outcome(inspection.outcome);
        let (product, id) = (&inspection.product, inspection.id);
        let at = Point { x: 0.0, y: 0.0 };
        let banner = match &inspection.trigger.text {
            Some(text) => self.tag(at, ink, format_args!("{word} {product} {text:.40} #{id}")),
            None => self.tag(at, ink, format_args!("{word} {product} #{id}")),
        };
        if let Some(cause) = &inspection.cause {
            let below = Point { x: 0.0, y: banner.y + banner.h * 2.0 };
            self.tag(below, ink, format_args!("{cause:.CAUSE$}"));
        }
    }

    fn region(&mut self, roi: &RoiResult, outline: &[Point], pose: Pose) {
        let (ink, sign) = of_verdict(roi.verdict);
        let width = if roi.verdict == Verdict::Ok { self.width } else { self.width * 1.5 };
        let [sx, sy] = self.scale;
        let on_canvas = |recipe: &Point| {
            let Point { x, y } = pose.to_frame(*recipe);
            Point { x: x * sx, y: y * sy }
        };
        let top = self.polygon(outline.iter().map(on_canvas), width, ink, 0);
        for defect in &roi.defects {
            let Rect { x, y, w, h } = defect.rect;
            let corners = [(x, y), (x + w, y), (x + w, y + h), (x, y + h)].map(|(x, y)| Point { x, y });
            self.polygon(corners.iter().map(on_canvas), 2.0, ink, ZONE_TINT * 2);
        }
        if let Some(at) = top {
            let name = &roi.name;
            match (&roi.text, roi.verdict) {
                (_, Verdict::Ok) => self.note(at, ink, format_args!("{sign} {name}")),
                (Some(text), _) => self.tag(at, ink, format_args!("{sign} {name}: {text:.40}")),
                (None, _) if roi.score.is_finite() => {
                    let (score, unit) = (roi.score, roi.unit);
                    self.tag(at, ink, format_args!("{sign} {name}: {score:.2} {unit}"))
                }
                (None, _) => self.tag(at, ink, format_args!("{sign} {name}")),
            };
        }
    }
}
