//! What the tests of this binary share.
#![allow(dead_code, reason = "shared with the benches, which use less of it")]

#[path = "../../../../tests/support/data.rs"]
pub mod data;
#[path = "../../../../tests/support/engine.rs"]
pub mod engine;

use std::path::Path;
use std::sync::Arc;

use ocellus_engine::{Model, Runtime, Task};
use ocellus_studio::{Collected, LIMITS, Picture, UpscaleOptions, Upscaler, Watch};

/// The model to use, with its reference pictures.
pub const EDSR: &str = "edsr_f32b5_full_qint8_x2_128";

/// What a test of EDSR takes.
pub const EDSR_DATA: &[&str] = &["models/studio/edsr_f32b5_full_qint8_x2_128.tflite", "models/studio/ref"];

/// A runtime that runs real models, and the folder of `needs`; `None` where one is not there.
pub fn real(needs: &[&str]) -> Option<(Runtime, std::path::PathBuf)> {
    let root = data::data(needs)?;
    Some((engine::runtimes().into_iter().next()?, root))
}

pub fn edsr(runtime: &Runtime, root: &Path) -> Arc<Model> {
    let path = root.join(format!("models/studio/{EDSR}.tflite"));
    engine::load(runtime, &path, engine::card(Task::Upscale))
}

pub fn load(path: &Path) -> Picture {
    Picture::load(path, &LIMITS).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The picture enlarged in memory.
pub fn enlarged(picture: &Picture, upscaler: Option<&mut Upscaler>, options: &UpscaleOptions) -> Picture {
    let mut sink = Collected::new(picture.width() * options.factor, picture.channels());
    ocellus_studio::upscale(picture, upscaler, options, &Watch::none(), &mut sink).unwrap();
    sink.into_picture().unwrap()
}

/// PSNR of luma (BT.601) in dB, two px of border left out: as in `figures.json`.
pub fn psnr(a: &Picture, b: &Picture) -> f64 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let luma = |picture: &Picture, x: usize, y: usize| {
        let pixel = &picture.colour.row(y)[x * 3..][..3];
        0.299 * f64::from(pixel[0]) + 0.587 * f64::from(pixel[1]) + 0.114 * f64::from(pixel[2])
    };
    let (mut sum, mut count) = (0.0, 0);
    for y in 2..a.height() - 2 {
        for x in 2..a.width() - 2 {
            sum += (luma(a, x, y) - luma(b, x, y)).powi(2);
            count += 1;
        }
    }
    // In the range of video, 16 to 235.
    let swing: f64 = 219.0 / 255.0;
    10.0 * (255.0f64 * 255.0 * f64::from(count) / (sum * swing * swing)).log10()
}

/// A picture of smooth colours with some detail, different for each seed.
pub fn scenery(width: usize, height: usize, seed: u32) -> Picture {
    let wave = |x: usize, y: usize, c: usize| {
        let (x, y, c) = (x as f32, y as f32, c as f32 + seed as f32);
        let (a, b) = (0.03 + 0.013 * (c % 3.0), 0.021 + 0.017 * (c % 2.0));
        (128.0 + 70.0 * (x * a + c).sin() + 50.0 * (y * b - x * 0.4 + c).cos()).clamp(0.0, 255.0) as u8
    };
    let pixels = (0..width * height * 3).map(|n| wave(n / 3 % width, n / 3 / width, n % 3));
    Picture::opaque(width, height, pixels.collect()).unwrap()
}
