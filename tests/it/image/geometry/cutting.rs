//! Every format, odd size, stride, turn and shift: against the reference, and against the tensor's road.

use ocellus::image::{Channels, Cutter, Patch, Preprocessor, RotatedRect, Target};
use ocellus::types::{Colour, Matrix, PixelFormat, Pose, Range, Rect, Resize};
use proptest::prelude::*;

use crate::image::preprocess::reference;
use crate::support::picture::Picture;

fn target(width: usize, height: usize, channels: Channels) -> Target {
    Target { channels, resize: Resize::Bilinear, ..Target::rgb(width, height) }
}

fn channels() -> impl Strategy<Value = Channels> {
    prop::sample::select(vec![Channels::Gray, Channels::Rgb, Channels::Bgr])
}

fn pictures() -> impl Strategy<Value = Picture> {
    let format = prop::sample::select(PixelFormat::ALL.to_vec());
    (format, 1usize..90, 1usize..60, 0usize..20, any::<u64>())
        .prop_map(|(format, w, h, padding, seed)| Picture::noise(format, (w, h), padding, seed))
}

fn colours() -> impl Strategy<Value = Colour> {
    let matrix = prop::sample::select(vec![Matrix::Bt601, Matrix::Bt709]);
    let range = prop::sample::select(vec![Range::Limited, Range::Full]);
    (matrix, range).prop_map(|(matrix, range)| Colour { matrix, range })
}

fn rects() -> impl Strategy<Value = Rect> {
    (-20f32..80.0, -20f32..60.0, 1f32..32.0, 1f32..32.0).prop_map(|(x, y, w, h)| Rect { x, y, w, h })
}

/// Where the centre of patch px (`i`, `j`) lies in the frame, by the book.
fn place(region: &RotatedRect, pose: &Pose, i: usize, j: usize) -> (f64, f64) {
    let [x, y, w, h] = [region.rect.x, region.rect.y, region.rect.w, region.rect.h].map(f64::from);
    let (u, v) = (i as f64 + 0.5 - w / 2.0, j as f64 + 0.5 - h / 2.0);
    let (sin, cos) = f64::from(region.angle_deg).to_radians().sin_cos();
    let (rx, ry) = (x + w / 2.0 + cos * u - sin * v, y + h / 2.0 + sin * u + cos * v);
    let (sin, cos) = f64::from(pose.angle_rad).sin_cos();
    (cos * rx - sin * ry + f64::from(pose.dx), sin * rx + cos * ry + f64::from(pose.dy))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn every_px_is_what_the_reference_has_where_it_lies(
        picture in pictures(),
        colour in colours(),
        channels in channels(),
        rect in rects(),
        angle_deg in prop_oneof![Just(0f32), -180f32..180.0],
        pose in (-9f32..9.0, -9f32..9.0, prop_oneof![Just(0f32), -0.2f32..0.2]),
    ) {
        let mut planes = picture.view();
        planes.colour = colour;
        let region = RotatedRect { rect, angle_deg };
        let pose = Pose { dx: pose.0, dy: pose.1, angle_rad: pose.2 };
        let mut patch = Patch::default();
        Cutter::new().cut(&planes, &region, &pose, channels, &mut patch).unwrap();
        prop_assert_eq!((patch.width, patch.height), region.size());
        let count = channels.count();
        let one = target(1, 1, channels);
        for j in 0..patch.height {
            for i in 0..patch.width {
                let (x, y) = place(&region, &pose, i, j);
                let at = Rect { x: (x - 0.5) as f32, y: (y - 0.5) as f32, w: 1.0, h: 1.0 };
                let want = reference::tensor(&one, &planes, at);
                for (c, want) in want.into_iter().flatten().enumerate() {
                    let got = f64::from(patch.row(j)[i * count + c]);
                    prop_assert!((got - want).abs() <= 1.2, "({}, {}) channel {}: {}, reference {}", i, j, c, got, want);
                }
            }
        }
    }

    #[test]
    fn upright_cuts_agree_with_the_tensors_road_within_one_count(
        picture in pictures(),
        colour in colours(),
        channels in channels(),
        rect in rects(),
        whole: bool,
    ) {
        let mut planes = picture.view();
        planes.colour = colour;
        let snap = |v: f32| if whole { v.round() } else { v };
        let rect = Rect { x: snap(rect.x), y: snap(rect.y), w: rect.w.round(), h: rect.h.round() };
        let mut patch = Patch::default();
        let region = RotatedRect::upright(rect);
        Cutter::new().cut(&planes, &region, &Pose::default(), channels, &mut patch).unwrap();
        let mut tensor = vec![0; patch.data.len()];
        let mut road = Preprocessor::new(target(patch.width, patch.height, channels));
        road.run(&planes, Some(rect), &mut tensor).unwrap();
        for (at, (cut, tensor)) in patch.data.iter().zip(&tensor).enumerate() {
            prop_assert!(cut.abs_diff(*tensor) <= 1, "byte {}: cut {}, tensor {}", at, cut, tensor);
        }
    }

    #[test]
    fn grey_on_whole_px_is_the_same_whichever_way(
        picture in pictures(),
        colour in colours(),
        rect in rects(),
        shift in (-9i32..9, -9i32..9),
    ) {
        let mut planes = picture.view();
        planes.colour = colour;
        let rect = Rect { x: rect.x.round(), y: rect.y.round(), w: rect.w.round(), h: rect.h.round() };
        let region = RotatedRect::upright(rect);
        let mut cutter = Cutter::new();
        let (mut straight, mut general) = (Patch::default(), Patch::default());
        let pose = Pose { dx: shift.0 as f32 + 0.0008, dy: shift.1 as f32, angle_rad: 0.0 };
        cutter.cut(&planes, &region, &pose, Channels::Gray, &mut straight).unwrap();
        // Half a turn twice: the same px, but not the copying road; its rounding is far below a weight's step.
        let half = RotatedRect { angle_deg: 180.0, ..region };
        let (cx, cy) = (2.0 * rect.x + rect.w, 2.0 * rect.y + rect.h);
        let about = Pose {
            dx: cx + shift.0 as f32,
            dy: cy + shift.1 as f32,
            angle_rad: std::f32::consts::PI,
        };
        cutter.cut(&planes, &half, &about, Channels::Gray, &mut general).unwrap();
        for (a, b) in straight.data.iter().zip(&general.data) {
            prop_assert!(a.abs_diff(*b) <= 1, "{} {}", a, b);
        }
        if colour.range == Range::Full || picture.format == PixelFormat::Gray8 {
            let road = &mut Preprocessor::new(target(straight.width, straight.height, Channels::Gray));
            let mut tensor = vec![0; straight.data.len()];
            let moved = Rect { x: rect.x + shift.0 as f32, y: rect.y + shift.1 as f32, ..rect };
            road.run(&planes, Some(moved), &mut tensor).unwrap();
            prop_assert!(straight.data.iter().zip(&tensor).all(|(a, b)| a.abs_diff(*b) <= 1));
        }
    }
}

#[test]
fn a_straight_copy_of_luma_is_the_plane_itself() {
    let picture = Picture::noise(PixelFormat::I420, (61, 43), 3, 5);
    let mut planes = picture.view();
    planes.colour.range = Range::Full;
    let region = RotatedRect::upright(Rect { x: 7.0, y: 9.0, w: 30.0, h: 20.0 });
    let mut patch = Patch::default();
    Cutter::new().cut(&planes, &region, &Pose::default(), Channels::Gray, &mut patch).unwrap();
    for y in 0..20 {
        assert_eq!(patch.row(y), &planes.data[0][(9 + y) * planes.stride[0] + 7..][..30]);
    }
}

#[test]
fn a_patch_is_a_picture_that_the_preprocessor_reads() {
    let picture = Picture::noise(PixelFormat::Rgb, (40, 30), 0, 5);
    for channels in [Channels::Gray, Channels::Rgb, Channels::Bgr] {
        let mut patch = Patch::default();
        let region = RotatedRect { rect: Rect { x: 5.0, y: 5.0, w: 21.0, h: 13.0 }, angle_deg: 30.0 };
        Cutter::new().cut(&picture.view(), &region, &Pose::default(), channels, &mut patch).unwrap();
        let mut tensor = vec![0; patch.data.len()];
        Preprocessor::new(target(21, 13, channels)).run(&patch.planes(), None, &mut tensor).unwrap();
        assert!(patch.data.iter().zip(&tensor).all(|(a, b)| a.abs_diff(*b) <= 1), "{channels:?}");
    }
}

#[test]
fn planes_and_regions_that_do_not_hold_are_refused() {
    let picture = Picture::noise(PixelFormat::Nv12, (40, 30), 0, 5);
    let mut cutter = Cutter::new();
    let mut cut = |rect, pose| {
        let region = RotatedRect::upright(rect);
        cutter.cut(&picture.view(), &region, &pose, Channels::Gray, &mut Patch::default())
    };
    let good = Rect { x: 1.0, y: 1.0, w: 9.0, h: 9.0 };
    assert!(cut(good, Pose::default()).is_ok());
    assert!(cut(Rect { w: 0.2, ..good }, Pose::default()).is_err());
    assert!(cut(Rect { x: f32::NAN, ..good }, Pose::default()).is_err());
    assert!(cut(good, Pose { angle_rad: f32::INFINITY, ..Pose::default() }).is_err());
    let mut planes = picture.view();
    planes.data[1] = &planes.data[1][..9];
    let region = RotatedRect::upright(good);
    assert!(
        Cutter::new().cut(&planes, &region, &Pose::default(), Channels::Gray, &mut Patch::default()).is_err()
    );
}

/// FNV-1a over a patch of every format: the same number on every machine and instruction set.
#[test]
fn the_bits_are_those_that_were_seen_before() {
    let mut hash = 0xCBF2_9CE4_8422_2325u64;
    let pose = Pose { dx: 3.25, dy: -1.75, angle_rad: 0.061 };
    let region = RotatedRect { rect: Rect { x: 9.5, y: 7.0, w: 50.0, h: 33.0 }, angle_deg: 12.5 };
    for format in PixelFormat::ALL {
        let picture = Picture::noise(format, (81, 63), 3, 11);
        for channels in [Channels::Gray, Channels::Rgb] {
            let mut patch = Patch::default();
            Cutter::new().cut(&picture.view(), &region, &pose, channels, &mut patch).unwrap();
            for byte in patch.data {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3);
            }
        }
    }
    assert_eq!(hash, 0x17b49fe30233ed65);
}
