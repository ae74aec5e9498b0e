//! The service's reports about itself: status, cameras, telemetry, and READY once frames pass.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::camera::{Camera, unit_name};
use super::camera_report::{
    add_camera, part_figures, percentiles, publish_camera, publish_handshake, trigger_status,
};
use super::cameras::Cameras;
use super::degradation::DegradationState;
use super::domains::Domains;
use super::health::{HealthModel, HealthReport};
use super::interfaces::Interfaces;
use super::overview::PeriodFigures;
use crate::camera::Health;
use crate::commands::service::{ServiceStatus, SetAside, SetAsideMessage};
use crate::config::InForce;
use crate::contract::rest::{Features, UnitOut};
use crate::contract::{Service, Status, Telemetry};
use crate::jobs::JobsService;
use crate::store::{Letter, Store};
use crate::supervisor::{Beat, Stop, Supervisor, Unit, UnitStatus, notify};
use crate::telemetry::{Log, LogFigures, ProcessFacts, settle, temperature_c};
use crate::types::{Clock, Stamp, SystemClock, rfc3339};
use crate::web::{CameraFacts, PageAddress};

/// How often the unit checks before the service is ready, so that READY follows the first frame closely.
const EAGER: Duration = Duration::from_millis(20);
/// How often the unit checks afterwards.
const CALM: Duration = Duration::from_secs(1);
/// Messages that the broker does not take: the status lists this many of them.
const LISTED: usize = 20;

/// Reports how the service is, to everyone who wants to know.
pub(super) struct Reporter {
    pub(super) health: HealthModel,
    started: Stamp,
    pub(super) period: Mutex<PeriodFigures>,
    pub(super) around: ReporterAround,
}

/// The parts that the reports are about.
pub(super) struct ReporterAround {
    pub(super) config: InForce,
    pub(super) supervisor: Supervisor,
    pub(super) store: Store,
    pub(super) interfaces: Interfaces,
    pub(super) domains: Arc<Domains>,
    pub(super) cameras: Arc<Cameras>,
    pub(super) jobs: Option<Arc<JobsService>>,
    pub(super) degradation: DegradationState,
    pub(super) logging: Log,
}

/// What the unit remembers from one check to the next.
#[derive(Default)]
struct LastLook {
    ready: bool,
    settled: bool,
    /// The reasons that were published last.
    reasons: Option<Vec<String>>,
    telemetry_ns: u64,
    /// Frames and time at the last check, by camera.
    frames: BTreeMap<String, (u64, u64)>,
    /// Parts judged and time at the last telemetry, by camera.
    judged: BTreeMap<String, (u64, u64)>,
    /// Busy nanoseconds and time at the last telemetry, by worker.
    busy: Vec<(u64, u64)>,
}

impl Reporter {
    pub(super) fn new(around: ReporterAround) -> Reporter {
        let health = HealthModel::new(Arc::new(SystemClock));
        Reporter { health, started: SystemClock.now(), period: Mutex::default(), around }
    }

    /// The unit that reports until it is stopped.
    pub(super) fn unit(self: &Arc<Reporter>) -> Unit {
        let reporter = self.clone();
        Unit::new("status", move |context| {
            reporter.tell_status(&context.stop, &context.beat);
            Ok(())
        })
    }

    fn tell_status(&self, stop: &Stop, beat: &Beat) {
        let mut memory = LastLook::default();
        loop {
            // One check later than ready: by then the first frames have touched all memory that later ones
            // need.
            if memory.ready && !memory.settled {
                memory.settled = true;
                settle();
            }
            if !memory.ready && self.is_ready() {
                memory.ready = true;
                self.period.lock().note_ready();
                notify::ready(&self.status_line());
                tracing::info!(
                    after_ms = SystemClock.now().micros_since(self.started) / 1_000,
                    "ready; watch with: {}",
                    self.watch_line()
                );
            }
            self.publish_status(&mut memory);
            self.around.interfaces.publisher.tell_alarms();
            self.describe_to_web();
            self.around.interfaces.audit.tidy();
            if memory.ready {
                self.publish_cameras(&mut memory);
                self.publish_telemetry(&mut memory);
            }
            beat.beat();
            if stop.wait(if memory.ready { CALM } else { EAGER }) {
                return;
            }
        }
    }

    /// Whether the page listens, and frames pass. A page that cannot listen is waited for as little as a camera that cannot
    /// deliver a frame: the alarm `web` says why, and everything else works.
    fn is_ready(&self) -> bool {
        let is_tried = || self.around.interfaces.web.address() != PageAddress::Unknown || self.is_over("web");
        (!self.around.config.get().web.enabled || is_tried()) && self.frames_pass()
    }

    /// Whether the first frame has passed, or no camera can deliver one and waiting is useless.
    fn frames_pass(&self) -> bool {
        let cameras = self.around.cameras.all();
        let passed = |camera: &Arc<Camera>| match &camera.lane {
            Some(lane) => lane.counters.reported.get() > 0,
            None => camera.frames() > 0,
        };
        let over = |camera: &Camera| self.is_over(&unit_name(&camera.settings.name));
        let hopeless = |camera: &Arc<Camera>| match &*camera.health.lock() {
            health @ Health::Offline { .. } => !health.is_starting() || over(camera),
            Health::Ended | Health::Stopped => true,
            Health::Online { .. } | Health::Frozen { .. } => false,
        };
        cameras.iter().any(passed) || cameras.iter().all(hopeless)
    }

    /// Whether the unit `name` has ended or was given up.
    fn is_over(&self, name: &str) -> bool {
        self.around.supervisor.status().iter().any(|unit| *unit.name == *name && unit.state.is_over())
    }

    fn watch_line(&self) -> String {
        let config = self.around.config.get();
        let topic = self.around.interfaces.mqtt.topics().full("#");
        format!("mosquitto_sub -h {} -p {} -v -t '{topic}'", config.mqtt.host, config.mqtt.port)
    }

    fn publish_status(&self, memory: &mut LastLook) {
        let health = self.look_at_health();
        self.around.interfaces.web.health(health.components, health.works, health.essential_ok);
        if memory.reasons.as_ref() == Some(&health.reasons) {
            return;
        }
        self.around.interfaces.publisher.retain("status", &self.status(health.reasons.clone()));
        notify::status(&in_one_line(&health.reasons));
        memory.reasons = Some(health.reasons);
    }

    /// The one-line state that `systemctl status` shows.
    pub(super) fn status_line(&self) -> String {
        in_one_line(&self.look_at_health().reasons)
    }

    /// The status on request: with every component, the alarms, and the content of `camera/C/trigger` of each
    /// camera that inspects.
    pub(super) fn status_now(&self) -> ServiceStatus {
        let HealthReport { components, reasons, .. } = self.look_at_health();
        let inspecting = self.around.domains.inspection.cameras();
        let triggers = inspecting.iter().map(|camera| (camera.name.clone(), trigger_status(camera)));
        ServiceStatus {
            status: self.status(reasons),
            triggers: triggers.collect(),
            components,
            alarms: self.around.interfaces.mqtt.raised(),
            set_aside: self.set_aside(),
            without: self.around.degradation.taken(),
            overview: Some(self.overview()),
        }
    }

    /// The messages that the broker does not take: their number, and the newest ones.
    fn set_aside(&self) -> SetAside {
        match self.around.store.letters() {
            Ok(letters) => {
                let count = letters.len() as u64;
                let newest = letters.into_iter().take(LISTED).map(set_aside_message).collect();
                SetAside::Kept { count, newest }
            }
            Err(error) => SetAside::Unreadable { error: error.to_string() },
        }
    }

    fn status(&self, reasons: Vec<String>) -> Status {
        Status {
            state: if reasons.is_empty() { Service::Online } else { Service::Degraded },
            reasons,
            version: env!("CARGO_PKG_VERSION").into(),
            config_hash: self.around.config.get().hash.clone(),
            uptime_s: SystemClock.now().micros_since(self.started) / 1_000_000,
        }
    }

    fn publish_cameras(&self, memory: &mut LastLook) {
        let now = SystemClock.now();
        for camera in &self.around.cameras.all() {
            let frames = camera.frames();
            let seen = memory.frames.insert(camera.settings.name.clone(), (frames, now.mono_ns));
            let fps = seen.map_or(0.0, |(before, at)| {
                let seconds = now.mono_ns.saturating_sub(at) as f32 / 1e9;
                if seconds > 0.0 { frames.saturating_sub(before) as f32 / seconds } else { 0.0 }
            });
            self.period.lock().note_rate(&camera.settings.name, fps);
            publish_camera(&self.around.interfaces.publisher, camera, fps);
            if let Some(inspection) = &camera.inspection {
                publish_handshake(&self.around.interfaces.publisher, inspection);
            }
        }
    }

    fn publish_telemetry(&self, memory: &mut LastLook) {
        let stamp = SystemClock.now();
        let now = stamp.mono_ns;
        let every = self.around.config.get().mqtt.telemetry_every.as_nanos() as u64;
        if now.saturating_sub(memory.telemetry_ns) < every {
            return;
        }
        memory.telemetry_ns = now;
        let telemetry = self.telemetry(memory, now);
        self.period.lock().note_telemetry(&telemetry, stamp);
        self.around.interfaces.publisher.telemetry(&telemetry);
    }

    fn telemetry(&self, memory: &mut LastLook, now_ns: u64) -> Telemetry {
        let mut response = Telemetry { memory_bytes: ProcessFacts::read().rss_bytes, ..Telemetry::default() };
        response.temperature_c = temperature_c();
        for stage in self.around.domains.scheduler.stages().iter() {
            response.queues.insert(format!("stage/{}", stage.spec().name), stage.waiting() as u64);
        }
        memory.busy.resize(self.around.domains.scheduler.workers().len(), (0, self.started.mono_ns));
        for (worker, last) in self.around.domains.scheduler.workers().iter().zip(&mut memory.busy) {
            let busy_ns = worker.gauges.busy_ns.load(Ordering::Relaxed);
            let share = (busy_ns - last.0) as f32 / now_ns.saturating_sub(last.1).max(1) as f32;
            response.utilisation.insert(format!("core{}", worker.core), share.min(1.0));
            *last = (busy_ns, now_ns);
        }
        for camera in &self.around.cameras.all() {
            add_camera(&mut response, camera);
            if let Some(inspection) = &camera.inspection {
                let judged =
                    memory.judged.entry(camera.settings.name.clone()).or_insert((0, self.started.mono_ns));
                response
                    .inspection
                    .insert(camera.settings.name.clone(), part_figures(inspection, judged, now_ns));
                response.latency.insert(
                    format!("{}/inspection", camera.settings.name),
                    percentiles(&inspection.lane.total_us),
                );
            }
        }
        response.counters.extend(self.around.interfaces.mqtt.counters().named());
        response.counters.extend(self.around.interfaces.web.counters().named());
        response.counters.extend(self.around.interfaces.audit.counters().named());
        response.counters.extend(self.around.interfaces.zmq.counters().named());
        response.counters.extend(self.around.degradation.named());
        response.counters.extend(self.around.domains.outputs.counters().named());
        response.counters.extend(self.around.domains.intake.counters().named());
        if let Some(jobs) = &self.around.jobs {
            response.counters.extend(jobs.counters());
            response.queues.insert("jobs".into(), jobs.queued());
        }
        response.counters.extend(log_figures(self.around.logging.figures()));
        let evidence = self.around.domains.evidence.counters().named();
        let recorder = self.around.domains.recorders.counters().named();
        response.counters.extend(recorder.map(|(name, value)| (name.to_owned(), value)));
        let attendance = self.around.domains.attendance.counters().named();
        response.counters.extend(attendance.map(|(name, value)| (name.to_owned(), value)));
        response.queues.insert("attendance".into(), self.around.domains.attendance.waiting());
        response.counters.extend(evidence.map(|(name, value)| (name.to_owned(), value)));
        response
    }

    /// Gives the page the list of cameras, and the state of the units.
    pub(super) fn describe_to_web(&self) {
        let cameras: Vec<_> = self.around.cameras.all().iter().map(facts).collect();
        let features = Features {
            people: cameras.iter().any(|camera| camera.recognises),
            inspection: cameras.iter().any(|camera| camera.inspects),
            recordings: self.around.cameras.all().iter().any(|camera| camera.recorder.is_some()),
            batch: self.around.config.get().batch.recipes.is_some(),
            jobs: self.around.jobs.is_some(),
            commands: !self.around.config.get().outputs.is_empty(),
            intake: !self.around.config.get().intake.is_empty(),
        };
        self.around.interfaces.web.channels(self.around.domains.intake.list());
        self.around.interfaces.web.cameras(cameras, features);
        self.tell_units();
    }

    /// Gives the page the state of the units.
    pub(super) fn tell_units(&self) {
        self.around.interfaces.web.units(self.units());
    }

    /// The units with their states.
    pub(super) fn units(&self) -> Vec<UnitOut> {
        self.around.supervisor.status().into_iter().map(unit_response).collect()
    }
}

fn set_aside_message(letter: Letter) -> SetAsideMessage {
    let Letter { topic, seq, bytes, reason, time } = letter;
    SetAsideMessage { topic, seq, bytes, reason, time }
}

/// The figures of the log's file, as `telemetry` publishes them.
fn log_figures(figures: LogFigures) -> impl Iterator<Item = (String, u64)> {
    let LogFigures { written, lost, failed } = figures;
    let figures = [("log/lines_written", written), ("log/lines_lost", lost), ("log/writes_failed", failed)];
    figures.into_iter().map(|(name, value)| (name.to_owned(), value))
}

fn in_one_line(reasons: &[String]) -> String {
    if reasons.is_empty() { "online".to_owned() } else { format!("degraded: {}", reasons.join("; ")) }
}

fn facts(camera: &Arc<Camera>) -> CameraFacts {
    let settings = &camera.settings;
    let size = camera.ring.newest().map_or((0, 0), |frame| (frame.width as u32, frame.height as u32));
    CameraFacts {
        name: settings.name.clone(),
        source: settings.source_text.clone(),
        size,
        detects: settings.detect.is_some(),
        recognises: settings.recognise.is_some(),
        inspects: settings.inspect.is_some(),
    }
}

fn unit_response(status: UnitStatus) -> UnitOut {
    let ago = Instant::now().saturating_duration_since(status.since).as_nanos() as u64;
    UnitOut {
        name: status.name.to_string(),
        state: status.state.as_str().to_owned(),
        restarts: status.restarts,
        last_error: status.last_error.map(|error| error.to_string()),
        since: rfc3339(SystemClock.now().wall_ns.saturating_sub(ago)),
    }
}
