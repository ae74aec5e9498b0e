//! The shared video: six people, one after another, come in from below, stand at a table, and leave to the right (seen
//! on stills, one a second: in at about 6, 23, 50, 75, 92 and 124 s, out at 19, 44, 69, 86, 119 and 135 s).

use std::path::Path;

use ocellus::camera::{self, Committed, FrameSink, Health, Wiring};
use ocellus::config::Config;
use ocellus::engine::Runtime;
use ocellus::pipeline::{Detect, Detector};
use ocellus::supervisor::{Beat, Stop};
use ocellus::tracking::{Events, Tracker};
use ocellus::types::{Direction, Event, EventKind, Frame, Report, SystemClock};

use crate::support::data::{data, skip};

const PEOPLE: usize = 6;
const VIDEO: &str = "video/one-by-one-person-detection.mp4";
const MODEL: &str = "models/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite";

/// A camera over the video, as somebody would write it who wants to know who stands at the table and who leaves. The
/// detector's scores lie around a half, so the threshold lies at 0.4, as in the video's other tests. Every second frame,
/// five a second, is enough for people who walk.
fn config(data: &Path) -> Config {
    let text = format!(
        "[model.coco]\npath = \"{}\"\ntask = \"ssd\"\n\n[[camera]]\nname = \"hall\"\nsource = \"file://{}\"\n\
         pace = \"max\"\nskip_frames = 1\ndetect = {{ model = \"coco\", min_score = 0.4 }}\n\
         track = {{ min_frames = 3, max_gap = 10, anchor = \"centre\" }}\n\
         zones = [{{ name = \"table\", points = [[0.35, 0.2], [0.75, 0.2], [0.75, 0.8], [0.35, 0.8]], dwell_ms = 5000 }}]\n\
         lines = [{{ name = \"way-out\", from = [0.8, 1], to = [0.8, 0] }}]\n",
        data.join(MODEL).display(),
        data.join(VIDEO).display()
    );
    Config::parse(&text, Path::new("hall.toml"), data).unwrap_or_else(|faults| panic!("{faults}"))
}

/// Every frame through the detector and the tracker, on the thread of capture.
struct Watch {
    detector: Detector,
    tracker: Tracker,
    least: f32,
    events: Vec<Event>,
    last: Report,
}

impl FrameSink for Watch {
    fn commit(&mut self, frame: Frame) -> Committed {
        let mut report = Report::new("hall".into());
        (report.frame_seq, report.captured, report.pts_ns) = (frame.seq, frame.captured, frame.pts_ns);
        (report.width, report.height) = (frame.width as u32, frame.height as u32);
        self.detector.detect(&frame, &mut report).unwrap();
        report.findings.retain(|finding| &*finding.label == "person" && finding.score >= self.least);
        let mut events = Events::new();
        self.tracker.update(&mut report, &mut events);
        self.events.extend(events);
        self.last = report;
        Committed::Taken
    }

    fn slots(&self) -> usize {
        4
    }

    fn next_seq(&self) -> u64 {
        self.last.frame_seq + 1
    }
}

/// The events of the whole video; `None` where there is no data or no runtime.
fn watch() -> Option<Vec<Event>> {
    let data = data(&[VIDEO, MODEL])?;
    let runtime = Runtime::open(&ocellus::config::RuntimeSettings { kind: "litert".into(), library: None });
    if let Err(error) = &runtime {
        skip(&error.to_string());
        return None;
    }
    let config = config(&data.canonicalize().unwrap());
    let camera = &config.cameras[0];
    let track = camera.track.clone().unwrap();
    let min_score = camera.detect.as_ref().unwrap().min_score.unwrap();
    let model = runtime.unwrap().load(&config.models[0]).unwrap();
    let mut tracker = Tracker::new(track, 1).with_places(&camera.zones, &camera.lines);
    tracker.set_min_score(min_score);
    let least = tracker.least_score(min_score);
    let detector = Detect::new(model, Some(least)).detector().unwrap();
    let mut watch = Watch { detector, tracker, least, events: Vec::new(), last: Report::new("hall".into()) };
    let (stop, beat) = (Stop::new(), Beat::new());
    let health = |_: Health| ();
    let wiring = Wiring {
        health: &health,
        clock: &SystemClock,
        stop: &stop,
        beat: &beat,
        painter: &camera::scene::painter,
        damaged: &Default::default(),
        senders: &Default::default(),
    };
    camera::run(camera, &mut watch, &wiring).unwrap();
    let Watch { mut tracker, mut events, last, .. } = watch;
    let mut rest = Events::new();
    assert!(tracker.end_all(&last, &mut rest));
    events.extend(rest);
    Some(events)
}

#[test]
fn six_people_who_come_one_by_one_are_six_objects_that_stand_at_the_table_and_leave_to_the_right() {
    let Some(events) = watch() else { return };
    for event in events.iter().filter(|event| event.kind != EventKind::Update) {
        let Event { frame_seq, kind, track, place, dwell_ms, score, .. } = event;
        let seconds = *frame_seq as f64 / 10.0;
        println!(
            "{seconds:6.1} s  {track}  {:<10} {place:?} {dwell_ms:?} best score {score:.2}",
            kind.as_str()
        );
    }
    let of = |kind| events.iter().filter(move |event| event.kind == kind);
    assert_eq!(of(EventKind::New).count(), PEOPLE);
    assert_eq!(of(EventKind::End).count(), PEOPLE);
    assert_eq!(
        of(EventKind::Dwell).count(),
        PEOPLE,
        "each of them stands at the table for ten seconds and more"
    );
    let ways: Vec<_> = of(EventKind::LineCross).map(|event| (event.track, event.direction)).collect();
    let out: Vec<_> = (1..=PEOPLE as u64).map(|track| (track, Some(Direction::LeftToRight))).collect();
    assert_eq!(ways, out);
}
