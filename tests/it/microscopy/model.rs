//! Cells found by a model in place of the local standard deviation, through the real binary.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use ocellus::timelapse::stack::{PixelKind, PlanePixels, StackWriter, WriteSettings};
use serde_json::Value;

use super::support::{batch, shared};
use crate::support::engine::runtimes;
use crate::support::tiny_model::{SIDE, bright};

const SIZE: (usize, usize) = (190, 150);
const FRAMES: usize = 32;
/// Centres of bright discs of 9 px radius, which move by a pixel every fourth frame.
const CELLS: [(f32, f32); 3] = [(40.0, 40.0), (110.0, 75.0), (64.0, 105.0)];

/// Brightness of a pixel from 0 to 255: discs with a soft edge on a slope.
fn brightness(x: usize, y: usize, frame: usize) -> f32 {
    let near = CELLS.iter().map(|(cx, cy)| {
        let (dx, dy) = (x as f32 - cx - (frame / 4) as f32, y as f32 - cy);
        (9.0 - dx.hypot(dy)).clamp(-1.0, 1.0)
    });
    let most = near.fold(-1.0, f32::max);
    20.0 + x as f32 * 0.2 + (most + 1.0) * 80.0
}

/// Two channels, 16 bits: the cells in the first at ten times their brightness, the same in the second.
pub fn stack(path: &Path) {
    let settings = WriteSettings {
        name: "Pos0".into(),
        width: SIZE.0,
        height: SIZE.1,
        frames: FRAMES,
        depth: 1,
        channels: vec!["phase".into(), "fluo".into()],
        pixels: PixelKind::U16,
        pixel_size_um: None,
        times_ms: Some((0..FRAMES).map(|frame| frame as f64 * 60e3).collect()),
        compress: false,
    };
    let mut writer = StackWriter::new(BufWriter::new(File::create(path).unwrap()), settings).unwrap();
    for frame in 0..FRAMES {
        let pixel = |at: usize| (brightness(at % SIZE.0, at / SIZE.0, frame) * 10.0) as u16;
        let pixels: Vec<u16> = (0..SIZE.0 * SIZE.1).map(pixel).collect();
        writer.write(PlanePixels::U16(&pixels)).unwrap();
        writer.write(PlanePixels::U16(&pixels)).unwrap();
    }
    writer.finish().unwrap();
}

const RECIPE: &str = "\
[experiment]
input = \"cells.ome.tif\"
out = \"results\"
[segment]
model = \"bright.tflite\"
tiled = true
range = [0, 2550]
[background]
tile = 32
[filter]
border = 5
";

fn experiment() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    stack(&folder.path().join("cells.ome.tif"));
    fs::write(folder.path().join("bright.tflite"), bright(0.4)).unwrap();
    fs::write(folder.path().join("experiment.toml"), RECIPE).unwrap();
    folder
}

/// The mask of the first frame, from its file.
fn mask(results: &Path) -> Vec<u8> {
    let bytes = fs::read(results.join("fov_000/cells_fov_000_seg_ch_0.npy")).unwrap();
    let frame = SIZE.0 * SIZE.1;
    bytes[bytes.len() - FRAMES * frame..][..frame].to_vec()
}

#[test]
fn a_model_finds_the_cells_and_the_rest_of_the_run_is_as_always() {
    if runtimes().is_empty() {
        return;
    }
    let folder = experiment();
    let run = batch(folder.path(), ["run", "experiment.toml", "--workers", "2"]);
    assert_eq!(run.code, 0, "{}{}", run.words, run.errors);
    for said in ["cells: model bright.tflite, class 1 (class 1) above 0.5", "12 tiles of 64 x 64 pixels"] {
        assert!(run.errors.contains(said), "{said}: {}", run.errors);
    }
    assert!(run.words.contains("fov 0: 3 cells, 0 dropped"), "{}", run.words);
    // The model's answer is known: what is brighter than 0.4 on average of 3 × 3 pixels, across the seams of tiles.
    // Beyond the border of a tile that ends the frame it sees black.
    let found = mask(&folder.path().join("results"));
    for y in 1..SIZE.1 - 1 {
        for x in 1..SIZE.0 - 1 {
            let near = (0..9).map(|at| {
                let measured = (brightness(x + at % 3 - 1, y + at / 3 - 1, 0) * 10.0) as u16;
                f32::from((f32::from(measured) / 10.0 + 0.5) as u8) / 255.0
            });
            let mean = near.sum::<f32>() / 9.0;
            if (mean - 0.4).abs() > 1e-4 {
                assert_eq!(found[y * SIZE.0 + x], u8::from(mean > 0.4), "at ({x}, {y}): {mean}");
            }
        }
    }
    let summary: Value =
        serde_json::from_slice(&fs::read(folder.path().join("results/summary.json")).unwrap()).unwrap();
    let parameters = &summary["parameters"];
    assert_eq!(parameters["segment.model"].as_str().map(str::len), Some(64), "{parameters}");
    assert_eq!((&parameters["segment.threshold"], &parameters["segment.class"]), (&0.5.into(), &1.into()));
    let traces = fs::read_to_string(folder.path().join("results/fov_000/cells_fov_000_traces.csv")).unwrap();
    assert_eq!(traces.lines().count(), 1 + 3 * FRAMES, "{traces}");

    // The same run with another model, or another card, is another run.
    fs::write(folder.path().join("bright.tflite"), bright(0.5)).unwrap();
    batch(folder.path(), ["resume", "results"]).fails(1, &["segment.model was", "and is", "another folder"]);
    fs::write(folder.path().join("bright.tflite"), bright(0.4)).unwrap();
    fs::write(folder.path().join("bright.toml"), "task = \"segment\"\nstd = 300\n").unwrap();
    batch(folder.path(), ["resume", "results"]).fails(1, &["segment.card was null when the run began"]);
    fs::remove_file(folder.path().join("bright.toml")).unwrap();
    assert_eq!(batch(folder.path(), ["resume", "results"]).code, 0);

    // Without tiles the frame is scaled to the model's input: larger pixels, the same cells.
    let scaled = RECIPE.replace("tiled = true", "threshold = 0.6").replace("range = [0, 2550]\n", "");
    fs::write(folder.path().join("experiment.toml"), scaled).unwrap();
    let run = batch(folder.path(), ["run", "experiment.toml", "--out", "scaled"]);
    assert!(run.errors.contains(&format!("frames scaled to {SIDE} x {SIDE} pixels")), "{}", run.errors);
    assert!(run.words.contains("fov 0: 3 cells"), "{}", run.words);
    let (fine, coarse) = (found, mask(&folder.path().join("scaled")));
    let both = fine.iter().zip(&coarse).filter(|(a, b)| **a == 1 && **b == 1).count();
    let either = fine.iter().zip(&coarse).filter(|(a, b)| **a == 1 || **b == 1).count();
    assert!(both * 10 > either * 6, "{both} of {either} pixels are the same");
}

#[test]
fn a_model_that_cannot_find_cells_is_refused_before_the_work() {
    if runtimes().is_empty() {
        return;
    }
    let folder = experiment();
    let model = |name: &str| shared("..").join("models").join(name);
    let run = |recipe: &str| {
        fs::write(folder.path().join("bad.toml"), recipe).unwrap();
        batch(folder.path(), ["run", "bad.toml"])
    };
    run(&RECIPE.replace("bright.tflite", "absent.tflite"))
        .fails(3, &["bad.toml:5:", "no such file", "absent.tflite"]);
    run(&RECIPE.replace("tiled = true", "tilde = true"))
        .fails(3, &["segment.tilde", "did you mean \"tiled\"?"]);
    run(&RECIPE.replace("tiled = true", "threshold = 1.5"))
        .fails(3, &["segment.threshold: 1.5 is out of range"]);
    run(&RECIPE.replace("[0, 2550]", "[9, 2]")).fails(3, &["segment.range: this is no range"]);
    run(&RECIPE.replace("tiled = true", "window = 5"))
        .fails(3, &["segment.window", "a model finds the cells"]);
    run(&RECIPE.replace("model = \"bright.tflite\"\n", "")).fails(3, &["segment.tiled", "add model ="]);
    run(&RECIPE.replace("tiled = true", "class = 2"))
        .fails(1, &["no class 2: it has 0 (class 0), 1 (class 1)", "`class`"]);
    fs::write(folder.path().join("bright.toml"), "task = \"classify\"\n").unwrap();
    run(RECIPE).fails(3, &["task of this model is \"classify\"", "card's `task`"]);
    fs::write(folder.path().join("bright.toml"), "task = \"segment\"\nmena = 3\n").unwrap();
    run(RECIPE).fails(3, &["bright.toml:2:1", "did you mean \"mean\"?"]);
    fs::remove_file(folder.path().join("bright.toml")).unwrap();
    fs::copy(model("mobilenet_v1_0.25_128_quant.tflite"), folder.path().join("bright.tflite")).unwrap();
    run(RECIPE).fails(1, &["does not fit task segment", "[1, 1001]"]);
    fs::write(folder.path().join("bright.tflite"), &bright(0.4)[..300]).unwrap();
    run(RECIPE).fails(1, &["model bright: ", "truncated"]);
    assert!(!folder.path().join("results").exists(), "nothing was written");
}
