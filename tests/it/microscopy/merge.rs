//! `ocellus batch merge`: the tables of samples are those that PyAMA makes of the same traces.

use std::fs;
use std::path::Path;

use super::support::{batch, names, shared};

/// The results of PyAMA, in the folders that they are looked for in.
pub fn results(folder: &Path) {
    let from = shared("fit_ref/pipeline");
    fs::copy(from.join("processing_results.yaml"), folder.join("processing_results.yaml")).unwrap();
    fs::copy(from.join("samples.yaml"), folder.join("samples.yaml")).unwrap();
    for fov in 0..3 {
        let traces = format!("movie_fov_00{fov}_traces.csv");
        fs::create_dir(folder.join(format!("fov_00{fov}"))).unwrap();
        fs::copy(from.join(&traces), folder.join(format!("fov_00{fov}/{traces}"))).unwrap();
    }
}

#[test]
fn merged_tables_are_those_of_pyama() {
    let folder = tempfile::tempdir().unwrap();
    results(folder.path());
    let merge = ["merge", ".", "--samples", "samples.yaml", "--out", "merged", "--json"];
    let json = batch(folder.path(), merge).json();
    let expected =
        ["A_area_ch_0.csv", "A_intensity_total_ch_1.csv", "B_area_ch_0.csv", "B_intensity_total_ch_1.csv"];
    assert_eq!(names(&folder.path().join("merged")), expected);
    for name in expected {
        let ours = fs::read_to_string(folder.path().join("merged").join(name)).unwrap();
        let theirs = fs::read_to_string(shared(&format!("fit_ref/pipeline/merged_{name}"))).unwrap();
        assert_eq!(ours.lines().count(), theirs.lines().count(), "{name}");
        for (number, (ours, theirs)) in ours.lines().zip(theirs.lines()).enumerate() {
            assert_eq!(ours, theirs, "{name}, line {}", number + 1);
        }
    }
    assert_eq!(json["files"].as_array().unwrap().len(), 4);
    // Merged tables that are there are kept, as the tables of fits are.
    let area = folder.path().join("merged/A_area_ch_0.csv");
    fs::write(&area, "mine").unwrap();
    batch(folder.path(), merge)
        .fails(1, &["merged/A_area_ch_0.csv", "there is such a file already", "--force"]);
    assert_eq!(fs::read(&area).unwrap(), b"mine");
    batch(folder.path(), merge.into_iter().chain(["--force"])).json();
    assert_ne!(fs::read(&area).unwrap(), b"mine");
}

#[test]
fn samples_that_make_no_sense_are_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    results(folder.path());
    for (samples, words) in [
        ("samples: 5\n", &["samples.yaml"][..]),
        ("samples:\n- name: A\n  fovs: 0-9\n", &["\"A\"", "no results"]),
        ("samples:\n- name: A\n  fovs: 2-x\n", &["\"A\"", "2-x"]),
        ("samples:\n- name: ../A\n  fovs: 0\n", &["../A", "file name"]),
    ] {
        fs::write(folder.path().join("samples.yaml"), samples).unwrap();
        batch(folder.path(), ["merge", ".", "--samples", "samples.yaml", "--out", "merged"]).fails(1, words);
        assert!(!folder.path().join("merged").exists(), "{samples}");
    }
    batch(folder.path(), ["merge", ".", "--samples", "none.yaml"]).fails(1, &["none.yaml"]);
    batch(folder.path(), ["merge", "fov_000", "--samples", "none.yaml"]).fails(1, &["none.yaml"]);
}
