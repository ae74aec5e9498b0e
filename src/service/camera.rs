//! One camera: its ring, its lane, its capture thread, and its health.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::faces::CameraFaces;
use super::gate::StartGate;
use super::health_log::HealthLog;
use super::parts::Parts;
use super::preview::Shown;
use super::{App, AppError, lock};
#[cfg(feature = "demo")]
use crate::camera::light_barrier::Sensor;
use crate::camera::{self, CaptureError, Committed, FrameSink, Health, Wiring};
use crate::config::{self, Config, Pace};
use crate::pipeline::Sink;
use crate::pipeline::{Follower, FrameItem, Lane, LaneFeed, LaneSettings};
use crate::ring::{Policy, Refused, Ring, Writer};
use crate::scheduler::Attachment;
use crate::supervisor::{Stop, SupervisorError, Unit, UnitContext, UnitError};
use crate::telemetry::Counter;
use crate::tracking::Tracker;
use crate::types::{Frame, SystemClock};

/// Frames in flight beyond one for each worker: enough that no worker waits for a slow neighbour.
const OVERTAKING: usize = 4;
/// A camera that ends waits for its last results in steps of this length, and checks its stop token between
/// them.
const DRAIN_STEP: Duration = Duration::from_millis(50);

/// One camera with its ring, lane and stages.
pub(super) struct Camera {
    pub(super) settings: config::CameraConfig,
    pub(super) ring: Ring<Frame>,
    pub(super) lane: Option<Arc<Lane>>,
    pub(super) parts: Option<Parts>,
    pub(super) faces: Option<CameraFaces>,
    pub(super) shown: Shown,
    pub(super) health: Mutex<Health>,
    pub(super) health_log: Mutex<HealthLog>,
    /// Connections of senders (RTP, sockets) that were refused.
    pub(super) refused: Counter,
    /// The lane's frames, consumed by the stage of the camera's model.
    queue: Option<Attachment<FrameItem>>,
    /// Numbers frames without gaps when the capture unit restarts.
    next_seq: AtomicU64,
    /// Frames that arrived damaged and were dropped.
    damaged: Counter,
}

impl App {
    /// Builds the camera and starts its capture. Its frames wait at the start gate, or for a stage. On an
    /// error everything that was built is removed again.
    pub(super) fn add_camera(
        self: &Arc<App>,
        settings: &config::CameraConfig,
        config: &Config,
    ) -> Result<(), AppError> {
        let camera = Arc::new(Camera::new(settings, self));
        lock(&self.cameras).push(camera.clone());
        let begun = self.add_parts_unit(&camera, config);
        let begun = begun.and_then(|()| Ok(self.supervisor.add(self.camera_unit(camera.clone(), config))?));
        if begun.is_err() {
            lock(&self.cameras).retain(|known| !Arc::ptr_eq(known, &camera));
            if let Err(error) = self.remove_parts_unit(&settings.name) {
                tracing::error!(camera = settings.name, "{error}");
            }
            camera.detach(self);
            self.views.forget(&settings.name);
        }
        begun
    }

    /// Replaces a camera with a new one, once the last frames of the old one are through. After an error the
    /// camera may be without capture or inspection; another call continues from there.
    pub(super) fn change_camera(
        self: &Arc<App>,
        settings: &config::CameraConfig,
        config: &Config,
    ) -> Result<(), AppError> {
        let camera = Arc::new(Camera::new(settings, self));
        let former = lock(&self.cameras).iter().find(|known| known.settings.name == settings.name).cloned();
        if let (Some(parts), Some(former)) =
            (&camera.parts, former.as_ref().and_then(|camera| camera.parts.as_ref()))
        {
            parts.follow(former);
        }
        self.supervisor.replace(self.camera_unit(camera.clone(), config))?;
        let old = {
            let mut cameras = lock(&self.cameras);
            let old = cameras.iter_mut().find(|known| known.settings.name == settings.name);
            old.map(|old| std::mem::replace(old, camera.clone()))
        };
        let removed = self.remove_parts_unit(&settings.name);
        if let Some(old) = old {
            old.detach(self);
        }
        removed?;
        self.add_parts_unit(&camera, config)
    }

    /// Removes the trigger target's unit of camera `name`, if there is one.
    fn remove_parts_unit(&self, name: &str) -> Result<(), AppError> {
        let name = parts_name(name);
        if self.supervisor.status().iter().any(|unit| *unit.name == *name) {
            self.supervisor.remove(&name)?;
        }
        Ok(())
    }

    fn add_parts_unit(self: &Arc<App>, camera: &Arc<Camera>, config: &Config) -> Result<(), AppError> {
        if let Some(unit) = self.parts_unit(camera, config) {
            self.supervisor.add(unit)?;
        }
        Ok(())
    }

    /// Stops the camera's capture, drains its last frames and removes it. After an error, another call
    /// continues.
    pub(super) fn remove_camera(&self, name: &str) -> Result<(), AppError> {
        match self.supervisor.remove(&unit_name(name)) {
            Ok(()) | Err(SupervisorError::Unknown { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        self.remove_parts_unit(name)?;
        let old = {
            let mut cameras = lock(&self.cameras);
            let at = cameras.iter().position(|camera| camera.settings.name == name);
            at.map(|at| cameras.remove(at))
        };
        if let Some(old) = old {
            old.detach(self);
        }
        self.views.forget(name);
        Ok(())
    }

    fn camera_unit(self: &Arc<App>, camera: Arc<Camera>, config: &Config) -> Unit {
        let app = self.clone();
        let name = unit_name(&camera.settings.name);
        let essential = config.supervisor.essential.contains(&name);
        let unit = Unit::new(name, move |context| app.capture(&camera, context));
        let unit = unit.essential(essential).together("camera");
        // If all sources are finite, the service ends with the last of them; live sources never end.
        let ends =
            config.cameras.iter().all(|camera| camera.source.ends() && !camera.repeat && !camera.watch);
        if ends { unit.work() } else { unit }
    }

    /// Joins every camera to the stage of its model. Call it after every change of models or cameras.
    pub(super) fn attach_all(&self) {
        for camera in lock(&self.cameras).iter() {
            let (Some(lane), Some(queue), Some(detect)) =
                (&camera.lane, &camera.queue, &camera.settings.detect)
            else {
                continue;
            };
            if let Some(ready) = self.ready_model(&detect.model) {
                lane.set_min_score(detect.min_score.unwrap_or(ready.model.min_score()));
                queue.attach(&ready.stage);
            }
            self.attach_faces(camera);
        }
        self.bell.ring_all();
    }

    fn capture(&self, camera: &Camera, context: &UnitContext) -> Result<(), UnitError> {
        let writer = camera.ring.writer().ok_or("the ring's former writer is still alive")?;
        #[cfg(feature = "demo")]
        let barrier = Sensor::of(&camera.settings.source, &self.config().device.state_dir)?;
        let mut sink = RingSink {
            camera,
            writer,
            #[cfg(feature = "demo")]
            barrier,
            gate: &self.gate,
            stop: &context.stop,
        };
        let wiring = Wiring {
            health: &|health| self.camera_health(camera, health),
            clock: &SystemClock,
            stop: &context.stop,
            beat: &context.beat,
            #[cfg(feature = "demo")]
            painter: &camera::scene::painter,
            damaged: &camera.damaged,
            refused: &camera.refused,
        };
        let outcome = camera::run(&camera.settings, &mut sink, &wiring);
        drop(sink);
        match outcome {
            Ok(_) => {
                self.finish(camera, context);
                Ok(())
            }
            Err(error) => {
                self.camera_health(camera, Health::Offline { cause: error.to_string(), next_try: None });
                if !is_lasting(camera, &error) {
                    return Err(error.into());
                }
                self.finish(camera, context);
                Err(UnitError::lasting(error))
            }
        }
    }

    /// Drains the frames that are still in flight after the last one, and ends the open tracks.
    fn finish(&self, camera: &Camera, context: &UnitContext) {
        camera.ring.close();
        if let Some(parts) = &camera.parts {
            parts.lane.close();
            while !parts.lane.is_idle() && !context.stop.wait(DRAIN_STEP) {
                context.beat.beat();
            }
        }
        let Some(lane) = &camera.lane else { return };
        let mut before = lane.delivered();
        let is_attached = || camera.queue.as_ref().is_some_and(Attachment::is_attached);
        // Frames that no stage takes could never be drained.
        while is_attached() && !lane.wait_drained(DRAIN_STEP) {
            // A worker that hangs makes no progress, so the watchdog must not be fed for it.
            let now = lane.delivered();
            if now == before {
                context.beat.waiting()
            } else {
                context.beat.beat()
            }
            before = now;
        }
        while camera.faces.as_ref().is_some_and(|faces| !faces.drain(DRAIN_STEP))
            && !context.stop.is_stopped()
        {
            context.beat.beat();
        }
        lane.end_tracks();
        // Published once more, because the drops of the last frames are known only now.
        self.publish_camera(camera, 0.0);
    }
}

impl Camera {
    fn new(camera: &config::CameraConfig, app: &App) -> Camera {
        let ring = Ring::new(camera.ring_slots, app.bell.clone());
        let policy = match camera.pace {
            Pace::Max if camera.source.ends() => Policy::Every,
            _ => Policy::Latest,
        };
        let shown = app.show(camera, &ring);
        let window = app.scheduler.workers().len() + OVERTAKING;
        let sinks: Arc<[Arc<dyn Sink>]> = app.sinks.clone();
        let faces = CameraFaces::new(camera, policy == Policy::Every, app);
        // Names come before the picture that shows them.
        let mut followers: Vec<Arc<dyn Follower>> = faces.iter().map(CameraFaces::follower).collect();
        followers.push(shown.preview.clone());
        let lane = camera.detect.as_ref().map(|detect| {
            let settings = LaneSettings {
                camera: camera.name.as_str().into(),
                every: detect.every,
                window,
                followers,
                tracker: camera.track.clone().map(|track| {
                    let tracker = Tracker::new(track, 1).with_numbers(app.numbers.of("track", &camera.name));
                    tracker.with_places(&camera.zones, &camera.lines)
                }),
            };
            Lane::new(settings, ring.reader(policy), sinks, app.bell.clone())
        });
        let health = Health::starting();
        let parts = camera.inspect.as_ref().map(|inspect| Parts::new(&camera.name, inspect, &ring, app));
        if let Some(parts) = &parts {
            let preview = shown.preview.clone();
            parts.lane.follow(Box::new(move |part, outlines, frame| preview.judged(part, outlines, frame)));
        }
        let queue = lane.as_ref().map(|lane: &Arc<Lane>| Attachment::new(Arc::new(LaneFeed(lane.clone()))));
        Camera {
            settings: camera.clone(),
            ring,
            lane,
            parts,
            faces,
            shown,
            health: Mutex::new(health),
            health_log: Mutex::default(),
            refused: Counter::new(),
            queue,
            next_seq: AtomicU64::new(0),
            damaged: Counter::default(),
        }
    }

    /// Frames captured since the camera was built.
    pub(super) fn frames(&self) -> u64 {
        self.next_seq.load(Ordering::Relaxed)
    }

    /// Frames that no worker saw: skipped for newer ones, refused because every slot was leased, or damaged.
    pub(super) fn drops(&self) -> u64 {
        self.damaged.get() + self.ring.stats().starved + self.lane.as_ref().map_or(0, |lane| lane.skipped())
    }

    /// Why its frames fail, if all of the recent ones did.
    pub(super) fn failing(&self) -> Option<String> {
        self.lane.as_ref().and_then(|lane| lane.failures.cause())
    }

    fn detach(&self, app: &App) {
        self.shown.detach();
        if let Some(parts) = &self.parts {
            parts.detach(app);
        }
        if let Some(faces) = &self.faces {
            faces.detach();
        }
        if let Some(queue) = &self.queue {
            queue.detach();
        }
    }
}

/// The writer's end of a ring, as the capture code sees it.
struct RingSink<'a> {
    camera: &'a Camera,
    writer: Writer<Frame>,
    /// The light barrier of a simulated line: it sees parts even if a frame was dropped.
    #[cfg(feature = "demo")]
    barrier: Option<Sensor>,
    gate: &'a StartGate,
    stop: &'a Stop,
}

impl FrameSink for RingSink<'_> {
    fn commit(&mut self, frame: Frame) -> Committed {
        if !self.gate.pass(self.stop) {
            return Committed::Closed;
        }
        let stamp_ns = frame.captured.mono_ns;
        #[cfg(feature = "demo")]
        let pts_ns = frame.pts_ns;
        self.camera.next_seq.store(frame.seq + 1, Ordering::Relaxed);
        let committed = self.writer.commit(stamp_ns, frame, &|| self.stop.is_stopped());
        #[cfg(feature = "demo")]
        if let (Some(barrier), Some(pts_ns)) = (&mut self.barrier, pts_ns) {
            barrier.committed(pts_ns);
        }
        match committed {
            Ok(_) => {
                if let Some(parts) = &self.camera.parts {
                    parts.lane.frame_committed();
                }
                self.camera.shown.preview.frame_committed();
                Committed::Taken
            }
            Err(Refused::Starved(_)) => Committed::Refused,
            Err(_) => Committed::Closed,
        }
    }

    fn slots(&self) -> usize {
        self.camera.ring.slots()
    }

    fn next_seq(&self) -> u64 {
        self.camera.frames()
    }
}

/// Name of the unit that captures camera `name`.
pub(super) fn unit_name(name: &str) -> String {
    format!("camera/{name}")
}

/// Name of the unit behind the trigger target of camera `name`.
fn parts_name(name: &str) -> String {
    format!("inspect/{name}")
}

/// Whether a retry is useless: a damaged file stays damaged, and a missing plugin stays missing.
fn is_lasting(camera: &Camera, error: &CaptureError) -> bool {
    camera.settings.source.ends() || error.is_final()
}
