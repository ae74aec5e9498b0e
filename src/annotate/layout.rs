//! Places labels beside the objects that they name, never over another label, and over marks only where there
//! is no room elsewhere. Pure; in canvas px. Nothing here allocates once warm.

use crate::types::{Point, Rect};

/// The greatest distance of a label from its object, in heights of a line; farther away its object is not
/// obvious.
const REACH: u32 = 5;
/// From this distance on a line joins a label to its object, px.
pub(super) const APART_PX: f32 = 2.0;

/// The marks and labels of one picture.
#[derive(Debug, Default)]
pub(super) struct Layout {
    space: (f32, f32),
    /// Areas that labels should not cover: objects, regions, defects.
    marks: Vec<Rect>,
    labels: Vec<Rect>,
}

impl Layout {
    /// Starts an empty picture of this size, keeping the memory of the last one.
    pub fn begin(&mut self, space: (f32, f32)) {
        self.space = space;
        self.marks.clear();
        self.labels.clear();
    }

    /// Adds an area that labels avoid where they can.
    pub fn mark(&mut self, area: Rect) {
        if let Some(area) = inside(area, self.space) {
            self.marks.push(area);
        }
    }

    /// Adds an area that no further label may cover.
    pub fn reserve(&mut self, area: Rect) {
        self.labels.push(area);
    }

    /// Finds and reserves a place for a label of `size` that names `object`: the first place around the
    /// object that covers nothing, or else, with `must`, the one that covers the least marked area. `None`
    /// where every place would cover another label, or, without `must`, any mark.
    pub fn place(&mut self, size: (f32, f32), object: Rect, must: bool) -> Option<Rect> {
        let mut best: Option<(f32, Rect)> = None;
        for candidate in candidates(size, object) {
            let Some(area) = self.fitted(candidate) else { continue };
            if self.labels.iter().any(|taken| overlap(area, *taken) > 0.0) {
                continue;
            }
            let cost: f32 = self.marks.iter().map(|mark| overlap(area, *mark)).sum();
            if cost == 0.0 {
                best = Some((cost, area));
                break;
            }
            if must && best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, area));
            }
        }
        let (_, area) = best?;
        self.labels.push(area);
        Some(area)
    }

    /// Moves `area` so that all of it is visible, to even px, because labels are drawn at even px.
    fn fitted(&self, area: Rect) -> Option<Rect> {
        let within = |v: f32, most: f32| (v.clamp(0.0, most) / 2.0).floor() * 2.0;
        let (most_x, most_y) = (self.space.0 - area.w, self.space.1 - area.h);
        if !(area.x.is_finite() && area.y.is_finite() && most_x >= 0.0 && most_y >= 0.0) {
            return None;
        }
        Some(Rect { x: within(area.x, most_x), y: within(area.y, most_y), ..area })
    }
}

/// Places around `object` in order of preference: above, below, beside, and then farther out.
fn candidates((w, h): (f32, f32), object: Rect) -> impl Iterator<Item = Rect> {
    let Rect { x, y, w: ow, h: oh } = object;
    let at = move |x: f32, y: f32| Rect { x, y, w, h };
    (0..=REACH).flat_map(move |step| {
        let out = step as f32 * h;
        let (above, below) = (y - h - out, y + oh + out);
        let (left, right) = (x - w - out, x + ow + out);
        [
            at(x, above),
            at(x + ow - w, above),
            at(x, below),
            at(x + ow - w, below),
            at(right, y),
            at(left, y),
            at(right, y + oh - h),
            at(left, y + oh - h),
            at(right, above),
            at(left, above),
            at(right, below),
            at(left, below),
        ]
    })
}

/// The common area of two rectangles, px².
fn overlap(a: Rect, b: Rect) -> f32 {
    let wide = (a.x + a.w).min(b.x + b.w) - a.x.max(b.x);
    let high = (a.y + a.h).min(b.y + b.h) - a.y.max(b.y);
    if wide > 0.0 && high > 0.0 { wide * high } else { 0.0 }
}

/// The part of `area` inside of the picture; `None` where it is empty.
fn inside(area: Rect, space: (f32, f32)) -> Option<Rect> {
    let (x, y) = (area.x.max(0.0), area.y.max(0.0));
    let (right, bottom) = ((area.x + area.w).min(space.0), (area.y + area.h).min(space.1));
    let found = Rect { x, y, w: right - x, h: bottom - y };
    (found.w > 0.0 && found.h > 0.0).then_some(found)
}

/// The two ends of a line from a label to its object; `None` where they touch.
pub(super) fn leader(label: Rect, object: Rect) -> Option<(Point, Point)> {
    let nearest = |from: f32, size: f32, to: f32, other: f32| {
        let middle = (to + other / 2.0).clamp(from, from + size);
        (middle, middle.clamp(to, to + other))
    };
    let sane = |rect: Rect| {
        [rect.x, rect.y, rect.w, rect.h].iter().all(|v| v.is_finite()) && rect.w >= 0.0 && rect.h >= 0.0
    };
    if !sane(label) || !sane(object) {
        return None;
    }
    let (lx, ox) = nearest(label.x, label.w, object.x, object.w);
    let (ly, oy) = nearest(label.y, label.h, object.y, object.h);
    let far = (lx - ox).hypot(ly - oy);
    (far > APART_PX).then_some((Point { x: lx, y: ly }, Point { x: ox, y: oy }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACE: (f32, f32) = (640.0, 480.0);
    const SIZE: (f32, f32) = (80.0, 16.0);

    fn rect(x: f32, y: f32, w: f32, h: f32) -> Rect {
        Rect { x, y, w, h }
    }

    fn layout(marks: &[Rect]) -> Layout {
        let mut layout = Layout::default();
        layout.begin(SPACE);
        marks.iter().for_each(|mark| layout.mark(*mark));
        layout
    }

    fn is_free(label: Rect, others: &[Rect]) -> bool {
        others.iter().all(|other| overlap(label, *other) == 0.0)
    }

    #[test]
    fn a_label_stands_above_its_object_and_below_it_at_the_upper_edge() {
        let object = rect(100.0, 100.0, 60.0, 60.0);
        assert_eq!(layout(&[object]).place(SIZE, object, true), Some(rect(100.0, 84.0, 80.0, 16.0)));
        let high = rect(100.0, 0.0, 60.0, 60.0);
        assert_eq!(layout(&[high]).place(SIZE, high, true), Some(rect(100.0, 60.0, 80.0, 16.0)));
    }

    #[test]
    fn labels_of_objects_side_by_side_cover_neither_them_nor_one_another() {
        // Closer together than their labels are wide, as parts on a belt.
        let objects: Vec<Rect> = (0..12).map(|n| rect(20.0 + 50.0 * n as f32, 200.0, 40.0, 40.0)).collect();
        let mut layout = layout(&objects);
        let mut placed: Vec<Rect> = Vec::new();
        for object in &objects {
            let label = layout.place(SIZE, *object, true).expect("there is room");
            assert!(is_free(label, &objects) && is_free(label, &placed), "{label:?}");
            assert!(
                label.x >= 0.0
                    && label.x + label.w <= SPACE.0
                    && label.y >= 0.0
                    && label.y + label.h <= SPACE.1
            );
            placed.push(label);
        }
    }

    #[test]
    fn an_object_that_fills_the_picture_has_its_label_inside_and_a_part_of_no_weight_has_none() {
        let whole = rect(0.0, 0.0, SPACE.0, SPACE.1);
        assert!(layout(&[whole]).place(SIZE, whole, true).is_some());
        assert_eq!(layout(&[whole]).place(SIZE, whole, false), None);
    }

    #[test]
    fn where_every_place_is_taken_a_label_is_left_out_rather_than_drawn_over_another() {
        let object = rect(300.0, 200.0, 4.0, 4.0);
        let mut layout = layout(&[object]);
        let placed: Vec<Rect> = std::iter::from_fn(|| layout.place(SIZE, object, true)).take(1_000).collect();
        assert!(placed.len() > 10 && placed.len() < 100, "{}", placed.len());
        for (at, label) in placed.iter().enumerate() {
            assert!(is_free(*label, &placed[..at]), "{label:?}");
        }
    }

    #[test]
    fn what_was_reserved_is_not_taken() {
        let object = rect(100.0, 100.0, 60.0, 60.0);
        let mut layout = layout(&[object]);
        layout.reserve(rect(0.0, 0.0, SPACE.0, 100.0));
        let label = layout.place(SIZE, object, true).unwrap();
        assert!(label.y >= 160.0 || label.x >= 160.0 || label.x + label.w <= 100.0, "{label:?}");
    }

    #[test]
    fn what_is_no_area_harms_nothing() {
        for odd in [f32::NAN, f32::INFINITY, -1e20] {
            let mut layout = layout(&[rect(odd, odd, odd, odd)]);
            layout.place(SIZE, rect(odd, 0.0, 10.0, odd), true);
            layout.place((odd, 10.0), rect(0.0, 0.0, 10.0, 10.0), true);
            leader(rect(0.0, 0.0, 1.0, 1.0), rect(odd, odd, odd, odd));
        }
    }

    #[test]
    fn a_label_that_had_to_go_farther_is_joined_to_its_object() {
        let object = rect(100.0, 100.0, 60.0, 60.0);
        assert_eq!(leader(rect(100.0, 84.0, 80.0, 16.0), object), None);
        let (from, to) = leader(rect(100.0, 50.0, 80.0, 16.0), object).unwrap();
        assert_eq!((from.y, to.y), (66.0, 100.0));
    }
}
