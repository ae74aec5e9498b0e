//! Results on disk as a command or the page asks for them: here those of PyAMA, with small stacks beside the tables.

use std::fs;
use std::path::Path;

use ocellus::microscopy::{Results, RunError};

use super::merge::results;

/// A stack of two frames of 6 by 4 pixels, as NumPy writes it.
fn npy(path: &Path, pixel: impl Fn(usize, usize) -> u16) {
    let mut header = "{'descr': '<u2', 'fortran_order': False, 'shape': (2, 4, 6), }".to_owned();
    header.push_str(&" ".repeat(117 - header.len()));
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(header.bytes());
    bytes.push(b'\n');
    bytes.extend((0..2 * 24).flat_map(|at| pixel(at / 24, at % 24).to_le_bytes()));
    fs::write(path, bytes).unwrap();
}

#[test]
fn results_of_pyama_are_shown_and_marked_and_what_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    results(folder.path());
    let stack = |name: &str| folder.path().join("fov_000").join(format!("movie_fov_000_{name}_ch_0.npy"));
    npy(&stack("pc"), |frame, at| (frame * 1000 + at) as u16);
    npy(&stack("seg_labeled"), |_, at| if at % 6 < 3 { 6 } else { 0 });

    let found = Results::open(folder.path()).unwrap();
    let fovs: Vec<_> = found.fovs().iter().map(|fov| (fov.fov, &*fov.state, fov.frames)).collect();
    assert_eq!(fovs, [(0, "complete", 30), (1, "complete", 30), (2, "complete", 30)]);
    assert_eq!((found.id(), found.version(), found.time_units()), (None, None, "min"));
    assert_eq!(found.traces(0).unwrap().features, ["area_ch_0", "intensity_total_ch_1"]);

    // A picture of each frame, with the cell in a colour; marked as bad, it is red.
    let pixel = |frame| found.overlay(0, frame, 6).unwrap().pixels[..3].to_vec();
    let good = pixel(0);
    assert!(good[0] != good[1] || good[1] != good[2], "{good:?} is grey");
    found.mark(0, 6, false).unwrap();
    assert_eq!((pixel(1), found.is_inspected(0), found.is_inspected(1)), (vec![255, 70, 70], true, false));
    let bad = |row: &&ocellus::timelapse::tables::TraceRow| !row.good;
    assert_eq!(found.traces(0).unwrap().rows.iter().filter(bad).count(), 30);
    found.mark(0, 6, true).unwrap();
    assert_eq!(pixel(0), good);
    assert_eq!(found.traces(0).unwrap().rows.iter().filter(bad).count(), 0);

    for (error, words) in [
        (found.traces(7).unwrap_err(), "no field of view 7; it has 0-2"),
        (found.overlay(0, 2, 6).unwrap_err(), "no frame 2: it has 2, from 0"),
        (found.overlay(1, 0, 6).unwrap_err(), "field of view 1 has no pictures"),
        (found.mark(0, 999, false).unwrap_err(), "no cell 999"),
        (Results::open(&folder.path().join("fov_000")).unwrap_err(), "no run in"),
    ] {
        assert!(error.to_string().contains(words), "{error}");
    }
    fs::write(stack("pc"), b"cut off").unwrap();
    assert!(matches!(found.overlay(0, 0, 6), Err(RunError::Io { action: "read", .. })));
}
