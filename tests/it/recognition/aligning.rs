//! The crop: against the reference's own, in every format, large faces without aliases, and silence on the heap.

use ocellus::image::face::{FACE_SIDE, FaceCutter, KEEPSAKE_SIDE, inner};
use ocellus::types::{Channels, Patch, PixelFormat, Planes, Point};

use super::support::{data, packed, rgb, shots};
use crate::heap::requests;
use crate::support::picture::Picture;

fn crop(planes: &Planes<'_>, eyes: [Point; 2]) -> Patch {
    let mut out = Patch::default();
    FaceCutter::new().crop(planes, eyes, &mut out).unwrap();
    out
}

/// Mean and largest absolute difference, counts.
fn difference(a: &Patch, b: &Patch) -> (f64, u8) {
    assert_eq!((a.width, a.height, a.data.len()), (b.width, b.height, b.data.len()));
    let all: Vec<u8> = a.data.iter().zip(&b.data).map(|(a, b)| a.abs_diff(*b)).collect();
    (all.iter().map(|&d| f64::from(d)).sum::<f64>() / all.len() as f64, all.into_iter().max().unwrap())
}

#[test]
fn the_crops_are_those_of_the_reference() {
    let Some(data) = data() else { return };
    for shot in shots(&data) {
        let (mean, most) = difference(&crop(&rgb(&shot.path).planes(), shot.eyes), &shot.crop);
        println!("{}: mean difference {mean:.3}, most {most}", shot.path.display());
        // OpenCV rounds positions to 1/32 px; beside a hard edge that is some counts.
        assert!(mean < 0.6 && most < 40, "{}: mean difference {mean}, most {most}", shot.path.display());
    }
}

#[test]
fn every_format_shows_the_same_face() {
    let Some(data) = data() else { return };
    for shot in shots(&data).iter().step_by(4) {
        let picture = rgb(&shot.path);
        let wanted = crop(&picture.planes(), shot.eyes);
        for format in PixelFormat::ALL {
            let bytes = packed(&picture, format);
            let planes = Planes::packed(format, picture.width, picture.height, &bytes).unwrap();
            let found = crop(&planes, shot.eyes);
            if format == PixelFormat::Gray8 {
                assert!(found.data.chunks_exact(3).all(|px| px[0] == px[1] && px[1] == px[2]));
                continue;
            }
            let (mean, _) = difference(&found, &wanted);
            // Chroma of half the size and 8-bit rounding.
            let limit = if matches!(format, PixelFormat::Rgb | PixelFormat::Bgr | PixelFormat::Rgba) {
                0.0
            } else {
                2.0
            };
            assert!(mean <= limit, "{format:?}: mean difference {mean}");
        }
    }
}

#[test]
fn a_kept_crop_holds_the_models_crop_bit_for_bit() {
    let eyes = |scale: f32, turn: f32| {
        let (x, y) = (160.3, 120.7);
        [
            Point { x: x - scale * turn.cos(), y: y - scale * turn.sin() },
            Point { x: x + scale * turn.cos(), y: y + scale * turn.sin() },
        ]
    };
    for format in PixelFormat::ALL {
        let picture = Picture::noise(format, (321, 243), 3, 5);
        for (scale, turn) in [(8.7, 0.1), (17.619, 0.0), (20.0, -0.7), (41.3, 3.0), (150.0, 0.4)] {
            let eyes = eyes(scale, turn);
            let (mut kept, mut within) = (Patch::default(), Patch::default());
            FaceCutter::new().keepsake(&picture.view(), eyes, &mut kept).unwrap();
            assert_eq!((kept.width, kept.height), (KEEPSAKE_SIDE, KEEPSAKE_SIDE));
            assert!(inner(&kept, &mut within));
            assert_eq!(within, crop(&picture.view(), eyes), "{format:?}, {scale} px, turned by {turn}");
        }
    }
}

#[test]
fn a_face_that_is_larger_than_the_crop_does_not_alias() {
    // Stripes of one px, at eyes 8 times as far apart as in the crop: they must become grey.
    let (w, h) = (1600, 1200);
    let stripes: Vec<u8> =
        (0..h).flat_map(|y| (0..w).map(move |x| if (x + y) % 2 == 0 { 255 } else { 0 })).collect();
    let planes = Planes::packed(PixelFormat::Gray8, w, h, &stripes).unwrap();
    for turn in [0.0f32, 0.3] {
        let (dx, dy) = (141.0 * turn.cos(), 141.0 * turn.sin());
        let eyes = [Point { x: 800.0 - dx, y: 600.0 - dy }, Point { x: 800.0 + dx, y: 600.0 + dy }];
        let out = crop(&planes, eyes);
        assert!(out.data.iter().all(|v| (118..=138).contains(v)), "{:?}", out.data.iter().minmax());
    }
}

trait MinMax {
    fn minmax(self) -> (Option<u8>, Option<u8>);
}

impl<'a, I: Iterator<Item = &'a u8> + Clone> MinMax for I {
    fn minmax(self) -> (Option<u8>, Option<u8>) {
        (self.clone().min().copied(), self.max().copied())
    }
}

#[test]
fn beyond_the_picture_it_is_black() {
    for format in PixelFormat::ALL {
        let picture = Picture::flat(format, (64, 64), 200);
        let out = crop(&picture.view(), [Point { x: 2.0, y: 2.0 }, Point { x: 37.0, y: 2.0 }]);
        let corner = &out.data[..3];
        assert_eq!(corner, [0, 0, 0], "{format:?}");
        assert_ne!(&out.data[3 * (FACE_SIDE * 70 + 60)..][..3], [0, 0, 0], "{format:?}");
    }
}

#[test]
fn eyes_that_no_face_has_are_refused_with_their_numbers() {
    let picture = Patch::new(64, 64, Channels::Rgb);
    let at = |x, y| Point { x, y };
    for eyes in [[at(5.0, 5.0); 2], [at(f32::NAN, 5.0), at(9.0, 9.0)], [at(0.0, 0.0), at(1e9, 0.0)]] {
        let error = FaceCutter::new().crop(&picture.planes(), eyes, &mut Patch::default()).unwrap_err();
        assert!(error.to_string().contains("cannot be aligned"), "{error}");
    }
}

#[test]
fn after_the_first_face_nothing_is_allocated() {
    for format in PixelFormat::ALL {
        let picture = Picture::noise(format, (640, 480), 0, 3);
        let (mut cutter, mut out) = (FaceCutter::new(), Patch::default());
        let eyes = |i: f32| [Point { x: 300.0 - i, y: 200.0 }, Point { x: 300.0 + i, y: 210.0 }];
        cutter.crop(&picture.view(), eyes(100.0), &mut out).unwrap();
        let count = requests(|| {
            for i in 0..50 {
                cutter.crop(&picture.view(), eyes(10.0 + i as f32), &mut out).unwrap();
            }
        });
        assert_eq!(count, 0, "{format:?}");
    }
}
