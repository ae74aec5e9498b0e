//! Reading zones and lines: valid ones, and every kind of fault with its message.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::types::Point;

/// Parses a camera with tracking whose further lines, from line 6, are `rest`.
fn parse(rest: &str) -> Result<Vec<CameraConfig>, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("m.tflite"), "").unwrap();
    let text = format!(
        "[model.m]\npath = \"m.tflite\"\n[[camera]]\nname = \"hall\"\nsource = \"scene:\"\n{rest}\n\
         detect = {{ model = \"m\" }}\ntrack = {{}}\n"
    );
    let config = Config::parse(&text, Path::new("box.toml"), folder.path());
    let shown = |fault: &Fault| {
        let Fault { line, column, key, reason, remedy, .. } = fault;
        format!("{line}:{column} {key}: {reason} -> {remedy}")
    };
    config.map(|config| config.cameras).map_err(|faults| faults.0.iter().map(shown).collect())
}

#[track_caller]
fn assert_fault(rest: &str, expected: &str) {
    let faults = parse(rest).unwrap_err();
    assert!(faults.len() == 1 && faults[0].starts_with(expected), "expected {expected:?}, found {faults:#?}");
}

fn zone(points: &str) -> String {
    format!("zones = [{{ name = \"door\", points = {points} }}]")
}

#[test]
fn zones_and_lines_are_read_in_shares_of_the_frame() {
    let text = "zones = [{ name = \"door\", points = [[0, 0], [0.5, 0], [0.5, 1]], dwell_ms = 1500 },\n\
                { name = \"hall\", points = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.5, 0.2], [0.1, 0.9]] }]\n\
                lines = [{ name = \"gate\", from = [0.5, 1], to = [0.5, 0.25] }]";
    let camera = parse(text).unwrap().remove(0);
    assert_eq!(camera.zones.len(), 2);
    assert_eq!(camera.zones[0].points[2], Point { x: 0.5, y: 1.0 });
    let dwells = [camera.zones[0].dwell, camera.zones[1].dwell];
    assert_eq!(dwells, [Some(Duration::from_millis(1500)), None]);
    let gate = Line { name: "gate".into(), from: Point { x: 0.5, y: 1.0 }, to: Point { x: 0.5, y: 0.25 } };
    assert_eq!(camera.lines, [gate]);
    assert_eq!(camera.track, Some(TrackConfig::default()));
}

#[test]
fn a_zone_that_is_no_polygon_is_refused_with_what_is_wrong_with_it() {
    assert_fault(
        &zone("[[0, 0], [1, 1]]"),
        "6:36 camera[0].zones[0].points: 2 points are not a polygon -> write 3 to",
    );
    assert_fault(
        &zone("[[0, 0], [1, 1], [1, 0], [0, 1]]"),
        "6:36 camera[0].zones[0].points: the polygon crosses itself: its side from corner 1 to 2 meets that from 3 \
         to 4 -> name the corners in order",
    );
    assert_fault(
        &zone("[[0, 0], [0.5, 0.5], [0, 0.5], [0.5, 0.5], [1, 0]]"),
        "6:36 camera[0].zones[0].points: the polygon crosses itself",
    );
    assert_fault(&zone("[[0, 0], [0.5, 0.5], [1, 1]]"), "6:36 camera[0].zones[0].points: the polygon ");
    assert_fault(
        &zone("[[0, 0], [0, 0], [1, 1], [0, 1]]"),
        "6:36 camera[0].zones[0].points: the polygon crosses",
    );
    assert_fault(
        &zone("[[0, 0], [1, 0], [1, 1.5]]"),
        "6:57 camera[0].zones[0].points[2][1]: 1.5 is out of range -> write a value from 0 to 1",
    );
    assert_fault(
        &zone("[[0, 0], [1, 0, 1], [1, 1]]"),
        "6:45 camera[0].zones[0].points[1]: 3 numbers are not a point",
    );
    assert_fault(
        "zones = [{ name = \"door\" }]",
        "6:10 camera[0].zones[0].points: this key is missing -> write points",
    );
}

#[test]
fn places_have_names_of_their_own() {
    let square = "points = [[0, 0], [1, 0], [1, 1]]";
    assert_fault(
        &format!("zones = [{{ name = \"a\", {square} }}, {{ name = \"a\", {square} }}]"),
        "6:70 camera[0].zones[1].name: zone[0] is also called \"a\" -> give each zone a different name",
    );
    assert_fault(&format!("zones = [{{ {square} }}]"), "6:10 camera[0].zones[0].name: this key is missing");
    assert_fault(
        &format!("zones = [{{ name = \"a b\", {square} }}]"),
        "6:19 camera[0].zones[0].name: \"a b\" cannot be the name of a place -> write 1 to 64",
    );
    assert_fault(
        &format!("zones = [{{ name = \"a\", {square}, dwel_ms = 1 }}]"),
        "6:59 camera[0].zones[0].dwel_ms",
    );
    // A zone and a line may have the same name.
    let both = format!(
        "zones = [{{ name = \"a\", {square} }}]\nlines = [{{ name = \"a\", from = [0, 0], to = [1, 1] }}]"
    );
    assert!(parse(&both).is_ok());
}

#[test]
fn a_line_needs_two_ends() {
    assert_fault(
        "lines = [{ name = \"a\", from = [0.5, 0.5], to = [0.5, 0.5] }]",
        "6:10 camera[0].lines[0].to: the line ends where it begins -> move one",
    );
    assert_fault(
        "lines = [{ name = \"a\", from = [0, 0] }]",
        "6:10 camera[0].lines[0].to: this key is missing",
    );
}

#[test]
fn there_is_a_bound_on_places() {
    let line = |n| format!("{{ name = \"l{n}\", from = [0, 0], to = [1, 1] }}");
    let lines = |count: usize| format!("lines = [{}]", (0..count).map(line).collect::<Vec<_>>().join(", "));
    assert_eq!(parse(&lines(MAX_LINES)).unwrap()[0].lines.len(), MAX_LINES);
    assert_fault(
        &lines(MAX_LINES + 1),
        "6:9 camera[0].lines: there are 17 of them -> a camera has at most 16",
    );
}

#[test]
fn places_without_tracking_are_refused() {
    let text = "[[camera]]\nname = \"a\"\nsource = \"scene:\"\nlines = [{ name = \"a\", from = [0, 0], to = [1, 1] }]\n";
    let faults = Config::parse(text, Path::new("box.toml"), Path::new(".")).unwrap_err();
    assert_eq!(faults.0.len(), 1, "{faults}");
    assert_eq!(faults.0[0].key, "camera[0].lines");
    assert!(faults.0[0].remedy.starts_with("add track"), "{faults}");
}
