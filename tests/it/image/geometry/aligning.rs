//! Parts are found where they were put.

use ocellus::image::{
    AlignError, Aligner, Channels, FoundPart, Patch, Reach, Template, TemplateError, TemplateMatcher,
};
use ocellus::types::{PixelFormat, Planes, Point, Pose, Rect};
use proptest::prelude::*;

use super::scene::{Light, Part, about_middle};

const CLEAN: Light = Light { gain: 1.0, offset: 0.0, noise: 0.0, seed: 1 };
const REACH: Reach = Reach { search_px: 36, max_angle_deg: 6.0, min_score: 0.6 };

fn fiducials() -> [Rect; 3] {
    [(40.0, 36.0), (230.0, 41.5), (66.0, 150.25)].map(|(x, y)| Rect { x, y, w: 48.0, h: 48.0 })
}

/// How far the found pose is from the true one: at `at` of the recipe (px), and in degrees.
fn errors(found: &FoundPart, truth: &Pose, at: (f64, f64)) -> (f64, f64) {
    let place = |pose: &Pose| {
        let (sin, cos) = f64::from(pose.angle_rad).sin_cos();
        (cos * at.0 - sin * at.1 + f64::from(pose.dx), sin * at.0 + cos * at.1 + f64::from(pose.dy))
    };
    let (a, b) = (place(&found.pose), place(truth));
    let turn = f64::from(found.pose.angle_rad - truth.angle_rad).to_degrees();
    ((a.0 - b.0).hypot(a.1 - b.1), turn.abs())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]
    #[test]
    fn a_shifted_and_turned_part_is_found_to_a_tenth_of_a_px_and_a_twentieth_of_a_degree(
        (dx, dy) in (-12f64..12.0, -12f64..12.0),
        angle in -6f64..6.0,
        (gain, offset) in (0.6f64..1.1, -10f64..20.0),
        seed: u64,
    ) {
        let part = Part::usual();
        let master = part.picture(PixelFormat::Gray8, &Pose::default(), Light { noise: 1.0, ..CLEAN });
        let mut aligner = Aligner::new(&master.view(), &fiducials(), REACH).unwrap();
        let truth = about_middle(part, dx, dy, angle);
        let frame = part.picture(PixelFormat::Nv12, &truth, Light { gain, offset, noise: 2.0, seed });
        let found = aligner.find(&frame.view()).unwrap();
        let (px, degrees) = errors(&found, &truth, (160.0, 120.0));
        if std::env::var_os("OCELLUS_SHOW").is_some() {
            println!("three: {px:.4} px {degrees:.4} degrees residual {:.3} score {:.3}", found.residual_px, found.score);
        }
        prop_assert!(px < 0.1 && degrees < 0.05, "{px} px, {degrees} degrees: {found:?}");
        prop_assert!(found.residual_px < 0.2 && found.score > 0.9, "{found:?}");
    }

    #[test]
    fn one_fiducial_gives_shift_and_turn(
        (dx, dy) in (-12f64..12.0, -12f64..12.0),
        angle in -6f64..6.0,
        seed: u64,
    ) {
        let part = Part::usual();
        let master = part.picture(PixelFormat::Gray8, &Pose::default(), CLEAN);
        let fiducial = Rect { x: 120.0, y: 80.0, w: 96.0, h: 80.0 };
        let mut aligner = Aligner::new(&master.view(), &[fiducial], REACH).unwrap();
        let truth = about_middle(part, dx, dy, angle);
        let frame = part.picture(PixelFormat::Gray8, &truth, Light { noise: 2.0, seed, ..CLEAN });
        let found = aligner.find(&frame.view()).unwrap();
        let (px, degrees) = errors(&found, &truth, (168.0, 120.0));
        if std::env::var_os("OCELLUS_SHOW").is_some() {
            println!("one: {px:.4} px {degrees:.4} degrees score {:.3}", found.score);
        }
        prop_assert!(px < 0.1 && degrees < 0.05, "{px} px, {degrees} degrees: {found:?}");
    }

    #[test]
    fn a_shift_alone_is_found_below_a_pixel((dx, dy) in (-30f64..30.0, -30f64..30.0), seed: u64) {
        let part = Part::usual();
        let master = part.picture(PixelFormat::Gray8, &Pose::default(), CLEAN);
        let reach = Reach { max_angle_deg: 0.0, ..REACH };
        let fiducial = Rect { x: 130.0, y: 90.0, w: 40.0, h: 33.0 };
        let mut aligner = Aligner::new(&master.view(), &[fiducial], reach).unwrap();
        let truth = about_middle(part, dx, dy, 0.0);
        let frame = part.picture(PixelFormat::I420, &truth, Light { noise: 2.0, seed, ..CLEAN });
        let found = aligner.find(&frame.view()).unwrap();
        let (px, degrees) = errors(&found, &truth, (150.0, 106.0));
        if std::env::var_os("OCELLUS_SHOW").is_some() {
            println!("shift: {px:.4} px score {:.3}", found.score);
        }
        prop_assert!(px < 0.1 && degrees == 0.0, "{px} px: {found:?}");
    }
}

#[test]
fn every_format_gives_the_same_pose() {
    let part = Part::usual();
    let master = part.picture(PixelFormat::Rgb, &Pose::default(), CLEAN);
    let truth = about_middle(part, 5.3, -7.8, 2.2);
    for format in PixelFormat::ALL {
        let mut aligner = Aligner::new(&master.view(), &fiducials(), REACH).unwrap();
        let frame = part.picture(format, &truth, Light { gain: 0.8, offset: 16.0, noise: 1.0, seed: 3 });
        let found = aligner.find(&frame.view()).unwrap();
        let (px, degrees) = errors(&found, &truth, (160.0, 120.0));
        assert!(px < 0.1 && degrees < 0.05, "{format:?}: {px} px, {degrees} degrees");
    }
}

#[test]
fn the_master_itself_lies_where_it_lies() {
    let part = Part::usual();
    let master = part.picture(PixelFormat::Gray8, &Pose::default(), CLEAN);
    let found = Aligner::new(&master.view(), &fiducials(), REACH).unwrap().find(&master.view()).unwrap();
    assert!(found.score > 0.999 && found.residual_px < 0.01, "{found:?}");
    assert!(
        found.pose.dx.abs().max(found.pose.dy.abs()) < 0.01 && found.pose.angle_rad.abs() < 1e-4,
        "{found:?}"
    );
}

/// The frame seen in a mirror.
fn mirrored(planes: &Planes<'_>) -> Patch {
    let mut patch = Patch::new(planes.width, planes.height, Channels::Gray);
    for (y, row) in patch.data.chunks_exact_mut(planes.width).enumerate() {
        row.copy_from_slice(&planes.data[0][y * planes.stride[0]..][..planes.width]);
        row.reverse();
    }
    patch
}

#[test]
fn what_is_not_the_part_where_it_may_be_is_not_found() {
    let part = Part::usual();
    let master = part.picture(PixelFormat::Gray8, &Pose::default(), CLEAN);
    let mut aligner = Aligner::new(&master.view(), &fiducials(), REACH).unwrap();
    let mirror = mirrored(&master.view());
    assert!(aligner.find(&mirror.planes()).is_err());
    let far = part.picture(PixelFormat::Gray8, &about_middle(part, 80.0, 0.0, 0.0), CLEAN);
    assert!(matches!(
        aligner.find(&far.view()),
        Err(AlignError::NotFound { .. } | AlignError::Residual { .. })
    ));
    let turned = part.picture(PixelFormat::Gray8, &about_middle(part, 0.0, 0.0, 25.0), CLEAN);
    assert!(aligner.find(&turned.view()).is_err());
    let empty = Patch::new(321, 241, Channels::Gray);
    let error = aligner.find(&empty.planes()).unwrap_err();
    assert!(error.to_string().contains("fiducial 1 not found: its best match scores 0.00"), "{error}");
}

#[test]
fn fiducials_that_moved_apart_do_not_fit_together() {
    let part = Part::usual();
    let master = part.picture(PixelFormat::Gray8, &Pose::default(), CLEAN);
    let mut aligner = Aligner::new(&master.view(), &fiducials(), REACH).unwrap();
    // The right half slid downwards by 12 px.
    let mut broken = mirrored(&master.view());
    for y in 0..241 {
        let from = y.max(12) - 12;
        let row = &master.planes[0][y * 326..];
        let moved = &master.planes[0][from * 326..];
        broken.data[y * 321..][..190].copy_from_slice(&row[..190]);
        broken.data[y * 321 + 190..][..131].copy_from_slice(&moved[190..321]);
    }
    let error = aligner.find(&broken.planes()).unwrap_err();
    assert!(matches!(error, AlignError::Residual { residual_px, .. } if residual_px > 3.0), "{error}");
}

#[test]
fn fiducials_that_cannot_serve_are_refused_by_their_number() {
    let part = Part::usual();
    let master = part.picture(PixelFormat::Gray8, &Pose::default(), CLEAN);
    let view = master.view();
    let new = |rects: &[Rect], reach| Aligner::new(&view, rects, reach).map(|_| ()).unwrap_err();
    assert!(matches!(new(&[], REACH), AlignError::NoFiducials));
    let outside = Rect { x: 300.0, ..fiducials()[0] };
    assert!(matches!(new(&[fiducials()[0], outside], REACH), AlignError::Outside { fiducial: 2, .. }));
    let tiny = Rect { w: 4.0, ..fiducials()[0] };
    let error = new(&[tiny], REACH);
    assert!(error.to_string().starts_with("fiducial 1: a template of 4x48 px"), "{error}");
    let wild = Reach { max_angle_deg: f32::NAN, ..REACH };
    assert!(matches!(new(&fiducials(), wild), AlignError::Search(TemplateError::Reach { .. })));
    let flat = Patch::new(321, 241, Channels::Gray);
    let error = Aligner::new(&flat.planes(), &fiducials(), REACH).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("no texture"), "{error}");
}

#[test]
fn the_best_score_is_that_of_an_exhaustive_search() {
    let part = Part::usual();
    let master = part.picture(PixelFormat::Gray8, &Pose::default(), CLEAN);
    let frame =
        part.picture(PixelFormat::Gray8, &about_middle(part, 9.0, -6.0, 0.0), Light { noise: 6.0, ..CLEAN });
    let view = master.view();
    let (x, y, w, h) = (100, 60, 29, 37);
    let mut patch = Patch::new(w, h, Channels::Gray);
    for (j, row) in patch.data.chunks_exact_mut(w).enumerate() {
        row.copy_from_slice(&view.data[0][(y + j) * view.stride[0] + x..][..w]);
    }
    let template = Template::new(&patch).unwrap();
    let around = Point { x: x as f32 + w as f32 / 2.0, y: y as f32 + h as f32 / 2.0 };
    let found = TemplateMatcher::new().find(&frame.view(), &template, around, 12, 0.0).unwrap();
    let grey = |x: usize, y: usize| f64::from(frame.planes[0][y * (321 + frame.padding) + x]);
    let score = |dx: isize, dy: isize| {
        let pairs: Vec<(f64, f64)> = (0..w * h)
            .map(|k| {
                let (i, j) = (k % w, k / w);
                let (fx, fy) = ((x + i) as isize + dx, (y + j) as isize + dy);
                (f64::from(patch.row(j)[i]), grey(fx as usize, fy as usize))
            })
            .collect();
        let n = pairs.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
        let (ma, mb) = (mean(|p| p.0), mean(|p| p.1));
        let sum = |f: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(f).sum::<f64>();
        sum(&|p| (p.0 - ma) * (p.1 - mb))
            / (sum(&|p| (p.0 - ma).powi(2)) * sum(&|p| (p.1 - mb).powi(2))).sqrt()
    };
    let all = (-12..=12).flat_map(|dy| (-12..=12).map(move |dx| (dx, dy)));
    let (best, at) =
        all.map(|(dx, dy)| (score(dx, dy), (dx, dy))).max_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
    assert_eq!(at, (9, -6));
    assert!((f64::from(found.score) - best).abs() < 0.02, "{found:?}, exhaustive {best}");
    assert!(
        (found.centre.x - around.x - 9.0).abs() < 0.1 && (found.centre.y - around.y + 6.0).abs() < 0.1,
        "{found:?}"
    );
}

#[test]
fn nothing_is_found_beyond_the_reach_though_scores_grow_towards_it() {
    const SIDE: usize = 480;
    // One broad hill: the nearer to its top, the better the match, from far away.
    let hill = |x: usize, y: usize| {
        let (u, v) = (x as f64 - 300.0, y as f64 - 240.0);
        (30.0 + 200.0 * (-(u * u + v * v) / 20_000.0).exp()) as u8
    };
    let bytes: Vec<u8> = (0..SIDE * SIDE).map(|i| hill(i % SIDE, i / SIDE)).collect();
    let planes = Planes::packed(PixelFormat::Gray8, SIDE, SIDE, &bytes).unwrap();
    let (mut cutter, mut patch) = (ocellus::image::Cutter::new(), Patch::default());
    let region = ocellus::image::RotatedRect::upright(Rect { x: 204.0, y: 144.0, w: 192.0, h: 192.0 });
    cutter.cut(&planes, &region, &Pose::default(), Channels::Gray, &mut patch).unwrap();
    let template = Template::new(&patch).unwrap();
    // The top is 80 px away, 24 are allowed.
    for angle in [0.0, 10.0] {
        let found =
            TemplateMatcher::new().find(&planes, &template, Point { x: 220.0, y: 240.0 }, 24, angle).unwrap();
        assert!((found.centre.x - 220.0).abs() <= 27.0, "{found:?}");
        assert!((found.centre.y - 240.0).abs() <= 27.0, "{found:?}");
    }
}
