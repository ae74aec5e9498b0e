//! Draws the marks of findings, zones, lines and judged parts.

use super::palette::{PLACE, of_class, of_outcome, of_verdict};
use super::sketch::Marks;
use super::{Overlays, PartMarks, Place};
use crate::types::{Finding, Point, Pose, Rect, Report, RoiResult, Value, Verdict};

/// How much of a zone's colour is mixed into its inside, in 256ths.
const ZONE_TINT: u16 = 36;
/// How far a part is assumed to extend around its regions, in lines of text; labels may be farther away.
const PART_LINES: f32 = 3.0;
/// The most characters of a cause that are shown.
const CAUSE: usize = 120;

impl Marks<'_> {
    /// Registers all marks before the first label is placed, so that labels avoid objects, regions and
    /// defects.
    pub fn survey(&mut self, overlays: &Overlays<'_>) {
        let findings = overlays.report.iter().flat_map(|report| &report.findings);
        for rect in findings.filter_map(Finding::rect) {
            self.keep_free(self.on_canvas(rect));
        }
        let Some(PartMarks { inspection, outlines }) = overlays.part else { return };
        if is_lost(&overlays.part) {
            return;
        }
        let pose = inspection.pose.unwrap_or_default();
        self.survey_part(outlines, pose);
        for (roi, outline) in inspection.rois.iter().zip(outlines) {
            let defects = roi.defects.iter().map(|defect| bounds(corners(defect.rect).into_iter()));
            let areas = std::iter::once(bounds(outline.iter().copied())).chain(defects).flatten();
            for area in areas {
                // The bounds of the region after the rotation of the part.
                let turned = bounds(corners(area).into_iter().map(|corner| self.posed(pose, corner)));
                turned.into_iter().for_each(|area| self.keep_free(area));
            }
        }
    }

    /// Keeps the area of the part free of labels. It is estimated as the regions and a few lines of text around
    /// them, because recipes do not give it.
    fn survey_part(&mut self, outlines: &[Vec<Point>], pose: Pose) {
        let regions = bounds(outlines.iter().flatten().map(|corner| self.posed(pose, *corner)));
        let around = f32::from(self.size) * PART_LINES;
        if let Some(Rect { x, y, w, h }) = regions {
            let (w, h) = (w + 2.0 * around, h + 2.0 * around);
            self.keep_free(Rect { x: x - around, y: y - around, w, h });
        }
    }

    /// Converts a point of the recipe to canvas px.
    fn posed(&self, pose: Pose, recipe: Point) -> Point {
        self.at(pose.to_frame(recipe))
    }

    /// Draws a zone with a tint, or a line with a mark at its beginning.
    pub fn place(&mut self, place: &Place) {
        let (width, height) = self.space();
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
        if let Some(Point { x, y }) = named {
            let object = Rect { x, y, w: self.width, h: self.width };
            self.note_beside(object, PLACE, true, format_args!("{}", place.name));
        }
    }

    /// Draws all findings, the best on top.
    pub fn report(&mut self, report: &Report) {
        for finding in report.findings.iter().rev() {
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
        // Labels are drawn last, so that nothing covers them, and the best finding gets the first choice of
        // place.
        report.findings.iter().for_each(|finding| self.label_finding(finding));
    }

    fn finding(&mut self, finding: &Finding) {
        let Some(rect) = finding.rect() else { return };
        let ink = of_class(finding.class);
        self.frame(rect, self.width, ink);
        if let Value::Object { points, .. } = &finding.value {
            points.iter().for_each(|point| self.dot(*point, ink));
        }
    }

    fn label_finding(&mut self, finding: &Finding) {
        let Some(rect) = finding.rect() else { return };
        let (rect, ink) = (self.on_canvas(rect), of_class(finding.class));
        let (label, score) = (&finding.label, finding.score * 100.0);
        match (&finding.name, finding.track) {
            (Some(name), Some(track)) => self.tag_beside(rect, ink, format_args!("{name} #{track}")),
            (Some(name), None) => self.tag_beside(rect, ink, format_args!("{name}")),
            (None, Some(track)) => self.tag_beside(rect, ink, format_args!("{label} {score:.0} % #{track}")),
            (None, None) => self.tag_beside(rect, ink, format_args!("{label} {score:.0} %")),
        }
    }

    /// Draws the verdict on a part and on each of its regions.
    pub fn part(&mut self, part: &PartMarks<'_>) {
        let PartMarks { inspection, outlines } = *part;
        let regions = || inspection.rois.iter().zip(outlines).filter(|_| !is_lost(&Some(*part)));
        let pose = inspection.pose.unwrap_or_default();
        // Good regions are drawn first, so that they do not cover a bad one.
        for wanted in [Verdict::Ok, Verdict::Error, Verdict::Ng] {
            for (roi, outline) in regions().filter(|(roi, _)| roi.verdict == wanted) {
                self.region(roi, outline, pose);
            }
        }
        self.banner(part);
        // Labels are drawn last, and bad regions get the first choice of place.
        for wanted in [Verdict::Ng, Verdict::Error, Verdict::Ok] {
            for (roi, outline) in regions().filter(|(roi, _)| roi.verdict == wanted) {
                self.label_region(roi, outline, pose);
            }
        }
    }

    /// Draws the verdict on the whole part, and its cause.
    fn banner(&mut self, part: &PartMarks<'_>) {
        let inspection = part.inspection;
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
        let (ink, _) = of_verdict(roi.verdict);
        let width = if roi.verdict == Verdict::Ok { self.width } else { self.width * 1.5 };
        let [sx, sy] = self.scale;
        let on_canvas = |recipe: &Point| {
            let Point { x, y } = pose.to_frame(*recipe);
            Point { x: x * sx, y: y * sy }
        };
        self.polygon(outline.iter().map(on_canvas), width, ink, 0);
        for defect in &roi.defects {
            self.polygon(corners(defect.rect).iter().map(on_canvas), 2.0, ink, ZONE_TINT * 2);
        }
    }

    fn label_region(&mut self, roi: &RoiResult, outline: &[Point], pose: Pose) {
        let (ink, sign) = of_verdict(roi.verdict);
        let Some(object) = bounds(outline.iter().map(|corner| self.posed(pose, *corner))) else { return };
        let name = &roi.name;
        match (&roi.text, roi.verdict) {
            // The name of a good region is left out where there is no room, because its colour shows the
            // verdict.
            (_, Verdict::Ok) => self.note_beside(object, ink, false, format_args!("{sign} {name}")),
            (Some(text), _) => self.tag_beside(object, ink, format_args!("{sign} {name}: {text:.40}")),
            (None, _) if roi.score.is_finite() => {
                let (score, unit) = (roi.score, roi.unit);
                self.tag_beside(object, ink, format_args!("{sign} {name}: {score:.2} {unit}"));
            }
            (None, _) => self.tag_beside(object, ink, format_args!("{sign} {name}")),
        }
    }
}

/// Whether the part was searched for and not found, so that its regions cannot be drawn.
fn is_lost(part: &Option<PartMarks<'_>>) -> bool {
    part.is_some_and(|part| part.inspection.pose.is_none() && part.inspection.cause.is_some())
}

fn corners(Rect { x, y, w, h }: Rect) -> [Point; 4] {
    [(x, y), (x + w, y), (x + w, y + h), (x, y + h)].map(|(x, y)| Point { x, y })
}

/// The smallest rectangle around some points; `None` without any.
fn bounds(points: impl Iterator<Item = Point>) -> Option<Rect> {
    let around = points.fold(None, |found: Option<[f32; 4]>, Point { x, y }| {
        let [left, top, right, bottom] = found.unwrap_or([x, y, x, y]);
        Some([left.min(x), top.min(y), right.max(x), bottom.max(y)])
    });
    around.map(|[left, top, right, bottom]| Rect { x: left, y: top, w: right - left, h: bottom - top })
}
