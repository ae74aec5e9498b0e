//! What a model found, in the frame's own coordinates.

use std::sync::Arc;

use super::ZoneSet;

/// A label's text; cloning it allocates nothing.
pub type Label = Arc<str>;

/// A point in frame px, the centre of the top-left pixel at (0.5, 0.5).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Rightwards.
    pub x: f32,
    /// Downwards.
    pub y: f32,
}

/// A rectangle in frame px: left, top, width, height. It may reach outside the frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width; not negative.
    pub w: f32,
    /// Height; not negative.
    pub h: f32,
}

impl Rect {
    /// From corners; a swapped pair gives an empty side.
    pub fn from_corners(x0: f32, y0: f32, x1: f32, y1: f32) -> Rect {
        Rect { x: x0, y: y0, w: (x1 - x0).max(0.0), h: (y1 - y0).max(0.0) }
    }

    /// Area in px².
    pub fn area(self) -> f32 {
        self.w * self.h
    }

    /// Intersection over union, 0 to 1; 0 where both are empty.
    pub fn iou(self, other: Rect) -> f32 {
        let w = (self.x + self.w).min(other.x + other.w) - self.x.max(other.x);
        let h = (self.y + self.h).min(other.y + other.h) - self.y.max(other.y);
        let both = w.max(0.0) * h.max(0.0);
        let union = self.area() + other.area() - both;
        if union > 0.0 { both / union } else { 0.0 }
    }

    /// The part inside a `width` × `height` frame.
    pub fn clipped(self, width: f32, height: f32) -> Rect {
        let (x0, y0) = (self.x.clamp(0.0, width), self.y.clamp(0.0, height));
        let (x1, y1) = ((self.x + self.w).clamp(0.0, width), (self.y + self.h).clamp(0.0, height));
        Rect::from_corners(x0, y0, x1, y1)
    }
}

/// What a finding says beyond its label and score.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// The whole picture (or region) is of this class.
    Class,
    /// An object, with key points where the model gives them (BlazeFace: 6).
    Object {
        /// Where, in frame px.
        rect: Rect,
        /// Eyes, nose, mouth, …, in the model's order.
        points: heapless::Vec<Point, 6>,
    },
    /// The share of the picture that a segmentation gave to this class.
    Area {
        /// 0 to 1.
        share: f32,
        /// The smallest rectangle that holds the class, in frame px.
        rect: Rect,
    },
}

/// One thing that a model found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The class's index in the model's labels.
    pub class: u16,
    /// The class's name.
    pub label: Label,
    /// 0 to 1.
    pub score: f32,
    /// What was found, and where.
    pub value: Value,
    /// The tracked object that it belongs to, from the frame on in which its `new` was told.
    pub track: Option<u64>,
    /// The zones that the object is in.
    pub zones: ZoneSet,
    /// Who it is, as far as recognition knows by now.
    pub name: Option<Label>,
}

impl Finding {
    /// What a decoder found; whose track it is, and who, is found out later.
    pub fn new(class: u16, label: Label, score: f32, value: Value) -> Finding {
        Finding { class, label, score, value, track: None, zones: ZoneSet::default(), name: None }
    }

    /// Where it is, if it is an object or an area.
    pub fn rect(&self) -> Option<Rect> {
        match &self.value {
            Value::Class => None,
            Value::Object { rect, .. } | Value::Area { rect, .. } => Some(*rect),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iou_of_equal_and_of_distant_rectangles() {
        let a = Rect { x: 0.0, y: 0.0, w: 4.0, h: 4.0 };
        assert_eq!(a.iou(a), 1.0);
        assert_eq!(a.iou(Rect { x: 9.0, ..a }), 0.0);
        assert!((a.iou(Rect { x: 2.0, ..a }) - 1.0 / 3.0).abs() < 1e-6);
        assert_eq!(Rect::default().iou(Rect::default()), 0.0);
    }

    #[test]
    fn clipping_keeps_what_is_inside() {
        let r = Rect { x: -2.0, y: 1.0, w: 5.0, h: 9.0 }.clipped(10.0, 5.0);
        assert_eq!(r, Rect { x: 0.0, y: 1.0, w: 3.0, h: 4.0 });
    }
}
