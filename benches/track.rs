//! The tracker with 100 objects: a frame that goes in, with three zones and a line. Scattered objects, objects that stand
//! so close that they overlap, and as many that nobody detects in this frame.
//!
//! `cargo bench --bench track`

use criterion::Criterion;
use ocellus::config::{Line, TrackConfig, Zone};
use ocellus::tracking::{Events, Tracker};
use ocellus::types::{Finding, Point, Rect, Report, Stamp, Value};

const OBJECTS: usize = 100;
const FRAMES: usize = 512;
const FRAME_NS: u64 = 1_000_000_000 / 30;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for (name, pitch, every) in
        [("scattered", 100.0, 1), ("crowded", 45.0, 1), ("every second missed", 100.0, 2)]
    {
        let frames: Vec<Report> = (0..FRAMES).map(|n| frame(n, pitch, every)).collect();
        let mut tracker = tracker();
        let (mut events, mut report, mut n) = (Events::new(), frames[0].clone(), 0);
        criterion.bench_function(&format!("track {OBJECTS} objects, {name}"), |bencher| {
            bencher.iter(|| {
                // There and back again, so that nothing ever jumps.
                let at = if (n / FRAMES).is_multiple_of(2) { n % FRAMES } else { FRAMES - 1 - n % FRAMES };
                report.clone_from(&frames[at]);
                report.captured.mono_ns = n as u64 * FRAME_NS;
                n += 1;
                events.clear();
                tracker.update(&mut report, &mut events);
            })
        });
        println!("{name}: {} crowds for the solver in {n} frames", tracker.crowds());
    }
}

fn tracker() -> Tracker {
    let at = |x, y| Point { x, y };
    let zone = |name: &str, x: f32| Zone {
        name: name.into(),
        points: vec![at(x, 0.1), at(x + 0.2, 0.1), at(x + 0.2, 0.9), at(x + 0.1, 0.5), at(x, 0.9)],
        dwell: None,
    };
    let line = Line { name: "gate".into(), from: at(0.5, 1.0), to: at(0.5, 0.0) };
    let tracker = Tracker::new(TrackConfig::default(), 1);
    tracker.with_places(&[zone("left", 0.1), zone("middle", 0.4), zone("right", 0.7)], &[line])
}

/// Ten rows of ten, 60 px wide, each swaying on its own.
fn frame(n: usize, pitch: f32, every: usize) -> Report {
    let mut report = Report::new("bench".into());
    (report.width, report.height, report.frame_seq) = (1920, 1080, n as u64);
    report.captured = Stamp { mono_ns: n as u64 * FRAME_NS, wall_ns: 0 };
    for i in (0..OBJECTS).filter(|i| (i + n).is_multiple_of(every)) {
        let phase = n as f32 * 0.03 + i as f32;
        let (x, y) =
            ((i % 10) as f32 * pitch + 9.0 * phase.sin(), (i / 10) as f32 * pitch + 9.0 * phase.cos());
        let rect = Rect { x, y, w: 60.0, h: 60.0 };
        report.push(Finding::new(
            0,
            "thing".into(),
            0.9,
            Value::Object { rect, points: heapless::Vec::new() },
        ));
    }
    report
}
