//! A camera in memory, workers that draw, and viewers: what the tests of the live picture share.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ocellus::annotate::{Annotate, Look};
use ocellus::pipeline::{FrameItem, Lane, LaneFeed, LaneSettings};
use ocellus::preview::{PartPictures, PictureItem, Preview, PreviewFeed, PreviewHub, PreviewSettings};
use ocellus::ring::{Bell, Policy, Ring, Writer};
use ocellus::scheduler::{Cause, Executor, Factory, Scheduler, Stage, StageSpec};
use ocellus::supervisor::{Beat, Stop};
use ocellus::types::{
    Clock, Finding, Frame, Layer, LiveView, Picture, PixelFormat, Rect, SystemClock, Value, Watch, priority,
};

pub const PATIENCE: Duration = Duration::from_secs(30);
pub const SIZE: (usize, usize) = (320, 240);
/// Two workers. They are threads of the test and pinned to nothing.
const CORES: [usize; 2] = [0, 0];
/// Where the camera's one object is.
pub const OBJECT: Rect = Rect { x: 100.0, y: 80.0, w: 64.0, h: 48.0 };

pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A grey picture whose brightness is the frame's number.
pub fn frame(seq: u64) -> Frame {
    let (width, height) = SIZE;
    let mut bytes = vec![60 + (seq % 100) as u8; width * height];
    bytes.resize(width * height * 3 / 2, 128);
    Frame::from_memory(seq, SystemClock.now(), (PixelFormat::I420, width, height), bytes.into()).unwrap()
}

/// A sum over every byte of a frame.
pub fn checksum(frame: &Frame) -> u64 {
    let planes = frame.planes();
    let bytes = planes.data.iter().flat_map(|plane| plane.iter());
    bytes.fold(0, |sum, byte| sum.rotate_left(5).wrapping_add(u64::from(*byte)))
}

/// The picture as RGB.
pub fn decode(jpeg: &[u8]) -> image::RgbImage {
    image::load_from_memory(jpeg).unwrap().to_rgb8()
}

/// Finds one object in every frame.
struct Finder {
    /// How long its model takes.
    busy: Duration,
}

impl Executor<FrameItem> for Finder {
    fn run(&mut self, item: &mut FrameItem) -> Result<(), Cause> {
        let (_, report) = item.open().unwrap();
        let began = Instant::now();
        while began.elapsed() < self.busy {
            std::hint::spin_loop();
        }
        let value = Value::Object { rect: OBJECT, points: Default::default() };
        report.push(Finding { track: Some(7), ..Finding::new(0, "part".into(), 0.9, value) });
        Ok(())
    }
}

/// How a studio is set up.
pub struct Setting {
    pub detects: bool,
    pub busy: Duration,
    pub fps: u32,
    pub hold: Duration,
    pub part_pictures: PartPictures,
}

impl Default for Setting {
    fn default() -> Setting {
        Setting {
            detects: false,
            busy: Duration::ZERO,
            fps: 1_000,
            hold: Duration::ZERO,
            part_pictures: PartPictures::default(),
        }
    }
}

pub struct Studio {
    pub ring: Ring<Frame>,
    pub hub: Arc<PreviewHub>,
    pub preview: Arc<Preview>,
    pub lane: Option<Arc<Lane>>,
    pub annotate: Arc<Stage<PictureItem>>,
    pub bell: Arc<Bell>,
    stop: Stop,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Studio {
    pub fn new(setting: Setting) -> Studio {
        let bell = Bell::new();
        let ring = Ring::new(8, bell.clone());
        let hub = PreviewHub::new(bell.clone());
        let (detects, busy) = (setting.detects, setting.busy);
        let preview = Preview::new(settings(setting), hub.clone(), ring.clone(), bell.clone());
        let scheduler = Scheduler::new(&CORES, bell.clone());
        let annotate = Annotate::default();
        let spec = StageSpec { name: "annotate".into(), priority: priority::ANNOTATE, min: 0, max: 1 };
        let factory: Arc<Factory<PictureItem>> = Arc::new(move || Ok(Box::new(annotate.annotator()?)));
        let stage = scheduler.add(spec, factory).unwrap();
        stage.attach(Arc::new(PreviewFeed(preview.clone())));
        let lane = detects.then(|| {
            let settings = LaneSettings {
                camera: "front".into(),
                every: 1,
                degradation: Default::default(),
                window: 6,
                tracker: None,
                followers: vec![preview.clone()],
                recordings: None,
            };
            let lane = Lane::new(settings, ring.reader(Policy::Latest), Arc::new([]), bell.clone());
            let factory: Arc<Factory<FrameItem>> = Arc::new(move || Ok(Box::new(Finder { busy })));
            let spec = StageSpec { name: "detect".into(), priority: priority::DETECT, min: 1, max: 2 };
            let stage = scheduler.add(spec, factory).unwrap();
            stage.attach(Arc::new(LaneFeed(lane.clone())));
            lane
        });
        let stop = Stop::new();
        let threads = scheduler.workers().iter().map(|worker| {
            let (worker, stop) = (worker.clone(), stop.clone());
            std::thread::spawn(move || worker.run(&stop, &Beat::new()))
        });
        let threads = threads.collect();
        Studio { ring, hub, preview, lane, annotate: stage, bell, stop, threads }
    }

    pub fn commit(&self, writer: &mut Writer<Frame>, seq: u64) {
        let frame = frame(seq);
        writer
            .commit(frame.captured.mono_ns, frame, &|| false)
            .unwrap_or_else(|_| panic!("frame {seq} refused"));
        self.preview.frame_committed();
    }

    /// A viewer on a thread of its own, and what it has seen.
    pub fn viewer(&self, layer: Layer) -> Viewer {
        Viewer::of(self.hub.watch(layer))
    }
}

impl Drop for Studio {
    fn drop(&mut self) {
        self.stop.stop();
        self.bell.ring_all();
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

pub fn settings(setting: Setting) -> PreviewSettings {
    PreviewSettings {
        camera: "a".into(),
        fps: setting.fps,
        look: Look { width: 1_280, quality: 85 },
        hold: setting.hold,
        parts: 2,
        places: Vec::new(),
        follows: setting.detects,
        part_pictures: setting.part_pictures,
        degradation: Default::default(),
    }
}

/// Somebody who looks until the camera is gone.
pub struct Viewer {
    pub seen: Arc<Mutex<Vec<Picture>>>,
    pub thread: std::thread::JoinHandle<()>,
}

impl Viewer {
    pub fn of(watch: Watch) -> Viewer {
        Viewer::with(watch, |_| ())
    }

    /// One who does `more` with each picture before the next is asked for.
    pub fn with(mut watch: Watch, more: impl Fn(&Picture) + Send + 'static) -> Viewer {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = seen.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            while let Some(picture) = runtime.block_on(watch.next()) {
                more(&picture);
                kept.lock().unwrap().push(picture);
            }
        });
        Viewer { seen, thread }
    }

    pub fn newest(&self) -> Option<u64> {
        self.seen.lock().unwrap().last().map(|picture| picture.frame_seq)
    }

    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}
