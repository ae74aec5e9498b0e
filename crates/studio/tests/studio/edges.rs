//! Cutting out: the model's regions on the shared pictures, and halos on composites whose alpha is known.

use ocellus_engine::Task;
use ocellus_studio::{
    Background, Collected, ComposeOptions, CutoutOptions, Foreground, Light, Picture, Segmenter, StudioError,
    Subject, Watch, compose, cutout,
};

use crate::support::{engine, load, real, scenery};

/// IoU of what is more than half opaque with the shared mask, whose border (255) does not count.
fn iou(picture: &Picture, mask: &[u8]) -> f64 {
    let (mut both, mut either) = (0, 0);
    for (alpha, truth) in picture.alpha.as_ref().unwrap().iter().zip(mask).filter(|(_, truth)| **truth != 255)
    {
        both += u32::from(*alpha > 127 && *truth > 0);
        either += u32::from(*alpha > 127 || *truth > 0);
    }
    f64::from(both) / f64::from(either)
}

#[test]
fn the_bird_is_cut_out_as_well_as_its_model_finds_it() {
    let needs = [
        "images/segmentation",
        "models/selfie_segmenter.tflite",
        "models/deeplabv3_257_float.tflite",
        "models/deeplabv3_mnv2_dm05_pascal_quant.tflite",
    ];
    let Some((runtime, root)) = real(&needs) else { return };
    let bird = load(&root.join("images/segmentation/bird_segmentation.bmp"));
    let mask = image::open(root.join("images/segmentation/bird_segmentation_mask.bmp")).unwrap();
    let mask = palette_indices(&mask.to_rgb8().into_raw());
    for (name, least) in [
        ("selfie_segmenter", 0.86),
        ("deeplabv3_257_float", 0.86),
        ("deeplabv3_mnv2_dm05_pascal_quant", 0.815),
    ] {
        let model =
            engine::load(&runtime, &root.join(format!("models/{name}.tflite")), engine::card(Task::Segment));
        let found = Segmenter::new(&model, Subject::All).unwrap().find(&bird).unwrap();
        let of = |options: CutoutOptions| {
            iou(&cutout(bird.clone(), &found, &options, &Watch::none()).unwrap(), &mask)
        };
        let plain = of(CutoutOptions { rounds: 0, unmix: false, ..CutoutOptions::default() });
        let refined = of(CutoutOptions::default());
        println!("{name}: {plain:.4} by the model, {refined:.4} refined");
        assert!(refined >= least, "{name}: {plain:.4} by the model, {refined:.4} refined");
    }
}

/// The mask's colours as what they stand for: 0 background, 255 border, else a class.
fn palette_indices(rgb: &[u8]) -> Vec<u8> {
    rgb.chunks_exact(3)
        .map(|pixel| match pixel {
            [0, 0, 0] => 0,
            [255, 255, 255] => 255,
            _ => 1,
        })
        .collect()
}

/// A foreground of known alpha over a background, mixed in linear light.
struct Synthetic {
    name: &'static str,
    front: Picture,
    alpha: Vec<f32>,
    mixed: Picture,
}

const SIDE: usize = 240;

fn synthetics() -> Vec<Synthetic> {
    let centre = SIDE as f32 / 2.0;
    let polar = |px: usize| {
        let (x, y) = ((px % SIDE) as f32 + 0.5 - centre, (px / SIDE) as f32 + 0.5 - centre);
        ((x * x + y * y).sqrt(), y.atan2(x))
    };
    let soft = |distance: f32, width: f32| (0.5 - distance / width).clamp(0.0, 1.0);
    type Shape<'a> = &'a dyn Fn(usize) -> f32;
    let disc: Shape = &|px| soft(polar(px).0 - 70.0, 3.0);
    let blurred: Shape = &|px| soft(polar(px).0 - 65.0, 12.0);
    let lobes: Shape = &|px| {
        let (radius, angle) = polar(px);
        soft(radius - 62.0 - 14.0 * (5.0 * angle).sin() - 5.0 * (17.0 * angle).cos(), 5.0)
    };
    let hair: Shape = &|px| {
        let (radius, angle) = polar(px);
        let strands = (0.5 + 0.5 * (60.0 * angle + radius * 0.1).sin()) * soft(radius - 78.0, 8.0);
        soft(radius - 60.0, 3.0).max(0.8 * strands)
    };
    let plain = |colour: [u8; 3]| Picture::opaque(SIDE, SIDE, colour.repeat(SIDE * SIDE)).unwrap();
    let noisy = |colour: [u8; 3], amount: u32, seed: u64| {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as u32 % (2 * amount + 1)
        };
        let data = (0..SIDE * SIDE * 3)
            .map(|n| (u32::from(colour[n % 3]) + next()).saturating_sub(amount).min(255) as u8);
        Picture::opaque(SIDE, SIDE, data.collect()).unwrap()
    };
    let tinted = |seed, add: [i32; 3], divide: i32| {
        let mut picture = scenery(SIDE, SIDE, seed);
        for pixel in picture.colour.data.chunks_exact_mut(3) {
            for c in 0..3 {
                pixel[c] = (i32::from(pixel[c]) / divide + add[c]).clamp(0, 255) as u8;
            }
        }
        picture
    };
    let sets: [(&'static str, Shape, Picture, Picture); 7] = [
        ("a plain disc on green", disc, plain([180, 60, 40]), plain([30, 150, 60])),
        ("a dark disc on a bright wall", disc, noisy([50, 45, 60], 12, 1), noisy([215, 210, 190], 12, 2)),
        ("a blurred disc", blurred, noisy([200, 170, 150], 10, 3), tinted(4, [10, 20, 60], 4)),
        ("lobes on scenery", lobes, tinted(1, [150, 60, 20], 4), tinted(5, [0, 40, 110], 4)),
        ("lobes, colours alike", lobes, noisy([150, 120, 100], 8, 5), noisy([95, 100, 120], 8, 6)),
        ("hair on grey", hair, noisy([60, 35, 25], 8, 7), noisy([170, 175, 180], 6, 8)),
        ("hair on a gradient", hair, tinted(2, [160, 120, 60], 6), tinted(6, [20, 60, 40], 5)),
    ];
    let light = Light::new();
    sets.into_iter()
        .map(|(name, shape, front, back)| {
            let alpha: Vec<f32> = (0..SIDE * SIDE).map(shape).collect();
            let mixed = mixed(&light, &alpha, &front, &back);
            Synthetic { name, front, alpha, mixed }
        })
        .collect()
}

fn mixed(light: &Light, alpha: &[f32], front: &Picture, back: &Picture) -> Picture {
    let values = front.colour.data.iter().zip(&back.colour.data).enumerate();
    let data = values.map(|(n, (front, back))| {
        let (front, back) = (light.decode(*front), light.decode(*back));
        light.encode(back + alpha[n / 3] * (front - back))
    });
    Picture::opaque(SIDE, SIDE, data.collect()).unwrap()
}

/// What a model of stride 8 would find of this alpha: means of cells, enlarged to its output, and made a class map.
fn coarse(alpha: &[f32], shift: usize) -> Foreground {
    const CELLS: usize = 30;
    const MAP: usize = 120;
    let cell = SIDE / CELLS;
    let mean = |n: usize| {
        let (x, y) = (n % CELLS * cell, n / CELLS * cell);
        let sum: f32 = (0..cell * cell)
            .map(|at| {
                let (x, y) = ((x + at % cell + shift).min(SIDE - 1), (y + at / cell).min(SIDE - 1));
                alpha[y * SIDE + x]
            })
            .sum();
        sum / (cell * cell) as f32
    };
    let cells: Vec<f32> = (0..CELLS * CELLS).map(mean).collect();
    let at = |n: usize| {
        let position =
            |i: usize| ((i as f32 + 0.5) * CELLS as f32 / MAP as f32 - 0.5).clamp(0.0, (CELLS - 1) as f32);
        let (x, y) = (position(n % MAP), position(n / MAP));
        let (left, top) = (x as usize, y as usize);
        let (right, bottom) = ((left + 1).min(CELLS - 1), (top + 1).min(CELLS - 1));
        let line = |row: usize| {
            cells[row * CELLS + left] + (cells[row * CELLS + right] - cells[row * CELLS + left]) * x.fract()
        };
        let value = line(top) + (line(bottom) - line(top)) * y.fract();
        if value > 0.5 { 255 } else { 0 }
    };
    Foreground::new(MAP, MAP, (0..MAP * MAP).map(at).collect()).unwrap()
}

/// The mean difference of colours within `reach` px of what is half transparent.
fn rim_error(alpha: &[f32], a: &Picture, b: &Picture, reach: usize) -> f64 {
    let is_mixed = |px: usize| alpha[px] > 0.02 && alpha[px] < 0.98;
    let (mut sum, mut count) = (0u64, 0u64);
    for px in 0..SIDE * SIDE {
        let (x, y) = (px % SIDE, px / SIDE);
        let near = (y.saturating_sub(reach)..(y + reach + 1).min(SIDE))
            .any(|y| (x.saturating_sub(reach)..(x + reach + 1).min(SIDE)).any(|x| is_mixed(y * SIDE + x)));
        if near {
            let (a, b) = (&a.colour.data[px * 3..][..3], &b.colour.data[px * 3..][..3]);
            sum += a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>();
            count += 3;
        }
    }
    sum as f64 / count as f64
}

fn on(picture: &Picture, background: &Background<'_>) -> Picture {
    let mut sink = Collected::new(picture.width(), 3);
    compose(picture, background, &ComposeOptions::default(), &Watch::none(), &mut sink).unwrap();
    sink.into_picture().unwrap()
}

#[test]
fn halos_are_at_most_half_of_what_the_models_edge_leaves() {
    let light = Light::new();
    let mut worst = 0.0f64;
    for Synthetic { name, front, alpha, mixed: seen } in synthetics() {
        for shift in [0, 4] {
            let found = coarse(&alpha, shift);
            let plain = CutoutOptions { rounds: 0, unmix: false, ..CutoutOptions::default() };
            let cut = |options| cutout(seen.clone(), &found, options, &Watch::none()).unwrap();
            let (unrefined, refined) = (cut(&plain), cut(&CutoutOptions::default()));
            let white = Picture::opaque(SIDE, SIDE, vec![255; SIDE * SIDE * 3]).unwrap();
            let truth = mixed(&light, &alpha, &front, &white);
            let error = |picture: &Picture| rim_error(&alpha, &on(picture, &Background::White), &truth, 2);
            let (before, after) = (error(&unrefined), error(&refined));
            println!("{name}, moved by {shift} px: {before:.2} unrefined, {after:.2} refined");
            worst = worst.max(after / before);
        }
    }
    assert!(worst <= 0.5, "at worst {worst:.2} of what the model's edge leaves");
}

#[test]
fn the_number_of_workers_changes_nothing_and_a_cutout_can_be_cancelled() {
    let Synthetic { alpha, mixed: seen, .. } = synthetics().remove(3);
    let found = coarse(&alpha, 0);
    let cut = |workers, watch: &Watch<'_>| {
        cutout(seen.clone(), &found, &CutoutOptions { workers, ..CutoutOptions::default() }, watch)
    };
    let one = cut(1, &Watch::none()).unwrap();
    assert!(one == cut(3, &Watch::none()).unwrap());
    let error = cut(2, &Watch::new(&|| true, &|_| {})).unwrap_err();
    assert!(matches!(error, StudioError::Cancelled), "{error}");
}

#[test]
fn options_out_of_range_and_an_empty_foreground_are_refused() {
    let picture = scenery(20, 20, 1);
    let nothing = Foreground::new(2, 2, vec![0; 4]).unwrap();
    let something = Foreground::new(2, 2, vec![255, 0, 0, 0]).unwrap();
    let with = |found, options: CutoutOptions| {
        cutout(picture.clone(), found, &options, &Watch::none()).unwrap_err().to_string()
    };
    assert!(with(&nothing, CutoutOptions::default()).contains("nothing in the foreground"));
    let usual = CutoutOptions::default;
    for (options, word) in [
        (CutoutOptions { radius: Some(129), ..usual() }, "1 to 128"),
        (CutoutOptions { epsilon: f32::NAN, ..usual() }, "1e-6"),
        (CutoutOptions { rounds: 5, ..usual() }, "0 to 4"),
        (CutoutOptions { workers: 0, ..usual() }, "at least 1"),
        (CutoutOptions { min_share: -1.0, ..usual() }, "0 to 1"),
    ] {
        let error = with(&something, options);
        assert!(error.contains(word), "{error}");
    }
}
