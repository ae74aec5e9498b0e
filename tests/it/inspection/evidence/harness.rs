//! A sink at work on a folder of its own, and inspections to offer it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ocellus::config;
use ocellus::inspection::evidence::{Evidence, GoldenRecord, ModelRecord, ProductRecord, Time};
use ocellus::pipeline::Sink;
use ocellus::supervisor::{Beat, Spawned, Stop, spawn};
use ocellus::types::{
    Clock, Defect, Explanation, Frame, Inspection, InspectionLatency, Outcome, PixelFormat, Pose, Rect,
    RoiResult, Stamp, SystemClock, Trigger, TriggerKind, Verdict,
};

use crate::support::wait_until;

/// 2026-11-21T02:31:07.000123456Z, and the day's folder.
pub const WALL_NS: u64 = 1_795_228_267_000_123_456;
pub const DATE: &str = "2026-11-21";

pub struct Harness {
    pub evidence: Evidence,
    pub stop: Stop,
    /// What the alarm was told.
    pub alarms: Arc<Mutex<Vec<Option<String>>>>,
    thread: Option<Spawned<()>>,
    _dir: tempfile::TempDir,
}

pub fn settings() -> config::EvidenceConfig {
    config::EvidenceConfig { max_days: 0, ..config::EvidenceConfig::default() }
}

impl Harness {
    /// A sink whose thread does not run.
    pub fn idle(settings: config::EvidenceConfig) -> Harness {
        let dir = tempfile::tempdir().unwrap();
        let evidence = Evidence::new(&settings, dir.path(), "c0ffee");
        Harness { evidence, stop: Stop::new(), alarms: Arc::default(), thread: None, _dir: dir }
    }

    pub fn start(settings: config::EvidenceConfig) -> Harness {
        let mut harness = Harness::idle(settings);
        harness.begin();
        harness
    }

    /// By the system's clock, as if a time service had set it.
    pub fn begin(&mut self) {
        self.begin_by(Arc::new(SystemClock), true);
    }

    pub fn begin_by(&mut self, clock: Arc<dyn Clock>, synchronised: bool) {
        self.stop = Stop::new();
        let (evidence, stop, alarms) = (self.evidence.clone(), self.stop.clone(), self.alarms.clone());
        let body = move || {
            let alarm = |why: Option<&Explanation>| alarms.lock().unwrap().push(why.map(ToString::to_string));
            let time = Time { clock: &*clock, synchronised: &|| synchronised };
            evidence.run_by(&time, &stop, &Beat::new(), &alarm);
        };
        self.thread = Some(spawn("evidence", None, body).unwrap());
    }

    /// Runs on this thread until it is told to stop.
    pub fn run(&self) {
        self.evidence.run(&self.stop, &Beat::new(), &|_| {});
    }

    pub fn root(&self) -> &Path {
        self.evidence.root()
    }

    pub fn folder(&self, id: u64, verdict: &str) -> PathBuf {
        self.root().join("conveyor").join(DATE).join(format!("{id}-{verdict}"))
    }

    /// Waits until so many were kept.
    pub fn written(&self, count: u64) {
        wait_until("the folder is written", || self.evidence.counters().kept.get() >= count);
    }

    /// Offers one with a small frame, and waits until it is on disk.
    pub fn keep(&self, inspection: &Arc<Inspection>) {
        let before = self.evidence.counters().kept.get();
        let frame = frame(inspection.id, (PixelFormat::Nv12, 33, 21));
        self.evidence.offer_inspection(inspection, Some(&frame));
        self.written(before + 1);
    }

    pub fn end(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    /// Ends the thread; gives number and camera of every folder, by number.
    pub fn finish(mut self) -> Vec<(u64, String)> {
        self.end();
        folders(self.root())
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        self.stop.stop();
        let _ = self.thread.take().map(Spawned::join);
    }
}

/// Number and camera of every folder under `root`, by number.
pub fn folders(root: &Path) -> Vec<(u64, String)> {
    let entries =
        |path: &Path| std::fs::read_dir(path).into_iter().flatten().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut found = Vec::new();
    for camera in entries(root).filter(|path| !name(path).starts_with('.')) {
        for folder in entries(&camera).flat_map(|date| entries(&date).collect::<Vec<_>>()) {
            found.push((name(&folder).split('-').next().unwrap().parse().unwrap(), name(&camera)));
        }
    }
    found.sort();
    found
}

/// A frame of noise that no compression makes much smaller, other noise for each `seed`.
pub fn frame(seed: u64, (format, width, height): (PixelFormat, usize, usize)) -> Frame {
    let total: usize = format.plane_sizes(width, height).iter().map(|(row, rows)| row * rows).sum();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let noise = (0..total).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    });
    let captured = Stamp { mono_ns: 5_000_000 + seed, wall_ns: WALL_NS };
    Frame::from_memory(seed, captured, (format, width, height), noise.collect()).unwrap()
}

/// A frame of GStreamer's test source, with GStreamer's own strides.
pub fn gst_frame(format: PixelFormat, width: i32, height: i32) -> Frame {
    use gstreamer::prelude::*;
    gstreamer::init().unwrap();
    let line = format!(
        "videotestsrc num-buffers=1 pattern=smpte ! video/x-raw,format={},width={width},height={height} ! appsink name=out sync=false",
        format.caps_name()
    );
    let pipeline = gstreamer::parse::launch(&line).unwrap().downcast::<gstreamer::Pipeline>().unwrap();
    let sink = pipeline.by_name("out").unwrap().downcast::<gstreamer_app::AppSink>().unwrap();
    pipeline.set_state(gstreamer::State::Playing).unwrap();
    let sample = sink.pull_sample().unwrap();
    pipeline.set_state(gstreamer::State::Null).unwrap();
    let info = gstreamer_video::VideoInfo::from_caps(sample.caps().unwrap()).unwrap();
    let video =
        gstreamer_video::VideoFrame::from_buffer_readable(sample.buffer_owned().unwrap(), &info).unwrap();
    Frame::from_gst(1, Stamp { mono_ns: 1, wall_ns: WALL_NS }, video).unwrap()
}

pub fn roi(name: &str, verdict: Verdict, score: f32) -> RoiResult {
    RoiResult {
        name: name.into(),
        kind: "golden",
        verdict,
        score,
        threshold: 0.95,
        unit: "cosine",
        text: None,
        defects: Vec::new(),
        error: None,
        duration_us: 120,
    }
}

pub fn inspection(id: u64, outcome: Outcome) -> Arc<Inspection> {
    let at = Stamp { mono_ns: 4_000_000, wall_ns: WALL_NS - 1_000_000 };
    let mut hole = roi("hole", Verdict::Ng, 0.93);
    let rect = Rect { x: 10.5, y: 1.0 / 3.0, w: 4.0, h: 0.1 };
    hole.defects = vec![Defect { label: "difference".into(), rect, area_px: 12, score: 0.7 }];
    let code = RoiResult { kind: "barcode", text: Some("4711".into()), ..roi("code", Verdict::Ok, 1.0) };
    let bolt = RoiResult::failed(&"bolt".into(), "detect", "the model is gone");
    Arc::new(Inspection {
        recording: None,
        experiment: None,
        id,
        camera: "conveyor".into(),
        trigger: Trigger { kind: TriggerKind::Serial, name: "plc".into(), at, text: Some("4711".into()) },
        product: "bracket".into(),
        recipe_revision: 3,
        golden_revision: 7,
        frame: Some((id, Stamp { mono_ns: 5_000_000 + id, wall_ns: WALL_NS })),
        outcome,
        cause: None,
        pose: Some(Pose { dx: 0.0, dy: -1.7, angle_rad: 0.01 }),
        rois: vec![hole, code, bolt],
        latency: InspectionLatency { frame_us: 1, wait_us: 2, align_us: 3, rois_us: 4, total_us: 900 },
    })
}

pub fn record() -> Arc<ProductRecord> {
    Arc::new(ProductRecord {
        product: "bracket".into(),
        recipe_revision: 3,
        golden_revision: 7,
        recipe_text: "# größer\nrevision = 3\n".into(),
        recipe_sha256: "ab".repeat(32),
        goldens: vec![GoldenRecord {
            sha256: "cd".repeat(32),
            name: "first".into(),
            rois: vec!["hole".into()],
        }],
        models: vec![ModelRecord {
            name: "embed".into(),
            sha256: "ef".repeat(32),
            path: "models/embed.tflite".into(),
            runtime: "litert 2.3.0".into(),
        }],
    })
}
