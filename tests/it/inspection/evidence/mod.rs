//! Evidence: what an inspection saw comes back bit for bit, what was edited is named, and no disk stops inspection.

mod harness;
mod limits;
mod measure;
mod running;
mod tampering;

use std::sync::Arc;

use harness::{Harness, frame, inspection, record, roi, settings};
use ocellus::config;
use ocellus::inspection::evidence::{self, Evidence, Replay, compare};
use ocellus::pipeline::{Offer, Sink};
use ocellus::types::{Colour, Defect, Frame, Inspection, Matrix, Outcome, PixelFormat, Range, Rect, Verdict};

fn bytes_of(frame: &Frame) -> Vec<Vec<u8>> {
    let planes = frame.planes();
    let sizes = frame.format.plane_sizes(frame.width, frame.height).into_iter().enumerate();
    sizes
        .flat_map(|(plane, (row, rows))| {
            (0..rows).map(move |y| planes.data[plane][y * planes.stride[plane]..][..row].to_vec())
        })
        .collect()
}

#[test]
fn a_frame_of_every_format_and_odd_size_comes_back_bit_for_bit() {
    let harness = Harness::start(settings());
    let sizes = [(1, 1), (2, 2), (5, 3), (3, 7), (64, 48), (641, 479), (17, 256)];
    let shapes = PixelFormat::ALL.into_iter().flat_map(|format| sizes.map(|(w, h)| (format, w, h)));
    let mut kept = Vec::new();
    for (id, shape) in (1..).zip(shapes) {
        let mut frame = frame(id, shape);
        frame.colour = Colour { matrix: Matrix::Bt709, range: Range::Full };
        frame.pts_ns = Some(id * 33_366_700);
        assert_eq!(
            harness.evidence.offer_inspection(&inspection(id, Outcome::Ng), Some(&frame)),
            Offer::Taken
        );
        harness.written(id);
        kept.push((id, frame));
    }
    for (id, frame) in kept {
        let opened = evidence::open(&harness.folder(id, "ng")).unwrap();
        let again = &opened.frame;
        let reported = format!("{frame:?}");
        assert_eq!(bytes_of(again), bytes_of(&frame), "{reported}");
        assert_eq!((again.format, again.width, again.height), (frame.format, frame.width, frame.height));
        assert_eq!((again.colour, again.pts_ns), (frame.colour, frame.pts_ns), "{reported}");
        assert_eq!((again.seq, again.captured), (frame.seq, frame.captured), "{reported}");
    }
}

#[test]
fn a_frame_with_padded_rows_from_gstreamer_comes_back_bit_for_bit() {
    let harness = Harness::start(settings());
    // GStreamer pads the rows of these to multiples of four.
    for (id, format) in (1..).zip(PixelFormat::ALL) {
        let frame = harness::gst_frame(format, 35, 21);
        harness.evidence.offer_inspection(&inspection(id, Outcome::Error), Some(&frame));
        harness.written(id);
        let again = evidence::open(&harness.folder(id, "error")).unwrap().frame;
        assert_eq!(bytes_of(&again), bytes_of(&frame), "{format:?}");
        assert_eq!(again.colour, frame.colour);
    }
}

#[test]
fn everything_a_verdict_rests_on_is_kept_and_read_back() {
    let harness = Harness::start(settings());
    harness.evidence.product("bracket/3/7", record());
    let kept = inspection(42, Outcome::Ng);
    harness.keep(&kept);
    let opened = evidence::open(&harness.folder(42, "ng")).unwrap();
    let document = &opened.document;
    assert_eq!(opened.recipe.as_deref(), Some(&*record().recipe_text));
    let recipe = document.recipe.as_ref().unwrap();
    assert_eq!((&recipe.goldens, &recipe.models), (&record().goldens, &record().models));
    assert_eq!(recipe.sha256, record().recipe_sha256);
    assert_eq!((&*document.config_sha256, &*document.verdict), ("c0ffee", "ng"));
    assert_eq!((document.golden_revision, document.latency.total_us), (7, 900));
    assert!(document.program.starts_with("ocellus "), "{}", document.program);
    let unjudged = opened.unjudged();
    assert_eq!((&unjudged.trigger, unjudged.id, unjudged.frame), (&kept.trigger, 42, kept.frame));
    assert!(harness.folder(42, "ng").join("frame.jpg").metadata().unwrap().len() > 100);
    // The file itself may be opened too.
    assert!(evidence::open(&harness.folder(42, "ng").join("evidence.json")).is_ok());
}

#[test]
fn the_record_of_the_revisions_that_judged_is_kept_not_that_of_the_latest_selection() {
    let harness = Harness::start(settings());
    harness.evidence.product("bracket/3/7", record());
    let newer =
        evidence::ProductRecord { recipe_revision: 4, recipe_text: "newer".into(), ..(*record()).clone() };
    harness.evidence.product("bracket/4/7", Arc::new(newer));
    harness.keep(&inspection(1, Outcome::Ng));
    harness.keep(&Arc::new(Inspection { recipe_revision: 4, ..(*inspection(2, Outcome::Ng)).clone() }));
    harness.keep(&Arc::new(Inspection { recipe_revision: 5, ..(*inspection(3, Outcome::Ng)).clone() }));
    let recipe = |id| evidence::open(&harness.folder(id, "ng")).unwrap().recipe;
    assert_eq!(recipe(1), Some(record().recipe_text.clone()));
    assert_eq!((recipe(2).as_deref(), recipe(3)), (Some("newer"), None));
}

#[test]
fn the_same_results_are_the_same_bit_for_bit_and_times_do_not_count() {
    let harness = Harness::start(settings());
    let kept = inspection(5, Outcome::Ng);
    harness.keep(&kept);
    let opened = evidence::open(&harness.folder(5, "ng")).unwrap();
    let mut replayed = Inspection { latency: Default::default(), ..(*kept).clone() };
    replayed.rois.iter_mut().for_each(|roi| roi.duration_us += 77);
    assert_eq!(compare(&opened.document, &replayed), []);
    let reported = Replay::new(&opened, &replayed);
    assert!(
        reported.identical && reported.to_string().ends_with("the same bit for bit: 3 ROIs"),
        "{reported}"
    );
}

#[test]
fn a_replay_that_differs_in_one_bit_says_where() {
    let harness = Harness::start(settings());
    let kept = inspection(5, Outcome::Ng);
    harness.keep(&kept);
    let opened = evidence::open(&harness.folder(5, "ng")).unwrap();
    let next = |value: f32| f32::from_bits(value.to_bits() + 1);
    let differs = |change: &dyn Fn(&mut Inspection)| {
        let mut replayed = (*kept).clone();
        change(&mut replayed);
        let found = compare(&opened.document, &replayed);
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].place.clone()
    };
    assert_eq!(differs(&|r| r.outcome = Outcome::Ok), "verdict");
    assert_eq!(differs(&|r| r.pose.as_mut().unwrap().dx = -0.0), "pose");
    assert_eq!(differs(&|r| r.rois[0].score = next(r.rois[0].score)), "roi \"hole\" score");
    assert_eq!(differs(&|r| r.rois[0].threshold = next(r.rois[0].threshold)), "roi \"hole\" threshold");
    assert_eq!(differs(&|r| r.rois[0].verdict = Verdict::Ok), "roi \"hole\" verdict");
    assert_eq!(differs(&|r| r.rois[1].text = Some("4711 ".into())), "roi \"code\" text");
    assert_eq!(differs(&|r| r.rois[0].defects[0].rect.w += 0.5), "roi \"hole\" box 0");
    assert_eq!(differs(&|r| r.rois[0].defects.clear()), "roi \"hole\" number of boxes");
    assert_eq!(differs(&|r| r.rois[2].error = None), "roi \"bolt\" error");
    assert_eq!(differs(&|r| drop(r.rois.pop())), "number of ROIs");
    let mut replayed = (*kept).clone();
    replayed.rois[0].score = next(replayed.rois[0].score);
    let reported = Replay::new(&opened, &replayed).to_string();
    assert!(
        reported.contains("roi \"hole\" score: recorded 0.93 (3f6e147b), replayed 0.93000007 (3f6e147c)"),
        "{reported}"
    );
}

#[test]
fn not_a_number_and_negative_zero_are_kept_as_they_are() {
    let harness = Harness::start(settings());
    let mut strange = (*inspection(1, Outcome::Error)).clone();
    strange.rois =
        vec![roi("nan", Verdict::Error, f32::from_bits(0xffc0_0123)), roi("zero", Verdict::Ok, -0.0)];
    strange.rois[0].defects = vec![Defect {
        label: "\"\\\u{1}µ".into(),
        rect: Rect { x: f32::INFINITY, y: -0.0, w: 1e-45, h: f32::MAX },
        area_px: u32::MAX,
        score: f32::NAN,
    }];
    let strange = Arc::new(strange);
    harness.keep(&strange);
    let opened = evidence::open(&harness.folder(1, "error")).unwrap();
    assert_eq!(compare(&opened.document, &strange), []);
    assert_eq!(opened.document.rois[0].score.0.to_bits(), 0xffc0_0123);
}

#[test]
fn of_good_parts_every_nth_of_each_camera_is_kept() {
    let harness = Harness::start(config::EvidenceConfig { keep_ok_every: 3, ..settings() });
    for id in 0..20 {
        let camera = if id % 2 == 0 { "left" } else { "right" };
        let part = Inspection { camera: camera.into(), ..(*inspection(id, Outcome::Ok)).clone() };
        harness.evidence.offer_inspection(&Arc::new(part), Some(&frame(id, (PixelFormat::Gray8, 8, 8))));
    }
    let (mut left, mut right) = (Vec::new(), Vec::new());
    harness.written(8);
    for (id, camera) in harness.finish() {
        if camera == "left" { left.push(id) } else { right.push(id) }
    }
    assert_eq!((left, right), (vec![0, 6, 12, 18], vec![1, 7, 13, 19]));
}

#[test]
fn what_is_not_wanted_or_has_no_frame_is_not_kept() {
    let harness = Harness::start(config::EvidenceConfig { keep_error: false, ..settings() });
    let small = frame(1, (PixelFormat::Gray8, 8, 8));
    for (id, outcome) in [(1, Outcome::Error), (2, Outcome::Ok), (3, Outcome::Missed), (4, Outcome::Overrun)]
    {
        assert_eq!(harness.evidence.offer_inspection(&inspection(id, outcome), Some(&small)), Offer::Taken);
    }
    assert_eq!(harness.evidence.offer_inspection(&inspection(5, Outcome::Ng), None), Offer::Taken);
    harness.evidence.reconfigure(&config::EvidenceConfig { enabled: false, ..settings() }, "");
    harness.evidence.offer_inspection(&inspection(6, Outcome::Ng), Some(&small));
    harness.evidence.reconfigure(&settings(), "beef");
    harness.keep(&inspection(7, Outcome::Ng));
    assert_eq!(evidence::open(&harness.folder(7, "ng")).unwrap().document.config_sha256, "beef");
    assert_eq!(harness.finish(), [(7, "conveyor".to_owned())]);
}

#[test]
fn a_number_that_comes_again_on_the_same_day_gets_a_folder_of_its_own() {
    let harness = Harness::start(settings());
    harness.keep(&inspection(1, Outcome::Ng));
    harness.keep(&inspection(1, Outcome::Ng));
    harness.keep(&Arc::new(Inspection { camera: "..".into(), ..(*inspection(1, Outcome::Ng)).clone() }));
    assert!(evidence::open(&harness.folder(1, "ng-2")).is_ok());
    assert!(evidence::open(&harness.root().join("_..").join(harness::DATE).join("1-ng")).is_ok());
}

#[test]
fn a_stop_drains_what_is_queued() {
    let harness = Harness::idle(settings());
    for id in 0..16 {
        let taken = harness
            .evidence
            .offer_inspection(&inspection(id, Outcome::Ng), Some(&frame(id, (PixelFormat::Nv12, 320, 240))));
        assert_eq!(taken, Offer::Taken);
    }
    harness.stop.stop();
    harness.run();
    assert_eq!(harness.evidence.counters().kept.get(), 16);
    assert!((0..16).all(|id| evidence::open(&harness.folder(id, "ng")).is_ok()));
}

#[test]
fn what_was_half_written_when_the_power_failed_is_cleared_away_at_the_start() {
    let harness = Harness::idle(settings());
    let half = harness.root().join(".partial/9-ng");
    std::fs::create_dir_all(&half).unwrap();
    std::fs::write(half.join("planes.png"), "half").unwrap();
    let Harness { evidence, stop, .. } = &harness;
    stop.stop();
    Evidence::run(evidence, stop, &Default::default(), &|_| {});
    assert!(!half.exists());
}
