//! Models that take several pictures at once: real ones whose batch was made 3, by the runtime and on the road.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::data::data;
use crate::support::engine::{card, infer, load, picture, runtimes};
use ocellus::config::{ModelCard, Task};
use ocellus::engine::{Predictions, Runtime, Session};
use ocellus::image::Preprocessor;
use ocellus::pipeline::{Detect, Detector, FrameItem, Lane, LaneFeed, LaneSettings, Offer, Sink};
use ocellus::ring::{Bell, Policy, Ring};
use ocellus::scheduler::{Cause, Executor, Factory, Scheduler, StageSpec};
use ocellus::supervisor::{Beat, Stop};
use ocellus::types::{
    Attendance, Event, Finding, Frame, Inspection, PixelFormat, Placement, Report, Stamp, priority,
};

const BATCH: usize = 3;
const PATIENCE: Duration = Duration::from_secs(60);

/// Reads just enough of a `.tflite` file (`schema.fbs` of TensorFlow Lite) to change a batch of 1.
struct File(Vec<u8>);

impl File {
    fn u32(&self, at: usize) -> usize {
        u32::from_le_bytes(self.0[at..at + 4].try_into().unwrap()) as usize
    }

    /// Where field `id` of the table at `table` is.
    fn field(&self, table: usize, id: usize) -> Option<usize> {
        let vtable = table as i64 - i64::from(self.u32(table) as i32);
        let vtable = vtable as usize;
        let size = u16::from_le_bytes(self.0[vtable..vtable + 2].try_into().unwrap()) as usize;
        let entry = 4 + 2 * id;
        let offset = (entry < size)
            .then(|| u16::from_le_bytes(self.0[vtable + entry..vtable + entry + 2].try_into().unwrap()))?;
        (offset != 0).then_some(table + offset as usize)
    }

    /// Where the elements of the vector in field `id` begin, and how many they are.
    fn vector(&self, table: usize, id: usize) -> Option<(usize, usize)> {
        let at = self.field(table, id)?;
        let at = at + self.u32(at);
        Some((at + 4, self.u32(at)))
    }

    fn tables(&self, table: usize, id: usize) -> Vec<usize> {
        let (at, count) = self.vector(table, id).unwrap_or((0, 0));
        (0..count).map(|i| at + 4 * i).map(|at| at + self.u32(at)).collect()
    }

    /// Makes the first of the whole numbers of a vector 3 where it is 1.
    fn one_to_batch(&mut self, vector: Option<(usize, usize)>) {
        if let Some((at, count)) = vector
            && count > 0
            && self.u32(at) == 1
        {
            self.0[at..at + 4].copy_from_slice(&(BATCH as u32).to_le_bytes());
        }
    }

    /// Every tensor that is computed, and every shape that one is given, gets another batch.
    fn rebatch(mut self) -> Vec<u8> {
        const RESHAPE: u8 = 22;
        let model = self.u32(0);
        let codes = self.tables(model, 1);
        let (graph, buffers) = (self.tables(model, 2)[0], self.tables(model, 4));
        let tensors = self.tables(graph, 0);
        let buffer = |file: &File, tensor: usize| {
            let at = file.field(tensor, 2).map_or(0, |at| file.u32(at));
            file.vector(buffers[at], 0).filter(|(_, bytes)| *bytes > 0)
        };
        for &tensor in tensors.iter() {
            if buffer(&self, tensor).is_none() {
                self.one_to_batch(self.vector(tensor, 0));
                self.one_to_batch(self.vector(tensor, 7));
            }
        }
        for operator in self.tables(graph, 3) {
            let code = self.field(operator, 0).map_or(0, |at| self.u32(at));
            if self.field(codes[code], 0).is_none_or(|at| self.0[at] != RESHAPE) {
                continue;
            }
            if let Some(options) = self.field(operator, 4).map(|at| at + self.u32(at)) {
                self.one_to_batch(self.vector(options, 0));
            }
            let (inputs, count) = self.vector(operator, 1).unwrap();
            if count > 1 {
                let shape = tensors[self.u32(inputs + 4)];
                self.one_to_batch(buffer(&self, shape));
            }
        }
        self.0
    }
}

/// The model `name` of the shared data with a batch of 3, in a folder that goes with the first.
fn rebatched(data: &Path, name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("{name}.tflite"));
    let file = File(std::fs::read(data.join(format!("models/{name}.tflite"))).unwrap());
    std::fs::write(&path, file.rebatch()).unwrap();
    (folder, path)
}

const PICTURES: [&str; 4] =
    ["astronaut.png", "person_A/asl_again_0.3.png", "climate_law_group_nxp.jpg", "person_C/asl_walk_1.4.png"];

fn assert_same(found: &[Finding], wanted: &[Finding], what: &str) {
    assert_eq!(found.len(), wanted.len(), "{what}: {found:?}, alone {wanted:?}");
    for (found, wanted) in found.iter().zip(wanted) {
        let same_place = match (found.rect(), wanted.rect()) {
            (Some(a), Some(b)) => a.iou(b) > 0.99,
            (a, b) => a == b,
        };
        // Kernels may be chosen by the size of the batch.
        let same = found.class == wanted.class && (found.score - wanted.score).abs() < 0.02 && same_place;
        assert!(same, "{what}: {found:?}, alone {wanted:?}");
    }
}

/// What the engine predicted, as the pipeline's findings.
fn findings(predictions: Predictions) -> Vec<Finding> {
    predictions.items.into_iter().map(Finding::from).collect()
}

/// Three pictures at once, and each alone by the model as it was.
fn as_one_by_one(runtime: &Runtime, data: &Path, name: &str, card: &ModelCard) {
    let (_folder, path) = rebatched(data, name);
    let single = load(runtime, &data.join(format!("models/{name}.tflite")), card.clone());
    let model = load(runtime, &path, card.clone());
    assert_eq!((model.batch(), single.batch()), (BATCH, 1));
    let mut session = model.batched().unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut preprocessor = Preprocessor::new(model.input());
    let frames = PICTURES.map(|name| image::open(data.join("images/faces").join(name)).unwrap().to_rgb8());
    let mut placements: Vec<Placement> = Vec::new();
    for (slot, frame) in frames.iter().take(BATCH).enumerate() {
        let (w, h) = (frame.width() as usize, frame.height() as usize);
        let planes = ocellus::types::Planes::packed(PixelFormat::Rgb, w, h, frame.as_raw()).unwrap();
        session.select(slot);
        placements.push(preprocessor.run(&planes, None, session.input_mut(0)).unwrap());
    }
    session.run().unwrap();
    let mut decoder = model.decoder(None);
    for (slot, placement) in placements.iter().enumerate() {
        session.select(slot);
        let mut found = Report::new("test".into());
        decoder.decode(&session, placement, &mut found);
        let (rgb, at) = picture(&data.join("images/faces").join(PICTURES[slot]), &single);
        let alone = findings(infer(&single, &rgb, &at, None));
        assert!(!alone.is_empty());
        assert_same(&found.findings, &alone, &format!("{name}, slot {slot}"));
    }
    // Whoever takes one picture at a time may use such a model too.
    let (rgb, at) = picture(&data.join("images/faces").join(PICTURES[0]), &single);
    let [one, alone] = [&model, &single].map(|model| findings(infer(model, &rgb, &at, None)));
    assert_same(&one, &alone, name);
}

#[test]
fn three_pictures_at_once_give_what_each_gives_alone() {
    let Some(data) = data(&["models", "images/faces"]) else { return };
    for runtime in runtimes() {
        as_one_by_one(&runtime, &data, "face_detection_back", &card(Task::BlazeFace));
        let mut card = card(Task::Classify);
        card.top_k = Some(1);
        as_one_by_one(&runtime, &data, "mobilenet_v1_0.25_224_float", &card);
    }
}

/// Keeps the findings of each report.
#[derive(Default)]
struct Kept(Mutex<Vec<(u64, Vec<Finding>)>>);

impl Sink for Kept {
    fn name(&self) -> &'static str {
        "kept"
    }

    fn offer_report(&self, report: &Arc<Report>) -> Offer {
        assert!(report.fault.is_none(), "{:?}", report.fault);
        self.0.lock().unwrap().push((report.frame_seq, report.findings.to_vec()));
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

/// The real executor, and how many frames it was given at once.
struct Watched(Detector, Arc<[AtomicUsize; BATCH + 1]>);

impl Executor<FrameItem> for Watched {
    fn run(&mut self, item: &mut FrameItem) -> Result<(), Cause> {
        self.1[1].fetch_add(1, Ordering::Relaxed);
        self.0.run(item)
    }

    fn batch(&self) -> usize {
        self.0.batch()
    }

    fn run_many(&mut self, items: &mut [FrameItem]) -> Result<(), Cause> {
        self.1[items.len()].fetch_add(1, Ordering::Relaxed);
        self.0.run_many(items)
    }
}

#[test]
fn frames_that_wait_are_taken_together_and_one_that_waits_alone_is_not_kept_waiting() {
    let Some(data) = data(&["models/face_detection_back.tflite", "images/faces"]) else { return };
    let Some(runtime) = runtimes().pop() else { return };
    let (_folder, path) = rebatched(&data, "face_detection_back");
    let model = load(&runtime, &path, card(Task::BlazeFace));
    let single = load(&runtime, &data.join("models/face_detection_back.tflite"), card(Task::BlazeFace));
    let alone = PICTURES.map(|name| {
        let (rgb, at) = picture(&data.join("images/faces").join(name), &single);
        findings(infer(&single, &rgb, &at, None))
    });
    let tape = PICTURES.map(|name| {
        let picture = image::open(data.join("images/faces").join(name)).unwrap().to_rgb8();
        let shape = (PixelFormat::Rgb, picture.width() as usize, picture.height() as usize);
        Frame::from_memory(0, Stamp::default(), shape, picture.into_raw().into()).unwrap()
    });
    let bell = Bell::new();
    let ring = Ring::new(12, bell.clone());
    let kept = Arc::new(Kept::default());
    let settings = LaneSettings {
        camera: "door".into(),
        every: 1,
        degradation: Default::default(),
        window: 8,
        tracker: None,
        followers: Vec::new(),
        recordings: None,
    };
    let sinks: Arc<[Arc<dyn Sink>]> = Arc::new([kept.clone() as Arc<dyn Sink>]);
    let lane = Lane::new(settings, ring.reader(Policy::Every), sinks, bell.clone());
    let scheduler = Scheduler::new(&[0], bell.clone());
    let taken: Arc<[AtomicUsize; BATCH + 1]> = Arc::default();
    let detect = Detect::new(model, None);
    let watched = taken.clone();
    let factory: Arc<Factory<FrameItem>> =
        Arc::new(move || Ok(Box::new(Watched(detect.detector()?, watched.clone()))));
    let spec = StageSpec { name: "face".into(), priority: priority::DETECT, min: 1, max: 1 };
    scheduler.add(spec, factory).unwrap().attach(Arc::new(LaneFeed(lane.clone())));
    let mut writer = ring.writer().unwrap();
    let mut commit = |seqs: std::ops::Range<u64>| {
        for seq in seqs {
            let mut frame = tape[seq as usize % tape.len()].share().unwrap();
            (frame.seq, frame.captured) = (seq, Stamp { mono_ns: seq + 1, wall_ns: 0 });
            assert!(writer.commit(seq + 1, frame, &|| false).is_ok());
        }
    };
    // Seven wait before the one worker begins: three, three, and the one that is left without waiting for others.
    commit(0..7);
    let stop = Stop::new();
    std::thread::scope(|scope| {
        let (worker, inner) = (scheduler.workers()[0].clone(), stop.clone());
        scope.spawn(move || worker.run(&inner, &Beat::new()));
        let deadline = Instant::now() + PATIENCE;
        while kept.0.lock().unwrap().len() < 7 {
            assert!(Instant::now() < deadline, "frames did not come through");
            std::thread::sleep(Duration::from_millis(1));
        }
        stop.stop();
        bell.ring_all();
    });
    let counts: Vec<usize> = taken.iter().map(|count| count.load(Ordering::Relaxed)).collect();
    assert_eq!(counts, [0, 1, 0, 2], "how often 0, 1, 2 and 3 frames were taken at once");
    let kept = kept.0.lock().unwrap();
    assert!(kept.iter().map(|(seq, _)| *seq).eq(0..7), "in order");
    for (seq, found) in kept.iter() {
        assert_same(found, &alone[*seq as usize % tape.len()], &format!("frame {seq}"));
    }
}
