//! The solid form of a part as a signed distance in px, negative in the material, from which antialiasing,
//! bevel and shadow of the edges are derived.

use crate::rng::direction;

/// A round hole, or a bite out of the edge.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Disc {
    pub x: f32,
    pub y: f32,
    pub r: f32,
}

impl Disc {
    /// Signed distance to the disc's edge, negative inside. It is at most twice the radius: at that distance
    /// nothing is drawn, and the square root is saved.
    pub fn distance(self, x: f32, y: f32) -> f32 {
        let (dx, dy) = (x - self.x, y - self.y);
        let square = dx * dx + dy * dy;
        if square > 9.0 * self.r * self.r { 2.0 * self.r } else { square.sqrt() - self.r }
    }
}

/// The outer contour, about the part's centre.
#[derive(Clone, Debug)]
pub(crate) enum BodyOutline {
    /// A disc of radius `r`.
    Round { r: f32 },
    /// A disc of radius `root` with rectangular teeth.
    Toothed { root: f32, tip: f32, half_width: f32, teeth: heapless::Vec<[f32; 2], 16> },
    /// A rectangle with round corners.
    Oblong { half: [f32; 2], corner: f32 },
    /// Two arms at a right angle, `arm` wide, in a square of half side `half`.
    Angle { half: f32, arm: f32, corner: f32 },
}

impl BodyOutline {
    /// A gear wheel's contour with `count` teeth between the radii `root` and `tip`.
    pub fn toothed(count: u32, root: f32, tip: f32) -> BodyOutline {
        let teeth = (0..count).map(|i| direction(i as f32 / count as f32)).take(16).collect();
        let half_width = tip * 3.0 / (2.0 * count as f32);
        BodyOutline::Toothed { root, tip, half_width, teeth }
    }

    fn distance(&self, x: f32, y: f32) -> f32 {
        match self {
            BodyOutline::Round { r } => (x * x + y * y).sqrt() - r,
            BodyOutline::Toothed { root, tip, half_width, teeth } => {
                let wheel = (x * x + y * y).sqrt() - root;
                if wheel < -0.3 * root {
                    return wheel; // Deep inside: no edge is near.
                }
                // The nearest tooth is the one whose direction points most towards the pixel.
                let nearest = teeth.iter().map(|t| (t[0] * x + t[1] * y, t[0] * y - t[1] * x));
                let (along, across) = nearest.fold((f32::MIN, 0.0), |a, b| if b.0 > a.0 { b } else { a });
                let half = tip / 2.0;
                wheel.min(oblong(along - half, across, [half, *half_width], 1.5))
            }
            BodyOutline::Oblong { half, corner } => oblong(x, y, *half, *corner),
            BodyOutline::Angle { half, arm, corner } => {
                let offset = half - arm / 2.0;
                let upright = oblong(x + offset, y, [arm / 2.0, *half], *corner);
                upright.min(oblong(x, y - offset, [*half, arm / 2.0], *corner))
            }
        }
    }

    /// The largest distance of the contour from the centre.
    pub fn reach(&self) -> f32 {
        match self {
            BodyOutline::Round { r } => *r,
            BodyOutline::Toothed { tip, half_width, .. } => (tip * tip + half_width * half_width).sqrt(),
            BodyOutline::Oblong { half: [w, h], .. } => (w * w + h * h).sqrt(),
            BodyOutline::Angle { half, .. } => half * std::f32::consts::SQRT_2,
        }
    }
}

/// Signed distance to a rectangle with round corners about the origin.
fn oblong(x: f32, y: f32, half: [f32; 2], corner: f32) -> f32 {
    let (qx, qy) = (x.abs() - half[0] + corner, y.abs() - half[1] + corner);
    let (ox, oy) = (qx.max(0.0), qy.max(0.0));
    let outside = if ox > 0.0 && oy > 0.0 { (ox * ox + oy * oy).sqrt() } else { ox + oy };
    outside + qx.max(qy).min(0.0) - corner
}

/// A part's material: the contour, less holes and bites.
#[derive(Clone, Debug)]
pub(crate) struct PartBody {
    pub outline: BodyOutline,
    /// The holes and bites that are cut away.
    pub cuts: heapless::Vec<Disc, 8>,
}

impl PartBody {
    /// Signed distance to the nearest edge in px, negative in the material.
    pub fn distance(&self, x: f32, y: f32) -> f32 {
        let outline = self.outline.distance(x, y);
        self.cuts.iter().fold(outline, |d, cut| d.max(-cut.distance(x, y)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_negative_in_the_material_and_exact_near_its_edge() {
        let washer = PartBody {
            outline: BodyOutline::Round { r: 30.0 },
            cuts: [Disc { x: 0.0, y: 0.0, r: 12.0 }].into_iter().collect(),
        };
        assert_eq!(washer.distance(0.0, 0.0), 12.0);
        assert_eq!(washer.distance(20.0, 0.0), -8.0);
        assert_eq!(washer.distance(0.0, 34.0), 4.0);
        let plate = BodyOutline::Oblong { half: [40.0, 20.0], corner: 4.0 };
        assert_eq!(plate.distance(40.0, 0.0), 0.0);
        assert_eq!(plate.distance(0.0, -15.0), -5.0);
    }

    #[test]
    fn a_gear_has_material_at_its_teeth_and_none_between_them() {
        let gear = BodyOutline::toothed(12, 32.0, 40.0);
        let [x, y] = direction(2.0 / 12.0);
        assert!(gear.distance(38.0 * x, 38.0 * y) < 0.0);
        let [x, y] = direction(2.5 / 12.0);
        assert!(gear.distance(38.0 * x, 38.0 * y) > 0.0);
    }
}
