//! `ocellus scene`: writes frames of the built-in scene and their ground truth, for training, teaching and a
//! look at them.
//!
//! `ocellus scene --seed 1 --frames 100 --out DIR` writes `DIR/frames.i420` (the frames one after another,
//! packed I420) and `DIR/truth.jsonl` (a line for each frame).
//!
//! `ocellus scene --line plate --seed 7 --passages 8 --sound --out DIR` writes the frames of a line in which
//! a part is in the light barrier, as PNG (RGB): `DIR/ok` and `DIR/ng`, what `golden qualify` takes, and
//! `DIR/truth.jsonl` with a line for each picture. With `--sound` flawed parts are left out: what is in
//! `DIR/ok` is for `golden add`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use ocellus_scene::{Passage, Scene, SceneOptions, Shape, Truth};
use serde_json::{Value, json};

use crate::image::{PixelFormat, Planes, Preprocessor, Rect, Target};

#[derive(Debug, Args)]
pub(super) struct SceneArgs {
    /// Seed of the scene.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many frames to write.
    #[arg(long, default_value_t = 1)]
    frames: u64,
    /// Number of the first frame.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Step from one frame's number to the next.
    #[arg(long, default_value_t = 1)]
    step: u64,
    /// Frame width in px.
    #[arg(long, default_value_t = 640)]
    width: u32,
    /// Frame height in px.
    #[arg(long, default_value_t = 480)]
    height: u32,
    /// Frames a second of the scene.
    #[arg(long, default_value_t = 30)]
    fps: u32,
    /// One product on one lane: washer, gear, plate or bracket.
    #[arg(long, value_parser = shape)]
    line: Option<Shape>,
    /// Write pictures of this many parts of the line, each in the light barrier, instead of frames.
    #[arg(long, requires = "line")]
    passages: Option<u64>,
    /// Leave out parts with a defect.
    #[arg(long, requires = "passages")]
    sound: bool,
    /// The folder to write to.
    #[arg(long)]
    out: PathBuf,
}

/// A word that names no product of the scene.
#[derive(Debug, thiserror::Error)]
#[error("write one of {}", Shape::ALL.map(Shape::as_str).join(", "))]
struct UnknownShape;

fn shape(word: &str) -> Result<Shape, UnknownShape> {
    Shape::ALL.into_iter().find(|shape| shape.as_str() == word).ok_or(UnknownShape)
}

pub(super) fn run(arguments: &SceneArgs) -> anyhow::Result<()> {
    let options = SceneOptions {
        seed: arguments.seed,
        width: arguments.width,
        height: arguments.height,
        fps: arguments.fps,
        line: arguments.line,
    };
    let scene = Scene::new(options)?;
    std::fs::create_dir_all(&arguments.out)?;
    let truth = BufWriter::new(File::create(arguments.out.join("truth.jsonl"))?);
    match arguments.passages {
        Some(count) => passages(arguments, scene, count, truth),
        None => frames(arguments, scene, truth),
    }
}

/// Writes whole frames, one after another.
fn frames(arguments: &SceneArgs, mut scene: Scene, mut truth: impl Write) -> anyhow::Result<()> {
    let options = scene.options();
    let mut frames = BufWriter::new(File::create(arguments.out.join("frames.i420"))?);
    let mut frame = vec![0; scene.frame_bytes()];
    for n in (0..arguments.frames).map(|i| arguments.first + i * arguments.step) {
        scene.paint(n, &mut frame);
        frames.write_all(&frame)?;
        let parts: Vec<Value> = scene.truth(n).iter().map(part).collect();
        let line = json!({
            "seed": options.seed, "n": n, "width": options.width, "height": options.height, "parts": parts,
        });
        writeln!(truth, "{line}")?;
    }
    frames.flush()?;
    truth.flush()?;
    Ok(())
}

/// Writes pictures of `count` parts in the light barrier, sound and flawed ones in separate folders.
fn passages(
    arguments: &SceneArgs,
    mut scene: Scene,
    count: u64,
    mut truth: impl Write,
) -> anyhow::Result<()> {
    let (mut camera, mut frame) = (SceneCamera::new(scene.options()), vec![0; scene.frame_bytes()]);
    let (mut n, mut written) = (arguments.first, 0);
    while written < count {
        let passage = scene.passage(n).filter(|passage| !arguments.sound || passage.defect.is_none());
        if let Some(passage) = passage {
            scene.paint(n, &mut frame);
            let name = file_name(&passage);
            let path = arguments.out.join(&name);
            std::fs::create_dir_all(path.parent().context("a picture has a folder")?)?;
            camera.shoot(&frame)?.save(&path)?;
            // The frame's ground truth contains the defect's place.
            let parts = scene.truth(n);
            let seen = parts.iter().find(|part| part.part_id == passage.part_id);
            let line = json!({ "file": name, "n": n, "part": seen.map(part) });
            writeln!(truth, "{line}")?;
            written += 1;
        }
        n += 1;
    }
    truth.flush()?;
    Ok(())
}

/// `ok/part-000017.png`, `ng/part-000018-chip.png`: names that sort by time.
fn file_name(passage: &Passage) -> String {
    match passage.defect {
        None => format!("ok/part-{:06}.png", passage.part_id),
        Some(defect) => format!("ng/part-{:06}-{}.png", passage.part_id, defect.as_str()),
    }
}

/// Converts the scene's I420 to RGB with the product's own arithmetic.
struct SceneCamera {
    preprocessor: Preprocessor,
    size: [u32; 2],
    rgb: Vec<u8>,
}

impl SceneCamera {
    fn new(options: SceneOptions) -> SceneCamera {
        let (width, height) = (options.width as usize, options.height as usize);
        let target = Target::rgb(width, height);
        let rgb = vec![0; width * height * 3];
        SceneCamera { preprocessor: Preprocessor::new(target), size: [options.width, options.height], rgb }
    }

    fn shoot(&mut self, frame: &[u8]) -> anyhow::Result<image::RgbImage> {
        let [width, height] = self.size;
        let planes = Planes::packed(PixelFormat::I420, width as usize, height as usize, frame);
        let planes = planes.context("a frame holds its planes")?;
        self.preprocessor.run(&planes, None, &mut self.rgb)?;
        let picture = image::RgbImage::from_raw(width, height, self.rgb.clone());
        picture.context("a picture has its size")
    }
}

fn part(truth: &Truth) -> Value {
    let defect = truth.defect.map(|defect| {
        json!({ "kind": defect.kind.as_str(), "rect": corners(defect.rect), "visible": defect.visible })
    });
    json!({
        "part_id": truth.part_id,
        "shape": truth.shape.as_str(),
        "rect": corners(truth.rect),
        "visible": truth.visible,
        "defect": defect,
    })
}

/// Left, top, right, bottom in frame px.
fn corners(rect: Rect) -> [f32; 4] {
    [rect.x, rect.y, rect.x + rect.w, rect.y + rect.h]
}
