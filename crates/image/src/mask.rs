//! A polygon as a mask of a patch: even-odd, a pixel is in when its centre is.

use super::{ImageError, Patch, RotatedRect};
use crate::{Point, Pose};

/// Which pixels of a patch count. Its memory is used again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mask {
    /// Width of the mask, px.
    pub width: usize,
    /// Height of the mask, px.
    pub height: usize,
    /// Row by row: 255 inside, 0 outside.
    pub data: Vec<u8>,
}

impl Mask {
    /// The mask of `region`'s patch by a polygon in recipe px; one of fewer than three points leaves everything in.
    ///
    /// # Errors
    /// The region is too large for a patch, or the polygon leaves no px of it.
    pub fn polygon(region: &RotatedRect, polygon: &[Point]) -> Result<Mask, ImageError> {
        region.check(&Pose::default())?;
        let (width, height) = region.size();
        let mut mask = Mask { width, height, data: vec![255; width * height] };
        if polygon.len() >= 3 {
            let corners: Vec<(f64, f64)> = polygon.iter().map(|&point| exact(region, point)).collect();
            let mut crossings = Vec::new();
            for (y, row) in mask.data.chunks_exact_mut(width).enumerate() {
                cross(&corners, y as f64 + 0.5, &mut crossings);
                fill(&crossings, row);
            }
        }
        if mask.count() == 0 { Err(ImageError::MaskEmpty) } else { Ok(mask) }
    }

    /// Row `y`.
    ///
    /// # Panics
    /// When `y` is not below the height.
    pub fn row(&self, y: usize) -> &[u8] {
        &self.data[y * self.width..][..self.width]
    }

    /// How many pixels the mask keeps.
    pub fn count(&self) -> usize {
        self.data.iter().filter(|&&inside| inside != 0).count()
    }

    /// Refuses a patch of another size.
    pub(super) fn check(mask: Option<&Mask>, patch: &Patch) -> Result<(), ImageError> {
        match mask {
            Some(mask) if (mask.width, mask.height) != (patch.width, patch.height) => {
                let mask = [mask.width, mask.height];
                Err(ImageError::MaskSize { mask, patch: [patch.width, patch.height] })
            }
            _ => Ok(()),
        }
    }
}

/// A recipe point in the patch, without rounding to f32 in between.
fn exact(region: &RotatedRect, point: Point) -> (f64, f64) {
    region.affine(&Pose::default()).inverse().apply(f64::from(point.x), f64::from(point.y))
}

/// Where the polygon's sides cross the line at `y`, left to right. A side holds its upper end, not its lower.
fn cross(corners: &[(f64, f64)], y: f64, crossings: &mut Vec<f64>) {
    crossings.clear();
    for (i, &(x1, y1)) in corners.iter().enumerate() {
        let (x0, y0) = corners[(i + corners.len() - 1) % corners.len()];
        if (y0 <= y) != (y1 <= y) {
            crossings.push(x0 + (y - y0) / (y1 - y0) * (x1 - x0));
        }
    }
    crossings.sort_by(f64::total_cmp);
}

/// 255 between the odd and the even crossings, 0 elsewhere.
fn fill(crossings: &[f64], row: &mut [u8]) {
    row.fill(0);
    // The first pixel whose centre is not left of the crossing.
    let width = row.len();
    let first = |x: f64| ((x - 0.5).ceil().max(0.0) as usize).min(width);
    for pair in crossings.as_chunks::<2>().0 {
        let (from, to) = (first(pair[0]), first(pair[1]));
        row[from..to].fill(255);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Rect;

    /// W. R. Franklin's point-in-polygon test, in recipe px.
    fn inside(polygon: &[Point], x: f64, y: f64) -> bool {
        let mut odd = false;
        for i in 0..polygon.len() {
            let (a, b) = (polygon[i], polygon[(i + polygon.len() - 1) % polygon.len()]);
            let [ax, ay, bx, by] = [a.x, a.y, b.x, b.y].map(f64::from);
            if (ay > y) != (by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax {
                odd = !odd;
            }
        }
        odd
    }

    /// How far a point is from the nearest side.
    fn clearance(polygon: &[Point], x: f64, y: f64) -> f64 {
        let side = |a: Point, b: Point| {
            let [ax, ay, bx, by] = [a.x, a.y, b.x, b.y].map(f64::from);
            let length = (bx - ax).powi(2) + (by - ay).powi(2);
            let along = (((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length.max(1e-12)).clamp(0.0, 1.0);
            (x - ax - along * (bx - ax)).hypot(y - ay - along * (by - ay))
        };
        (0..polygon.len())
            .map(|i| side(polygon[i], polygon[(i + 1) % polygon.len()]))
            .fold(f64::MAX, f64::min)
    }

    proptest! {
        #[test]
        fn a_pixel_is_in_when_its_centre_is_in_the_polygon(
            corners in prop::collection::vec((-10f32..80.0, -10f32..60.0), 3..9),
            rect in (-5f32..20.0, -5f32..20.0, 1f32..60.0, 1f32..50.0),
            angle_deg in -180f32..180.0,
        ) {
            let polygon: Vec<Point> = corners.into_iter().map(|(x, y)| Point { x, y }).collect();
            let rect = Rect { x: rect.0, y: rect.1, w: rect.2, h: rect.3 };
            let region = RotatedRect { rect, angle_deg };
            let Ok(mask) = Mask::polygon(&region, &polygon) else { return Ok(()) };
            let (sin, cos) = f64::from(angle_deg).to_radians().sin_cos();
            let [x, y, w, h] = [rect.x, rect.y, rect.w, rect.h].map(f64::from);
            for j in 0..mask.height {
                for i in 0..mask.width {
                    let (u, v) = (i as f64 + 0.5 - w / 2.0, j as f64 + 0.5 - h / 2.0);
                    let (px, py) = (x + w / 2.0 + cos * u - sin * v, y + h / 2.0 + sin * u + cos * v);
                    if clearance(&polygon, px, py) > 1e-4 {
                        prop_assert_eq!(mask.row(j)[i] == 255, inside(&polygon, px, py), "px {} {}", i, j);
                    }
                }
            }
        }
    }

    #[test]
    fn no_polygon_leaves_everything_in_and_one_elsewhere_is_refused() {
        let region = RotatedRect::upright(Rect { x: 5.0, y: 5.0, w: 7.0, h: 3.0 });
        assert_eq!(Mask::polygon(&region, &[]).unwrap().count(), 21);
        let away = [(90.0, 90.0), (99.0, 90.0), (99.0, 99.0)].map(|(x, y)| Point { x, y });
        assert!(matches!(Mask::polygon(&region, &away), Err(ImageError::MaskEmpty)));
    }

    #[test]
    fn a_ring_drawn_as_one_polygon_has_its_hole() {
        let outer = [(0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0), (0.0, 0.0)];
        let inner = [(3.0, 3.0), (6.0, 3.0), (6.0, 6.0), (3.0, 6.0), (3.0, 3.0)];
        let ring: Vec<Point> = outer.into_iter().chain(inner).map(|(x, y)| Point { x, y }).collect();
        let mask =
            Mask::polygon(&RotatedRect::upright(Rect { x: 0.0, y: 0.0, w: 9.0, h: 9.0 }), &ring).unwrap();
        assert_eq!((mask.count(), mask.row(4)[4], mask.row(1)[4]), (72, 0, 255));
    }
}
