//! Tests a scene's truth against its own pixels.

use std::collections::{HashMap, HashSet};

use super::*;
use crate::belt::SHIFT_PX;
use crate::{PartDefect, Shape};
use ocellus_image::Rect;

const OPTIONS: SceneOptions = SceneOptions { seed: 11, width: 640, height: 480, fps: 30, line: None };

fn scene() -> Scene {
    Scene::new(OPTIONS).unwrap()
}

fn painted(scene: &mut Scene, n: u64) -> Vec<u8> {
    let mut frame = vec![0; scene.frame_bytes()];
    scene.paint(n, &mut frame);
    frame
}

/// The same frame without any parts.
fn empty(scene: &mut Scene, n: u64) -> Vec<u8> {
    let mut frame = vec![0; scene.frame_bytes()];
    let pixels = (scene.options.width * scene.options.height) as usize;
    let (luma, chroma) = frame.split_at_mut(pixels);
    scene.backdrop.paint(scene.belt.travelled(n), luma, chroma);
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

/// The shipped detector was trained on these images, so they must never change.
#[test]
fn the_conveyor_of_two_lanes_is_what_it_was_when_its_detector_was_trained() {
    let of = |seed, width, height, fps, n| {
        let mut scene = Scene::new(SceneOptions { seed, width, height, fps, line: None }).unwrap();
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
            // A part that has just left still casts its shadow into the frame.
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
        for place in scene.belt.places(n) {
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

/// The random properties of many parts, without painting them.
fn many_parts() -> Vec<BeltPart> {
    (0..4000).filter_map(|id| BeltPart::roll(5, id, 1.0, SHIFT_PX)).collect()
}

#[test]
fn about_a_third_of_the_parts_is_flawed_in_every_way_that_there_is() {
    let parts = many_parts();
    assert!((3300..3600).contains(&parts.len()), "{}", parts.len());
    let mut kinds: HashMap<PartDefect, usize> = HashMap::new();
    for flaw in parts.iter().filter_map(|part| part.flaw.as_ref()) {
        *kinds.entry(flaw.kind()).or_default() += 1;
    }
    let flawed: usize = kinds.values().sum();
    assert!((0.28..0.36).contains(&(flawed as f32 / parts.len() as f32)), "{flawed}");
    assert!(PartDefect::ALL.iter().all(|kind| kinds.get(kind).is_some_and(|&n| n > 40)), "{kinds:?}");
    for shape in Shape::ALL {
        let share = parts.iter().filter(|part| part.shape == shape).count() as f32 / parts.len() as f32;
        assert!((0.22..0.28).contains(&share), "{shape:?} {share}");
    }
}

#[test]
fn no_part_reaches_farther_than_its_sprite_has_space_for() {
    assert!(many_parts().iter().all(|part| part.body.outline.reach() <= REACH_PX));
}

#[test]
fn a_flaw_changes_pixels_inside_its_rectangle_and_nowhere_far_from_it() {
    let mut painter = SpritePainter::new(REACH_PX, 1.0);
    let (mut flawed, mut sound) = (painter.blank(), painter.blank());
    for part in many_parts().iter().filter(|part| part.flaw.is_some()).take(150) {
        painter.draw(part, &mut flawed);
        let label =
            part.label.map(|label| crate::part::PrintLabel { centre: [0.0; 2], along: [1.0, 0.0], ..label });
        let twin = BeltPart { flaw: None, body: part.sound.clone(), label, ..part.clone() };
        painter.draw(&twin, &mut sound);
        let (kind, [x0, y0, x1, y1]) = flawed.flaw.unwrap();
        assert!(x1 - x0 >= 20 && y1 - y0 >= 20, "{kind:?}");
        // A new edge has its bevel and its shadow; a label that moved changes its old place too.
        let around = if kind == PartDefect::Misprint { 30 } else { 13 };
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
    let at = |fps: u32, n: u64| Scene::new(SceneOptions { fps, ..OPTIONS }).unwrap().belt.travelled(n);
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

/// A scene with a line; small, because most of its tests are about positions.
fn line(shape: Shape, fps: u32) -> Scene {
    let options = SceneOptions { seed: 3, width: 320, height: 240, fps, line: Some(shape) };
    Scene::new(options).unwrap()
}

/// The random properties of many parts of a line.
fn line_parts(seed: u64, shape: Shape) -> Vec<BeltPart> {
    let belt = Belt::new(&SceneOptions { seed, line: Some(shape), ..OPTIONS });
    (0..3000).filter_map(|id| belt.part(id)).collect()
}

#[test]
fn a_line_makes_one_product_almost_upright_and_about_a_quarter_of_it_is_flawed() {
    for (seed, shape) in [(1, Shape::Plate), (2, Shape::Washer), (3, Shape::Gear), (4, Shape::Bracket)] {
        let parts = line_parts(seed, shape);
        let first = &parts[0];
        let print = |part: &BeltPart| part.label.filter(|_| part.flaw.is_none()).map(|label| label.bars);
        for part in &parts {
            assert_eq!((part.shape, part.colour), (shape, first.colour));
            assert_eq!(format!("{:?}", part.sound), format!("{:?}", first.sound));
            assert!(part.along[0] > 0.999_38, "turned by more than two degrees: {:?}", part.along);
            assert!(part.shift[0].abs() <= 20 && part.shift[1].abs() <= 6, "{:?}", part.shift);
            assert!(part.flaw.is_some() || print(part) == first.label.map(|label| label.bars));
        }
        let grains: HashSet<u32> = parts.iter().map(|part| part.grain).collect();
        assert!(grains.len() > parts.len() - 5, "every surface is its own");
        let flawed = parts.iter().filter(|part| part.flaw.is_some()).count() as f32 / parts.len() as f32;
        assert!((0.25..0.32).contains(&flawed), "{shape:?}: {flawed}");
        let kinds: HashSet<PartDefect> =
            parts.iter().filter_map(|part| Some(part.flaw.as_ref()?.kind())).collect();
        assert_eq!(kinds.len(), if shape == Shape::Plate { 5 } else { 4 });
    }
    let of = |seed| format!("{:?}", line_parts(seed, Shape::Plate)[0].sound);
    assert_ne!(of(1), of(2), "another seed, another product");
}

#[test]
fn every_flaw_of_a_line_is_to_be_seen() {
    let mut painter = SpritePainter::new(REACH_PX, 1.0);
    let mut sprite = painter.blank();
    for shape in Shape::ALL {
        for part in line_parts(5, shape).iter().filter(|part| part.flaw.is_some()).take(100) {
            painter.draw(part, &mut sprite);
            let kind = part.flaw.as_ref().map(|flaw| flaw.kind());
            assert_eq!(sprite.flaw.map(|(kind, _)| kind), kind, "{shape:?}");
        }
    }
}

#[test]
fn one_part_of_a_line_is_wholly_in_the_middle_when_it_passes() {
    let mut scene = Scene::new(SceneOptions { line: Some(Shape::Plate), ..OPTIONS }).unwrap();
    let mut passed = 0;
    for n in 0..900 {
        let Some(passage) = scene.passage(n) else { continue };
        let truth = scene.truth(n);
        let part = truth.iter().find(|part| part.part_id == passage.part_id).unwrap();
        assert_eq!((part.rect, part.visible), (passage.rect, 1.0));
        assert_eq!(part.defect.map(|defect| defect.kind), passage.defect);
        let middle = passage.rect.x + passage.rect.w / 2.0;
        // Allows half of the belt's travel in a frame, plus what a chip or a rotation takes off one side.
        assert!((middle - 320.0).abs() < 12.0, "{middle}");
        let third = |rect: Rect| rect.x < 640.0 * 2.0 / 3.0 && rect.x + rect.w > 640.0 / 3.0;
        assert_eq!(truth.iter().filter(|part| third(part.rect)).count(), 1, "frame {n}");
        passed += 1;
    }
    assert!(passed >= 12, "{passed}");
}

#[test]
fn a_line_depends_only_on_its_seed_too_and_the_conveyor_has_no_light_barrier() {
    let mut forwards = line(Shape::Gear, 30);
    let frames: Vec<u64> = (0..20).map(|n| digest(&painted(&mut forwards, n * 11))).collect();
    let mut backwards = line(Shape::Gear, 30);
    for n in (0..20).rev() {
        assert_eq!(digest(&painted(&mut backwards, n * 11)), frames[n as usize]);
    }
    let mut conveyor = scene();
    assert!((0..300).all(|n| conveyor.passage(n).is_none()));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(96))]

    #[test]
    fn every_part_that_crosses_passes_once_in_the_frame_nearest_to_the_middle(
        seed: u64,
        fps in 1u32..=1000,
        height in 32u32..=540,
        wide in 1u32..=8,
        shape in 0usize..4,
        first in proptest::prop_oneof![0u64..1, 0u64..100_000_000],
    ) {
        let (height, line) = (2 * height, Some(Shape::ALL[shape]));
        let width = (height * wide / 2).max(64);
        let belt = Belt::new(&SceneOptions { seed, width, height, fps, line });
        // About eight parts' time, but at least a few frames.
        let frames = first..first + u64::from(fps) * 16 + 8;
        let mut best: HashMap<u64, (i64, u64)> = HashMap::new();
        let mut crossed = HashSet::new();
        let mut passed: HashMap<u64, u64> = HashMap::new();
        for n in frames.clone() {
            for place in belt.places(n) {
                let Some(part) = belt.part(place.id) else { continue };
                let off = place.x + part.shift[0] - i64::from(width) / 2;
                let nearest = best.entry(place.id).or_insert((off.abs(), n));
                *nearest = (*nearest).min((off.abs(), n));
                // The part was seen on both sides of the light barrier, or on it.
                if off <= 0 { crossed.insert(place.id); }
            }
            if let Some((place, _)) = belt.crossing(n) {
                proptest::prop_assert_eq!(passed.insert(place.id, n), None, "twice");
            }
        }
        for (id, n) in &passed {
            proptest::prop_assert_eq!(best[id].1, *n, "part {}", id);
        }
        for id in crossed {
            let (_, n) = best[&id];
            // Its nearest frame may lie outside the range of frames that was searched.
            let inside = n > frames.start && n + u64::from(fps) < frames.end;
            proptest::prop_assert!(!inside || passed.get(&id) == Some(&n), "part {} at {}", id, n);
        }
        proptest::prop_assert!(!passed.is_empty());
    }
}
