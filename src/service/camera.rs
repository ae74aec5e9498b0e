//! One camera: its ring, its lane, its capture thread, and its health.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::camera_report::{publish_camera, publish_handshake};
use super::cameras::CameraAround;
use super::domains::Domains;
use super::gate::StartGate;
use super::health_log::HealthLog;
#[cfg(feature = "demo")]
use crate::camera::light_barrier::Sensor;
use crate::camera::tcp::SenderControl;
use crate::camera::{self, CaptureError, Committed, FrameSink, Health, Wiring};
use crate::config::{self, Pace};
use crate::inspection::InspectionCamera;
use crate::pipeline::{Follower, FrameItem, Lane, LaneFeed, LaneSettings};
use crate::preview::CameraPreview;
use crate::recognition::CameraFaces;
use crate::recorder::CameraRecorder;
use crate::ring::{Policy, Refused, Ring, Writer};
use crate::scheduler::Attachment;
use crate::supervisor::{Stop, UnitContext, UnitError};
use crate::telemetry::Counter;
use crate::tracking::Tracker;
use crate::types::{
    Degradation, ExperimentId, ExperimentReader, Frame, FrameThinner, RecordingRequests, SystemClock,
};

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
    pub(super) inspection: Option<Arc<InspectionCamera>>,
    pub(super) faces: Option<CameraFaces>,
    pub(super) preview: CameraPreview,
    /// Records its frames, where they are to be recorded.
    pub(super) recorder: Option<Arc<CameraRecorder>>,
    pub(super) health: Mutex<Health>,
    pub(super) health_log: Mutex<HealthLog>,
    /// What a camera server shares with its command port; a reload keeps it.
    pub(super) senders: SenderControl,
    /// The experiment that the frames belong to; a reload keeps it.
    pub(super) experiment: ExperimentId,
    /// The lane's frames, consumed by the stage of the camera's model.
    queue: Option<Attachment<FrameItem>>,
    /// Numbers frames without gaps when the capture unit restarts.
    next_seq: AtomicU64,
    /// Frames that arrived damaged and were dropped.
    damaged: Counter,
    /// What is done without at present: a camera may give fewer frames. None where it inspects, or where every frame of a
    /// file is wanted.
    degradation: Option<Degradation>,
    /// Frames left out because of it.
    pub(super) thinned: Counter,
}

impl Camera {
    /// The camera of these settings; `former` is the one of the same name that it replaces.
    pub(super) fn new(
        camera: &config::CameraConfig,
        around: &CameraAround,
        former: Option<&Camera>,
    ) -> Camera {
        let CameraAround { domains, bell, .. } = around;
        let ring = Ring::new(camera.ring_slots, bell.clone());
        let policy = match camera.pace {
            Pace::Max if camera.source.ends() => Policy::Every,
            _ => Policy::Latest,
        };
        let preview = domains.previews.camera(camera, &ring);
        let experiment = former.map_or_else(ExperimentId::default, |former| former.experiment.clone());
        let recorder = domains.recorders.camera(camera, &ring, experiment.clone());
        let window = domains.scheduler.workers().len() + OVERTAKING;
        let sightings = domains.attendance.sightings();
        let faces = domains.recognition.camera(camera, policy == Policy::Every, sightings);
        // Names come before the picture that shows them.
        let mut followers: Vec<Arc<dyn Follower>> = faces.iter().map(CameraFaces::follower).collect();
        followers.push(preview.preview.clone());
        let lane = camera.detect.as_ref().map(|detect| {
            let settings = LaneSettings {
                camera: camera.name.as_str().into(),
                every: detect.every,
                // What plays a file as fast as possible wants every frame.
                degradation: match policy {
                    Policy::Every => Degradation::default(),
                    Policy::Latest | Policy::Oldest => domains.degradation.clone(),
                },
                window,
                followers,
                recordings: recorder
                    .as_ref()
                    .map(|_| domains.recorders.clone() as Arc<dyn RecordingRequests>),
                tracker: camera.track.clone().map(|track| {
                    let numbers = around.numbers.of("track", &camera.name);
                    let tracker = Tracker::new(track, 1).with_numbers(numbers);
                    tracker.with_places(&camera.zones, &camera.lines)
                }),
            };
            Lane::new(settings, ring.reader(policy), around.sinks.clone(), bell.clone())
        });
        let inspect = camera.inspect.as_ref();
        let inspection = inspect.map(|inspect| domains.inspection.camera(&camera.name, inspect, &ring));
        if let Some(inspection) = &inspection {
            let (preview, recorder) = (preview.preview.clone(), recorder.clone());
            inspection.lane.follow(Box::new(move |part: &_, outlines: &_, frame: &_| {
                recorder.iter().for_each(|recorder| recorder.judged(part, outlines));
                preview.judged(part, outlines, frame);
            }));
        }
        let queue = lane.as_ref().map(|lane: &Arc<Lane>| Attachment::new(Arc::new(LaneFeed(lane.clone()))));
        Camera {
            settings: camera.clone(),
            ring,
            lane,
            inspection,
            faces,
            preview,
            recorder,
            health: Mutex::new(Health::starting()),
            health_log: Mutex::default(),
            senders: former.map_or_else(SenderControl::default, |former| former.senders.clone()),
            experiment,
            queue,
            next_seq: AtomicU64::new(0),
            damaged: Counter::default(),
            degradation: (policy == Policy::Latest && camera.inspect.is_none())
                .then(|| domains.degradation.clone()),
            thinned: Counter::default(),
        }
    }

    /// Joins the camera to the stages of its models, where those are ready.
    pub(super) fn attach(&self, domains: &Domains) {
        let (Some(lane), Some(queue), Some(detect)) = (&self.lane, &self.queue, &self.settings.detect) else {
            return;
        };
        if let Some((model, stage)) = domains.detection.ready(&detect.model) {
            lane.set_min_score(detect.min_score.unwrap_or(model.min_score()));
            queue.attach(&stage);
        }
        if let Some(faces) = &self.faces {
            domains.recognition.attach(faces);
        }
    }

    /// Removes the camera from every stage.
    pub(super) fn detach(&self) {
        self.preview.detach();
        if let Some(inspection) = &self.inspection {
            inspection.detach();
        }
        if let Some(faces) = &self.faces {
            faces.detach();
        }
        if let Some(queue) = &self.queue {
            queue.detach();
        }
    }

    /// Captures until the source ends or the unit is stopped. A simulated light barrier has its port in
    /// `state_dir`.
    #[cfg_attr(not(feature = "demo"), allow(unused_variables, reason = "there is no light barrier"))]
    pub(super) fn capture(
        &self,
        around: &CameraAround,
        state_dir: &Path,
        context: &UnitContext,
    ) -> Result<(), UnitError> {
        let writer = self.ring.writer().ok_or("the ring's former writer is still alive")?;
        #[cfg(feature = "demo")]
        let barrier = Sensor::of(&self.settings.source, state_dir)?;
        let mut sink = RingSink {
            camera: self,
            writer,
            thinner: FrameThinner::default(),
            experiment: self.experiment.reader(),
            #[cfg(feature = "demo")]
            barrier,
            gate: &around.gate,
            stop: &context.stop,
        };
        let wiring = Wiring {
            health: &|health| self.set_health(around, health),
            clock: &SystemClock,
            stop: &context.stop,
            beat: &context.beat,
            #[cfg(feature = "demo")]
            painter: &camera::scene::painter,
            damaged: &self.damaged,
            senders: &self.senders,
        };
        let outcome = camera::run(&self.settings, &mut sink, &wiring);
        drop(sink);
        match outcome {
            Ok(_) => {
                self.finish(around, context);
                Ok(())
            }
            Err(error) => {
                let cause = error.explanation();
                self.set_health(around, Health::Offline { cause: cause.clone(), next_try: None });
                let failed = UnitError::explained(cause);
                if !is_lasting(self, &error) {
                    return Err(failed);
                }
                self.finish(around, context);
                Err(failed.lasting())
            }
        }
    }

    /// Drains the frames that are still in flight after the last one, and ends the open tracks.
    fn finish(&self, around: &CameraAround, context: &UnitContext) {
        self.ring.close();
        if let Some(inspection) = &self.inspection {
            inspection.lane.close();
            while !inspection.lane.is_idle() && !context.stop.wait(DRAIN_STEP) {
                context.beat.beat();
            }
        }
        let Some(lane) = &self.lane else { return };
        let mut before = lane.delivered();
        let is_attached = || self.queue.as_ref().is_some_and(Attachment::is_attached);
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
        while self.faces.as_ref().is_some_and(|faces| !faces.drain(DRAIN_STEP)) && !context.stop.is_stopped()
        {
            context.beat.beat();
        }
        lane.end_tracks();
        // Published once more, because the drops of the last frames are known only now.
        publish_camera(&around.publisher, self, 0.0);
    }
    /// Publishes the camera's health, retained, and logs it.
    fn set_health(&self, around: &CameraAround, health: Health) {
        self.health_log.lock().log(&self.settings.name, &self.settings.source_text, &health);
        if let Some(inspection) = &self.inspection {
            inspection.lane.set_away(away(&health).as_deref());
        }
        *self.health.lock() = health;
        publish_camera(&around.publisher, self, 0.0);
        if let Some(inspection) = &self.inspection {
            publish_handshake(&around.publisher, inspection);
        }
    }

    /// Frames captured since the camera was built.
    pub(super) fn frames(&self) -> u64 {
        self.next_seq.load(Ordering::Relaxed)
    }

    /// Frames that no worker saw: skipped for newer ones, refused because every slot was leased, left out under
    /// overload, or damaged.
    pub(super) fn drops(&self) -> u64 {
        let sent = self.senders.counters();
        let before = self.damaged.get() + sent.damaged.get() + sent.queue_dropped.get();
        before
            + self.thinned.get()
            + self.ring.stats().starved
            + self.lane.as_ref().map_or(0, |lane| lane.skipped())
    }

    /// Why its frames fail, if all of the recent ones did.
    pub(super) fn failing(&self) -> Option<String> {
        self.lane.as_ref().and_then(|lane| lane.failures.cause())
    }
}

/// The writer's end of a ring, as the capture code sees it.
struct RingSink<'a> {
    camera: &'a Camera,
    writer: Writer<Frame>,
    thinner: FrameThinner,
    experiment: ExperimentReader,
    /// The light barrier of a simulated line: it sees parts even if a frame was dropped.
    #[cfg(feature = "demo")]
    barrier: Option<Sensor>,
    gate: &'a StartGate,
    stop: &'a Stop,
}

impl FrameSink for RingSink<'_> {
    fn commit(&mut self, mut frame: Frame) -> Committed {
        if !self.gate.pass(self.stop) {
            return Committed::Closed;
        }
        let stamp_ns = frame.captured.mono_ns;
        #[cfg(feature = "demo")]
        let pts_ns = frame.pts_ns;
        self.camera.next_seq.store(frame.seq + 1, Ordering::Relaxed);
        let every = self.camera.degradation.as_ref().map_or(1, Degradation::frame_every);
        if !self.thinner.takes(every) {
            self.camera.thinned.inc();
            return Committed::Taken;
        }
        frame.experiment = self.experiment.get().cloned();
        let committed = self.writer.commit(stamp_ns, frame, &|| self.stop.is_stopped());
        #[cfg(feature = "demo")]
        if let (Some(barrier), Some(pts_ns)) = (&mut self.barrier, pts_ns) {
            barrier.committed(pts_ns);
        }
        match committed {
            Ok(_) => {
                if let Some(inspection) = &self.camera.inspection {
                    inspection.lane.frame_committed();
                }
                self.camera.preview.preview.frame_committed();
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

/// Whether a retry is useless: a damaged file stays damaged, and a missing plugin stays missing.
fn is_lasting(camera: &Camera, error: &CaptureError) -> bool {
    camera.settings.source.ends() || error.is_final()
}

/// Why a camera has no frame for a trigger, if so.
fn away(health: &Health) -> Option<String> {
    match health {
        Health::Online { .. } => None,
        Health::Frozen { .. } => Some("the camera is frozen: it is connected but sends no new frame".into()),
        Health::Stopped => Some("the camera is stopped by a command: send START to its command port".into()),
        Health::Offline { cause, .. } => Some(format!("the camera is offline: {cause}")),
        Health::Ended => Some("the camera has ended".into()),
    }
}
