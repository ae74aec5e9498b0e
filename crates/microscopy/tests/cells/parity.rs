//! Parity with PyAMA on whole movies. Tolerances are those of `microscopy/fit_ref/README.md`.

use std::collections::BTreeMap;

use ocellus_microscopy::Plane;
use ocellus_microscopy::cells::{FilterSettings, Labels, Mask, TrackSettings, Tracker, filter};
use serde_json::Value;

use crate::support::{Outcome, ids, integers, json, movie, pages, run, shared, table};

/// How far from the reference a run is.
#[derive(Debug, Default)]
struct Worst {
    log: f64,
    threshold: f64,
    foreground: f64,
    background: f64,
    position: f64,
    area: f64,
    intensity: f64,
    least_iou: f64,
    pixels: usize,
}

impl Worst {
    /// Beyond the tolerances: masks and ids do not differ at all, and numbers by no more than the digits that PyAMA wrote.
    fn is_as_good_as_equal(&self) {
        println!("{self:?}");
        assert_eq!((self.foreground, self.position, self.area, self.pixels), (0.0, 0.0, 0.0, 0));
        assert!(self.log < 2e-6 && self.threshold < 2e-6, "{self:?}");
        assert!(self.background < 1e-4 && self.intensity < 1e-6, "{self:?}");
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// Compares one frame with the figures of `pipeline.json` or `pyama.json`.
fn compare_figures(outcome: &Outcome, frame: usize, reference: &Value, worst: &mut Worst) {
    let figures = &outcome.figures[frame];
    let log = (f64::from(figures.min) - number(&reference["logstd_min"])).abs();
    let log = log.max((f64::from(figures.max) - number(&reference["logstd_max"])).abs());
    let threshold = (f64::from(figures.threshold) - number(&reference["threshold"])).abs();
    let pixels = number(&reference["mask_px"]);
    let foreground = (figures.foreground as f64 - pixels).abs() / pixels;
    worst.log = worst.log.max(log);
    worst.threshold = worst.threshold.max(threshold);
    worst.foreground = worst.foreground.max(foreground);
    assert!(log <= 2e-3, "frame {frame}: log-std {figures:?}, and {reference}");
    assert!(threshold <= 2e-3, "frame {frame}: {figures:?}, and {reference}");
    assert!(foreground <= 0.01, "frame {frame}: {figures:?}, and {reference}");
    let tracked: Vec<_> =
        reference["tracked_ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap()).collect();
    assert_eq!(ids(&outcome.labels[frame]), tracked, "frame {frame}: ids");
    let components = ids(&outcome.masks[frame].components().unwrap()).len();
    assert_eq!(components as u64, reference["components_4conn"].as_u64().unwrap(), "frame {frame}");
}

fn compare_background(outcome: &Outcome, frame: usize, at: usize, reference: f64, worst: &mut Worst) {
    let difference = (f64::from(outcome.background[frame][at]) - reference).abs();
    worst.background = worst.background.max(difference);
    assert!(difference <= 0.5, "frame {frame}, pixel {at}: {difference} from {reference}");
}

/// Compares rows of cells, whose features are area and total intensity; returns how many there were.
fn compare_rows(
    outcome: &Outcome,
    kept: impl Fn(u32) -> bool,
    reference: &[BTreeMap<String, f64>],
    features: [&str; 2],
    worst: &mut Worst,
) {
    let rows: BTreeMap<_, _> =
        outcome.rows.iter().filter(|row| kept(row.cell)).map(|row| ((row.cell, row.frame), row)).collect();
    assert_eq!(rows.len(), reference.len(), "rows");
    for other in reference {
        let key = (other["cell"] as u32, other["frame"] as usize);
        let row = rows.get(&key).unwrap_or_else(|| panic!("cell {} in frame {} is missing", key.0, key.1));
        let places = ["position_x", "position_y", "bbox_x0", "bbox_y0", "bbox_x1", "bbox_y1"];
        for (ours, name) in row.position.iter().chain(&row.bbox).zip(places) {
            worst.position = worst.position.max((ours - other[name]).abs());
            assert!((ours - other[name]).abs() <= 1.0, "{key:?} {name}: {ours}, and {}", other[name]);
        }
        let [area, intensity] = features.map(|name| other[name]);
        let ratios = [(row.values[0], area), (row.values[1], intensity)]
            .map(|(ours, other)| (ours / other - 1.0).abs());
        worst.area = worst.area.max(ratios[0]);
        worst.intensity = worst.intensity.max(ratios[1]);
        assert!(
            ratios.iter().all(|ratio| *ratio <= 0.01),
            "{key:?}: {:?}, and {area}, {intensity}",
            row.values
        );
    }
}

/// Compares label images: each object of the reference.
fn compare_labels(outcome: &Outcome, reference: &[Plane], worst: &mut Worst) {
    worst.least_iou = 1.0;
    assert_eq!(outcome.labels.len(), reference.len());
    for (frame, (labels, other)) in outcome.labels.iter().zip(reference).enumerate() {
        let mut counts: BTreeMap<u16, [usize; 2]> = BTreeMap::new();
        for (ours, theirs) in labels.pixels.iter().zip(integers(other)) {
            worst.pixels += usize::from(ours != theirs);
            if ours == theirs {
                counts.entry(*ours).or_default()[0] += 1;
            }
            for id in [Some(ours), (ours != theirs).then_some(theirs)].into_iter().flatten() {
                counts.entry(*id).or_default()[1] += 1;
            }
        }
        for (id, [both, either]) in counts.into_iter().filter(|(id, _)| *id > 0) {
            let iou = both as f64 / either as f64;
            worst.least_iou = worst.least_iou.min(iou);
            assert!(iou >= 0.98, "frame {frame}, cell {id}: IoU {iou}");
        }
    }
}

/// One position of the reference workflow.
fn compare_position(position: usize) -> Worst {
    let folder = shared().join("fit_ref/pipeline");
    let reference = json(&folder.join("pipeline.json"));
    let mut worst = Worst::default();
    let outcome = run(&movie(position));
    let width = outcome.masks[0].width;
    let frames = reference["frames"][position.to_string()].as_array().unwrap();
    assert_eq!(frames.len(), outcome.figures.len());
    for (frame, figures) in frames.iter().enumerate() {
        compare_figures(&outcome, frame, figures, &mut worst);
        let points = reference["background_points"].as_array().unwrap();
        for (point, value) in points.iter().zip(figures["background_at"].as_array().unwrap()) {
            let [y, x] = [0, 1].map(|at| point[at].as_u64().unwrap() as usize);
            compare_background(&outcome, frame, y * width + x, number(value), &mut worst);
        }
    }
    let unfiltered = table(&folder.join(format!("unfiltered_fov_00{position}.csv")));
    compare_rows(&outcome, |_| true, &unfiltered, ["area", "intensity_total"], &mut worst);
    let filtered = table(&folder.join(format!("movie_fov_00{position}_traces.csv")));
    let mut rows = outcome.rows.clone();
    rows.sort_by_key(|row| (row.cell, row.frame));
    let dropped = filter(&rows, width, outcome.masks[0].height, &FilterSettings::default());
    let kept = |cell| dropped.iter().all(|(other, _)| *other != cell);
    compare_rows(&outcome, kept, &filtered, ["area_ch_0", "intensity_total_ch_1"], &mut worst);
    if position == 0 {
        compare_labels(&outcome, &pages(&folder.join("seg_labeled_fov_000.tif")), &mut worst);
    }
    worst
}

#[test]
fn the_first_position_is_as_pyama_has_it() {
    compare_position(0).is_as_good_as_equal();
}

#[test]
fn the_position_mirrored_left_right_is_as_pyama_has_it() {
    compare_position(1).is_as_good_as_equal();
}

#[test]
fn the_position_mirrored_top_bottom_is_as_pyama_has_it() {
    compare_position(2).is_as_good_as_equal();
}

#[test]
fn phase_contrast_with_sixteen_bits_is_as_pyama_has_it() {
    let folder = shared();
    let reference = json(&folder.join("ref/pyama.json"));
    let mut worst = Worst::default();
    let outcome = run(&pages(&folder.join("c2c12_phase_t0-4_x3.tif")));
    let width = outcome.masks[0].width;
    let frames = reference["frames"].as_array().unwrap();
    assert_eq!(frames.len(), outcome.figures.len());
    for (frame, figures) in frames.iter().enumerate() {
        compare_figures(&outcome, frame, figures, &mut worst);
        let grid = [0, 351, 701];
        for (y, row) in grid.iter().zip(figures["background_at_0_351_701"].as_array().unwrap()) {
            for (x, value) in grid.iter().zip(row.as_array().unwrap()) {
                compare_background(&outcome, frame, y * width + x, number(value), &mut worst);
            }
        }
    }
    let rows = table(&folder.join("ref/pyama_c2c12_phase_t0-4_x3_rows.csv"));
    compare_rows(&outcome, |_| true, &rows, ["area", "intensity_total"], &mut worst);
    compare_labels(
        &outcome,
        &pages(&folder.join("ref/pyama_c2c12_phase_t0-4_x3_seg_labeled.tif")),
        &mut worst,
    );
    worst.is_as_good_as_equal();
}

#[test]
fn the_tracker_alone_follows_the_cells_that_pyama_follows() {
    let folder = shared();
    let frames = pages(&folder.join("cancer_cell_migration_48f_labels.tif"));
    let reference =
        &json(&folder.join("ref/pyama.json"))["tracker_only"]["cancer_cell_migration_48f_labels.tif"];
    let (width, height) = (frames[0].width, frames[0].height);
    let mut tracker = Tracker::new(width, height, &TrackSettings::default()).unwrap();
    let (mut counts, mut pixels, mut last) = (Vec::new(), Vec::new(), Vec::new());
    for frame in &frames {
        let mask = integers(frame).iter().map(|label| u8::from(*label > 0)).collect();
        let mut labels = Labels::default();
        tracker.track(&Mask { width, height, pixels: mask }, &mut labels).unwrap();
        last = ids(&labels);
        counts.push(last.len() as u64);
        pixels.push(labels.pixels.iter().filter(|id| **id > 0).count() as u64);
    }
    let list = |name: &str| -> Vec<u64> {
        reference[name].as_array().unwrap().iter().map(|value| value.as_u64().unwrap()).collect()
    };
    assert_eq!(tracker.tracks().len() as u64, reference["tracks_seeded_in_frame_0"].as_u64().unwrap());
    assert_eq!(counts, list("ids_per_frame"));
    assert_eq!(pixels, list("foreground_px_labelled"));
    assert_eq!(last, list("ids_alive_in_last_frame"));
}
