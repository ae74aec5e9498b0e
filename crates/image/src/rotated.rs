//! A rotated rectangle in recipe px, and the transform of its pixels to the frame.
//!
//! Sines come from a series in this file and everything else is IEEE arithmetic: the same bits on every machine.

use std::f64::consts::FRAC_PI_2;

use super::ImageError;
use crate::{Point, Pose, Rect};

/// Longest side of a patch, px.
const MAX_SIDE: f32 = 16384.0;
/// Greatest distance of any point from the origin, px.
const FAR: f32 = 1e6;

/// A region of interest's rectangle: `rect` turned clockwise about its own centre.
///
/// Its pixels: the patch cut from it is `round(w)` × `round(h)` px at scale 1, the patch's top-left corner on the
/// (turned) rectangle's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RotatedRect {
    /// Before it is turned, recipe px.
    pub rect: Rect,
    /// Clockwise on the screen, degrees.
    pub angle_deg: f32,
}

impl RotatedRect {
    /// A region that is not turned.
    pub fn upright(rect: Rect) -> RotatedRect {
        RotatedRect { rect, angle_deg: 0.0 }
    }

    /// Width and height of its patch, px; 0 where a side rounds to nothing or is not a number.
    pub fn size(&self) -> (usize, usize) {
        (self.rect.w.round() as usize, self.rect.h.round() as usize)
    }

    /// Converts a point of the patch to recipe px.
    pub fn to_recipe(&self, patch: Point) -> Point {
        self.affine(&Pose::default()).point(patch)
    }

    /// Converts a point of the recipe to patch px.
    pub fn to_patch(&self, recipe: Point) -> Point {
        self.affine(&Pose::default()).inverse().point(recipe)
    }

    /// The upright recipe rectangle around a rectangle of the patch, such as a defect's bounds.
    pub fn rect_to_recipe(&self, patch: Rect) -> Rect {
        self.affine(&Pose::default()).bounds(patch)
    }

    /// The upright frame rectangle around the region of a part that lies at `pose`; it may reach outside the frame.
    pub fn bounds(&self, pose: &Pose) -> Rect {
        let Rect { w, h, .. } = self.rect;
        self.affine(pose).bounds(Rect { x: 0.0, y: 0.0, w, h })
    }

    /// How far the region is turned in the frame, degrees, -180 to 180: small values allow an upright crop.
    pub fn turn_deg(&self, pose: &Pose) -> f32 {
        let turn = f64::from(self.angle_deg) + f64::from(pose.angle_rad).to_degrees();
        (turn - 360.0 * (turn / 360.0).round()) as f32
    }

    /// Refuses a region that is empty, too large for a patch, or not finite.
    pub(super) fn check(&self, pose: &Pose) -> Result<(), ImageError> {
        let Rect { x, y, w, h } = self.rect;
        let near = |v: &f32| v.abs() < FAR;
        let numbers = [x, y, self.angle_deg, pose.dx, pose.dy, pose.angle_rad];
        let side = |side: f32| (1.0..=MAX_SIDE).contains(&side.round());
        if numbers.iter().all(near) && side(w) && side(h) {
            return Ok(());
        }
        Err(ImageError::RegionUnfit { w, h, angle_deg: self.angle_deg, dx: pose.dx, dy: pose.dy })
    }

    /// Patch px to frame px of a part at `pose`.
    pub(super) fn affine(&self, pose: &Pose) -> Affine {
        let Rect { x, y, w, h } = self.rect;
        let [x, y, w, h] = [x, y, w, h].map(f64::from);
        let own = Affine::turn(f64::from(self.angle_deg).to_radians());
        let (cx, cy) = own.apply(w / 2.0, h / 2.0);
        let own = Affine { x: x + w / 2.0 - cx, y: y + h / 2.0 - cy, ..own };
        Affine::of(pose).after(&own)
    }
}

/// A turn and a shift, in f64: p becomes (cos·x − sin·y + x, sin·x + cos·y + y).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Affine {
    pub cos: f64,
    pub sin: f64,
    pub x: f64,
    pub y: f64,
}

impl Affine {
    /// Clockwise on the screen about the origin.
    pub fn turn(angle_rad: f64) -> Affine {
        let (sin, cos) = sin_cos(angle_rad);
        Affine { cos, sin, x: 0.0, y: 0.0 }
    }

    /// Recipe px to frame px.
    pub fn of(pose: &Pose) -> Affine {
        let turn = Affine::turn(f64::from(pose.angle_rad));
        Affine { x: f64::from(pose.dx), y: f64::from(pose.dy), ..turn }
    }

    /// First `first`, then this.
    pub fn after(&self, first: &Affine) -> Affine {
        let (x, y) = self.apply(first.x, first.y);
        Affine {
            cos: self.cos * first.cos - self.sin * first.sin,
            sin: self.sin * first.cos + self.cos * first.sin,
            x,
            y,
        }
    }

    /// The map from where points went to where they came from.
    pub fn inverse(&self) -> Affine {
        let back = Affine { cos: self.cos, sin: -self.sin, x: 0.0, y: 0.0 };
        let (x, y) = back.apply(-self.x, -self.y);
        Affine { x, y, ..back }
    }

    pub fn apply(&self, x: f64, y: f64) -> (f64, f64) {
        (self.cos * x - self.sin * y + self.x, self.sin * x + self.cos * y + self.y)
    }

    pub fn point(&self, point: Point) -> Point {
        let (x, y) = self.apply(f64::from(point.x), f64::from(point.y));
        Point { x: x as f32, y: y as f32 }
    }

    /// The upright rectangle around a moved one.
    fn bounds(&self, rect: Rect) -> Rect {
        let [x, y, w, h] = [rect.x, rect.y, rect.w, rect.h].map(f64::from);
        let corners = [(x, y), (x + w, y), (x, y + h), (x + w, y + h)].map(|(x, y)| self.apply(x, y));
        let ends = |of: fn(&(f64, f64)) -> f64| {
            let values = corners.iter().map(of);
            (values.clone().fold(f64::INFINITY, f64::min), values.fold(f64::NEG_INFINITY, f64::max))
        };
        let ((x0, x1), (y0, y1)) = (ends(|c| c.0), ends(|c| c.1));
        Rect { x: x0 as f32, y: y0 as f32, w: (x1 - x0) as f32, h: (y1 - y0) as f32 }
    }
}

/// Sine and cosine by their series on -π/4 ..= π/4, to the last bit or two.
pub(super) fn sin_cos(angle_rad: f64) -> (f64, f64) {
    let quarter = (angle_rad / FRAC_PI_2).round();
    let x = angle_rad - quarter * FRAC_PI_2;
    let series = |first: f64, from: u32| {
        let (mut term, mut sum) = (first, first);
        for k in 0..9 {
            let n = f64::from(from + 2 * k);
            term *= -x * x / ((n + 1.0) * (n + 2.0));
            sum += term;
        }
        sum
    };
    let (sin, cos) = (series(x, 1), series(1.0, 0));
    match (quarter as i64).rem_euclid(4) {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

/// The angle whose cosine and sine are as `cos` to `sin`; 0 where both are 0. What `atan2` is, from [`sin_cos`].
pub(super) fn angle_of(cos: f64, sin: f64) -> f64 {
    let length = (cos * cos + sin * sin).sqrt();
    if length == 0.0 {
        return 0.0;
    }
    let (cos, sin) = (cos / length, sin / length);
    let mut angle = if cos >= sin.abs() {
        0.0
    } else if cos <= -sin.abs() {
        2.0 * FRAC_PI_2
    } else {
        FRAC_PI_2.copysign(sin)
    };
    // Newton on the sine of what is left, which is at most π/4: it triples its digits each time.
    for _ in 0..5 {
        let (s, c) = sin_cos(angle);
        angle += sin * c - cos * s;
    }
    if angle > 2.0 * FRAC_PI_2 { angle - 4.0 * FRAC_PI_2 } else { angle }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_are_sine_and_cosine_and_the_angle_comes_back() {
        for i in -720..=720 {
            let angle = f64::from(i) * 0.01;
            let (sin, cos) = sin_cos(angle);
            assert!((sin - angle.sin()).abs() < 1e-15 && (cos - angle.cos()).abs() < 1e-15, "{angle}");
            assert!((angle_of(2.0 * cos, 2.0 * sin) - sin.atan2(cos)).abs() < 1e-14, "{angle}");
        }
        assert_eq!((sin_cos(0.0), angle_of(0.0, 0.0)), ((0.0, 1.0), 0.0));
    }

    #[test]
    fn a_quarter_turn_is_about_the_own_centre_and_clockwise() {
        let region = RotatedRect { rect: Rect { x: 10.0, y: 20.0, w: 8.0, h: 4.0 }, angle_deg: 90.0 };
        let top_left = region.to_recipe(Point { x: 0.0, y: 0.0 });
        assert!((top_left.x - 16.0).abs() < 1e-5 && (top_left.y - 18.0).abs() < 1e-5, "{top_left:?}");
        let back = region.to_patch(top_left);
        assert!(back.x.abs() < 1e-5 && back.y.abs() < 1e-5, "{back:?}");
        let bounds = region.bounds(&Pose { dx: 1.0, dy: 2.0, angle_rad: 0.0 });
        let expected = [13.0, 20.0, 4.0, 8.0];
        for (got, want) in [bounds.x, bounds.y, bounds.w, bounds.h].into_iter().zip(expected) {
            assert!((got - want).abs() < 1e-4, "{bounds:?}");
        }
    }

    #[test]
    fn turns_add_up_and_wrap() {
        let region = RotatedRect { angle_deg: 170.0, ..RotatedRect::default() };
        let pose = Pose { angle_rad: 20f32.to_radians(), ..Pose::default() };
        assert!((region.turn_deg(&pose) + 170.0).abs() < 1e-4);
    }

    #[test]
    fn a_region_that_no_patch_holds_is_refused_with_its_numbers() {
        let rect = Rect { x: 0.0, y: 0.0, w: 0.4, h: 9.0 };
        let error = RotatedRect::upright(rect).check(&Pose::default()).unwrap_err();
        assert!(error.to_string().contains("0.4x9 px"), "{error}");
        let far = Pose { dx: f32::NAN, ..Pose::default() };
        assert!(RotatedRect::upright(Rect { w: 9.0, ..rect }).check(&far).is_err());
    }
}
