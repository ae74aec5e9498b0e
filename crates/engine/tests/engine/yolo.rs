//! YOLO heads of versions 5 and 8 on tensors made by hand: the boxes that must come out are known exactly.

use crate::support::engine::*;
use ocellus_engine::Model;
use ocellus_engine::{MAX_FINDINGS, Predictions};
use ocellus_engine::{ModelCard, Task};
use ocellus_image::{Placement, Rect};
use std::fmt::Write;
use std::sync::Arc;

/// A 100 × 50 px input and one output of `shape` and `values`.
fn model(shape: [usize; 3], values: &[f32], kind: &str, card: ModelCard) -> Arc<Model> {
    let mut text = String::from("[[input]]\nname = \"in\"\nshape = [1, 50, 100, 3]\ndtype = \"u8\"\n");
    writeln!(text, "[[output]]\nname = \"out\"\nshape = {shape:?}\n{kind}\nvalues = {values:?}").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("yolo.stub");
    std::fs::write(&path, text).unwrap();
    load(&stub(), &path, card)
}

const FLOAT: &str = "dtype = \"f32\"";

fn decoded(model: &Model, placement: &Placement) -> Predictions {
    let mut session = model.session().unwrap();
    session.run().unwrap();
    let mut report = Predictions::default();
    model.decoder(None).decode(&*session, placement, &mut report);
    report
}

fn boxes(report: &Predictions) -> Vec<(u16, f32, Rect)> {
    report.items.iter().map(|f| (f.class, f.score, f.rect().unwrap())).collect()
}

fn one_to_one() -> Placement {
    Placement { offset: [0.0; 2], scale: [1.0; 2], origin: [0.0; 2] }
}

/// Rows of centre, size, objectness and two classes; 0 to 1.
#[rustfmt::skip]
const V5: [f32; 7 * 8] = [
    0.50, 0.5, 0.20, 0.4, 0.75, 1.0, 0.0,   // 0.75 of class 0
    0.51, 0.5, 0.20, 0.4, 0.50, 1.0, 0.0,   // overlaps the first: dropped
    0.51, 0.5, 0.20, 0.4, 0.50, 0.0, 1.0,   // overlaps, but another class: stays
    0.10, 0.2, 0.10, 0.2, 0.875, 0.0, 1.0,  // elsewhere: the best
    0.90, 0.2, 0.10, 0.2, 0.125, 0.0, 1.0,  // objectness too low
    0.90, 0.8, 0.10, 0.2, 0.875, 0.25, 0.125, // product too low: 0.21875
    0.0,  0.0, 0.0,  0.0, 0.0,  0.0, 0.0,
    0.0,  0.0, 0.0,  0.0, 0.0,  0.0, 0.0,
];

#[test]
fn a_v5_head_gives_exactly_the_boxes_that_were_put_in() {
    let card = ModelCard { head: Some("v5".into()), ..card(Task::Yolo) };
    let report = decoded(&model([1, 8, 7], &V5, FLOAT, card), &one_to_one());
    let found = boxes(&report);
    assert_eq!(found.iter().map(|f| (f.0, f.1)).collect::<Vec<_>>(), [(1, 0.875), (0, 0.75), (1, 0.5)]);
    let wanted = [(5.0, 5.0, 10.0, 10.0), (40.0, 15.0, 20.0, 20.0), (41.0, 15.0, 20.0, 20.0)];
    for ((_, _, rect), (x, y, w, h)) in found.iter().zip(wanted) {
        assert!(rect.iou(Rect { x, y, w, h }) > 0.9999, "{rect:?}");
    }
}

#[test]
fn a_v8_head_is_the_same_boxes_turned_round_and_without_objectness() {
    // Columns: centre, size, two classes; here in tensor px instead of 0 to 1.
    let rows = [
        [50.0, 25.0, 20.0, 20.0, 0.75, 0.0],
        [51.0, 25.0, 20.0, 20.0, 0.5, 0.0],
        [10.0, 10.0, 10.0, 10.0, 0.0, 0.875],
        [90.0, 10.0, 10.0, 10.0, 0.0, 0.125],
    ];
    let mut values = Vec::new();
    for column in 0..6 {
        values.extend(rows.iter().map(|row| row[column]));
        values.extend([0.0; 4]);
    }
    let report = decoded(&model([1, 6, 8], &values, FLOAT, card(Task::Yolo)), &one_to_one());
    let found = boxes(&report);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0], (1, 0.875, Rect { x: 5.0, y: 5.0, w: 10.0, h: 10.0 }));
    assert_eq!(found[1], (0, 0.75, Rect { x: 40.0, y: 15.0, w: 20.0, h: 20.0 }));
}

#[test]
fn a_quantised_head_gives_the_boxes_of_its_float_twin_within_one_step() {
    let kind = "dtype = \"i8\"\nscale = 0.00392156862745098\nzero_point = -128";
    let card = ModelCard { head: Some("v5".into()), ..card(Task::Yolo) };
    let float = boxes(&decoded(&model([1, 8, 7], &V5, FLOAT, card.clone()), &one_to_one()));
    let int8 = boxes(&decoded(&model([1, 8, 7], &V5, kind, card), &one_to_one()));
    assert_eq!(int8.len(), float.len());
    for (a, b) in int8.iter().zip(&float) {
        assert!(a.0 == b.0 && (a.1 - b.1).abs() < 0.006 && a.2.iou(b.2) > 0.93, "{a:?} is not {b:?}");
    }
}

#[test]
fn boxes_come_back_through_letterbox_scale_and_region_to_the_frame() {
    let card = ModelCard { head: Some("v5".into()), ..card(Task::Yolo) };
    let placement = Placement { offset: [0.0, 5.0], scale: [4.0, 2.0], origin: [100.0, 7.0] };
    let best = boxes(&decoded(&model([1, 8, 7], &V5, FLOAT, card), &placement))[0].2;
    assert!(best.iou(Rect { x: 120.0, y: 7.0, w: 40.0, h: 20.0 }) > 0.9999, "{best:?}");
}

#[test]
fn more_boxes_than_a_report_holds_are_counted_not_lost_silently() {
    let mut values = Vec::new();
    for i in 0..150 {
        values.extend([
            (i % 15) as f32 * 6.0 + 4.0,
            (i / 15) as f32 * 5.0 + 2.0,
            2.0,
            2.0,
            0.5 + i as f32 / 1000.0,
            1.0,
        ]);
    }
    let card = ModelCard { head: Some("v5".into()), ..card(Task::Yolo) };
    let report = decoded(&model([1, 150, 6], &values, FLOAT, card), &one_to_one());
    assert_eq!((report.items.len(), report.overflow), (MAX_FINDINGS, 150 - MAX_FINDINGS as u32));
    assert!(report.items.is_sorted_by(|a, b| a.score >= b.score));
}

#[test]
fn values_that_are_no_numbers_give_no_boxes() {
    let mut values = V5;
    values[0] = f32::NAN;
    values[7 * 3 + 2] = f32::INFINITY;
    let text: Vec<String> = values.iter().map(|v| format!("{v:?}").to_lowercase()).collect();
    assert!(text.contains(&"nan".to_owned()) && text.contains(&"inf".to_owned()), "TOML has both words");
    let card = ModelCard { head: Some("v5".into()), ..card(Task::Yolo) };
    // Debug prints NaN; TOML wants nan.
    let values: Vec<f32> = values.to_vec();
    let toml = format!("values = [{}]", text.join(", "));
    let report = decoded(&raw([1, 8, 7], &toml, card), &one_to_one());
    assert_eq!(report.items.len(), 2, "{:?} of {values:?}", report.items);
    assert!(report.items.iter().all(|f| f.rect().unwrap().area().is_finite()));
}

fn raw(shape: [usize; 3], values: &str, card: ModelCard) -> Arc<Model> {
    let text = format!(
        "[[input]]\nname = \"in\"\nshape = [1, 50, 100, 3]\ndtype = \"u8\"\n\
         [[output]]\nname = \"out\"\nshape = {shape:?}\n{FLOAT}\n{values}\n"
    );
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("yolo.stub");
    std::fs::write(&path, text).unwrap();
    load(&stub(), &path, card)
}

#[test]
fn a_run_that_fails_says_which_model_and_why() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("failing.stub");
    let text = "fail = \"out of memory\"\n[[input]]\nname = \"in\"\nshape = [1, 4, 4, 3]\ndtype = \"u8\"\n\
        [[output]]\nname = \"out\"\nshape = [1, 3]\ndtype = \"f32\"\n";
    std::fs::write(&path, text).unwrap();
    let mut session = load(&stub(), &path, card(Task::Classify)).session().unwrap();
    assert_eq!(session.run().unwrap_err().to_string(), "model m: out of memory");
}
