//! `ocellus batch show`: what a run has made, on the terminal and as a report that opens offline.

use std::fs;

use serde_json::json;
use tempfile::TempDir;

use super::support::{batch, names};
use crate::support::cells::write_recipe;
use crate::support::complaint;
use crate::support::fixture::program;
use ocellus::microscopy::Results;

/// A folder with the results of a small run, its merged tables, and fits of one of them.
fn run() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_recipe(&folder.path().join("small.toml"));
    let outcome = batch(folder.path(), ["run", "small.toml"]);
    assert_eq!(outcome.code, 0, "{}{}", outcome.words, outcome.errors);
    fs::write(folder.path().join("samples.yaml"), "samples:\n- name: A & B\n  fovs: 0\n").unwrap();
    let merge = ["merge", "results", "--samples", "samples.yaml", "--out", "results/merged"];
    batch(folder.path(), merge).ok();
    let fit = ["fit", "results/merged/A & B_area_ch_0.csv", "--model", "exponential_decay"];
    batch(folder.path(), fit).ok();
    folder
}

fn count(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

/// The parts of the report that a browser would load from elsewhere, or run.
fn is_alone(report: &str) {
    for part in ["<script", "<link", "@import", "url(", "src=\"http", "href=\"http", "<iframe", "javascript:"]
    {
        assert!(!report.contains(part), "the report has {part}");
    }
    let namespace = "xmlns=\"http://www.w3.org/2000/svg\"";
    assert_eq!(count(report, "http"), count(report, namespace) + count(report, "http-equiv"));
}

#[test]
fn a_run_is_shown_as_a_table_and_as_a_report_of_one_file() {
    let folder = run();
    let show = |more: &[&str]| batch(folder.path(), [&["show", "results"], more].concat());
    let results = Results::open(&folder.path().join("results")).unwrap();
    let fov = results.fov(0).unwrap();
    assert!(fov.cells > 1 && fov.dropped.len() > 1, "{fov:?}");

    // The table, and the same as an object.
    let words = show(&[]).ok();
    let id = results.id().unwrap();
    assert!(words.starts_with(&format!("run {id}, version ")), "{words}");
    for line in [
        "1 of 1 fields of view complete",
        "too short",
        "merged: results/merged/A & B_area_ch_0.csv (",
        "good (R² over 0.9)",
    ] {
        assert!(words.contains(line), "{line:?} is not in: {words}");
    }
    let object = show(&["--json"]).json();
    let (kept, dropped) = (fov.cells, fov.dropped.len());
    assert_eq!((&object["fovs"][0]["kept"], &object["fovs"][0]["dropped"]), (&json!(kept), &json!(dropped)));
    let reasons = object["fovs"][0]["reasons"].as_object().unwrap();
    assert_eq!(reasons.values().map(|cells| cells.as_u64().unwrap()).sum::<u64>(), dropped as u64);
    assert_eq!(
        (&object["fits"][0]["model"], &object["fits"][0]["cells"]),
        (&json!("exponential_decay"), &json!(kept))
    );
    let alone = show(&["--fov", "0"]).ok();
    assert_eq!(count(&alone, "dropped: cell "), dropped);
    show(&["--fov", "7"]).fails(1, &["no field of view 7", "it has 0"]);

    // The report: pictures, traces, fits, reasons; a name from outside stays text.
    let written = show(&["--html", "report.html", "--json"]).json();
    let report = fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert_eq!(written["report"]["bytes"], report.len());
    is_alone(&report);
    assert_eq!(count(&report, "src=\"data:image/jpeg;base64,"), 3);
    assert!(report.contains("prefers-color-scheme: dark") && report.contains("A &amp; B_area_ch_0"));
    assert!(!report.contains("A & B"), "a name is not escaped");
    assert_eq!(count(&report, "var(--plot-median, "), 2, "a median for each feature");
    assert_eq!(count(&report, "and their median</figcaption>"), 2);
    for text in ["R² of all fits", "amplitude", "decay_rate", "best: fov 0", "without a trace", "too short: "]
    {
        assert!(report.contains(text), "{text:?} is not in the report");
    }
    show(&["--html", "again.html"]).ok();
    assert_eq!(fs::read_to_string(folder.path().join("again.html")).unwrap(), report, "the same bytes");

    // A trace that a person has marked as bad is left out, and counted.
    let cell = results.traces(0).unwrap().rows[0].cell;
    results.mark(0, cell, false).unwrap();
    assert_eq!(show(&["--json"]).json()["fovs"][0]["marked_bad"], 1);
    show(&["--html", "report.html"]).fails(1, &["report.html", "--force"]);
    assert_eq!(fs::read_to_string(folder.path().join("report.html")).unwrap(), report);
    show(&["--html", "report.html", "--force"]).ok();
    let report = fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(report.contains("1 trace marked as bad left out"));
    batch(folder.path(), ["show", "nowhere"]).fails(1, &["no run in nowhere", "`out`"]);
}

#[test]
fn what_is_missing_or_damaged_is_a_line_of_the_report_and_a_full_disk_an_error() {
    let folder = run();
    let results = folder.path().join("results");
    let stem = "fov_000/cancer_cell_migration_48f_fov_000";
    fs::remove_file(results.join(format!("{stem}_pc_ch_0.npy"))).unwrap();
    fs::write(results.join(format!("{stem}_traces.csv")), "fov,cell\n0,1\n").unwrap();
    fs::remove_file(results.join("merged/A & B_area_ch_0.csv")).unwrap();
    batch(folder.path(), ["show", "results", "--html", "report.html"]).ok();
    let report = fs::read_to_string(folder.path().join("report.html")).unwrap();
    is_alone(&report);
    for text in ["field of view 0 has no pictures", "has no column", "not beside their table"] {
        assert!(report.contains(text), "{text:?} is not in the report");
    }
    assert!(report.ends_with("</html>\n"));

    // The system takes 8 blocks of 512 or 1024 bytes of a file and no more: an error, and no report.
    let limited = "ulimit -f 8; trap '' XFSZ; exec \"$0\" batch show results --html full.html";
    let command = std::process::Command::new("sh")
        .args(["-c", limited])
        .arg(program())
        .current_dir(folder.path())
        .output()
        .unwrap();
    let error = complaint(&command);
    assert_eq!(command.status.code(), Some(1), "{error}");
    assert!(error.contains("full.html: cannot be written") && error.contains("free space"), "{error}");
    assert!(!names(folder.path()).iter().any(|name| name.starts_with("full.html")), "nothing is left");
}

#[test]
fn results_of_pyama_and_runs_under_way_are_shown_as_far_as_they_are() {
    let folder = run();
    let results = folder.path().join("results");
    // Neither summary nor table of results: what a run that was killed leaves.
    let complete = batch(folder.path(), ["show", "results", "--json"]).json();
    for file in ["summary.json", "processing_results.yaml"] {
        fs::rename(results.join(file), folder.path().join(file)).unwrap();
    }
    assert_eq!(batch(folder.path(), ["show", "results", "--json"]).json(), complete);
    // PyAMA has no journal and no summary.
    fs::rename(folder.path().join("processing_results.yaml"), results.join("processing_results.yaml"))
        .unwrap();
    fs::remove_file(results.join("batch.journal")).unwrap();
    let words = batch(folder.path(), ["show", "results"]).ok();
    assert!(words.starts_with("results, of PyAMA: 1 of 1 fields of view complete"), "{words}");
    fs::create_dir(folder.path().join("shared")).unwrap();
    fs::rename(&results, folder.path().join("shared/shard-1-of-2")).unwrap();
    batch(folder.path(), ["show", "shared"]).fails(1, &["not joined", "ocellus batch merge"]);
}
