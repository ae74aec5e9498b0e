//! Writes frames of the built-in scene and their ground truth, for training and for a look at them:
//! `cargo run --release --example scene_dump -- --seed 1 --frames 100 --out DIR`.
//!
//! `DIR/frames.i420` holds the frames one after another, packed I420; `DIR/truth.jsonl` one line a frame.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::Parser;
use ocellus::capture::scene::{Scene, SceneOptions, Truth};
use ocellus::types::Rect;
use serde_json::{Value, json};

/// What to paint.
#[derive(Parser)]
struct Arguments {
    /// Seed of the scene.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many frames.
    #[arg(long, default_value_t = 1)]
    frames: u64,
    /// The first frame's number.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// From one frame's number to the next.
    #[arg(long, default_value_t = 1)]
    step: u64,
    /// Frame width in px.
    #[arg(long, default_value_t = 640)]
    width: u32,
    /// Frame height in px.
    #[arg(long, default_value_t = 480)]
    height: u32,
    /// Folder to write to.
    #[arg(long)]
    out: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let options = SceneOptions {
        seed: arguments.seed,
        width: arguments.width,
        height: arguments.height,
        ..SceneOptions::default()
    };
    let mut scene = Scene::new(options)?;
    std::fs::create_dir_all(&arguments.out)?;
    let mut frames = BufWriter::new(File::create(arguments.out.join("frames.i420"))?);
    let mut truth = BufWriter::new(File::create(arguments.out.join("truth.jsonl"))?);
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
