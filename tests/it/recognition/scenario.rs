//! The road of a camera that recognises: real ring, real workers, both models, a witness that remembers.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ocellus::camera::{self, Committed, FrameSink, Health, Wiring};
use ocellus::config::{self, Config};
use ocellus::engine::Runtime;
use ocellus::pipeline::{Detect, FrameItem, Lane, LaneFeed, LaneSettings, Offer, Sink};
use ocellus::recognition::{
    FaceFeed, FaceFollower, FaceItem, FaceLane, FaceLaneSettings, Gallery, GalleryIndex, Recognise,
};
use ocellus::ring::{Bell, Policy, Ring, Writer};
use ocellus::scheduler::{Factory, Priority, Scheduler, StageSpec};
use ocellus::supervisor::{Beat, Stop};
use ocellus::tracking::Tracker;
use ocellus::types::{
    Attendance, Event, Frame, Inspection, Label, Report, Sighting, SightingSink, Stamp, SystemClock, priority,
};

use super::support::{detector, embedder};

const PATIENCE: Duration = Duration::from_secs(60);

/// Remembers what it is told, in order.
#[derive(Default)]
pub struct Remembering(Mutex<Vec<Sighting>>);

impl Remembering {
    pub fn all(&self) -> Vec<Sighting> {
        self.0.lock().unwrap().clone()
    }
}

impl Remembering {
    /// Makes room, so that remembering asks nothing of the heap for a while.
    pub fn reserve(&self) {
        self.0.lock().unwrap().reserve(10_000);
    }
}

impl SightingSink for Remembering {
    fn push(&self, sighting: &Sighting) {
        self.0.lock().unwrap().push(sighting.clone());
    }
}

/// Keeps the names in each report: frame, and each face's.
#[derive(Default)]
pub struct Names(Mutex<Vec<(u64, Vec<Option<Label>>)>>, AtomicBool);

impl Names {
    /// Keeps nothing from now on.
    pub fn pause(&self) {
        self.1.store(true, Ordering::Release);
    }

    pub fn all(&self) -> Vec<(u64, Vec<Option<Label>>)> {
        self.0.lock().unwrap().clone()
    }
}

impl Sink for Names {
    fn name(&self) -> &'static str {
        "names"
    }

    fn offer_report(&self, report: &Arc<Report>) -> Offer {
        assert!(report.fault.is_none(), "{:?}", report.fault);
        if self.1.load(Ordering::Acquire) {
            return Offer::Taken;
        }
        let names = report.findings.iter().map(|finding| finding.name.clone()).collect();
        self.0.lock().unwrap().push((report.frame_seq, names));
        Offer::Taken
    }

    fn offer_event(&self, _: &Event) -> Offer {
        Offer::Taken
    }

    fn offer_inspection(&self, _: &Arc<Inspection>, _: Option<&Frame>) -> Offer {
        Offer::Taken
    }

    fn offer_attendance(&self, _: &Arc<Attendance>) -> Offer {
        Offer::Taken
    }
}

/// A checked configuration of one camera that recognises, with these bounds.
pub fn camera(data: &Path, source: &str, recognise: &str) -> config::CameraConfig {
    let models = data.join("models");
    let text = format!(
        "[model.face]\npath = \"{0}/face_detection_back.tflite\"\ntask = \"blazeface\"\n\
         [model.who]\npath = \"{0}/mobilefacenet_float32.tflite\"\ntask = \"embed\"\n\
         [faces]\nmodel = \"who\"\n\
         [[camera]]\nname = \"door\"\nsource = \"{source}\"\npace = \"max\"\ndetect = {{ model = \"face\" }}\n\
         track = {{}}\nrecognise = {{{recognise}}}\n",
        models.display()
    );
    let config = Config::parse(&text, Path::new("door.toml"), Path::new("."));
    config.unwrap_or_else(|faults| panic!("{faults}")).cameras.remove(0)
}

/// What makes recognition's executors: the real thing, or something that a test puts in its place.
pub type Make = Arc<Factory<FaceItem>>;

pub struct Scenario {
    pub ring: Ring<Frame>,
    pub lane: Arc<Lane>,
    pub faces: Arc<FaceLane>,
    pub sightings: Arc<Remembering>,
    pub names: Arc<Names>,
    pub gallery: Arc<Gallery>,
    pub scheduler: Scheduler,
    pub bell: Arc<Bell>,
}

/// The real executors of recognition.
pub fn recognition(runtime: &Runtime, data: &Path, gallery: &Arc<Gallery>) -> Make {
    let stage = Recognise::new(embedder(runtime, data), gallery.clone()).unwrap();
    Arc::new(move || Ok(Box::new(stage.recogniser()?)))
}

impl Scenario {
    /// With `workers` workers; `make` gives recognition's executors.
    pub fn new(
        (runtime, data): (&Runtime, &Path),
        camera: &config::CameraConfig,
        index: GalleryIndex,
        workers: usize,
        make: impl FnOnce(&Arc<Gallery>) -> Make,
    ) -> Scenario {
        let bell = Bell::new();
        let ring = Ring::new(camera.ring_slots, bell.clone());
        let gallery = Arc::new(Gallery::new(Arc::new(index)));
        let sightings = Arc::new(Remembering::default());
        let recognise = camera.recognise.clone().unwrap();
        let settings = FaceLaneSettings {
            camera: camera.name.as_str().into(),
            recognition: recognise.clone(),
            in_step: true,
        };
        let faces = FaceLane::new(settings, gallery.clone(), sightings.clone(), bell.clone());
        let names = Arc::new(Names::default());
        let lane = Lane::new(
            LaneSettings {
                camera: "door".into(),
                every: 1,
                degradation: Default::default(),
                window: workers + 4,
                tracker: camera.track.clone().map(|track| Tracker::new(track, 1)),
                followers: vec![Arc::new(FaceFollower(faces.clone()))],
                recordings: None,
            },
            ring.reader(Policy::Every),
            Arc::new([names.clone() as Arc<dyn Sink>]),
            bell.clone(),
        );
        // All on core 0: every machine has one.
        let scheduler = Scheduler::new(&vec![0; workers], bell.clone());
        let detect = Detect::new(detector(runtime, data, "face_detection_back"), None);
        let detecting: Arc<Factory<FrameItem>> = Arc::new(move || Ok(Box::new(detect.detector()?)));
        let spec =
            |name: &str, priority: Priority| StageSpec { name: name.into(), priority, min: 0, max: workers };
        let stage = scheduler.add(spec("face", priority::DETECT), detecting).unwrap();
        stage.attach(Arc::new(LaneFeed(lane.clone())));
        let stage = scheduler.add(spec("who", priority::RECOGNISE), make(&gallery)).unwrap();
        stage.attach(Arc::new(FaceFeed(faces.clone())));
        faces.set_attached(true);
        Scenario { ring, lane, faces, sightings, names, gallery, scheduler, bell }
    }

    /// Lets the workers work while `source` commits frames, until all of them are through.
    pub fn run(&self, source: impl FnOnce(&mut Writer<Frame>)) {
        let stop = Stop::new();
        std::thread::scope(|scope| {
            let workers: Vec<_> = self.scheduler.workers().to_vec();
            for worker in workers {
                let stop = stop.clone();
                scope.spawn(move || worker.run(&stop, &Beat::new()));
            }
            let mut writer = self.ring.writer().unwrap();
            source(&mut writer);
            self.settle();
            stop.stop();
            self.bell.ring_all();
        });
    }

    /// Waits until every frame and every face that was taken is through.
    pub fn settle(&self) {
        let deadline = Instant::now() + PATIENCE;
        let backlog = || self.ring.stats().committed - self.lane.counters.reported.get();
        while backlog() > 0 {
            assert!(Instant::now() < deadline, "{} frames are still on their way", backlog());
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(self.faces.wait_idle(PATIENCE), "a face never came back");
    }
}

/// Every frame of `camera`'s file, dated by its time in the file.
pub fn play(camera: &config::CameraConfig, writer: &mut Writer<Frame>) {
    play_dated(camera, writer, |frame| frame.pts_ns.unwrap_or(frame.seq * 33_000_000));
}

/// Every frame of `camera`'s file, captured when `date` says, ns.
pub fn play_dated(camera: &config::CameraConfig, writer: &mut Writer<Frame>, date: fn(&Frame) -> u64) {
    struct Through<'a>(&'a mut Writer<Frame>, u64, fn(&Frame) -> u64);
    impl FrameSink for Through<'_> {
        fn commit(&mut self, mut frame: Frame) -> Committed {
            self.1 = frame.seq + 1;
            let ns = 1_000_000_000 + (self.2)(&frame);
            frame.captured = Stamp { mono_ns: ns, wall_ns: ns };
            let taken = self.0.commit(ns, frame, &|| false).is_ok();
            if taken { Committed::Taken } else { Committed::Closed }
        }
        fn slots(&self) -> usize {
            8
        }
        fn next_seq(&self) -> u64 {
            self.1
        }
    }
    let wiring = Wiring {
        health: &|_: Health| {},
        clock: &SystemClock,
        stop: &Stop::new(),
        beat: &Beat::new(),
        painter: &camera::scene::painter,
        damaged: &Default::default(),
        senders: &Default::default(),
    };
    camera::run(camera, &mut Through(writer, 0, date), &wiring).unwrap();
}

/// `count` times the same picture, `step_ns` apart.
pub fn hold(frame: &Frame, seqs: std::ops::Range<u64>, step_ns: u64, writer: &mut Writer<Frame>) {
    for seq in seqs {
        let ns = 1_000_000_000 + seq * step_ns;
        let mut frame = frame.share().unwrap();
        (frame.seq, frame.captured) = (seq, Stamp { mono_ns: ns, wall_ns: ns });
        assert!(writer.commit(ns, frame, &|| false).is_ok(), "frame {seq} was refused");
    }
}
