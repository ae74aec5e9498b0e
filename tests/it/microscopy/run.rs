//! Whole runs of the real binary, beside the results that PyAMA computed from the same movies.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ocellus::timelapse::stack::{
    PixelKind, PlaneAddress, PlanePixels, Stack, StackOptions, StackWriter, WriteSettings,
};
use ocellus::timelapse::tables::TraceTable;
use ocellus::timelapse::{Pixels, Plane};
use serde_json::Value;
use tempfile::TempDir;

use super::support::{batch, results, same_tree, shared};
use crate::support::fixture::program;

const FRAMES: usize = 30;
const MINUTES: f64 = 30.0;
const PATIENCE: Duration = Duration::from_secs(60);

/// The movie of PyAMA's reference run: each pixel three times each way, position 1 mirrored left-right, position 2
/// top-bottom; both channels are the same pictures. One file a position, `repeats` times one after the other.
pub fn stacks(folder: &Path, positions: usize, repeats: usize) {
    let movie = Stack::open(&[shared("mitocheck_movie")], &StackOptions::default()).unwrap();
    let mut reader = movie.reader().unwrap();
    let mut frames = Vec::new();
    for frame in 0..FRAMES {
        let mut plane = Plane::empty();
        reader.read(PlaneAddress { position: 0, channel: 0, frame, z: 0 }, &mut plane).unwrap();
        frames.push(plane);
    }
    fs::create_dir_all(folder).unwrap();
    for position in 0..positions {
        let (width, height) = (frames[0].width * 3, frames[0].height * 3);
        let settings = WriteSettings {
            name: format!("Pos{position}"),
            width,
            height,
            frames: FRAMES * repeats,
            depth: 1,
            channels: vec!["phase".into(), "fluo".into()],
            pixels: PixelKind::U16,
            pixel_size_um: None,
            times_ms: Some((0..FRAMES * repeats).map(|frame| frame as f64 * MINUTES * 60e3).collect()),
            compress: false,
        };
        let out = File::create(folder.join(format!("movie_scene{position}.ome.tif"))).unwrap();
        let mut writer = StackWriter::new(BufWriter::new(out), settings).unwrap();
        for _ in 0..repeats {
            for plane in &frames {
                let pixels = enlarged(plane, position);
                writer.write(PlanePixels::U16(&pixels)).unwrap();
                writer.write(PlanePixels::U16(&pixels)).unwrap();
            }
        }
        writer.finish().unwrap();
    }
}

fn enlarged(plane: &Plane, position: usize) -> Vec<u16> {
    let Pixels::U16(pixels) = &plane.pixels else { panic!("floating point") };
    let (width, height) = (plane.width * 3, plane.height * 3);
    let mut large = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let (x, y) = match position {
                0 => (x, y),
                1 => (width - 1 - x, y),
                _ => (x, height - 1 - y),
            };
            large.push(pixels[y / 3 * plane.width + x / 3]);
        }
    }
    large
}

pub const RECIPE: &str = "\
[experiment]
input = \"stacks/movie_scene*.ome.tif\"
out = \"results\"
phase = { channel = 0, features = [\"area\"] }
fluorescence = [{ channel = 1, features = [\"intensity_total\"] }]
workers = 2
batch_size = 2
";

/// A folder with the recipe and its stacks.
fn experiment(positions: usize, repeats: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    stacks(&folder.path().join("stacks"), positions, repeats);
    fs::write(folder.path().join("experiment.toml"), RECIPE).unwrap();
    folder
}

#[test]
fn a_run_gives_the_files_and_the_tables_of_pyama() {
    let folder = experiment(3, 1);
    let json = batch(folder.path(), ["run", "experiment.toml", "--json"]);
    assert_eq!(json.code, 0, "{}{}", json.words, json.errors);
    let last: Value = serde_json::from_str(json.words.lines().last().unwrap()).unwrap();
    assert_eq!(last["ok"], true, "{last}");
    // Reports have the fields that the manual names.
    let progress: Vec<Value> =
        json.errors.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(
        progress.iter().any(|one| one["step"] == "track" && one["t"] == 30 && one["T"] == 30),
        "{}",
        json.errors
    );

    let results = folder.path().join("results");
    let reference = shared("fit_ref/pipeline");
    let known: Value = serde_json::from_slice(&fs::read(reference.join("pipeline.json")).unwrap()).unwrap();
    for file in known["files"].as_array().unwrap() {
        assert!(results.join(file.as_str().unwrap()).is_file(), "{file}");
    }
    let yaml = |path: &Path| fs::read_to_string(path.join("processing_results.yaml")).unwrap();
    assert_eq!(yaml(&results), yaml(&reference));
    for fov in 0..3 {
        let name = format!("movie_fov_{fov:03}_traces.csv");
        let ours = TraceTable::read(&results.join(format!("fov_{fov:03}")).join(&name)).unwrap();
        let theirs = TraceTable::read(&reference.join(&name)).unwrap();
        assert_eq!((ours.rows.len(), &ours.features), (theirs.rows.len(), &theirs.features), "{name}");
        for (row, expected) in ours.rows.iter().zip(&theirs.rows) {
            assert_eq!(
                (row.cell, row.frame, row.time, row.good),
                (expected.cell, expected.frame, expected.time, expected.good)
            );
            assert_eq!((row.position, row.bbox), (expected.position, expected.bbox));
            for (value, expected) in row.values.iter().zip(&expected.values) {
                assert!((value - expected).abs() <= 0.01 * expected.abs(), "{name}: {row:?} {expected:?}");
            }
        }
    }
    let summary: Value = serde_json::from_slice(&fs::read(results.join("summary.json")).unwrap()).unwrap();
    let dropped = summary["fovs"][0]["dropped"].as_array().unwrap();
    assert!(
        !dropped.is_empty()
            && dropped.iter().all(|cell| cell["reason"] == "too_short" || cell["reason"] == "border"),
        "{dropped:?}"
    );
    assert_eq!(summary["inputs"][0]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(summary["parameters"]["segment.window"], 3);
    batch(folder.path(), ["status", "results"]).ok();
}

#[test]
fn three_shares_joined_are_one_run() {
    let folder = experiment(3, 1);
    batch(folder.path(), ["run", "experiment.toml", "--out", "whole"]);
    for share in ["1/3", "2/3"] {
        assert_eq!(
            batch(folder.path(), ["run", "experiment.toml", "--out", "shared", "--shard", share]).code,
            0
        );
    }
    batch(folder.path(), ["merge", "shared"]).fails(1, &["share 3 of 3 is missing"]);
    assert_eq!(batch(folder.path(), ["run", "experiment.toml", "--out", "shared", "--shard", "3/3"]).code, 0);
    batch(folder.path(), ["merge", "shared"]).ok();
    same_tree(&results(&folder.path().join("whole")), &results(&folder.path().join("shared")));
}

/// Begins a run and returns it, with its output thrown away.
fn begin(folder: &Path, arguments: &[&str]) -> Child {
    let mut command = Command::new(program());
    command.arg("batch").args(arguments).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

#[test]
fn twenty_runs_that_are_killed_and_resumed_give_the_bytes_of_one_that_was_not() {
    let folder = experiment(2, 2);
    assert_eq!(batch(folder.path(), ["run", "experiment.toml", "--out", "whole"]).code, 0);
    let began = Instant::now();
    assert_eq!(batch(folder.path(), ["run", "experiment.toml", "--out", "again"]).code, 0);
    let whole = began.elapsed();
    let expected = results(&folder.path().join("whole"));
    same_tree(&expected, &results(&folder.path().join("again")));
    let (mut kills, mut round) = (0, 0);
    while kills < 20 {
        let out = format!("killed-{round}");
        let mut child = begin(folder.path(), &["run", "experiment.toml", "--out", &out]);
        // Five kills in a run, each at another share of its time; the journal is there before the first.
        for kill in 0..5 {
            let journal = folder.path().join(&out).join("batch.journal");
            let deadline = Instant::now() + PATIENCE;
            while !journal.exists() {
                assert!(Instant::now() < deadline, "no journal");
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(whole.mul_f64(((round * 5 + kill) % 20) as f64 / 40.0));
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
            child = begin(folder.path(), &["resume", &out]);
        }
        assert_eq!(child.wait().unwrap().code(), Some(0), "the last resume of round {round}");
        same_tree(&expected, &results(&folder.path().join(&out)));
        fs::remove_dir_all(folder.path().join(&out)).unwrap();
        round += 1;
    }
}

#[test]
fn a_cancelled_run_keeps_what_is_complete_and_goes_on() {
    let folder = experiment(3, 4);
    let mut child = begin(folder.path(), &["run", "experiment.toml"]);
    let journal = folder.path().join("results/batch.journal");
    let deadline = Instant::now() + PATIENCE;
    while !fs::read_to_string(&journal).is_ok_and(|text| text.contains("\"step\"")) {
        assert!(Instant::now() < deadline, "no step was complete");
        std::thread::sleep(Duration::from_millis(2));
    }
    batch(folder.path(), ["run", "experiment.toml"]).fails(1, &["already holds the run"]);
    batch(folder.path(), ["cancel", "results"]).ok();
    assert_eq!(child.wait().unwrap().code(), Some(14));
    for (name, _) in results(&folder.path().join("results")) {
        assert!(!name.ends_with("traces.csv.partial"), "{name}");
    }
    let changed = RECIPE.to_owned() + "[segment]\nsigmas = 4\n";
    fs::write(folder.path().join("experiment.toml"), changed).unwrap();
    batch(folder.path(), ["resume", "results"])
        .fails(1, &["segment.sigmas was 3.0 when the run began, and is 4.0 now"]);
    fs::write(folder.path().join("experiment.toml"), RECIPE).unwrap();
    assert_eq!(batch(folder.path(), ["resume", "results"]).code, 0);
    assert!(batch(folder.path(), ["status", "results"]).ok().contains("complete, 3 of 3"));
}

#[test]
fn what_makes_no_sense_is_refused_before_the_work_with_what_to_do() {
    let folder = experiment(1, 1);
    let run = |recipe: &str| {
        fs::write(folder.path().join("bad.toml"), recipe).unwrap();
        batch(folder.path(), ["run", "bad.toml"])
    };
    run(&RECIPE.replace("channel = 1", "channel = 7")).fails(1, &["no channel 7", "0 (phase), 1 (fluo)"]);
    run(&RECIPE.replace("workers", "worker")).fails(3, &["bad.toml:6:1", "did you mean \"workers\"?"]);
    run(&(RECIPE.to_owned() + "fovs = \"0-4\"\n")).fails(1, &["no field of view 1", "correct `fovs`"]);
    run(&RECIPE.replace("movie_scene*", "absent*")).fails(1, &["absent"]);
    batch(folder.path(), ["run", "stacks/movie_scene0.ome.tif"]).fails(2, &["--out DIR"]);
    batch(folder.path(), ["resume", "./nothing"]).fails(1, &["no run in ./nothing"]);
    let alone = ["resume", "nothing", "--state-dir", "."];
    batch(folder.path(), alone).fails(1, &["no folder nothing here", "no service runs"]);
    assert!(!folder.path().join("results").exists(), "nothing was written");
    // A stack that is cut off fails before the work, not in the middle of it.
    let path = folder.path().join("stacks/movie_scene0.ome.tif");
    let bytes = fs::read(&path).unwrap();
    File::create(&path).unwrap().write_all(&bytes[..bytes.len() / 2]).unwrap();
    run(RECIPE).fails(1, &["movie_scene0.ome.tif"]);
}

/// The most memory that a run had resident, KiB.
fn peak(folder: &Path, out: &str) -> u64 {
    let mut child = begin(folder, &["run", "experiment.toml", "--out", out]);
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        most = kib.unwrap_or(0).max(most);
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    most
}

#[test]
fn memory_does_not_grow_with_the_length_of_a_movie() {
    let (short, long) = (experiment(1, 1), experiment(1, 12));
    let (short, long) = (peak(short.path(), "a"), peak(long.path(), "a"));
    println!("30 frames: {short} KiB, 360 frames: {long} KiB");
    assert!(long < 200 << 10, "{long} KiB");
    // 330 more frames of one channel would take 232 MiB.
    assert!(long < short + (16 << 10), "{short} KiB for 30 frames, {long} KiB for 360");
}
