//! Tables are those that PyAMA writes, and what a person did to them is understood or refused with its place.

#[path = "../../../../tests/support/data.rs"]
#[allow(dead_code, reason = "tests/support serves other tests too")]
mod data;

use std::fs;
use std::path::{Path, PathBuf};

use ocellus_microscopy::fit::{Fit, Quality};
use ocellus_microscopy::tables::{
    FittedRow, FovsError, ResultsFile, TableError, TraceTable, batches, inspected_or_original,
    inspected_path, is_fitted, marked, merge, parse_fovs, read_curves, read_fitted, read_samples,
    worker_ranges, write_fit_details, write_fitted,
};
use serde_json::Value;
use tempfile::TempDir;

fn fit_ref() -> PathBuf {
    data::data(&["microscopy"]).expect("the shared data is there").join("microscopy/fit_ref")
}

fn json(file: &str) -> Value {
    let path = fit_ref().join("pipeline").join(file);
    serde_json::from_slice(&fs::read(path).expect("the reference is there")).expect("it is JSON")
}

/// PyAMA's results of three fields of view, at the places that its YAML file names.
fn results() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let from = fit_ref().join("pipeline");
    fs::copy(from.join("processing_results.yaml"), folder.path().join("processing_results.yaml")).unwrap();
    for fov in 0..3 {
        let to = folder.path().join(format!("fov_{fov:03}"));
        fs::create_dir(&to).unwrap();
        let name = format!("movie_fov_{fov:03}_traces.csv");
        fs::copy(from.join(&name), to.join(&name)).unwrap();
    }
    folder
}

fn write(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn texts_of_fields_of_view_are_understood_and_refused_as_pyama_does() {
    let known = json("ranges.json");
    for case in known["parse_fov_range"].as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        match (parse_fovs(text), case["error"].as_str()) {
            (Ok(fovs), None) => assert_eq!(serde_json::json!(fovs), case["fovs"], "{text}"),
            (Err(error), Some(expected)) => assert_eq!(error.to_string(), expected),
            other => panic!("{text}: {other:?}, expected {case}"),
        }
    }
    assert!(matches!(parse_fovs("0-99999999999"), Err(FovsError::TooMany(_))));
    assert!(matches!(parse_fovs("0-99999999999999999999999"), Err(FovsError::NotIntegers(_))));
}

#[test]
fn workers_and_batches_get_the_ranges_that_pyama_gives_them() {
    let known = json("ranges.json");
    let lists = |ranges: Vec<std::ops::Range<usize>>| {
        serde_json::json!(ranges.into_iter().map(|range| range.collect::<Vec<_>>()).collect::<Vec<_>>())
    };
    let number = |case: &Value, key: &str| case[key].as_u64().unwrap() as usize;
    for case in known["split_worker_ranges"].as_array().unwrap() {
        assert_eq!(
            lists(worker_ranges(number(case, "n"), number(case, "workers"))),
            case["ranges"],
            "{case}"
        );
    }
    for case in known["compute_batches"].as_array().unwrap() {
        assert_eq!(lists(batches(number(case, "n"), number(case, "batch_size"))), case["batches"], "{case}");
    }
}

#[test]
fn traces_and_results_that_pyama_wrote_come_back_byte_for_byte() {
    let folder = results();
    for fov in 0..3 {
        let path = folder.path().join(format!("fov_{fov:03}/movie_fov_{fov:03}_traces.csv"));
        let mut written = Vec::new();
        TraceTable::read(&path).unwrap().write(&mut written).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), fs::read_to_string(&path).unwrap());
    }
    let path = folder.path().join("processing_results.yaml");
    let mut written = Vec::new();
    ResultsFile::read(&path).unwrap().write(&mut written).unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), fs::read_to_string(&path).unwrap());
}

#[test]
fn merged_tables_are_those_of_pyama_and_inspected_traces_win() {
    let folder = results();
    let samples = read_samples(&fit_ref().join("pipeline/samples.yaml")).unwrap();
    let out = folder.path().join("merged");
    let files = merge(folder.path(), &samples, &out, false).unwrap();
    assert_eq!(files.len(), 4);
    for name in ["A_area_ch_0", "A_intensity_total_ch_1", "B_area_ch_0", "B_intensity_total_ch_1"] {
        let ours = fs::read_to_string(out.join(format!("{name}.csv"))).unwrap();
        let theirs = fs::read_to_string(fit_ref().join(format!("pipeline/merged_{name}.csv"))).unwrap();
        assert_eq!(ours, theirs, "{name}");
    }
    // Cell 6 is marked as bad by a person.
    let traces = folder.path().join("fov_000/movie_fov_000_traces.csv");
    let inspected = traces.with_file_name("movie_fov_000_traces_inspected.csv");
    assert_eq!(
        (inspected_or_original(&traces), inspected_path(&traces)),
        (traces.clone(), inspected.clone())
    );
    fs::write(&inspected, marked(&traces, 6, false).unwrap()).unwrap();
    assert_eq!(inspected_or_original(&traces), inspected);
    // Tables that are there are kept, all of them, unless they may be replaced.
    fs::remove_file(out.join("A_area_ch_0.csv")).unwrap();
    let refused = merge(folder.path(), &samples, &out, false).unwrap_err();
    assert!(matches!(&refused, TableError::Exists { path } if path.ends_with("A_intensity_total_ch_1.csv")));
    assert!(!out.join("A_area_ch_0.csv").exists(), "nothing is written");
    merge(folder.path(), &samples, &out, true).unwrap();
    let area = fs::read_to_string(out.join("A_area_ch_0.csv")).unwrap();
    assert!(!area.contains(",0,6,"), "{area}");
}

#[test]
fn a_mark_changes_the_flags_of_one_cell_and_nothing_else() {
    let folder = results();
    let traces = folder.path().join("fov_000/movie_fov_000_traces.csv");
    let original = fs::read_to_string(&traces).unwrap();
    let bad = String::from_utf8(marked(&traces, 6, false).unwrap()).unwrap();
    assert_eq!(original.lines().count(), bad.lines().count());
    for (was, is) in original.lines().zip(bad.lines()) {
        let expected =
            if was.starts_with("0,6,") { was.replacen(",True,", ",False,", 1) } else { was.into() };
        assert_eq!(is, expected);
    }
    // Back again: the bytes are those of the beginning. Columns of other programs stay, in their order.
    fs::write(&traces, &bad).unwrap();
    assert_eq!(marked(&traces, 6, true).unwrap(), original.as_bytes());
    let other = write(&folder, "other.csv", "note,good,cell\n\"a, b\",true,7\n,1,8\n");
    assert_eq!(marked(&other, 7, false).unwrap(), b"note,good,cell\n\"a, b\",False,7\n,1,8\n");
    assert!(marked(&other, 9, true).unwrap_err().to_string().contains("no cell 9"));
    assert!(
        marked(&write(&folder, "x.csv", "cell\n1\n"), 1, true).unwrap_err().to_string().contains("\"good\"")
    );
}

#[test]
fn fits_are_read_again_whoever_wrote_them() {
    let path = fit_ref().join("maturation_fitted_maturation.csv");
    let first = fs::read_to_string(&path).unwrap().lines().next().unwrap().to_owned();
    assert!(is_fitted(&first) && !is_fitted("time,fov,cell,value") && !is_fitted("fov,cell"));
    let table = read_fitted(&path).unwrap();
    assert_eq!((&*table.model, table.cells.len()), ("maturation", 50));
    assert_eq!(table.parameters, ["t0", "ktl", "delta", "offset"]);
    let good = table.cells.iter().filter(|cell| cell.quality() == Quality::Good).count();
    let failed = table.cells.iter().filter(|cell| !cell.success);
    assert!(good >= 40 && failed.clone().count() > 0, "{good}");
    assert!(failed.clone().all(|cell| cell.quality() == Quality::Poor));
    let folder = results();
    let refused = |text: &str| read_fitted(&write(&folder, "f.csv", text)).unwrap_err().to_string();
    assert!(refused("time,fov,cell,value\n").contains("no column \"fov\""));
    let header = "fov,cell,model_type,success,r_squared,t0\n";
    assert!(refused(&format!("{header}0,1,trivial,True,much,0\n")).contains("f.csv:2"));
    assert!(refused(&format!("{header}0,1,trivial\n")).contains("cut off"));
}

#[test]
fn samples_that_make_no_sense_are_refused_with_what_to_do() {
    let folder = results();
    let refuse = |text: &str| {
        let path = write(&folder, "samples.yaml", text);
        let samples = read_samples(&path);
        samples.and_then(|samples| merge(folder.path(), &samples, folder.path(), false)).unwrap_err()
    };
    for (text, part) in [
        ("samples:\n- name: A\n  fovs: 0;1\n", "semicolons are not supported"),
        ("samples:\n- name: A\n  fovs: 0-7\n", "names field of view 3"),
        ("samples:\n- name: ../A\n  fovs: 0\n", "cannot be part of a file name"),
        ("samples:\n- name: a/b\n  fovs: [0]\n", "cannot be part of a file name"),
        ("samples:\n- name: A\n  fovs: 0\n- name: a\n  fovs: 1\n", "twice"),
        ("samples:\n- nam: A\n", "samples.yaml"),
        ("samples: [", "samples.yaml"),
    ] {
        let error = refuse(text).to_string();
        assert!(error.contains(part), "{text:?}: {error}");
    }
    let known = read_samples(&write(&folder, "s.yaml", "samples:\n- name: 7\n  fovs: [2, 0, 2]\n")).unwrap();
    assert_eq!((known[0].name.as_str(), known[0].fovs.as_slice()), ("7", &[0, 2][..]));
}

#[test]
fn a_yaml_file_whose_aliases_multiply_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let of = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{of}]\n"));
    }
    bomb.push_str("samples: *a11\n");
    assert!(matches!(read_samples(&write(&folder, "bomb.yaml", &bomb)), Err(TableError::Yaml { .. })));
}

#[test]
fn a_bad_line_is_refused_with_its_number_and_its_column() {
    let folder = results();
    let good = fs::read_to_string(folder.path().join("fov_000/movie_fov_000_traces.csv")).unwrap();
    let change = |name: &str, from: &str, to: &str| write(&folder, name, &good.replacen(from, to, 1));
    for (path, part) in [
        (
            change("a.csv", "30.000000,True", "half past,True"),
            "a.csv:3: column time: \"half past\" is not a number",
        ),
        (change("b.csv", "30.000000,True", "30.000000,perhaps"), "b.csv:3: column good"),
        (change("c.csv", "0,6,1,", "0,6,1,1,"), "c.csv:3: it has 14 fields, and the header has 13"),
        (change("d.csv", "position_x", "position"), "no column \"position_x\""),
    ] {
        let error = TraceTable::read(&path).unwrap_err().to_string();
        assert!(error.contains(part), "{part} in {error}");
    }
    // What spreadsheets do to a table is no fault.
    let spread = format!("\u{feff}{}", good.replace('\n', "\r\n").replace("True", "TRUE"));
    let read = TraceTable::read(&write(&folder, "t.csv", &spread)).unwrap();
    assert_eq!(read.rows.len(), good.lines().count() - 1);
}

#[test]
fn curves_are_read_in_both_layouts_and_in_hours() {
    let folder = tempfile::tempdir().unwrap();
    let tidy = "# Time units: min\ntime,fov,cell,value\n0.0,1,5,10\n30.0,1,5,\n60.0,1,5,12.5\n";
    let curves = read_curves(&write(&folder, "a.csv", tidy)).unwrap();
    assert_eq!((curves.len(), curves[0].fov, curves[0].cell), (1, 1, 5));
    assert_eq!(curves[0].hours, [0.0, 0.5, 1.0]);
    assert!(curves[0].values[1].is_nan() && curves[0].values[2] == 12.5);
    let old = "# Time units: seconds\ntime,0,1\n0,1,2\n3600,3,4\n";
    let curves = read_curves(&write(&folder, "b.csv", old)).unwrap();
    assert_eq!((curves.len(), curves[1].cell), (2, 1));
    assert_eq!((curves[1].hours.as_slice(), curves[1].values.as_slice()), (&[0.0, 1.0][..], &[2.0, 4.0][..]));
    for (text, part) in [
        ("# Time units: weeks\ntime,fov,cell,value\n", "unit of time \"weeks\""),
        ("time,fov,cell,value\n0,0,1,5\n0,0,1,6\n", "two values at one time"),
        ("a,b\n1,2\n", "no column \"time\""),
        ("time,fov,cell,value\n,0,1,5\n", "the time is missing"),
    ] {
        let error = read_curves(&write(&folder, "c.csv", text)).unwrap_err().to_string();
        assert!(error.contains(part), "{part} in {error}");
    }
    assert!(read_curves(Path::new("/nonexistent.csv")).is_err());
    let all = read_curves(&fit_ref().join("maturation.csv")).unwrap();
    assert_eq!(all.len(), 50);
}

#[test]
fn fits_are_written_as_python_writes_them() {
    let row = FittedRow {
        fov: 0,
        cell: 6,
        fit: Fit {
            success: true,
            r_squared: 0.9750965255922484,
            quality: Quality::Good,
            ssr: 12.0,
            values: vec![-0.9999999999999999, 2649.1267264815287, 1.0000000000000003e-5, 53635.12698778717],
            errors: vec![None, Some(0.5), None, None],
            on_bound: vec![true, false, true, false],
            not_identifiable: vec![false; 4],
            message: None,
        },
    };
    let names = ["t0", "ktl", "delta", "offset"];
    let reference = fit_ref().join("pipeline/merged_A_intensity_total_ch_1_fitted_maturation.csv");
    let theirs: String =
        fs::read_to_string(reference).unwrap().lines().take(2).map(|line| format!("{line}\n")).collect();
    let mut ours = Vec::new();
    write_fitted(&mut ours, "maturation", &names, std::slice::from_ref(&row)).unwrap();
    assert_eq!(String::from_utf8(ours).unwrap(), theirs);
    let mut details = Vec::new();
    write_fit_details(&mut details, "maturation", &names, &[row]).unwrap();
    let details = String::from_utf8(details).unwrap();
    assert!(
        details.ends_with("0,6,maturation,good,12.0,,True,False,0.5,False,False,,True,False,,False,False,\n"),
        "{details}"
    );
}
