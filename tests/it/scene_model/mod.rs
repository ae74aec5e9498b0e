//! The shipped detector on a scene that it was never trained on, over the product's own road: the painter's
//! planes, the preprocessor, the runtime, the decoder.

mod ap;

use std::sync::Arc;

use ap::{Call, Wanted};
use ocellus::camera::scene::{Scene, SceneOptions, Truth};
use ocellus::engine::Model;
use ocellus::pipeline::Detect;
use ocellus::types::{Frame, PixelFormat, Report, Stamp};

/// Never trained on; the same frames as `train_scene.py` measures.
const SEED: u64 = 2026;
const FRAMES: u64 = 300;
const STEP: u64 = 31;
/// Objects of which less is inside the frame are neither wanted nor forbidden.
const CLEAR: f32 = 0.5;
const CLASSES: [&str; 5] = ["washer", "gear", "plate", "bracket", "defect"];

/// Everything that was found and everything that was there, by class.
#[derive(Default)]
struct Seen {
    calls: [Vec<Call>; 5],
    wanted: [Vec<Wanted>; 5],
}

impl Seen {
    fn want(&mut self, frame: usize, truth: &Truth) {
        let class = CLASSES.iter().position(|class| *class == truth.shape.as_str()).unwrap();
        let wanted = |rect, visible| Wanted { frame, rect, difficult: visible < CLEAR };
        self.wanted[class].push(wanted(truth.rect, truth.visible));
        if let Some(defect) = truth.defect {
            self.wanted[4].push(wanted(defect.rect, defect.visible));
        }
    }

    fn call(&mut self, frame: usize, report: &Report) {
        assert_eq!(report.fault, None);
        for finding in &report.findings {
            let class = CLASSES.iter().position(|class| **class == *finding.label).unwrap();
            let rect = finding.rect().unwrap().clipped(640.0, 480.0);
            self.calls[class].push(Call { frame, rect, score: finding.score });
        }
    }
}

fn watch(model: Arc<Model>, min_score: f32) -> Seen {
    let mut scene = Scene::new(SceneOptions { seed: SEED, ..SceneOptions::default() }).unwrap();
    let mut detector = Detect::new(model, Some(min_score)).detector().unwrap();
    let mut report = Report::new("test".into());
    let mut seen = Seen::default();
    for frame in 0..FRAMES {
        let mut bytes = vec![0; scene.frame_bytes()];
        scene.paint(frame * STEP, &mut bytes);
        let shape = (PixelFormat::I420, 640, 480);
        let picture = Frame::from_memory(frame, Stamp::default(), shape, bytes.into()).unwrap();
        report.clear();
        detector.detect(&picture, &mut report).unwrap();
        scene.truth(frame * STEP).iter().for_each(|truth| seen.want(frame as usize, truth));
        seen.call(frame as usize, &report);
    }
    seen
}

#[test]
fn the_shipped_model_finds_parts_and_defects_of_a_scene_that_it_never_saw() {
    let Some(model) = crate::support::shipped::model() else { return };
    // Lower scores only fill reports up; leaving them out can only lower the figure.
    let seen = watch(model, 0.05);
    let mut sum = 0.0;
    for (class, name) in CLASSES.iter().enumerate() {
        let total = seen.wanted[class].iter().filter(|w| !w.difficult).count();
        let verdicts = ap::judge(&seen.calls[class], &seen.wanted[class], 0.5);
        let ap = ap::average_precision(&verdicts, total);
        let (precision, recall) = ap::precision_and_recall(&verdicts, total, 0.5);
        println!(
            "{name}: AP@0.5 {ap:.4}; at score 0.5 precision {precision:.4}, recall {recall:.4}, of {total}"
        );
        assert!(total >= 100, "{name}: only {total} in the test scene");
        assert!(ap >= 0.5, "{name} is hardly found: AP@0.5 {ap:.4}");
        sum += ap;
    }
    let mean = sum / CLASSES.len() as f64;
    println!("mAP@0.5 {mean:.4} on {FRAMES} frames of seed {SEED}");
    assert!(mean >= 0.90, "mAP@0.5 {mean:.4}");
}

#[test]
fn the_card_of_the_shipped_model_names_the_classes_of_the_scene() {
    let Some(model) = crate::support::shipped::model() else { return };
    let labels: Vec<&str> = model.labels().iter().map(|label| &**label).collect();
    assert_eq!(labels, CLASSES);
}
