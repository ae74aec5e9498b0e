//! `ocellus batch convert`: what is written is read back with the same pixels and times.

use std::fs::{self, File};
use std::path::Path;

use ocellus::timelapse::stack::{PlaneAddress, Stack, StackOptions};
use ocellus::timelapse::{Pixels, Plane};
use serde_json::Value;

use super::support::{batch, names, shared};

fn open(path: &Path) -> Stack {
    Stack::open(&[path.to_owned()], &StackOptions::default()).unwrap()
}

fn sum(stack: &Stack, position: usize, channel: usize, frame: usize) -> f64 {
    let mut plane = Plane::empty();
    stack.reader().unwrap().read(PlaneAddress { position, channel, frame, z: 0 }, &mut plane).unwrap();
    match &plane.pixels {
        Pixels::U16(pixels) => pixels.iter().map(|value| f64::from(*value)).sum(),
        Pixels::F32(pixels) => pixels.iter().map(|value| f64::from(*value)).sum(),
    }
}

/// Holds the first position of `written` against position `number` of the truth, with `channels` channels.
fn agrees(written: &Path, number: usize, channels: usize) {
    let truth: Value =
        serde_json::from_slice(&fs::read(shared("fit_ref/formats/truth.json")).unwrap()).unwrap();
    let stack = open(written);
    assert!(!stack.description().contains("assumed:"), "{}", stack.description());
    let position = &stack.positions()[0];
    assert_eq!((stack.positions().len(), stack.channels().len(), position.frames), (1, channels, 4));
    for frame in 0..4 {
        for channel in 0..channels {
            let expected = truth["positions"][number]["plane_sums"][frame][channel].as_f64().unwrap();
            assert_eq!(sum(&stack, 0, channel, frame), expected, "frame {frame}, channel {channel}");
        }
    }
}

/// Times and pixel size of the movie.
fn is_described(written: &Path) {
    let stack = open(written);
    let position = &stack.positions()[0];
    assert_eq!(position.times_ms.as_deref(), Some([0.0, 1_800e3, 3_600e3, 5_400e3].as_slice()));
    let size = position.pixel_size_um.expect("a pixel size");
    assert!(size.iter().all(|side| (side - 0.65).abs() < 1e-9), "{size:?}");
}

#[test]
fn each_format_becomes_an_ome_tiff_with_the_same_pixels_and_times() {
    let (formats, folder) = (shared("fit_ref/formats"), tempfile::tempdir().unwrap());
    let plain: &[&str] = &["--axes", "TC2", "--frame-interval", "30min"];
    for (name, number, channels, options, described) in [
        ("movie_scene0.ome.tif", 0, 2, &[][..], true),
        ("movie_scene1.ome.tif", 1, 2, &["--compress"], true),
        ("pos0_bigtiff.ome.tif", 0, 2, &[], true),
        ("pos0_imagej.tif", 0, 2, &[], true),
        ("pos0_plain_pages_big_endian.tif", 0, 2, plain, false),
        ("pos0_tiled_float32.tif", 0, 1, &[], false),
    ] {
        let out = folder.path().join(name).with_extension("ome.tif");
        let input = formats.join(name);
        let arguments = ["convert", input.to_str().unwrap(), "--out", out.to_str().unwrap()];
        let words = batch(folder.path(), [&arguments[..], options].concat()).ok();
        assert!(words.contains("format: ") && words.contains("written: "), "{words}");
        agrees(&out, number, channels);
        if described {
            is_described(&out);
        }
    }
    assert!(names(folder.path()).iter().all(|name| name.ends_with(".ome.tif")));
}

#[test]
fn positions_are_split_into_a_file_each_and_without_that_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let input = shared("fit_ref/formats/two_positions.ome.tif");
    let convert = ["convert", input.to_str().unwrap(), "--out", "made/of it"];
    batch(folder.path(), convert).fails(2, &["two_positions has 2 positions", "--split"]);
    batch(folder.path(), ["convert", input.to_str().unwrap(), "--out", "one.ome.tif", "--split"])
        .fails(2, &["one.ome.tif", "folder"]);
    assert_eq!(names(folder.path()), Vec::<String>::new());

    let json = batch(folder.path(), convert.iter().chain(&["--split", "--json"])).json();
    let out = folder.path().join("made/of it");
    assert_eq!(names(&out), ["two_positions_scene0.ome.tif", "two_positions_scene1.ome.tif"]);
    for (number, file) in json["files"].as_array().unwrap().iter().enumerate() {
        let path = folder.path().join(file["file"].as_str().unwrap());
        assert_eq!(file["bytes"], fs::metadata(&path).unwrap().len());
        assert_eq!(file["position"], format!("Pos{number}"));
        agrees(&path, number, 2);
        is_described(&path);
    }
    // Together they are one stack again, as PyAMA groups them.
    let together = open(&out.join("*.ome.tif"));
    assert_eq!((together.positions().len(), together.stem()), (2, "two_positions"));
}

#[test]
fn nothing_is_replaced_unless_forced_and_the_input_never() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("pos0_imagej.tif");
    fs::copy(shared("fit_ref/formats/pos0_imagej.tif"), &input).unwrap();
    let out = folder.path().join("out.ome.tif");
    fs::write(&out, "mine").unwrap();
    let convert = ["convert", "pos0_imagej.tif", "--out", "out.ome.tif"];
    batch(folder.path(), convert).fails(1, &["out.ome.tif", "already", "--force"]);
    assert_eq!(fs::read(&out).unwrap(), b"mine");

    // What a process that was killed left behind is in nobody's way.
    fs::write(folder.path().join("out.ome.tif.partial"), vec![7; 1 << 20]).unwrap();
    batch(folder.path(), convert.iter().chain(&["--force"])).ok();
    agrees(&out, 0, 2);
    assert_eq!(names(folder.path()), ["out.ome.tif", "pos0_imagej.tif"]);

    let before = fs::read(&input).unwrap();
    batch(folder.path(), ["convert", "pos0_imagej.tif", "--out", "./pos0_imagej.tif", "--force"])
        .fails(2, &["pos0_imagej.tif", "input"]);
    assert_eq!(fs::read(&input).unwrap(), before);
}

#[test]
fn two_processes_do_not_write_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let held = File::create(folder.path().join("out.ome.tif.partial")).unwrap();
    held.lock().unwrap();
    let input = shared("fit_ref/formats/pos0_imagej.tif");
    batch(folder.path(), ["convert", input.to_str().unwrap(), "--out", "out.ome.tif"])
        .fails(1, &["out.ome.tif", "another process"]);
    assert_eq!(names(folder.path()), ["out.ome.tif.partial"]);
}

#[test]
fn inputs_that_are_cut_off_not_there_or_misunderstood_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let cut = shared("fit_ref/formats/bad_cut_in_half.ome.tif");
    let whole = shared("fit_ref/formats/pos0_imagej.tif");
    let (cut, whole) = (cut.to_str().unwrap(), whole.to_str().unwrap());
    let convert = |stack: &str, more: &[&str]| {
        batch(folder.path(), [&["convert", stack, "--out", "out.ome.tif"], more].concat())
    };
    convert(cut, &[]).fails(1, &["bad_cut_in_half.ome.tif", "cut off", "copy or export it again"]);
    convert("nowhere.tif", &[]).fails(1, &["nowhere.tif", "no such file"]);
    convert(whole, &["--axes", "TQ"]).fails(1, &["TQ", "P, T, C and Z"]);
    convert(whole, &["--frame-interval", "30"]).fails(2, &["30min"]);
    let json = convert(cut, &["--json"]);
    let error: Value = serde_json::from_str(&json.words).unwrap();
    assert_eq!((json.code, &error["ok"]), (1, &false.into()));
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[test]
fn an_output_that_cannot_be_written_names_its_folder_and_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let input = shared("fit_ref/formats/pos0_imagej.tif");
    for out in ["missing/out.ome.tif", "file/out.ome.tif", "file/folder"] {
        batch(folder.path(), ["convert", input.to_str().unwrap(), "--out", out])
            .fails(1, &[out, "permissions"]);
    }
    assert_eq!(names(folder.path()), ["file"]);
}
