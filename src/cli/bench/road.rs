//! Drives the product's own pipeline as fast as it can go.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::faces::FaceStage;
use super::figures::{FacesLimit, Limit, Passed, Step};
use crate::camera::{self, Committed, FrameSink, Health, Wiring};
use crate::config::{self, Config};
use crate::engine::{Model, Runtime};
use crate::mqtt::{self, Link, Mqtt};
use crate::pipeline::{Detect, FrameItem, Lane, LaneFeed, LaneSettings, Offer, Sink};
use crate::ring::{Bell, Policy, Ring, Writer};
use crate::scheduler::{Attachment, Factory, Scheduler, Stage, StageSpec};
use crate::supervisor::{Beat, Spawned, Stop, spawn};
use crate::telemetry::ProcessFacts;
use crate::types::{Attendance, Clock, Event, Frame, Inspection, Report, SystemClock, priority};

/// Decoded frames kept in memory: enough that they do not all stay in the cache.
const KEPT_FRAMES: usize = 32;
const BROKER_PATIENCE: Duration = Duration::from_secs(2);

pub(super) struct BenchRoad {
    model: Arc<Model>,
    cores: Vec<usize>,
    stage: Arc<Stage<FrameItem>>,
    faces: Option<FaceStage>,
    bell: Arc<Bell>,
    sinks: Arc<[Arc<dyn Sink>]>,
    published: bool,
    stop: Stop,
    threads: Vec<Spawned<()>>,
}

impl BenchRoad {
    pub(super) fn build(config: &Config, camera: &config::CameraConfig) -> anyhow::Result<BenchRoad> {
        let name = camera.detect.as_ref().map(|detect| detect.model.as_str()).unwrap_or_default();
        let settings = config.models.iter().find(|model| model.name == name).context("the model is gone")?;
        let runtime = Runtime::open(&config.runtime)?;
        let model = runtime.load(settings)?;
        let (stop, bell) = (Stop::new(), Bell::new());
        let mut threads = Vec::new();
        let (sink, published) = sink(config, &stop, &mut threads)?;
        let scheduler = Scheduler::new(&config.workers.cores, bell.clone());
        let detect = Detect::new(model.clone(), None);
        let factory: Arc<Factory<FrameItem>> = Arc::new(move || Ok(Box::new(detect.detector()?)));
        let workers = config.workers.cores.len();
        let spec = StageSpec { name: name.into(), priority: priority::DETECT, min: workers, max: workers };
        let stage = scheduler.add(spec, factory)?;
        let faces = FaceStage::build(config, camera, &runtime, &scheduler)?;
        for (at, worker) in scheduler.workers().iter().cloned().enumerate() {
            let stop = stop.clone();
            let core = Some(worker.core);
            threads.push(spawn(&format!("worker/{at}"), core, move || worker.run(&stop, &Beat::new()))?);
        }
        let sinks: Arc<[Arc<dyn Sink>]> = Arc::new([sink]);
        let cores = config.workers.cores.clone();
        Ok(BenchRoad { model, cores, stage, faces, bell, sinks, published, stop, threads })
    }

    pub(super) fn publishes(&self) -> bool {
        self.published
    }

    /// Inference alone: a session on each core, and nothing else.
    pub(super) fn limit(&self, span: Duration) -> anyhow::Result<Limit> {
        self.limit_of(&self.model, span)
    }

    /// The least cost of recognition, if the camera recognises: the embedding model alone, and alignment
    /// alone.
    pub(super) fn faces_limit(&self, frames: &[Frame], span: Duration) -> anyhow::Result<Option<FacesLimit>> {
        let Some(faces) = &self.faces else { return Ok(None) };
        Ok(Some(FacesLimit {
            embed: self.limit_of(&faces.model, span / 2)?,
            align_ms: super::faces::align_ms(&frames[0], span / 4)?,
        }))
    }

    fn limit_of(&self, model: &Arc<Model>, span: Duration) -> anyhow::Result<Limit> {
        let threads: Vec<_> = self
            .cores
            .iter()
            .map(|core| {
                let model = model.clone();
                spawn("limit", Some(*core), move || -> anyhow::Result<u64> {
                    let mut session = model.session()?;
                    let began = Instant::now();
                    let mut runs = 0;
                    while began.elapsed() < span {
                        session.run()?;
                        runs += 1;
                    }
                    Ok(runs)
                })
            })
            .collect::<Result<_, _>>()?;
        let cpu = ProcessFacts::read().cpu;
        let mut runs = 0;
        for thread in threads {
            runs += thread.join()??;
        }
        let used = ProcessFacts::read().cpu - cpu;
        Ok(Limit { per_s: runs as f64 / span.as_secs_f64(), cpu_ms: ms(used) / runs.max(1) as f64 })
    }

    /// Some decoded frames of the source, copied into our own memory.
    pub(super) fn decoded_frames(&self, camera: &config::CameraConfig) -> anyhow::Result<Vec<Frame>> {
        let mut sink = Keep { kept: Vec::new(), left: KEPT_FRAMES };
        capture(camera, &mut sink, &Stop::new())?;
        let frames = sink.kept;
        if frames.is_empty() {
            bail!("the source {} gave no frame", camera.source_text);
        }
        Ok(frames)
    }

    /// CPU time to get one decoded frame out of the source, with no consumer.
    pub(super) fn decode_ms(&self, camera: &config::CameraConfig, span: Duration) -> anyhow::Result<f64> {
        let stop = Stop::new();
        let mut sink = FrameCount { frames: 0, until: None, span, cpu: Duration::ZERO };
        capture(camera, &mut sink, &stop)?;
        let used = ProcessFacts::read().cpu - sink.cpu;
        Ok(ms(used) / sink.frames.max(1) as f64)
    }

    /// Measures decoded frames, as fast as the workers take them.
    pub(super) fn with_memory(&self, frames: &[Frame], span: Duration) -> anyhow::Result<Passed> {
        self.measure(8, span, |writer, stop| {
            for seq in 0.. {
                let mut frame = frames[seq as usize % frames.len()].share().context("not in memory")?;
                (frame.seq, frame.captured) = (seq, SystemClock.now());
                if writer.commit(frame.captured.mono_ns, frame, &|| stop.is_stopped()).is_err() {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Measures the configured source, as fast as it can be decoded and processed.
    pub(super) fn with_source(
        &self,
        camera: &config::CameraConfig,
        span: Duration,
    ) -> anyhow::Result<Passed> {
        self.measure(camera.ring_slots, span, |writer, stop| {
            let slots = camera.ring_slots;
            capture(camera, &mut Through { writer, stop, slots, seq: 0 }, stop)
        })
    }

    fn measure(
        &self,
        slots: usize,
        span: Duration,
        produce: impl FnOnce(&mut Writer<Frame>, &Stop) -> anyhow::Result<()> + Send,
    ) -> anyhow::Result<Passed> {
        let ring = Ring::new(slots, self.bell.clone());
        let face_load = self.faces.as_ref().map(|faces| faces.open(&self.bell));
        let settings = LaneSettings {
            camera: "bench".into(),
            every: 1,
            degradation: Default::default(),
            window: self.cores.len() + 4,
            tracker: self.faces.as_ref().map(FaceStage::tracker),
            followers: face_load.iter().map(|face_load| face_load.follower()).collect(),
            recordings: None,
        };
        let lane = Lane::new(settings, ring.reader(Policy::Every), self.sinks.clone(), self.bell.clone());
        let queue = Attachment::new(Arc::new(LaneFeed(lane.clone())));
        queue.attach(&self.stage);
        let stop = Stop::new();
        let mut writer = ring.writer().context("the ring has a writer already")?;
        let passed = std::thread::scope(|scope| {
            let producer = scope.spawn(|| produce(&mut writer, &stop));
            while lane.counters.reported.get() < 2 * self.cores.len() as u64 && !producer.is_finished() {
                std::thread::sleep(Duration::from_millis(1));
            }
            let looks = || face_load.as_ref().map_or(0, |face_load| face_load.looks());
            let (began, frames, cpu, looked) =
                (Instant::now(), lane.counters.reported.get(), ProcessFacts::read().cpu, looks());
            std::thread::sleep(span);
            let (elapsed, used) = (began.elapsed(), ProcessFacts::read().cpu - cpu);
            let (frames, looks) = (lane.counters.reported.get() - frames, looks() - looked);
            stop.stop();
            ring.close();
            producer.join().map_err(|_| anyhow::anyhow!("the source's thread panicked"))??;
            lane.wait_drained(Duration::from_secs(5));
            Ok::<_, anyhow::Error>(Passed {
                frames,
                looks,
                fps: frames as f64 / elapsed.as_secs_f64(),
                cpu_ms: ms(used) / frames.max(1) as f64,
                drops: lane.counters.dropped.get()
                    + lane.skipped()
                    + lane.counters.failed.get()
                    + face_load.as_ref().map_or(0, |face_load| face_load.drops()),
                steps: steps(&lane),
            })
        })?;
        drop(queue);
        drop(face_load);
        Ok(passed)
    }
}

impl Drop for BenchRoad {
    fn drop(&mut self) {
        self.stop.stop();
        self.bell.ring_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join_until(Instant::now() + Duration::from_secs(5));
        }
    }
}

fn steps(lane: &Lane) -> Vec<Step> {
    let figures = &lane.counters;
    vec![
        Step::new("appsink to worker", &figures.wait_us.snapshot()),
        Step::new("planes to tensor", &figures.preprocess_us.snapshot()),
        Step::new("model", &figures.infer_us.snapshot()),
        Step::new("appsink to sinks", &figures.total_us.snapshot()),
    ]
}

/// The configured broker, if one listens; otherwise reports are only counted.
fn sink(
    config: &Config,
    stop: &Stop,
    threads: &mut Vec<Spawned<()>>,
) -> anyhow::Result<(Arc<dyn Sink>, bool)> {
    let mut settings = config.mqtt.clone();
    settings.client_id = format!("{}-bench-{}", settings.client_id, std::process::id());
    let device = config::Device { name: format!("{}-bench", config.device.name), ..config.device.clone() };
    let handle = Mqtt::new(&settings, &device, Arc::new(SystemClock));
    let inner = stop.child();
    let thread = {
        let (handle, stop, outbox) = (handle.clone(), inner.clone(), config.outbox.clone());
        spawn("mqtt", None, move || {
            let (commands, _) = sync_channel(1);
            let _ =
                mqtt::run(&settings, &outbox, &device, &handle, None, commands.into(), &stop, &Beat::new());
        })?
    };
    let deadline = Instant::now() + BROKER_PATIENCE;
    while handle.link() != Link::Up && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    if handle.link() == Link::Up {
        threads.push(thread);
        return Ok((Arc::new(handle), true));
    }
    inner.stop();
    let _ = thread.join_until(Instant::now() + BROKER_PATIENCE);
    Ok((Arc::new(Nowhere), false))
}

fn capture(camera: &config::CameraConfig, sink: &mut dyn FrameSink, stop: &Stop) -> anyhow::Result<()> {
    let wiring = Wiring {
        health: &|_: Health| {},
        clock: &SystemClock,
        stop,
        beat: &Beat::new(),
        #[cfg(feature = "demo")]
        painter: &camera::scene::painter,
        damaged: &Default::default(),
        senders: &Default::default(),
    };
    camera::run(camera, sink, &wiring)?;
    Ok(())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// A sink that drops every report.
struct Nowhere;

impl Sink for Nowhere {
    fn name(&self) -> &'static str {
        "nowhere"
    }

    fn offer_report(&self, _: &Arc<Report>) -> Offer {
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

/// Copies the first frames out of the source's buffers.
struct Keep {
    kept: Vec<Frame>,
    left: usize,
}

impl FrameSink for Keep {
    fn commit(&mut self, frame: Frame) -> Committed {
        let Some(copy) = frame.to_memory() else { return Committed::Closed };
        self.left -= 1;
        self.kept.push(copy);
        if self.left > 0 { Committed::Taken } else { Committed::Closed }
    }

    fn slots(&self) -> usize {
        8
    }

    fn next_seq(&self) -> u64 {
        0
    }
}

/// Counts frames for a while after the first one.
struct FrameCount {
    frames: u64,
    until: Option<Instant>,
    span: Duration,
    cpu: Duration,
}

impl FrameSink for FrameCount {
    fn commit(&mut self, _: Frame) -> Committed {
        let Some(until) = self.until else {
            self.until = Some(Instant::now() + self.span);
            self.cpu = ProcessFacts::read().cpu;
            return Committed::Taken;
        };
        self.frames += 1;
        if Instant::now() < until { Committed::Taken } else { Committed::Closed }
    }

    fn slots(&self) -> usize {
        8
    }

    fn next_seq(&self) -> u64 {
        self.frames
    }
}

/// Passes frames to a ring.
struct Through<'a> {
    writer: &'a mut Writer<Frame>,
    stop: &'a Stop,
    slots: usize,
    seq: u64,
}

impl FrameSink for Through<'_> {
    fn commit(&mut self, frame: Frame) -> Committed {
        self.seq = frame.seq + 1;
        let stamp_ns = frame.captured.mono_ns;
        match self.writer.commit(stamp_ns, frame, &|| self.stop.is_stopped()) {
            Ok(_) => Committed::Taken,
            Err(_) => Committed::Closed,
        }
    }

    fn slots(&self) -> usize {
        self.slots
    }

    fn next_seq(&self) -> u64 {
        self.seq
    }
}
