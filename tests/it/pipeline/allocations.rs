//! From the ring to the sinks, the steady state allocates nothing: real ring, pinned workers, the model that ships on
//! LiteRT, reorder, tracker, and the MQTT sink. Only the threads of the road are counted, so that the test runner's do
//! not disturb it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;
use ocellus::camera::scene::{Scene, SceneOptions};
use ocellus::config::{self, Device};
use ocellus::mqtt::Mqtt;
use ocellus::pipeline::{Detect, FrameItem, Lane, LaneFeed, LaneSettings, Offer, Sink};
use ocellus::ring::{Bell, Policy, Ring, Writer};
use ocellus::scheduler::{Factory, Scheduler, StageSpec};
use ocellus::supervisor::{Beat, Stop};
use ocellus::tracking::Tracker;
use ocellus::types::{
    Attendance, Event, Frame, Inspection, PixelFormat, Point, Report, Stamp, SystemClock, priority,
};

use crate::heap;

const WARM: u64 = 120;
const MEASURED: u64 = 300;
const DEADLINE: Duration = Duration::from_secs(60);

/// Holds the last reports, as a slow consumer does, and counts.
struct Keeping {
    reports: ArrayQueue<Arc<Report>>,
    findings: AtomicU64,
    events: AtomicU64,
}

impl Sink for Keeping {
    fn name(&self) -> &'static str {
        "keeping"
    }

    fn offer_report(&self, report: &Arc<Report>) -> Offer {
        assert_eq!(report.fault, None);
        self.findings.fetch_add(report.findings.len() as u64, Ordering::Relaxed);
        self.reports.force_push(report.clone());
        Offer::Taken
    }

    fn offer_event(&self, _: &Event) -> Offer {
        self.events.fetch_add(1, Ordering::Relaxed);
        Offer::Taken
    }

    fn offer_inspection(&self, _: &Arc<Inspection>, _: Option<&Frame>) -> Offer {
        Offer::Taken
    }

    fn offer_attendance(&self, _: &Arc<Attendance>) -> Offer {
        Offer::Taken
    }
}

/// A second of the scene, painted beforehand: painting stands for the camera.
fn tape() -> Vec<Frame> {
    let mut scene = Scene::new(SceneOptions { seed: 7, ..SceneOptions::default() }).unwrap();
    let mut paint = |n| {
        let mut bytes = vec![0; scene.frame_bytes()];
        scene.paint(n, &mut bytes);
        Frame::from_memory(n, Stamp::default(), (PixelFormat::I420, 640, 480), bytes.into()).unwrap()
    };
    (0..60).map(|n| paint(n * 2)).collect()
}

fn mqtt() -> Mqtt {
    let config = config::MqttConfig {
        host: "127.0.0.1".into(),
        port: 1,
        tls: None,
        prefix: "ocellus".into(),
        client_id: "box1".into(),
        username: None,
        password_file: None,
        keep_alive: Duration::from_secs(5),
        telemetry_every: Duration::from_secs(10),
        protocol: config::MqttProtocol::Auto,
        max_answer_bytes: 8 << 20,
        commands: ["ping", "reload", "snapshot"].map(str::to_owned).to_vec(),
    };
    let device = Device { name: "box1".into(), state_dir: "unused".into() };
    Mqtt::new(&config, &device, Arc::new(SystemClock))
}

fn commit(writer: &mut Writer<Frame>, tape: &[Frame], numbers: std::ops::Range<u64>) {
    for seq in numbers {
        let stamp = Stamp { mono_ns: seq * 33_000_000, wall_ns: seq * 33_000_000 };
        let mut frame = tape[seq as usize % tape.len()].share().unwrap();
        (frame.seq, frame.captured) = (seq, stamp);
        writer.commit(stamp.mono_ns, frame, &|| false).unwrap_or_else(|_| panic!("frame {seq} was refused"));
    }
}

fn wait_reported(lane: &Lane, count: u64) {
    let deadline = Instant::now() + DEADLINE;
    while lane.counters.reported.get() < count {
        assert!(Instant::now() < deadline, "only {} of {count} frames", lane.counters.reported.get());
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_frame_on_its_way_from_the_ring_to_the_sinks_allocates_nothing() {
    let Some(model) = crate::support::shipped::model() else { return };
    let tape = tape();
    let bell = Bell::new();
    let ring = Ring::new(8, bell.clone());
    let keeping = Arc::new(Keeping {
        reports: ArrayQueue::new(16),
        findings: AtomicU64::new(0),
        events: AtomicU64::new(0),
    });
    let sinks: Arc<[Arc<dyn Sink>]> = Arc::new([keeping.clone() as Arc<dyn Sink>, Arc::new(mqtt())]);
    let update_every = Duration::from_millis(100);
    let track = config::TrackConfig {
        iou: 0.2,
        min_frames: 1,
        max_gap: 1,
        update_every,
        ..config::TrackConfig::default()
    };
    let at = |x, y| Point { x, y };
    let zone = config::Zone {
        name: "half".into(),
        points: vec![at(0.5, 0.0), at(1.0, 0.0), at(1.0, 1.0), at(0.5, 1.0)],
        dwell: Some(Duration::from_millis(200)),
    };
    let line = config::Line { name: "middle".into(), from: at(0.5, 1.0), to: at(0.5, 0.0) };
    let tracker = Some(Tracker::new(track, 1).with_places(&[zone], &[line]));
    let settings = LaneSettings {
        camera: "conveyor".into(),
        every: 1,
        degradation: Default::default(),
        window: 6,
        tracker,
        followers: Vec::new(),
        recordings: None,
    };
    let lane = Lane::new(settings, ring.reader(Policy::Every), sinks, bell.clone());
    // Both on core 0: every machine has one.
    let scheduler = Scheduler::new(&[0, 0], bell);
    // As unsure as a camera that tracks asks its model to be.
    let detect = Detect::new(model.clone(), Some(0.1));
    lane.set_min_score(model.min_score());
    let factory: Arc<Factory<FrameItem>> = Arc::new(move || Ok(Box::new(detect.detector()?)));
    let spec = StageSpec { name: "detect".into(), priority: priority::DETECT, min: 1, max: 2 };
    let stage = scheduler.add(spec, factory).unwrap();
    stage.attach(Arc::new(LaneFeed(lane.clone())));
    let stop = Stop::new();
    let threads: Vec<_> = scheduler
        .workers()
        .iter()
        .map(|worker| {
            let (worker, stop) = (worker.clone(), stop.clone());
            std::thread::spawn(move || {
                heap::watch(true);
                worker.run(&stop, &Beat::new());
                heap::watch(false);
            })
        })
        .collect();
    let mut writer = ring.writer().unwrap();
    heap::watch(true);
    commit(&mut writer, &tape, 0..WARM);
    wait_reported(&lane, WARM);
    let (before, found, reported) = (
        heap::watched_total(),
        keeping.findings.load(Ordering::Relaxed),
        keeping.events.load(Ordering::Relaxed),
    );
    commit(&mut writer, &tape, WARM..WARM + MEASURED);
    wait_reported(&lane, WARM + MEASURED);
    let allocations = heap::watched_total() - before;
    heap::watch(false);
    stop.stop();
    ring.close();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(before > 0, "the counter counts nothing");
    assert!(
        keeping.findings.load(Ordering::Relaxed) > found + MEASURED,
        "too little was found to show anything"
    );
    assert!(keeping.events.load(Ordering::Relaxed) > reported, "no event was told");
    assert_eq!(allocations, 0, "in {MEASURED} frames");
}
