//! A box that inspects plates of the built-in scene, and pictures of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use ocellus::camera::scene::{Scene, SceneOptions, Shape};
use ocellus::image::{Preprocessor, Target};
use ocellus::types::{PixelFormat, Planes};
use serde_json::Value;

use crate::support::fixture::Fixture;

/// The recipe of the plate that ships.
pub const PLATE: &str = include_str!("../../../../config/recipes/plate.toml");

/// The line, its light barrier, and evidence of every part.
pub const LINE: &str = "[evidence]\nkeep_ok_every = 1\n[[camera]]\nname = \"a\"\n\
    source = \"scene:?line=plate&seed=9&fps=30&barrier=light.tty\"\nring_slots = 8\n\
    inspect = { product = \"plate\", queue = 2, max_wait_ms = 2000, tolerance_ms = 100 }\n\
    [[trigger]]\nname = \"light\"\ncamera = \"a\"\nport = \"light.tty\"\nprotocol = \"line\"\n";

/// A box with the recipe of the plate, whose camera is `camera`.
pub fn bench(camera: &str) -> Fixture {
    let fixture = Fixture::new();
    fixture.config(1, camera);
    fs::create_dir(fixture.path("recipes")).unwrap();
    fs::write(fixture.path("recipes/plate.toml"), PLATE).unwrap();
    fixture
}

/// A camera that shows the one picture in `folder` for ever.
pub fn still(folder: &Path) -> String {
    format!(
        "[evidence]\nkeep_ok_every = 1\n[[camera]]\nname = \"a\"\nsource = \"images://{}\"\nrepeat = true\n\
         images_fps = 30\nring_slots = 8\n\
         inspect = {{ product = \"plate\", queue = 2, max_wait_ms = 2000, tolerance_ms = 500 }}\n",
        folder.display()
    )
}

/// Paints parts of the line in the light barrier into `folder/ok` and `folder/ng`, until there are so many of each.
pub fn paint(folder: &Path, first: u64, good: usize, bad: usize) -> [Vec<PathBuf>; 2] {
    let options = SceneOptions { seed: 9, width: 640, height: 480, fps: 30, line: Some(Shape::Plate) };
    let mut scene = Scene::new(options).unwrap();
    let target = Target::rgb(640, 480);
    let mut camera = Preprocessor::new(target);
    let (mut frame, mut rgb) = (vec![0; scene.frame_bytes()], vec![0; 640 * 480 * 3]);
    let (mut painted, wanted) = ([Vec::new(), Vec::new()], [good, bad]);
    let mut n = first;
    while painted.iter().zip(wanted).any(|(painted, wanted)| painted.len() < wanted) {
        n += 1;
        let Some(passage) = scene.passage(n) else { continue };
        let at = usize::from(passage.defect.is_some());
        if painted[at].len() == wanted[at] {
            continue;
        }
        scene.paint(n, &mut frame);
        let planes = Planes::packed(PixelFormat::I420, 640, 480, &frame).unwrap();
        camera.run(&planes, None, &mut rgb).unwrap();
        let path = folder.join(["ok", "ng"][at]).join(format!("part-{:06}.png", passage.part_id));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        image::RgbImage::from_raw(640, 480, rgb.clone()).unwrap().save(&path).unwrap();
        painted[at].push(path);
    }
    painted
}

/// Teaches eight good plates; the first is the one on which the recipe was drawn.
pub fn teach(fixture: &Fixture) -> Vec<PathBuf> {
    let [good, _] = paint(&fixture.path("good"), 400, 8, 0);
    let names: Vec<_> = good.iter().map(|path| path.to_str().unwrap()).collect();
    output(fixture, &[&["golden", "add", "plate"], &names[..]].concat());
    good
}

pub fn words(output: &Output) -> (Option<i32>, String) {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(both).unwrap())
}

/// What it prints; it must succeed.
#[track_caller]
pub fn output(fixture: &Fixture, arguments: &[&str]) -> String {
    let (code, words) = words(&fixture.command(arguments));
    assert_eq!(code, Some(0), "{words}");
    words
}

/// The object that it prints; it must succeed.
#[track_caller]
pub fn json(fixture: &Fixture, arguments: &[&str]) -> Value {
    let output = fixture.command(&[arguments, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{:?}", words(&output));
    let output: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output["ok"], true, "{output}");
    output
}

/// It must end with this exit code, and say each of these words; in JSON it must say that it is not well.
#[track_caller]
pub fn refused(fixture: &Fixture, arguments: &[&str], code: i32, expected: &[&str]) -> Value {
    let (found, said) = words(&fixture.command(arguments));
    assert_eq!(found, Some(code), "{said}");
    for word in expected {
        assert!(said.contains(word), "\"{word}\" is missing in: {said}");
    }
    let output = fixture.command(&[arguments, &["--json"]].concat());
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &answer["ok"]), (Some(code), &false.into()), "{answer}");
    answer
}
