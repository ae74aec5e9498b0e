//! Stub models for studio jobs, and a picture whose foreground one of them knows.

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};

use super::fixture::Fixture;

/// The section of a super-resolution model `slow` that takes `run_us` for each tile.
pub fn slow_model(fixture: &Fixture, run_us: u64) -> String {
    let text = format!(
        "run_us = {run_us}\n[[input]]\nname = \"tile\"\nshape = [1, 64, 64, 3]\ndtype = \"u8\"\nvalues = []\n\
         [[output]]\nname = \"large\"\nshape = [1, 128, 128, 3]\ndtype = \"u8\"\nvalues = [200, 100, 50]\n"
    );
    fs::write(fixture.path("slow.stub"), text).unwrap();
    "[model.slow]\npath = \"slow.stub\"\ntask = \"upscale\"\n".to_owned()
}

/// The section of a model `middle` that finds the foreground in the middle of each picture, whatever it shows.
pub fn middle_model(fixture: &Fixture) -> String {
    let side = 32;
    let inside = |at: usize| (8..24).contains(&(at % side)) && (8..24).contains(&(at / side));
    let values: Vec<&str> = (0..side * side).map(|at| if inside(at) { "1" } else { "0" }).collect();
    let text = format!(
        "[[input]]\nname = \"image\"\nshape = [1, {side}, {side}, 3]\ndtype = \"f32\"\nvalues = []\n\
         [[output]]\nname = \"mask\"\nshape = [1, {side}, {side}, 1]\ndtype = \"f32\"\nvalues = [{}]\n",
        values.join(", ")
    );
    fs::write(fixture.path("middle.stub"), text).unwrap();
    "[model.middle]\npath = \"middle.stub\"\ntask = \"segment\"\n".to_owned()
}

/// Writes a red square on green, as the model `middle` sees it.
pub fn square(path: &Path, side: u32) {
    let inside = |at: u32| (side / 4..side * 3 / 4).contains(&at);
    let colour = |x, y| if inside(x) && inside(y) { Rgb([200, 30, 40]) } else { Rgb([30, 180, 60]) };
    RgbImage::from_fn(side, side, colour).save(path).unwrap();
}
