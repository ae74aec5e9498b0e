//! `ocellus batch fit`: held against PyAMA's fits within the tolerances of the data's README.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::support::{batch, names, shared};

/// A row of a table by the names of its columns.
type Row = HashMap<String, String>;

/// Rows of a table by field of view and cell.
fn table(path: &Path) -> HashMap<(String, String), Row> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let header: Vec<_> = lines.next().unwrap().split(',').collect();
    lines
        .map(|line| {
            let row: Row =
                header.iter().map(|name| name.to_string()).zip(line.split(',').map(str::to_owned)).collect();
            ((row["fov"].clone(), row["cell"].clone()), row)
        })
        .collect()
}

fn number(row: &Row, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column}: {:?}", row[column]))
}

/// Copies `NAME.csv` into `folder` and fits it there.
fn fit(folder: &Path, name: &str, options: &[&str]) -> Value {
    let traces = format!("{name}.csv");
    fs::copy(shared(&format!("fit_ref/{traces}")), folder.join(&traces)).unwrap();
    batch(folder, [&["fit", &traces, "--model", "maturation", "--json"], options].concat()).json()
}

#[test]
fn fits_of_traces_are_as_good_as_those_of_pyama() {
    let folder = tempfile::tempdir().unwrap();
    let json = fit(folder.path(), "maturation", &[]);
    let ours = table(&folder.path().join("maturation_fitted_maturation.csv"));
    let details = table(&folder.path().join("maturation_details_maturation.csv"));
    let theirs = table(&shared("fit_ref/maturation_fitted_maturation.csv"));
    let best = table(&shared("fit_ref/maturation_best.csv"));
    assert_eq!((ours.len(), details.len(), theirs.len()), (50, 50, 50));
    let mut near_best = 0;
    for (cell, theirs) in &theirs {
        let (ours, details) = (&ours[cell], &details[cell]);
        assert_eq!(ours["success"], theirs["success"], "{cell:?}");
        assert_eq!(ours["model_type"], "maturation");
        let (r2, reference) = (number(ours, "r_squared"), number(theirs, "r_squared"));
        assert!(r2 >= reference - 1e-4, "{cell:?}: R² {r2}, PyAMA {reference}");
        if let Some(best) = best.get(cell).filter(|row| !row["best_ssr"].is_empty()) {
            let ssr = number(details, "ssr");
            assert!(ssr <= 1.001 * number(best, "ssr") + 1e-2, "{cell:?}: {ssr}");
            near_best += i32::from(ssr <= 1.01 * number(best, "best_ssr") + 1e-2);
        }
    }
    assert!(near_best >= 47, "{near_best} of 48 are within 1 % of the best that is known");
    assert_eq!((&json["cells"], &json["quality"]["good"]), (&json!(50), &json!(44)));
    let failed = theirs.values().filter(|row| row["success"] == "False").count();
    assert_eq!(json["failed"].as_array().unwrap().len(), failed);
    assert!(json["failed"].as_array().unwrap().iter().all(|one| !one["reason"].as_str().unwrap().is_empty()));
    // The order is that of the table of traces, whichever core was quicker.
    let order = |path: &Path| -> Vec<String> {
        let text = fs::read_to_string(path).unwrap();
        text.lines().map(|line| line.split(',').take(2).collect::<Vec<_>>().join(",")).collect()
    };
    assert_eq!(
        order(&folder.path().join("maturation_fitted_maturation.csv")),
        order(&shared("fit_ref/maturation_fitted_maturation.csv"))
    );
}

#[test]
fn values_and_bounds_are_those_of_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let options = [
        "--set",
        "km=0.9",
        "--set",
        "scale=2",
        "--set",
        "delta=0.05",
        "--set",
        "ktl=500",
        "--bound",
        "t0=-5..5",
        "--bound",
        "delta=0.0001..2",
        "--out",
        "other.csv",
    ];
    fit(folder.path(), "maturation", &options);
    assert_eq!(names(folder.path()), ["maturation.csv", "other.csv", "other_details.csv"]);
    let ours = table(&folder.path().join("other.csv"));
    for (cell, theirs) in table(&shared("fit_ref/maturation_fitted_maturation_override.csv")) {
        let (r2, reference) = (number(&ours[&cell], "r_squared"), number(&theirs, "r_squared"));
        assert!(r2 >= reference - 1e-4, "{cell:?}: R² {r2}, PyAMA {reference}");
        assert!((-5.0..=5.0).contains(&number(&ours[&cell], "t0")), "{cell:?}");
    }
}

#[test]
fn the_summary_says_how_many_are_good_and_what_to_mistrust() {
    let folder = tempfile::tempdir().unwrap();
    let traces = shared("fit_ref/maturation.csv");
    fs::copy(traces, folder.path().join("maturation.csv")).unwrap();
    let words = batch(folder.path(), ["fit", "maturation.csv", "--model", "maturation"]).ok();
    for line in ["model: maturation", "cells: 50, ", "quality: 44 good", "on a bound: ", "not identifiable: "]
    {
        assert!(words.lines().any(|found| found.starts_with(line)), "{line:?} is not in {words}");
    }
    assert!(words.contains("written: maturation_fitted_maturation.csv"), "{words}");
}

#[test]
fn a_wrong_model_parameter_or_setting_is_reported_with_what_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(shared("fit_ref/trivial.csv"), folder.path().join("trivial.csv")).unwrap();
    let fit = |options: &[&str]| batch(folder.path(), [&["fit", "trivial.csv"], options].concat());
    fit(&["--model", "maturatoin"]).fails(2, &["\"maturatoin\"", "did you mean \"maturation\"", "trivial"]);
    fit(&["--model", "maturation", "--set", "Km0=1"]).fails(2, &["Km0", "did you mean \"km\""]);
    fit(&["--model", "maturation", "--bound", "t0=2..1"]).fails(2, &["t0", "order"]);
    fit(&["--model", "maturation", "--bound", "t0=2"]).fails(2, &["t0=2", "t0=-1..1"]);
    fit(&["--model", "maturation", "--set", "km=much"]).fails(2, &["km=much", "km=1.3"]);
    assert_eq!(names(folder.path()), ["trivial.csv"]);
}

#[test]
fn tables_that_are_there_are_kept_and_the_input_always() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(shared("fit_ref/trivial.csv"), folder.path().join("trivial.csv")).unwrap();
    let fitted = folder.path().join("trivial_fitted_trivial.csv");
    fs::write(&fitted, "mine").unwrap();
    let fit = |options: &[&str]| {
        batch(folder.path(), [&["fit", "trivial.csv", "--model", "trivial"], options].concat())
    };
    fit(&[]).fails(1, &["trivial_fitted_trivial.csv", "--force"]);
    assert_eq!(fs::read(&fitted).unwrap(), b"mine");
    fit(&["--force"]).ok();
    assert!(fs::read_to_string(&fitted).unwrap().starts_with("fov,cell,model_type,success,r_squared,t0"));
    fit(&["--force", "--out", "./trivial.csv"]).fails(2, &["trivial.csv", "input"]);
    fit(&["--out", "missing/out.csv"]).fails(1, &["missing/out", "folder"]);
    let expected = ["trivial.csv", "trivial_details_trivial.csv", "trivial_fitted_trivial.csv"];
    assert_eq!(names(folder.path()), expected);
}

#[test]
fn a_table_without_traces_or_without_sense_is_refused_and_one_without_any_fit_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let fit = |text: &str, more: &[&str]| {
        fs::write(folder.path().join("traces.csv"), text).unwrap();
        batch(folder.path(), [&["fit", "traces.csv", "--model", "trivial", "--force"], more].concat())
    };
    fit("# Time units: min\ntime,fov,cell,value\n", &[]).fails(1, &["traces.csv", "no traces"]);
    fit("# Time units: min\ntime,fov,cell,value\n0,0,1,much\n", &[]).fails(1, &["traces.csv:3", "much"]);
    batch(folder.path(), ["fit", "nowhere.csv", "--model", "trivial"]).fails(1, &["nowhere.csv"]);
    assert_eq!(names(folder.path()), ["traces.csv"]);

    let short = "# Time units: min\ntime,fov,cell,value\n0,0,1,5\n30,0,1,6\n";
    let outcome = fit(short, &[]);
    assert!(outcome.words.contains("failed: fov 0, cell 1: 2 valid points are too few"), "{}", outcome.words);
    outcome.fails(6, &["none of the 1 traces"]);
    let json: Value = serde_json::from_str(&fit(short, &["--json"]).words).unwrap();
    assert_eq!(
        (&json["ok"], &json["fitted"], &json["failed"][0]["cell"]),
        (&json!(false), &json!(0), &json!(1))
    );
}
