//! What the scene promises, held against its own pixels.

use std::collections::{HashMap, HashSet};

use super::*;
use crate::types::Rect;

const OPTIONS: SceneOptions = SceneOptions { seed: 11, width: 640, height: 480, fps: 30 };

fn scene() -> Scene {
    Scene::new(OPTIONS).unwrap()
}

fn painted(scene: &mut Scene, n: u64) -> Vec<u8> {
    let mut frame = vec![0; scene.frame_bytes()];
    scene.paint(n, &mut frame);
    frame
}

/// The same frame without its parts.
fn empty(scene: &mut Scene, n: u64) -> Vec<u8> {
    let mut frame = vec![0; scene.frame_bytes()];
    let pixels = (scene.options.width * scene.options.height) as usize;
    let (luma, chroma) = frame.split_at_mut(pixels);
    scene.backdrop.paint(scene.travelled(n), luma, chroma);
    scene.light.apply(n, luma, chroma);
    frame
}

fn grown_by(rect: Rect, px: f32) -> Rect {
    Rect { x: rect.x - px, y: rect.y - px, w: rect.w + 2.0 * px, h: rect.h + 2.0 * px }
}

fn holds(rect: Rect, x: f32, y: f32) -> bool {
    x >= rect.x && y >= rect.y && x < rect.x + rect.w && y < rect.y + rect.h
}

/// FNV-1a, so that the digests below need no dependency and no standard library's own hash.
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, &b| (hash ^ u64::from(b)).wrapping_mul(0x100_0000_01B3))
}

#[test]
fn a_frame_depends_only_on_the_seed_and_its_number() {
    let mut forwards = scene();
    let frames: Vec<u64> = (0..40).map(|n| digest(&painted(&mut forwards, n * 7))).collect();
    let mut backwards = scene();
    for n in (0..40).rev() {
        assert_eq!(digest(&painted(&mut backwards, n * 7)), frames[n as usize], "frame {}", n * 7);
    }
    assert_eq!(frames.iter().collect::<HashSet<_>>().len(), 40, "every frame differs");
    let mut other = Scene::new(SceneOptions { seed: 12, ..OPTIONS }).unwrap();
    assert_ne!(digest(&painted(&mut other, 0)), frames[0]);
}

/// The detector that ships was trained on these pictures: they never change.
#[test]
fn the_conveyor_of_two_lanes_is_what_it_was_when_its_detector_was_trained() {
    let of = |seed, width, height, fps, n| {
        let mut scene = Scene::new(SceneOptions { seed, width, height, fps }).unwrap();
        let truth = format!("{:?}", scene.truth(n));
        [digest(&painted(&mut scene, n)), digest(truth.as_bytes())]
    };
    let seen = [of(1, 640, 480, 30, 0), of(7, 640, 480, 15, 901), of(11, 333, 241, 60, 1_000_003)];
    let then = [
        [0x1A8D_347B_E75E_B000, 0x12D9_4F25_2646_91F5],
        [0xCA6A_BD9D_0BA0_AC69, 0x5174_253E_24B4_836A],
        [0xDF9C_623D_21B5_9674, 0x8765_9883_A44A_8E12],
    ];
    assert_eq!(seen, then, "{seen:#X?}");
}

#[test]
fn outside_the_true_rectangles_and_their_shadows_there_is_only_the_belt() {
    let mut scene = scene();
    for n in [0, 95, 1_000_003] {
        let (with, without, truth) = (painted(&mut scene, n), empty(&mut scene, n), scene.truth(n));
        for (i, (a, b)) in with.iter().zip(&without).take(640 * 480).enumerate() {
            let (x, y) = ((i % 640) as f32 + 0.5, (i / 640) as f32 + 0.5);
            // A part that has just left still throws its shadow into the frame.
            let edge = !(12.0..628.0).contains(&x);
            if !edge && !truth.iter().any(|part| holds(grown_by(part.rect, 12.0), x, y)) {
                assert_eq!(a, b, "frame {n}, px {x} {y}");
            }
        }
    }
}

#[test]
fn every_side_of_a_true_rectangle_touches_its_part() {
    let mut scene = scene();
    let mut sides = 0;
    for n in (0..600).step_by(60) {
        for place in scene.places(n) {
            let Some((part, sprite, ..)) = scene.cached(place) else { continue };
            let [x0, y0, x1, y1] = sprite.bounds.map(|px| px as usize);
            let solid = |x: usize, y: usize| {
                let half = sprite.side as f32 / 2.0;
                let [px, py] = [x as f32 + 0.5 - half, y as f32 + 0.5 - half];
                let [cos, sin] = part.along;
                part.body.distance(cos * px + sin * py, cos * py - sin * px) <= 0.0
            };
            assert!((x0..x1).any(|x| solid(x, y0)) && (x0..x1).any(|x| solid(x, y1 - 1)), "{:?}", part.shape);
            assert!((y0..y1).any(|y| solid(x0, y)) && (y0..y1).any(|y| solid(x1 - 1, y)), "{:?}", part.shape);
            assert!((0..sprite.side).all(|x| !solid(x, y0 - 1) && !solid(x, y1)), "{:?}", part.shape);
            sides += 4;
        }
    }
    assert!(sides > 200, "{sides}");
}

#[test]
fn parts_never_overlap_and_keep_their_number_and_shape_while_they_pass() {
    let mut scene = scene();
    let mut shapes = HashMap::new();
    let mut last_x: HashMap<u64, f32> = HashMap::new();
    for n in 0..400 {
        let truth = scene.truth(n);
        let ids: HashSet<u64> = truth.iter().map(|part| part.part_id).collect();
        assert_eq!(ids.len(), truth.len(), "one truth a part in frame {n}");
        for (i, part) in truth.iter().enumerate() {
            assert_eq!(*shapes.entry(part.part_id).or_insert(part.shape), part.shape);
            let right = part.rect.x + part.rect.w;
            assert!(
                last_x.insert(part.part_id, right).is_none_or(|before| right >= before),
                "it runs rightwards"
            );
            for other in &truth[i + 1..] {
                assert_eq!(part.rect.iou(other.rect), 0.0, "frame {n}: {part:?} {other:?}");
            }
        }
    }
    assert!(shapes.len() > 20, "{}", shapes.len());
}

/// The rolls of many parts, without painting them.
fn many_parts() -> Vec<Part> {
    (0..4000).filter_map(|id| Part::roll(5, id, 1.0, SHIFT_PX)).collect()
}

#[test]
fn about_a_third_of_the_parts_is_flawed_in_every_way_that_there_is() {
    let parts = many_parts();
    assert!((3300..3600).contains(&parts.len()), "{}", parts.len());
    let mut kinds: HashMap<Defect, usize> = HashMap::new();
    for flaw in parts.iter().filter_map(|part| part.flaw.as_ref()) {
        *kinds.entry(flaw.kind()).or_default() += 1;
    }
    let flawed: usize = kinds.values().sum();
    assert!((0.28..0.36).contains(&(flawed as f32 / parts.len() as f32)), "{flawed}");
    assert!(Defect::ALL.iter().all(|kind| kinds.get(kind).is_some_and(|&n| n > 40)), "{kinds:?}");
    for shape in Shape::ALL {
        let share = parts.iter().filter(|part| part.shape == shape).count() as f32 / parts.len() as f32;
        assert!((0.22..0.28).contains(&share), "{shape:?} {share}");
    }
}

#[test]
fn no_part_reaches_farther_than_its_sprite_has_room_for() {
    assert!(many_parts().iter().all(|part| part.body.outline.reach() <= REACH_PX));
}

#[test]
fn a_flaw_changes_pixels_inside_its_rectangle_and_nowhere_far_from_it() {
    let mut easel = Easel::new(REACH_PX, 1.0);
    let (mut flawed, mut sound) = (easel.blank(), easel.blank());
    for part in many_parts().iter().filter(|part| part.flaw.is_some()).take(150) {
        easel.draw(part, &mut flawed);
        let label = part.label.map(|label| part::Label { centre: [0.0; 2], along: [1.0, 0.0], ..label });
        let twin = Part { flaw: None, body: part.sound.clone(), label, ..part.clone() };
        easel.draw(&twin, &mut sound);
        let (kind, [x0, y0, x1, y1]) = flawed.flaw.unwrap();
        assert!(x1 - x0 >= 20 && y1 - y0 >= 20, "{kind:?}");
        // An edge that is new has its bevel and its shadow; a label that moved leaves its old place.
        let around = if kind == Defect::Misprint { 30 } else { 13 };
        let mut inside = 0;
        for (i, (a, b)) in flawed.luma.iter().zip(&sound.luma).enumerate() {
            let (x, y) = ((i % flawed.side) as i32, (i / flawed.side) as i32);
            let differs = a != b || flawed.keep[i] != sound.keep[i];
            let near = (x0 - around..x1 + around).contains(&x) && (y0 - around..y1 + around).contains(&y);
            assert!(near || !differs, "{kind:?} at {x} {y}, outside {:?}", flawed.flaw);
            let half = (y / 2 * (flawed.side as i32 / 2) + x / 2) as usize;
            let hue = flawed.u[half].abs_diff(sound.u[half]).max(flawed.v[half].abs_diff(sound.v[half]));
            let shows = a.abs_diff(*b) > 20 || hue > 10;
            inside += usize::from(shows && (x0..x1).contains(&x) && (y0..y1).contains(&y));
        }
        assert!(inside >= 25, "{kind:?} of a {:?} shows in {inside} px", part.shape);
    }
}

#[test]
fn rectangles_are_clipped_to_the_frame_and_say_what_share_is_left() {
    let mut scene = scene();
    let mut cut = 0;
    for truth in (0..300).flat_map(|n| scene.truth(n)) {
        let rects =
            [Some((truth.rect, truth.visible)), truth.defect.map(|defect| (defect.rect, defect.visible))];
        for (rect, visible) in rects.into_iter().flatten() {
            assert_eq!(rect, rect.clipped(640.0, 480.0));
            assert!(visible > 0.0 && visible <= 1.0);
            let touches = rect.x == 0.0 || rect.x + rect.w == 640.0;
            assert!(touches || visible == 1.0, "{truth:?}");
            cut += usize::from(visible < 1.0);
        }
    }
    assert!(cut > 50, "{cut}");
}

#[test]
fn every_size_is_painted_odd_ones_too() {
    for (width, height) in [(64, 64), (65, 67), (333, 241), (1280, 720), (640, 1024), (2048, 512)] {
        let mut scene = Scene::new(SceneOptions { width, height, ..OPTIONS }).unwrap();
        let frame = painted(&mut scene, 77);
        let (w, h) = (width as usize, height as usize);
        assert_eq!(frame.len(), w * h + 2 * w.div_ceil(2) * h.div_ceil(2));
        assert!(!scene.truth(77).is_empty(), "{width} × {height}");
        assert!(frame[..w * h].iter().max() > Some(&90), "something is bright");
    }
}

#[test]
fn a_belt_keeps_its_speed_at_any_frame_rate_and_after_days() {
    let at = |fps: u32, n: u64| Scene::new(SceneOptions { fps, ..OPTIONS }).unwrap().travelled(n);
    assert_eq!(at(30, 300), at(60, 600));
    assert_eq!(at(30, 300), at(7, 70));
    let days = 30 * 3600 * 24 * 400;
    assert_eq!(at(30, days) * 300 / days, at(30, 300));
    assert!(!scene().truth(days).is_empty());
}

#[test]
fn sizes_and_rates_that_cannot_be_are_refused() {
    let of = |options: SceneOptions| Scene::new(options).err();
    let size = |width, height| of(SceneOptions { width, height, ..OPTIONS });
    assert_eq!(size(0, 480), Some(SceneError::Size { width: 0, height: 480 }));
    assert_eq!(size(2000, 400), Some(SceneError::Size { width: 2000, height: 400 }));
    assert_eq!(of(SceneOptions { fps: 0, ..OPTIONS }), Some(SceneError::Rate(0)));
}
