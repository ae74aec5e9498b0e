//! One trigger's way to its verdict on the product's own road: ring, lane, pinned workers, a recipe of N golden ROIs
//! under the int8 MobileNetV2, sink. Claims are ratios of medians, all from one run, taken in turn.
//!
//! `floor`: CPU of crop and inference of the same ROIs on one thread, halved. `bare pair`: the same ROIs by two pinned
//! threads with half of them each and nothing between them: what the machine's two cores give at once.
//!
//! `cargo bench --bench inspection`; `OCELLUS_BENCH_ROUNDS` (9) sets its length; data as in the tests.

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use ocellus::config::recipe::Recipe;
use ocellus::config::{ModelConfig, Task};
use ocellus::engine::Model;
use ocellus::image::{Cutter, RotatedRect};
use ocellus::inspection::{
    GoldenPicture, Inspector, PartFeed, PartItem, PartLane, PartLaneSettings, Product, Program,
};
use ocellus::pipeline::{Offer, Sink};
use ocellus::ring::{Bell, Pick, Ring, Writer};
use ocellus::scheduler::{Factory, Scheduler, StageSpec};
use ocellus::supervisor::{Beat, Spawned, Stop, spawn};
use ocellus::types::{
    Attendance, Channels, Clock, Event, Frame, Inspection, Numbering, Outcome, Patch, PixelFormat, Pose,
    Rect, Report, SystemClock, Trigger, TriggerKind, priority,
};
use support::data::data;
use support::engine;

const SIZE: [usize; 2] = [2448, 2048];
const MODEL: &str = "models/tf2_mobilenet_v2_1.0_224_ptq.tflite";
/// The cores of the two workers.
const CORES: [usize; 2] = [0, 1];

fn main() {
    // `cargo test --benches` only asks whether it still builds and starts.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let rounds = std::env::var("OCELLUS_BENCH_ROUNDS").ok().and_then(|v| v.parse().ok()).unwrap_or(9);
    pixels(rounds);
    let (Some(data), [runtime, ..]) = (data(&[MODEL]), &engine::runtimes()[..]) else { return };
    let config = ModelConfig {
        name: "embed".into(),
        path: data.join(MODEL),
        card: engine::card(Task::Embed),
        delegate: None,
        min_workers: 1,
        max_workers: 2,
    };
    let model = runtime.load(&config).expect("the model of the shared data");
    for format in [PixelFormat::Nv12, PixelFormat::Rgb] {
        for count in [50, 10] {
            let recipe = recipe(&golden_rois(count), std::slice::from_ref(&config));
            let program = program(recipe, &model);
            parallel(&format!("{count} golden ROIs of {format:?}"), &program, format, rounds);
        }
    }
}

/// `count` ROIs of 200 × 200 px, ten in a row.
fn golden_rois(count: usize) -> String {
    let roi = |at: usize| {
        let (x, y) = (at % 10 * 240 + 20, at / 10 * 400 + 30);
        format!(
            "[[roi]]\nname = \"roi{at}\"\nrect = [{x}, {y}, 200, 200]\nkind = \"golden\"\nmodel = \"embed\"\n\
             min_similarity = 0.9\n"
        )
    };
    (0..count).map(roi).collect()
}

fn recipe(rois: &str, models: &[ocellus::config::ModelConfig]) -> Recipe {
    let text = format!("size = [{}, {}]\n{rois}", SIZE[0], SIZE[1]);
    Recipe::parse(&text, Path::new("bench.toml"), models).unwrap_or_else(|faults| panic!("{faults}"))
}

fn program(recipe: Recipe, model: &Arc<Model>) -> Arc<Program> {
    let golden = GoldenPicture { name: "master".into(), picture: Arc::new(picture()), rois: None };
    let program = Program::new(recipe, &[golden], &|_, _| Ok(model.clone()));
    Arc::new(program.unwrap_or_else(|error| panic!("{error}")))
}

/// Blocks of random grey: texture at every size.
fn picture() -> Patch {
    let mut patch = Patch::new(SIZE[0], SIZE[1], Channels::Rgb);
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let blocks: Vec<u8> = (0..1 << 16)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as u8
        })
        .collect();
    for (at, px) in patch.data.chunks_exact_mut(3).enumerate() {
        let (x, y) = (at % SIZE[0], at / SIZE[0]);
        px.fill(blocks[(y / 9 * 271 + x / 7) & 0xFFFF]);
    }
    patch
}

fn frame(format: PixelFormat) -> Frame {
    let picture = picture().data;
    let bytes: Vec<u8> = match format {
        PixelFormat::Rgb => picture,
        _ => {
            let luma = picture.chunks_exact(3).map(|px| px[0]);
            luma.chain(std::iter::repeat_n(128, SIZE[0] * SIZE[1] / 2)).collect()
        }
    };
    let shape = (format, SIZE[0], SIZE[1]);
    Frame::from_memory(0, SystemClock.now(), shape, bytes.into()).expect("whole planes")
}

/// The claim: one worker, two, the bare pair and the floor in turn.
fn parallel(name: &str, program: &Arc<Program>, format: PixelFormat, rounds: usize) {
    let mut bare = Bare::new(program, frame(format));
    let mut roads = [1, 2].map(|workers| Road::new(program, frame(format), &CORES[..workers]));
    // Warm: tables, caches, the clock of the cores.
    for road in &mut roads {
        road.trigger();
    }
    let mut times: [Vec<f64>; 5] = Default::default();
    for round in 0..rounds {
        let (cpu, wall) = bare.alone(CORES[round % 2]);
        let pair = bare.pair();
        let [one, two] = &mut roads;
        for (times, took) in times.iter_mut().zip([cpu, wall, pair, one.trigger(), two.trigger()]) {
            times.push(took.as_secs_f64() * 1e3);
        }
    }
    let [cpu, wall, pair, one, two] = times.map(median);
    println!(
        "{name}: CPU of one thread {cpu:.1} ms (wall {wall:.1}), floor {:.1}; bare pair {pair:.1}; 1 worker {one:.1}, \
         2 workers {two:.1} ms\n    2 workers / floor {:.3}, 2 workers / bare pair {:.3}, bare pair / floor {:.3}, \
         parallel efficiency {:.3} (bare {:.3})",
        cpu / 2.0,
        two / (cpu / 2.0),
        two / pair,
        pair / (cpu / 2.0),
        one / (2.0 * two),
        wall / (2.0 * pair),
    );
}

/// The regions without the road.
struct Bare {
    inspectors: [Option<Inspector>; 2],
    frame: Arc<Frame>,
    rois: usize,
}

impl Bare {
    fn new(program: &Arc<Program>, frame: Frame) -> Bare {
        let inspectors = [(); 2].map(|()| Some(program.inspector().expect("an inspector")));
        let mut bare = Bare { inspectors, frame: Arc::new(frame), rois: program.rois().len() };
        let _ = (bare.alone(0), bare.pair());
        bare
    }

    /// CPU and wall time of all regions on one thread.
    fn alone(&mut self, core: usize) -> (Duration, Duration) {
        let (mut inspector, frame, rois) = (self.take(0), self.frame.clone(), self.rois);
        let thread = spawn("alone", Some(core), move || {
            let took = each(&mut inspector, &frame, 0..rois);
            (inspector, took)
        });
        let (inspector, took) = join(thread.expect("a pinned thread"));
        self.inspectors[0] = Some(inspector);
        took
    }

    /// Wall time of every other region on each of two threads.
    fn pair(&mut self) -> Duration {
        let start = Arc::new(Barrier::new(2));
        let threads = [0, 1].map(|half| {
            let (mut inspector, frame, rois) = (self.take(half), self.frame.clone(), self.rois);
            let start = start.clone();
            let body = move || {
                start.wait();
                let began = Instant::now();
                each(&mut inspector, &frame, (half..rois).step_by(2));
                (inspector, (began, Instant::now()))
            };
            spawn("pair", Some(CORES[half]), body).expect("a pinned thread")
        });
        let [(a, (from, to)), (b, (other_from, other_to))] = threads.map(join);
        self.inspectors = [Some(a), Some(b)];
        to.max(other_to) - from.min(other_from)
    }

    fn take(&mut self, at: usize) -> Inspector {
        self.inspectors[at].take().expect("it was put back")
    }
}

fn join<T: Send + 'static>(thread: Spawned<T>) -> T {
    thread.join().unwrap_or_else(|_| panic!("the thread ended"))
}

/// CPU and wall time of judging `rois`.
fn each(inspector: &mut Inspector, frame: &Frame, rois: impl Iterator<Item = usize>) -> (Duration, Duration) {
    let (cpu, wall) = (thread_cpu(), Instant::now());
    let pose = inspector.find(frame).expect("a frame of the recipe's size");
    for roi in rois {
        black_box(inspector.roi(frame, pose.as_ref(), roi, None));
    }
    (thread_cpu() - cpu, wall.elapsed())
}

fn thread_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Tells when a verdict came.
struct Bench(Sender<(Instant, Outcome)>);

impl Sink for Bench {
    fn name(&self) -> &'static str {
        "bench"
    }

    fn offer_report(&self, _: &Arc<Report>) -> Offer {
        Offer::Taken
    }

    fn offer_event(&self, _: &Event) -> Offer {
        Offer::Taken
    }

    fn offer_inspection(&self, inspection: &Arc<Inspection>, _: Option<&Frame>) -> Offer {
        let _ = self.0.send((Instant::now(), inspection.outcome));
        Offer::Taken
    }

    fn offer_attendance(&self, _: &Arc<Attendance>) -> Offer {
        Offer::Taken
    }
}

/// A line with its workers, and a frame in its ring.
struct Road {
    lane: Arc<PartLane>,
    verdicts: Receiver<(Instant, Outcome)>,
    stop: Stop,
    bell: Arc<Bell>,
    threads: Vec<Spawned<()>>,
    _writer: Writer<Frame>,
}

impl Road {
    fn new(program: &Arc<Program>, frame: Frame, cores: &[usize]) -> Road {
        let (bell, (sender, verdicts)) = (Bell::new(), channel());
        let ring = Ring::new(8, bell.clone());
        let sinks: Arc<[Arc<dyn Sink>]> = Arc::new([Arc::new(Bench(sender)) as Arc<dyn Sink>]);
        let lane = PartLane::new(settings(), ring.clone(), sinks, bell.clone());
        let scheduler = Scheduler::new(cores, bell.clone());
        open(&scheduler, &lane, program, cores.len());
        let stop = Stop::new();
        let run = |worker: &Arc<ocellus::scheduler::Worker>| {
            let (worker, stop, core) = (worker.clone(), stop.clone(), worker.core);
            spawn("worker", Some(core), move || worker.run(&stop, &Beat::new())).expect("a pinned thread")
        };
        let threads = scheduler.workers().iter().map(run).collect();
        let mut writer = ring.writer().expect("the only writer");
        writer.commit(frame.captured.mono_ns, frame, &|| false).expect("a free slot");
        Road { lane, verdicts, stop, bell, threads, _writer: writer }
    }

    /// From the trigger to the verdict at the sink.
    fn trigger(&mut self) -> Duration {
        let (began, at) = (Instant::now(), SystemClock.now());
        let trigger = Trigger { kind: TriggerKind::Timer, name: "bench".into(), at, text: None };
        self.lane.pull(trigger, at, None);
        let (came, outcome) = self.verdicts.recv_timeout(Duration::from_secs(60)).expect("a verdict");
        assert!(matches!(outcome, Outcome::Ok | Outcome::Ng), "{outcome:?}");
        came - began
    }
}

impl Drop for Road {
    fn drop(&mut self) {
        self.stop.stop();
        self.bell.ring_all();
        self.threads.drain(..).for_each(join);
    }
}

fn settings() -> PartLaneSettings {
    PartLaneSettings {
        camera: "bench".into(),
        pick: Pick::Previous,
        queue: 2,
        max_wait: Duration::from_secs(1),
        tolerance: Duration::from_secs(3600),
        numbers: Numbering::from_first(1),
        recordings: None,
    }
}

/// Opens the program's stage as the service does.
fn open(scheduler: &Scheduler, lane: &Arc<PartLane>, program: &Arc<Program>, workers: usize) {
    let spec = StageSpec { name: "inspect".into(), priority: priority::INSPECT, min: 0, max: workers };
    let rois = program.rois();
    let made = program.clone();
    let factory: Arc<Factory<PartItem>> = Arc::new(move || Ok(Box::new(made.inspector()?)));
    let stage = scheduler.add(spec, factory).expect("inspectors");
    stage.attach(Arc::new(PartFeed::new(lane.clone(), "inspect".into(), rois.len() * 2)));
    lane.select(Arc::new(Product {
        name: "bench".into(),
        recipe_revision: 1,
        golden_revision: 1,
        rois,
        outlines: Arc::default(),
        stage: "inspect".into(),
    }));
    lane.set_away(None);
}

/// Frames walked round: together beyond the last-level cache, as a camera's are.
const FRAMES: usize = 16;

/// One ROI of 1 MP compared px by px with its golden, on frames that come from memory: a plain read of both, the cut,
/// cut and comparison, and the whole from trigger to verdict.
fn pixels(rounds: usize) {
    let roi = "[[roi]]\nname = \"face\"\nrect = [700, 500, 1024, 1024]\nkind = \"pixels\"\n";
    let region = RotatedRect::upright(Rect { x: 700.0, y: 500.0, w: 1024.0, h: 1024.0 });
    let golden = GoldenPicture { name: "master".into(), picture: Arc::new(picture()), rois: None };
    let program = Program::new(recipe(roi, &[]), &[golden], &|_, _| unreachable!("no model"));
    let program = Arc::new(program.unwrap_or_else(|error| panic!("{error}")));
    let frames: Vec<Frame> = (0..FRAMES).map(|_| frame(PixelFormat::Nv12)).collect();
    let (mut cutter, mut patch) = (Cutter::new(), Patch::default());
    let mut cut = |frame: &Frame, pose: &Pose| {
        cutter.cut(&frame.planes(), &region, pose, Channels::Gray, &mut patch).expect("a region");
        black_box(&patch);
    };
    let mut inspector = program.inspector().expect("an inspector");
    let mut road = Road::new(&program, frame(PixelFormat::Nv12), &CORES);
    let golden = vec![1u8; 1024 * 1024];
    let shifted = Pose { dx: 3.3, dy: 2.6, angle_rad: 0.0 };
    let turned = Pose { angle_rad: 2f32.to_radians(), ..shifted };
    let mut times: [Vec<f64>; 6] = Default::default();
    for _ in 0..rounds {
        let took = [
            mean(&frames, |frame| {
                black_box(read(&golden).wrapping_add(region_read(frame)));
            }),
            mean(&frames, |frame| cut(frame, &Pose::default())),
            mean(&frames, |frame| {
                black_box(inspector.roi(frame, None, 0, None));
            }),
            mean(&frames, |frame| cut(frame, &shifted)),
            mean(&frames, |frame| cut(frame, &turned)),
            road.trigger(),
        ];
        times.iter_mut().zip(took).for_each(|(times, took)| times.push(took.as_secs_f64() * 1e6));
    }
    let [read, cut, whole, shifted, turned, verdict] = times.map(median);
    println!(
        "pixels, 1 MP of NV12: plain read of both {read:.0} us; cut {cut:.0}, cut and compared {whole:.0} us: {:.2} times; \
         trigger to verdict {verdict:.0} us; cut of a shifted part {shifted:.0}, of one turned by 2 degrees {turned:.0} us",
        whole / read
    );
}

/// CPU time a frame.
fn mean(frames: &[Frame], mut work: impl FnMut(&Frame)) -> Duration {
    let began = thread_cpu();
    frames.iter().for_each(&mut work);
    (thread_cpu() - began) / frames.len() as u32
}

fn region_read(frame: &Frame) -> u64 {
    let planes = frame.planes();
    let rows = planes.data[0].chunks_exact(planes.stride[0]).skip(500).take(1024);
    rows.map(|row| read(&row[700..1724])).fold(0, u64::wrapping_add)
}

/// Sums the bytes as 64-bit words in eight lanes: what a memory-bound pass cannot be faster than.
fn read(bytes: &[u8]) -> u64 {
    let mut lanes = [0u64; 8];
    for block in bytes.as_chunks::<8>().0.as_chunks::<8>().0 {
        for (lane, word) in lanes.iter_mut().zip(block) {
            *lane = lane.wrapping_add(u64::from_ne_bytes(*word));
        }
    }
    lanes.into_iter().fold(0, u64::wrapping_add)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
