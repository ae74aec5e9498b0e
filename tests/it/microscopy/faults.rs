//! Bad input and bad luck by the real binary: each has its clear error, and what was done before is kept.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ocellus::timelapse::stack::{PixelKind, PlanePixels, StackWriter, WriteSettings};
use rustix::process::{Pid, Signal, kill_process};

use super::model::stack;
use super::support::{batch, names, results, same_tree, shared};
use crate::support::complaint;
use crate::support::disk::SmallDisk;
use crate::support::fixture::program;

/// An OME-TIFF of one channel of floating point.
fn floats(
    path: &Path,
    (width, height): (usize, usize),
    frames: usize,
    times: &[f64],
    pixel: impl Fn(usize) -> f32,
) {
    let settings = WriteSettings {
        name: "0".into(),
        width,
        height,
        frames,
        depth: 1,
        channels: vec!["phase".into()],
        pixels: PixelKind::F32,
        pixel_size_um: None,
        times_ms: (!times.is_empty()).then(|| times.to_vec()),
        compress: false,
    };
    let mut writer = StackWriter::new(BufWriter::new(File::create(path).unwrap()), settings).unwrap();
    let pixels: Vec<f32> = (0..width * height).map(pixel).collect();
    for _ in 0..frames {
        writer.write(PlanePixels::F32(&pixels)).unwrap();
    }
    writer.finish().unwrap();
}

/// A folder with `count` positions of moving cells, and a recipe for them.
fn positions(count: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("stacks")).unwrap();
    let first = folder.path().join("stacks/cells_scene0.ome.tif");
    stack(&first);
    for number in 1..count {
        fs::copy(&first, folder.path().join(format!("stacks/cells_scene{number}.ome.tif"))).unwrap();
    }
    let recipe = "[experiment]\ninput = \"stacks/*\"\nout = \"results\"\nworkers = 1\nbatch_size = 1\n\
                  [background]\ntile = 32\n[filter]\nborder = 5\n";
    fs::write(folder.path().join("experiment.toml"), recipe).unwrap();
    folder
}

#[test]
fn a_disk_that_is_full_in_mid_run_fails_the_rest_and_the_run_goes_on_when_there_is_space() {
    const FOVS: usize = 8;
    // Eight fields of view of 10 MiB, and what is kept in reserve.
    let Some(disk) = SmallDisk::mount(128 << 20) else { return };
    let folder = positions(FOVS);
    let out = disk.path().join("results");
    assert_eq!(batch(folder.path(), ["run", "experiment.toml", "--out", "whole"]).code, 0);
    let complete = || {
        let journal = fs::read_to_string(out.join("batch.journal")).unwrap_or_default();
        journal.matches("\"record\":\"fov\"").count()
    };
    // It stands still while the space is taken. On a busy machine it may be over before that: then it begins again.
    let deadline = Instant::now() + Duration::from_secs(60);
    let (child, pid, before) = loop {
        let mut command = Command::new(program());
        command.args(["batch", "run", "experiment.toml", "--out"]).arg(&out).current_dir(folder.path());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
        while complete() == 0 {
            assert!(Instant::now() < deadline, "no field of view was complete");
            std::thread::sleep(Duration::from_millis(1));
        }
        kill_process(pid, Signal::STOP).unwrap();
        let before = complete();
        if before < FOVS {
            break (child, pid, before);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        fs::remove_dir_all(&out).unwrap();
    };
    disk.fill();
    kill_process(pid, Signal::CONT).unwrap();
    let ended = child.wait_with_output().unwrap();
    let (words, errors) = (String::from_utf8_lossy(&ended.stdout), complaint(&ended));
    assert!(matches!(ended.status.code(), Some(1 | 6)), "{:?}: {words}{errors}", ended.status);
    assert!(errors.contains("No space left") || words.contains("No space left"), "{words}{errors}");
    assert!(errors.contains("make space and resume the run"), "{words}{errors}");
    // Nothing half-written has its name, and what was complete is whole.
    let whole = results(&folder.path().join("whole"));
    let kept = results(&out);
    let tables = kept.iter().filter(|(name, _)| name.ends_with("_traces.csv"));
    assert!(tables.clone().count() >= before);
    for (name, bytes) in tables {
        assert!(whole.iter().any(|(known, expected)| known == name && expected == bytes), "{name}");
    }
    disk.free();
    let again = batch(folder.path(), ["resume", out.to_str().unwrap()]);
    assert_eq!(again.code, 0, "{}{}", again.words, again.errors);
    assert!(again.errors.contains("complete already"), "{}", again.errors);
    same_tree(&whole, &results(&out));
}

#[test]
fn a_folder_that_cannot_be_written_is_full_or_in_use_is_named_before_the_work() {
    let folder = positions(1);
    fs::create_dir(folder.path().join("results")).unwrap();
    let lock = folder.path().join("results/batch.lock");
    let mut held = File::create(&lock).unwrap();
    writeln!(held, "4711").unwrap();
    held.lock().unwrap();
    batch(folder.path(), ["run", "experiment.toml"])
        .fails(1, &["another run uses", "results (process 4711)", "ocellus batch cancel"]);
    assert_eq!(names(&folder.path().join("results")), ["batch.lock"]);
    drop(held);
    let Some(disk) = SmallDisk::mount(20 << 20) else { return };
    let out = disk.path().join("results");
    let run = || batch(folder.path(), ["run", "experiment.toml", "--out", out.to_str().unwrap()]);
    run().fails(1, &["the results need about", "MiB free", "make space, name another folder"]);
    disk.read_only();
    run().fails(1, &["results", "Read-only file system", "name another folder"]);
}

#[test]
fn two_runs_at_once_into_one_folder_are_one_run_and_a_refusal() {
    let folder = positions(2);
    let begin = || {
        let mut command = Command::new(program());
        command.args(["batch", "run", "experiment.toml"]).current_dir(folder.path());
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let both = [begin(), begin()].map(|child| child.wait_with_output().unwrap());
    let mut codes = both.each_ref().map(|one| one.status.code());
    codes.sort();
    assert_eq!(codes, [Some(0), Some(1)]);
    let refused = both.iter().find(|one| one.status.code() == Some(1)).unwrap();
    let errors = complaint(refused);
    assert!(errors.contains("another run uses") || errors.contains("already holds the run"), "{errors}");
    assert!(batch(folder.path(), ["status", "results"]).ok().contains("complete, 2 of 2"));
}

#[test]
fn stacks_that_contradict_themselves_are_refused_by_a_run_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let run = |input: &str, more: &[&str]| {
        batch(folder.path(), [&["run", input, "--out", "results"], more].concat())
    };
    let formats = shared("fit_ref/formats");
    floats(&at("back.ome.tif"), (40, 30), 3, &[0.0, 60e3, 30e3], |at| at as f32);
    run("back.ome.tif", &[]).fails(1, &["frame 2 is at 30000 ms", "60000 ms", "give the frame interval"]);
    let cut = formats.join("bad_cut_in_half.ome.tif");
    run(cut.to_str().unwrap(), &[]).fails(1, &["cut off", "pages are complete", "copy or export it again"]);
    // ImageLength (tag 257, one LONG, big-endian) of every page says 65,535 rows.
    let mut lying = fs::read(formats.join("pos0_plain_pages_big_endian.tif")).unwrap();
    let entry = [1, 1, 0, 4, 0, 0, 0, 1];
    let places: Vec<_> = (0..lying.len() - 12).filter(|at| lying[*at..].starts_with(&entry)).collect();
    assert!(!places.is_empty(), "no ImageLength");
    places.iter().for_each(|at| lying[at + 10..at + 12].fill(0xFF));
    fs::write(at("lying.tif"), lying).unwrap();
    run("lying.tif", &[]).fails(1, &["lying.tif: ", "page 1", "export it again"]);
    fs::create_dir(at("mixed")).unwrap();
    floats(&at("mixed/a_1.tif"), (40, 30), 1, &[], |at| at as f32);
    floats(&at("mixed/a_2.tif"), (30, 40), 1, &[], |at| at as f32);
    let mixed = run("mixed", &[]);
    assert!(
        mixed.code == 1 && mixed.errors.contains("a stack needs pictures of one kind"),
        "{}",
        mixed.errors
    );
    fs::create_dir(at("lacking")).unwrap();
    for name in ["t0_c0", "t0_c1", "t1_c0"] {
        floats(&at(&format!("lacking/img_{name}.tif")), (40, 30), 1, &[], |at| at as f32);
    }
    run("lacking", &["--pattern", "img_t{t}_c{c}.tif"]).fails(1, &["1 of 4 planes are missing", "channel 1"]);
    let whole = formats.join("pos0_imagej.tif");
    for nonsense in ["3-1", "a", "0;1", "-", ""] {
        let run = run(whole.to_str().unwrap(), &["--fovs", nonsense]);
        assert!(run.code == 2 && run.errors.contains("--fovs"), "{nonsense:?}: {}{}", run.code, run.errors);
    }
    assert!(!at("results").exists(), "nothing was written");
}

#[test]
fn frames_without_cells_and_pixels_that_are_no_numbers_give_tables_without_rows() {
    let folder = tempfile::tempdir().unwrap();
    floats(&folder.path().join("flat.ome.tif"), (60, 50), 31, &[], |_| 7.0);
    floats(
        &folder.path().join("nan.ome.tif"),
        (60, 50),
        31,
        &[],
        |at| if at % 7 == 0 { f32::NAN } else { 1.0 },
    );
    for name in ["flat", "nan"] {
        let run = batch(folder.path(), ["run", &format!("{name}.ome.tif"), "--out", name]);
        assert_eq!(run.code, 0, "{}{}", run.words, run.errors);
        assert!(run.words.contains("fov 0: 0 cells"), "{}", run.words);
        let table = folder.path().join(format!("{name}/fov_000/{name}_fov_000_traces.csv"));
        let text = fs::read_to_string(&table).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.starts_with("fov,cell,frame,time,good,"), "{text}");
        let fit = batch(folder.path(), ["fit", table.to_str().unwrap(), "--model", "maturation"]);
        assert!(fit.code == 1 && fit.errors.contains("traces.csv"), "{}{}", fit.code, fit.errors);
    }
    let samples = "samples:\n- name: A\n  fovs: \"0\"\n";
    fs::write(folder.path().join("samples.yaml"), samples).unwrap();
    let merge = batch(folder.path(), ["merge", "flat", "--samples", "samples.yaml"]);
    assert!(merge.code <= 1, "{}{}", merge.words, merge.errors);
}
