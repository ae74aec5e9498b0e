//! What is drawn is where it must be, and in the picture only.

use std::sync::Arc;

use image::RgbImage;
use ocellus::annotate::{Annotate, Annotator, Look, Overlays, PartMarks, Place};
use ocellus::types::{
    Defect, Finding, Frame, Inspection, InspectionLatency, Outcome, PixelFormat, Point, Pose, Rect, Report,
    RoiResult, Stamp, Trigger, TriggerKind, Value, Verdict,
};

use super::studio::{OBJECT, SIZE, checksum, decode, frame};

const LOOK: Look = Look { width: 1_280, quality: 95 };

fn annotator() -> Annotator {
    Annotate::default().annotator().unwrap()
}

fn report(findings: impl IntoIterator<Item = Finding>) -> Report {
    let mut report = Report::new("front".into());
    findings.into_iter().for_each(|finding| report.push(finding));
    report
}

fn object(rect: Rect, track: Option<u64>, name: Option<&str>) -> Finding {
    let value = Value::Object { rect, points: Default::default() };
    let name = name.map(Arc::from);
    Finding { track, name, ..Finding::new(0, "part".into(), 0.87, value) }
}

fn draw(frame: &Frame, look: Look, overlays: &Overlays<'_>) -> RgbImage {
    decode(&annotator().drawn(frame, &look, overlays).unwrap().jpeg)
}

fn is_colourful(image: &RgbImage, x: f32, y: f32) -> bool {
    let [r, g, b] = image.get_pixel(x as u32, y as u32).0;
    r.max(g).max(b) - r.min(g).min(b) > 60
}

/// Px whose colour is about this one.
fn about(image: &RgbImage, colour: [u8; 3]) -> usize {
    image.pixels().filter(|px| px.0.iter().zip(colour).all(|(a, b)| a.abs_diff(b) < 40)).count()
}

#[test]
fn a_box_is_drawn_on_the_edge_of_its_object_and_nowhere_else() {
    let frame = frame(40);
    for (look, scale) in [(LOOK, 1.0), (Look { width: 160, ..LOOK }, 0.5)] {
        let report = report([object(OBJECT, Some(7), None)]);
        let image = draw(&frame, look, &Overlays { report: Some(&report), ..Overlays::default() });
        assert_eq!(image.width(), (SIZE.0 as f32 * scale) as u32);
        let Rect { x, y, w, h } = OBJECT;
        let (middle_x, middle_y) = (x + w / 2.0, y + h / 2.0);
        let edges = [(x + 1.0, middle_y), (x + w - 2.0, middle_y), (middle_x, y + h - 2.0)];
        for (x, y) in edges.map(|(x, y)| (x * scale, y * scale)) {
            assert!(is_colourful(&image, x, y), "({x}, {y}) is on the edge");
        }
        let off =
            [(middle_x, middle_y), (x - 12.0, middle_y), (x + w + 10.0, middle_y), (middle_x, y + h + 10.0)];
        for (x, y) in off.map(|(x, y)| (x * scale, y * scale)) {
            assert!(!is_colourful(&image, x, y), "({x}, {y}) is off the edge");
        }
    }
}

#[test]
fn drawing_leaves_the_frame_as_it_was() {
    for format in PixelFormat::ALL {
        let (width, height) = (161, 99);
        let bytes: usize = format.plane_sizes(width, height).iter().map(|(row, rows)| row * rows).sum();
        let bytes: Vec<u8> = (0..bytes).map(|n| (n * 7 % 251) as u8).collect();
        let frame = Frame::from_memory(3, Stamp::default(), (format, width, height), bytes.into()).unwrap();
        let before = checksum(&frame);
        let report = report([object(Rect { x: 10.0, y: 10.0, w: 90.0, h: 60.0 }, None, Some("Ada"))]);
        draw(&frame, LOOK, &Overlays { report: Some(&report), ..Overlays::default() });
        annotator().plain(&frame, 80).unwrap();
        assert_eq!(checksum(&frame), before, "{format:?}");
    }
}

#[test]
fn a_class_has_a_colour_of_its_own_whatever_the_object() {
    let frame = frame(40);
    let edge = |class: u16, track: u64| {
        let report = report([Finding { class, ..object(OBJECT, Some(track), None) }]);
        let image = draw(&frame, LOOK, &Overlays { report: Some(&report), ..Overlays::default() });
        image.get_pixel(OBJECT.x as u32 + 1, OBJECT.y as u32 + 24).0
    };
    assert_eq!(edge(0, 7), edge(0, 8));
    let apart = edge(0, 7).iter().zip(edge(1, 7)).map(|(a, b)| u32::from(a.abs_diff(b))).sum::<u32>();
    assert!(apart > 100, "{apart}");
}

#[test]
fn labels_cover_neither_an_object_nor_one_another() {
    // Side by side, each narrower than its label, as parts on a belt.
    let objects: Vec<Rect> =
        (0..5).map(|n| Rect { x: 40.0 + 44.0 * n as f32, y: 110.0, w: 36.0, h: 30.0 }).collect();
    let report = report(objects.iter().map(|rect| object(*rect, Some(1_234), None)));
    let image = draw(&frame(40), LOOK, &Overlays { report: Some(&report), ..Overlays::default() });
    for Rect { x, y, w, h } in objects {
        let inside = (8..(h as u32 - 8)).flat_map(|dy| (8..(w as u32 - 8)).map(move |dx| (dx, dy)));
        let covered = inside.filter(|(dx, dy)| is_colourful(&image, x + *dx as f32, y + *dy as f32)).count();
        assert_eq!(covered, 0, "the object at {x} is covered");
    }
    // Five backdrops of the class's colour that do not overlap take more room than five times a half.
    let one = {
        let report = report_of_one();
        about(&draw(&frame(40), LOOK, &Overlays { report: Some(&report), ..Overlays::default() }), BLUE)
    };
    assert!(about(&image, BLUE) > one * 4, "{} of {one}", about(&image, BLUE));
}

/// The colour of class 0.
const BLUE: [u8; 3] = [51, 136, 255];

fn report_of_one() -> Report {
    report([object(Rect { x: 40.0, y: 110.0, w: 36.0, h: 30.0 }, Some(1_234), None)])
}

#[test]
fn the_labels_of_regions_leave_the_part_free() {
    let verdicts = [Verdict::Ng, Verdict::Ng, Verdict::Ng];
    let inspection = inspection(&verdicts, None);
    // Three regions that touch, as on a real part.
    let outline = |at: usize| {
        let (x, y) = (100.0 + 40.0 * at as f32, 100.0);
        [(x, y), (x + 40.0, y), (x + 40.0, y + 40.0), (x, y + 40.0)].map(|(x, y)| Point { x, y }).to_vec()
    };
    let outlines: Vec<Vec<Point>> = (0..3).map(outline).collect();
    let part = Some(PartMarks { inspection: &inspection, outlines: &outlines });
    let image = draw(&frame(40), LOOK, &Overlays { part, ..Overlays::default() });
    for at in 0..3 {
        let x = 100.0 + 40.0 * at as f32;
        let inside = (10..30).flat_map(|dy| (10..30).map(move |dx| (x + dx as f32, 100.0 + dy as f32)));
        assert_eq!(inside.filter(|(x, y)| is_colourful(&image, *x, *y)).count(), 0, "region {at}");
    }
}

#[test]
fn names_of_any_script_and_length_are_drawn_inside_the_picture() {
    let frame = frame(40);
    let long = "Wolfeschlegelsteinhausenbergerdorff ".repeat(40);
    let names = [
        "Αθηνά Παπαδοπούλου",
        "Жанна Ёлкина",
        "Łukasz Żółć",
        "Ada 😀👩‍🔬\u{200D}",
        "王小明",
        &long,
        "\n\t\u{0}",
        "",
    ];
    for (at, name) in names.into_iter().enumerate() {
        for rect in [
            OBJECT,
            Rect { x: 300.0, y: -20.0, w: 40.0, h: 300.0 },
            Rect { x: -50.0, y: 0.0, w: 9.0, h: 9.0 },
        ] {
            let report = report([object(rect, Some(1), Some(name))]);
            let image = draw(&frame, LOOK, &Overlays { report: Some(&report), ..Overlays::default() });
            assert_eq!(image.dimensions(), (SIZE.0 as u32, SIZE.1 as u32), "name {at}");
            let coloured = image.pixels().filter(|px| px.0[0].abs_diff(px.0[2]) > 50).count();
            assert!(coloured > 40, "name {at} at {rect:?}: {coloured}");
        }
    }
}

#[test]
fn hostile_rectangles_are_drawn_without_harm() {
    let frame = frame(1);
    let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1e20, 1e20, 0.0, 319.5];
    let rects = odd.iter().flat_map(|x| odd.iter().map(|w| Rect { x: *x, y: *w, w: *w, h: *x }));
    let report = report(rects.map(|rect| object(rect, Some(1), None)));
    draw(&frame, LOOK, &Overlays { report: Some(&report), ..Overlays::default() });
}

#[test]
fn zones_are_tinted_and_lines_are_drawn_where_they_lie() {
    let share = |x: f32, y: f32| Point { x, y };
    let zone = Place {
        name: "door".into(),
        points: vec![share(0.1, 0.5), share(0.4, 0.5), share(0.4, 0.9), share(0.1, 0.9)],
    };
    let line = Place { name: "gate".into(), points: vec![share(0.7, 0.1), share(0.7, 0.9)] };
    let image = draw(&frame(40), LOOK, &Overlays { places: &[zone, line], ..Overlays::default() });
    let px = |x: f32, y: f32| image.get_pixel((320.0 * x) as u32, (240.0 * y) as u32).0;
    let [r, _, b] = px(0.25, 0.8);
    assert!((10..90).contains(&(i32::from(b) - i32::from(r))), "tinted: {:?}", px(0.25, 0.8));
    assert!(is_colourful(&image, 320.0 * 0.7, 120.0), "{:?}", px(0.7, 0.5));
    assert!(!is_colourful(&image, 320.0 * 0.9, 120.0));
}

fn inspection(verdicts: &[Verdict], pose: Option<Pose>) -> Inspection {
    let roi = |(at, verdict): (usize, &Verdict)| {
        let name = format!("roi{at}").as_str().into();
        let defect = Defect {
            label: "scratch".into(),
            rect: Rect { x: 25.0, y: 45.0, w: 8.0, h: 8.0 },
            area_px: 64,
            score: 1.0,
        };
        let defects = if *verdict == Verdict::Ng { vec![defect] } else { Vec::new() };
        RoiResult {
            verdict: *verdict,
            score: 0.5,
            unit: "share",
            defects,
            ..RoiResult::failed(&name, "golden", "")
        }
    };
    let rois: Vec<RoiResult> = verdicts.iter().enumerate().map(roi).collect();
    Inspection {
        recording: None,
        experiment: None,
        id: 12,
        camera: "front".into(),
        trigger: Trigger {
            kind: TriggerKind::Serial,
            name: "plc".into(),
            at: Stamp::default(),
            text: Some("part-7".into()),
        },
        product: "bracket".into(),
        recipe_revision: 1,
        golden_revision: 1,
        frame: Some((40, Stamp::default())),
        outcome: Outcome::of(&rois, false),
        cause: None,
        pose,
        rois,
        latency: InspectionLatency::default(),
    }
}

fn outlines(count: usize) -> Vec<Vec<Point>> {
    let outline = |at: usize| {
        let (x, y) = (20.0 + 90.0 * at as f32, 40.0);
        [(x, y), (x + 60.0, y), (x + 60.0, y + 50.0), (x, y + 50.0)].map(|(x, y)| Point { x, y }).to_vec()
    };
    (0..count).map(outline).collect()
}

#[test]
fn every_regions_verdict_is_drawn_where_the_part_lies() {
    let verdicts = [Verdict::Ng, Verdict::Ok, Verdict::Error];
    let pose = Pose { dx: 10.0, dy: 60.0, angle_rad: 0.0 };
    let (inspection, outlines) = (inspection(&verdicts, Some(pose)), outlines(3));
    let part = Some(PartMarks { inspection: &inspection, outlines: &outlines });
    let image = draw(&frame(40), LOOK, &Overlays { part, ..Overlays::default() });
    // The left edge of each region, moved with the part.
    let edge = |at: usize| image.get_pixel(30 + 90 * at as u32, 130).0;
    let [red, green, amber] = [edge(0), edge(1), edge(2)];
    assert!(red[0] > 150 && red[1] < 110 && red[2] < 110, "ng: {red:?}");
    assert!(green[1] > 110 && green[0] < 100, "ok: {green:?}");
    assert!(amber[0] > 150 && amber[1] > 100 && amber[2] < 100, "error: {amber:?}");
}

#[test]
fn a_part_that_was_not_found_says_so_and_draws_no_region() {
    let mut inspection = inspection(&[Verdict::Error, Verdict::Error], None);
    inspection.cause = Some("fiducial 2 was not found; score 0.31, at least 0.70 is needed".into());
    let outlines = outlines(2);
    let part = Some(PartMarks { inspection: &inspection, outlines: &outlines });
    let image = draw(&frame(40), LOOK, &Overlays { part, ..Overlays::default() });
    assert!(about(&image, [255, 180, 0]) > 300, "a banner with the cause");
    assert!(!is_colourful(&image, 20.0, 80.0), "no region");
}
