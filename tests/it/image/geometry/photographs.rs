//! Real pictures, of odd sizes: turned and shifted by a cut, and found again.

use crate::support::data::data;
use ocellus::image::{Aligner, Channels, Cutter, Patch, Reach, RotatedRect};
use ocellus::types::{PixelFormat, Planes, Point, Pose, Rect};

/// The place of most contrast in one half of the picture, well inside.
fn fiducial(planes: &Planes<'_>, right: bool) -> Rect {
    let (w, h) = (planes.width, planes.height);
    let grey = |x: usize, y: usize| f64::from(planes.data[0][y * planes.stride[0] + 3 * x + 1]);
    let spread = |(x, y): (usize, usize)| {
        let values = (0..48 * 48).step_by(7).map(|k| grey(x + k % 48, y + k / 48));
        let (n, sum, squares) = values.fold((0.0, 0.0, 0.0), |(n, s, q), v| (n + 1.0, s + v, q + v * v));
        squares / n - (sum / n) * (sum / n)
    };
    let columns = if right { w / 2..w - 90 } else { 42..w / 2 - 48 };
    let places = columns.step_by(16).flat_map(|x| (42..h - 90).step_by(16).map(move |y| (x, y)));
    let (x, y) = places.max_by(|a, b| spread(*a).total_cmp(&spread(*b))).unwrap();
    Rect { x: x as f32, y: y as f32, w: 48.0, h: 48.0 }
}

#[test]
fn a_photograph_that_was_turned_and_shifted_is_found_again() {
    let Some(data) = data(&["images/objects"]) else { return };
    for name in ["grace_hopper.bmp", "cat.bmp", "sunflower.bmp"] {
        let picture = image::open(data.join("images/objects").join(name)).unwrap().to_rgb8();
        let (w, h) = (picture.width() as usize, picture.height() as usize);
        let planes = Planes::packed(PixelFormat::Rgb, w, h, &picture).unwrap();
        let rects = [fiducial(&planes, false), fiducial(&planes, true)];
        let reach = Reach { search_px: 40, max_angle_deg: 5.0, min_score: 0.6 };
        let mut aligner = Aligner::new(&planes, &rects, reach).unwrap();
        for (dx, dy, angle_deg) in [(3.4, -5.7, 2.3), (-6.25, 2.5, -3.1), (0.5, 0.5, 0.0)] {
            let rect = Rect { x: dx, y: dy, w: w as f32 - 1.0, h: h as f32 - 2.0 };
            let region = RotatedRect { rect, angle_deg };
            let mut frame = Patch::default();
            Cutter::new().cut(&planes, &region, &Pose::default(), Channels::Rgb, &mut frame).unwrap();
            let found = aligner.find(&frame.planes()).unwrap_or_else(|e| panic!("{name} {angle_deg}: {e}"));
            let (sin, cos) = found.pose.angle_rad.sin_cos();
            for rect in rects {
                let (x, y) = (rect.x + 24.0, rect.y + 24.0);
                let (u, v) = (cos * x - sin * y + found.pose.dx, sin * x + cos * y + found.pose.dy);
                let truth = region.to_patch(Point { x, y });
                let off = (u - truth.x).hypot(v - truth.y);
                assert!(off < 0.1, "{name} {angle_deg}: {off} px, {found:?}");
            }
            let degrees = found.pose.angle_rad.to_degrees() + angle_deg;
            assert!(degrees.abs() < 0.05, "{name} {angle_deg}: {degrees} degrees off, {found:?}");
        }
    }
}
