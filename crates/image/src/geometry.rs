//! Points, rectangles and the pose of a part, in px.

/// A point in frame px, the centre of the top-left pixel at (0.5, 0.5).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Distance rightwards from the frame's left edge, px.
    pub x: f32,
    /// Distance downwards from the frame's top edge, px.
    pub y: f32,
}

/// A rectangle in frame px: left, top, width, height. It may reach outside the frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// Left edge, frame px.
    pub x: f32,
    /// Top edge, frame px.
    pub y: f32,
    /// Width in px, not negative.
    pub w: f32,
    /// Height in px, not negative.
    pub h: f32,
}

impl Rect {
    /// From corners; a swapped pair gives an empty side.
    pub fn from_corners(x0: f32, y0: f32, x1: f32, y1: f32) -> Rect {
        Rect { x: x0, y: y0, w: (x1 - x0).max(0.0), h: (y1 - y0).max(0.0) }
    }

    /// Area of the rectangle, px².
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

/// The place of the part: recipe px rotated by `angle_rad` about the origin, then moved by (`dx`, `dy`), are
/// frame px.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pose {
    /// Shift to the right, px.
    pub dx: f32,
    /// Shift downwards, in px.
    pub dy: f32,
    /// Clockwise on the screen (x right, y down).
    pub angle_rad: f32,
}

impl Pose {
    /// Converts a point of the frame to recipe px.
    pub fn to_recipe(self, frame: Point) -> Point {
        let (sin, cos) = self.angle_rad.sin_cos();
        let (x, y) = (frame.x - self.dx, frame.y - self.dy);
        Point { x: cos * x + sin * y, y: cos * y - sin * x }
    }

    /// Converts a point of the recipe to frame px.
    pub fn to_frame(self, recipe: Point) -> Point {
        let (sin, cos) = self.angle_rad.sin_cos();
        let Point { x, y } = recipe;
        Point { x: cos * x - sin * y + self.dx, y: sin * x + cos * y + self.dy }
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
