//! The service's reports about itself: status, cameras, telemetry, and READY once frames pass.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::camera::{Camera, unit_name};
use super::health::HealthReport;
use super::{App, lock};
use crate::camera::Health;
use crate::commands::service::{ServiceStatus, SetAside, SetAsideMessage};
use crate::config::Source;
use crate::contract::{CameraState, CameraStatus, Percentiles, Service, Status, Telemetry, TriggerStatus};
use crate::store::Letter;
use crate::supervisor::{Beat, Stop, Unit, notify};
use crate::telemetry::{Histogram, ProcessFacts, Snapshot, settle, temperature_c};
use crate::types::{Clock, SystemClock};

/// How often the unit checks before the service is ready, so that READY follows the first frame closely.
const EAGER: Duration = Duration::from_millis(20);
/// How often the unit checks afterwards.
const CALM: Duration = Duration::from_secs(1);
/// Messages that the broker does not take: the status lists this many of them.
const LISTED: usize = 20;

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

impl App {
    pub(super) fn status_unit(self: &Arc<App>) -> Unit {
        let app = self.clone();
        Unit::new("status", move |context| {
            app.tell_status(&context.stop, &context.beat);
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
                notify::ready(&self.status_line());
                tracing::info!(
                    after_ms = SystemClock.now().micros_since(self.started) / 1_000,
                    "ready; watch with: {}",
                    self.watch_line()
                );
            }
            self.publish_status(&mut memory);
            self.publisher.tell_alarms();
            self.describe_to_web();
            self.audit.tidy();
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

    /// Whether the first frame has passed, or no camera can deliver one and waiting is useless.
    fn is_ready(&self) -> bool {
        let cameras = lock(&self.cameras);
        let passed = |camera: &Arc<Camera>| match &camera.lane {
            Some(lane) => lane.counters.reported.get() > 0,
            None => camera.frames() > 0,
        };
        let units = self.supervisor.status();
        let over = |camera: &Camera| {
            let name = unit_name(&camera.settings.name);
            units.iter().any(|unit| *unit.name == *name && unit.state.is_over())
        };
        let hopeless = |camera: &Arc<Camera>| match &*lock(&camera.health) {
            health @ Health::Offline { .. } => !health.is_starting() || over(camera),
            Health::Ended => true,
            Health::Online { .. } | Health::Frozen { .. } => false,
        };
        cameras.iter().any(passed) || cameras.iter().all(hopeless)
    }

    fn watch_line(&self) -> String {
        let config = self.config();
        let topic = self.mqtt.topics().full("#");
        format!("mosquitto_sub -h {} -p {} -v -t '{topic}'", config.mqtt.host, config.mqtt.port)
    }

    fn publish_status(&self, memory: &mut LastLook) {
        let health = self.look_at_health();
        self.web.health(health.components, health.works, health.essential_ok);
        if memory.reasons.as_ref() == Some(&health.reasons) {
            return;
        }
        self.publisher.retain("status", &self.status(health.reasons.clone()));
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
        let cameras = lock(&self.cameras);
        let triggers =
            cameras.iter().filter_map(|camera| Some((camera.settings.name.clone(), trigger_status(camera)?)));
        ServiceStatus {
            status: self.status(reasons),
            triggers: triggers.collect(),
            components,
            alarms: self.mqtt.raised(),
            set_aside: self.set_aside(),
        }
    }

    /// The messages that the broker does not take: their number, and the newest ones.
    fn set_aside(&self) -> SetAside {
        match self.store.letters() {
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
            config_hash: self.config().hash.clone(),
            uptime_s: SystemClock.now().micros_since(self.started) / 1_000_000,
        }
    }

    fn publish_cameras(&self, memory: &mut LastLook) {
        let now = SystemClock.now();
        for camera in lock(&self.cameras).iter() {
            let frames = camera.frames();
            let seen = memory.frames.insert(camera.settings.name.clone(), (frames, now.mono_ns));
            let fps = seen.map_or(0.0, |(before, at)| {
                let seconds = now.mono_ns.saturating_sub(at) as f32 / 1e9;
                if seconds > 0.0 { frames.saturating_sub(before) as f32 / seconds } else { 0.0 }
            });
            self.publish_camera(camera, fps);
            self.publish_trigger(camera);
        }
    }

    /// Publishes the handshake of a camera that inspects, retained.
    pub(super) fn publish_trigger(&self, camera: &Camera) {
        if let Some(status) = trigger_status(camera) {
            self.publisher.retain(&format!("camera/{}/trigger", camera.settings.name), &status);
        }
    }

    pub(super) fn publish_camera(&self, camera: &Camera, fps: f32) {
        let (state, cause) = match &*lock(&camera.health) {
            Health::Online { .. } => (CameraState::Online, None),
            Health::Frozen { .. } => {
                let limit = camera.settings.frozen_after.as_millis();
                (CameraState::Frozen, Some(format!("no new frame for {limit} ms")))
            }
            Health::Offline { cause, .. } => (CameraState::Offline, Some(cause.clone())),
            Health::Ended => (CameraState::Offline, Some("the source has ended".into())),
        };
        let (name, frames, drops) = (camera.settings.name.clone(), camera.frames(), camera.drops());
        let status = CameraStatus { state, cause, fps, frames, drops, camera: name };
        self.publisher.retain(&format!("camera/{}/status", camera.settings.name), &status);
    }

    fn publish_telemetry(&self, memory: &mut LastLook) {
        let now = SystemClock.now().mono_ns;
        let every = self.config().mqtt.telemetry_every.as_nanos() as u64;
        if now.saturating_sub(memory.telemetry_ns) < every {
            return;
        }
        memory.telemetry_ns = now;
        let telemetry = self.telemetry(memory, now);
        self.publisher.telemetry(&telemetry);
    }

    fn telemetry(&self, memory: &mut LastLook, now_ns: u64) -> Telemetry {
        let mut response = Telemetry { memory_bytes: ProcessFacts::read().rss_bytes, ..Telemetry::default() };
        response.temperature_c = temperature_c();
        for stage in self.scheduler.stages().iter() {
            response.queues.insert(format!("stage/{}", stage.spec().name), stage.waiting() as u64);
        }
        memory.busy.resize(self.scheduler.workers().len(), (0, self.started.mono_ns));
        for (worker, last) in self.scheduler.workers().iter().zip(&mut memory.busy) {
            let busy_ns = worker.gauges.busy_ns.load(Ordering::Relaxed);
            let share = (busy_ns - last.0) as f32 / now_ns.saturating_sub(last.1).max(1) as f32;
            response.utilisation.insert(format!("core{}", worker.core), share.min(1.0));
            *last = (busy_ns, now_ns);
        }
        for camera in lock(&self.cameras).iter() {
            add_camera(&mut response, camera);
            if let Some(parts) = &camera.parts {
                let judged =
                    memory.judged.entry(camera.settings.name.clone()).or_insert((0, self.started.mono_ns));
                response.inspection.insert(camera.settings.name.clone(), parts.figures(judged, now_ns));
                response.latency.insert(
                    format!("{}/inspection", camera.settings.name),
                    percentiles(&parts.lane.total_us),
                );
            }
        }
        response.counters.extend(self.mqtt.counters().named());
        response.counters.extend(self.web.counters().named());
        response.counters.extend(self.audit.counters().named());
        let evidence = self.evidence.counters().named();
        let attendance = self.attendance.counters().named();
        response.counters.extend(attendance.map(|(name, value)| (name.to_owned(), value)));
        response.queues.insert("attendance".into(), self.attendance.waiting());
        response.counters.extend(evidence.map(|(name, value)| (name.to_owned(), value)));
        response
    }
}

fn set_aside_message(letter: Letter) -> SetAsideMessage {
    let Letter { topic, seq, bytes, reason, time } = letter;
    SetAsideMessage { topic, seq, bytes, reason, time }
}

fn in_one_line(reasons: &[String]) -> String {
    if reasons.is_empty() { "online".to_owned() } else { format!("degraded: {}", reasons.join("; ")) }
}

fn add_camera(response: &mut Telemetry, camera: &Camera) {
    let name = &camera.settings.name;
    let mut count = |what: &str, value: u64| {
        response.counters.insert(format!("{name}/{what}"), value);
    };
    count("frames", camera.frames());
    count("starved", camera.ring.stats().starved);
    if matches!(camera.settings.source, Source::Tcp(_)) {
        count("refused_connections", camera.refused.get());
    }
    for (what, value) in camera.shown.figures() {
        count(what, value);
    }
    let made = &camera.shown.preview.counters().made_us;
    response.latency.insert(format!("{name}/picture"), percentiles(made));
    if let Some(faces) = &camera.faces {
        let figures = &faces.lane.counters;
        count("faces_asked", figures.asked.get());
        count("faces_answered", figures.answered.get());
        count("faces_unfit", figures.unfit.get());
        count("faces_dropped", figures.dropped.get());
        count("faces_failed", figures.failed.get());
        count("sightings", figures.reported.get());
        for (step, histogram) in
            [("align", &figures.align_us), ("embed", &figures.embed_us), ("match", &figures.match_us)]
        {
            response.latency.insert(format!("{name}/{step}"), percentiles(histogram));
        }
    }
    let Some(lane) = &camera.lane else { return };
    let figures = &lane.counters;
    count("skipped", lane.skipped());
    count("reported", figures.reported.get());
    count("failed", figures.failed.get());
    count("reports_dropped", figures.dropped.get());
    count("events", figures.events.get());
    count("events_lost", figures.events_lost.get());
    count("untracked", lane.untracked());
    for (step, histogram) in [
        ("total", &figures.total_us),
        ("wait", &figures.wait_us),
        ("preprocess", &figures.preprocess_us),
        ("infer", &figures.infer_us),
    ] {
        response.latency.insert(format!("{name}/{step}"), percentiles(histogram));
    }
}

fn percentiles(histogram: &Histogram) -> Percentiles {
    let mut window = Snapshot::new();
    histogram.take_to(&mut window);
    Percentiles { p50_us: window.p50(), p95_us: window.p95(), p99_us: window.p99() }
}

/// The trigger state of a camera that inspects.
fn trigger_status(camera: &Camera) -> Option<TriggerStatus> {
    let parts = camera.parts.as_ref()?;
    let (target, product) = (parts.lane.target(), parts.product());
    Some(TriggerStatus {
        camera: camera.settings.name.clone(),
        ready: target.ready,
        product: product.as_ref().map(|product| product.name.to_string()).unwrap_or_default(),
        recipe_revision: product.as_ref().map_or(0, |product| product.recipe_revision),
        golden_revision: product.as_ref().map_or(0, |product| product.golden_revision),
        fault: parts.fault(),
        acknowledged: target.acknowledged,
        valid: target.valid,
        triggers: target.counts.triggers,
        ok: target.counts.ok,
        ng: target.counts.ng,
        error: target.counts.error,
        missed: target.counts.missed,
        overrun: target.counts.overrun,
        in_flight: target.counts.in_flight,
    })
}

/// Why a camera has no frame for a trigger, if so.
pub(super) fn away(health: &Health) -> Option<String> {
    match health {
        Health::Online { .. } => None,
        Health::Frozen { .. } => Some("the camera is frozen: it is connected but sends no new frame".into()),
        Health::Offline { cause, .. } => Some(format!("the camera is offline: {cause}")),
        Health::Ended => Some("the camera has ended".into()),
    }
}
