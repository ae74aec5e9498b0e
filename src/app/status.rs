//! What the box says about itself: status, cameras, telemetry; and READY once frames pass.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};

use super::health::HealthReport;
use super::rig::{Rig, unit_name};
use super::{App, lock};
use crate::capture::Health;
use crate::config::Source;
use crate::contract::{CameraState, CameraStatus, Percentiles, Service, Status, Telemetry, TriggerStatus};
use crate::supervisor::{Beat, Stop, Unit, notify};
use crate::telemetry::{Histogram, ProcessFacts, Snapshot, settle, temperature_c};
use crate::types::{Clock, SystemClock};

/// How often the unit looks before the service is ready, so that READY follows the first frame closely.
const EAGER: Duration = Duration::from_millis(20);
/// How often it looks afterwards.
const CALM: Duration = Duration::from_secs(1);
/// So many of the messages that the broker does not take are listed.
const LISTED: usize = 20;

/// What the unit remembers from one look to the next.
#[derive(Default)]
struct Memory {
    ready: bool,
    settled: bool,
    /// The reasons that were published last.
    reasons: Option<Vec<String>>,
    telemetry_ns: u64,
    /// Frames and time at the last look, by camera.
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
        let mut memory = Memory::default();
        loop {
            // A look later than ready: the first frames went through every part that the next ones need.
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
            self.voice.tell_alarms();
            self.tell_web();
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

    /// The first frame has passed; or no camera can give one, and the box is as ready as it gets.
    fn is_ready(&self) -> bool {
        let rigs = lock(&self.rigs);
        let passed = |rig: &Arc<Rig>| match &rig.lane {
            Some(lane) => lane.counters.reported.get() > 0,
            None => rig.frames() > 0,
        };
        let units = self.supervisor.status();
        let over = |rig: &Rig| {
            let name = unit_name(&rig.settings.name);
            units.iter().any(|unit| *unit.name == *name && unit.state.is_over())
        };
        let hopeless = |rig: &Arc<Rig>| match &*lock(&rig.health) {
            health @ Health::Offline { .. } => !health.is_starting() || over(rig),
            Health::Ended => true,
            Health::Online { .. } | Health::Frozen { .. } => false,
        };
        rigs.iter().any(passed) || rigs.iter().all(hopeless)
    }

    fn watch_line(&self) -> String {
        let config = self.config();
        let topic = self.mqtt.topics().full("#");
        format!("mosquitto_sub -h {} -p {} -v -t '{topic}'", config.mqtt.host, config.mqtt.port)
    }

    fn publish_status(&self, memory: &mut Memory) {
        let health = self.look_at_health();
        self.web.health(health.components, health.works, health.essential_ok);
        if memory.reasons.as_ref() == Some(&health.reasons) {
            return;
        }
        self.voice.retain("status", &self.status(health.reasons.clone()));
        notify::status(&in_one_line(&health.reasons));
        memory.reasons = Some(health.reasons);
    }

    /// How the box is, as `systemctl status` shows it.
    pub(super) fn status_line(&self) -> String {
        in_one_line(&self.look_at_health().reasons)
    }

    /// The status as somebody asks for it: with every component, the alarms, and what `camera/C/trigger` says of each
    /// camera that inspects.
    pub(super) fn status_now(&self) -> Value {
        let HealthReport { components, reasons, .. } = self.look_at_health();
        let rigs = lock(&self.rigs);
        let triggers = rigs.iter().filter_map(|rig| Some((rig.settings.name.clone(), trigger_status(rig)?)));
        let mut told = json!(self.status(reasons));
        told["triggers"] = json!(triggers.collect::<BTreeMap<_, _>>());
        told["components"] = json!(components);
        told["alarms"] = json!(self.mqtt.raised());
        told["set_aside"] = self.set_aside();
        told
    }

    /// What the broker does not take: how many messages are kept of it, and the newest of them.
    fn set_aside(&self) -> Value {
        match self.store.letters() {
            Ok(letters) => {
                json!({ "count": letters.len(), "newest": letters.iter().take(LISTED).collect::<Vec<_>>() })
            }
            Err(error) => json!({ "error": error.to_string() }),
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

    fn publish_cameras(&self, memory: &mut Memory) {
        let now = SystemClock.now();
        for rig in lock(&self.rigs).iter() {
            let frames = rig.frames();
            let seen = memory.frames.insert(rig.settings.name.clone(), (frames, now.mono_ns));
            let fps = seen.map_or(0.0, |(before, at)| {
                let seconds = now.mono_ns.saturating_sub(at) as f32 / 1e9;
                if seconds > 0.0 { frames.saturating_sub(before) as f32 / seconds } else { 0.0 }
            });
            self.publish_camera(rig, fps);
            self.publish_trigger(rig);
        }
    }

    /// The handshake of a camera that inspects, retained.
    pub(super) fn publish_trigger(&self, rig: &Rig) {
        if let Some(status) = trigger_status(rig) {
            self.voice.retain(&format!("camera/{}/trigger", rig.settings.name), &status);
        }
    }

    pub(super) fn publish_camera(&self, rig: &Rig, fps: f32) {
        let (state, cause) = match &*lock(&rig.health) {
            Health::Online { .. } => (CameraState::Online, None),
            Health::Frozen { .. } => {
                let limit = rig.settings.frozen_after.as_millis();
                (CameraState::Frozen, Some(format!("no new frame for {limit} ms")))
            }
            Health::Offline { cause, .. } => (CameraState::Offline, Some(cause.clone())),
            Health::Ended => (CameraState::Offline, Some("the source has ended".into())),
        };
        let camera = rig.settings.name.clone();
        let status = CameraStatus { state, cause, fps, frames: rig.frames(), drops: rig.drops(), camera };
        self.voice.retain(&format!("camera/{}/status", rig.settings.name), &status);
    }

    fn publish_telemetry(&self, memory: &mut Memory) {
        let now = SystemClock.now().mono_ns;
        let every = self.config().mqtt.telemetry_every.as_nanos() as u64;
        if now.saturating_sub(memory.telemetry_ns) < every {
            return;
        }
        memory.telemetry_ns = now;
        let telemetry = self.telemetry(memory, now);
        self.voice.telemetry(&telemetry);
    }

    fn telemetry(&self, memory: &mut Memory, now_ns: u64) -> Telemetry {
        let mut told = Telemetry { memory_bytes: ProcessFacts::read().rss_bytes, ..Telemetry::default() };
        told.temperature_c = temperature_c();
        for stage in self.scheduler.stages().iter() {
            told.queues.insert(format!("stage/{}", stage.rank().name), stage.waiting() as u64);
        }
        memory.busy.resize(self.scheduler.workers().len(), (0, self.started.mono_ns));
        for (worker, last) in self.scheduler.workers().iter().zip(&mut memory.busy) {
            let busy_ns = worker.gauges.busy_ns.load(Ordering::Relaxed);
            let share = (busy_ns - last.0) as f32 / now_ns.saturating_sub(last.1).max(1) as f32;
            told.utilisation.insert(format!("core{}", worker.core), share.min(1.0));
            *last = (busy_ns, now_ns);
        }
        for rig in lock(&self.rigs).iter() {
            add_camera(&mut told, rig);
            if let Some(parts) = &rig.parts {
                let judged =
                    memory.judged.entry(rig.settings.name.clone()).or_insert((0, self.started.mono_ns));
                told.inspection.insert(rig.settings.name.clone(), parts.figures(judged, now_ns));
                told.latency
                    .insert(format!("{}/inspection", rig.settings.name), percentiles(&parts.lane.total_us));
            }
        }
        told.counters.extend(self.mqtt.counters().named());
        told.counters.extend(self.web.counters().named());
        told.counters.extend(self.audit.counters().named());
        let evidence = self.evidence.counters().named();
        let attendance = self.attendance.counters().named();
        told.counters.extend(attendance.map(|(name, value)| (name.to_owned(), value)));
        told.queues.insert("attendance".into(), self.attendance.waiting());
        told.counters.extend(evidence.map(|(name, value)| (name.to_owned(), value)));
        told
    }
}

fn in_one_line(reasons: &[String]) -> String {
    if reasons.is_empty() { "online".to_owned() } else { format!("degraded: {}", reasons.join("; ")) }
}

fn add_camera(told: &mut Telemetry, rig: &Rig) {
    let name = &rig.settings.name;
    let mut count = |what: &str, value: u64| {
        told.counters.insert(format!("{name}/{what}"), value);
    };
    count("frames", rig.frames());
    count("starved", rig.ring.stats().starved);
    if matches!(rig.settings.source, Source::Tcp(_)) {
        count("refused_connections", rig.refused.get());
    }
    for (what, value) in rig.shown.figures() {
        count(what, value);
    }
    let made = &rig.shown.preview.counters().made_us;
    told.latency.insert(format!("{name}/picture"), percentiles(made));
    if let Some(faces) = &rig.faces {
        let figures = &faces.lane.counters;
        count("faces_asked", figures.asked.get());
        count("faces_answered", figures.answered.get());
        count("faces_unfit", figures.unfit.get());
        count("faces_dropped", figures.dropped.get());
        count("faces_failed", figures.failed.get());
        count("sightings", figures.told.get());
        for (step, histogram) in
            [("align", &figures.align_us), ("embed", &figures.embed_us), ("match", &figures.match_us)]
        {
            told.latency.insert(format!("{name}/{step}"), percentiles(histogram));
        }
    }
    let Some(lane) = &rig.lane else { return };
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
        told.latency.insert(format!("{name}/{step}"), percentiles(histogram));
    }
}

fn percentiles(histogram: &Histogram) -> Percentiles {
    let mut window = Snapshot::new();
    histogram.take_to(&mut window);
    Percentiles { p50_us: window.p50(), p95_us: window.p95(), p99_us: window.p99() }
}

/// How a camera that inspects stands with its triggers.
fn trigger_status(rig: &Rig) -> Option<TriggerStatus> {
    let parts = rig.parts.as_ref()?;
    let (desk, product) = (parts.lane.desk(), parts.product());
    Some(TriggerStatus {
        camera: rig.settings.name.clone(),
        ready: desk.ready,
        product: product.as_ref().map(|product| product.name.to_string()).unwrap_or_default(),
        recipe_revision: product.as_ref().map_or(0, |product| product.recipe_revision),
        golden_revision: product.as_ref().map_or(0, |product| product.golden_revision),
        fault: parts.fault(),
        acknowledged: desk.acknowledged,
        valid: desk.valid,
        triggers: desk.counts.triggers,
        ok: desk.counts.ok,
        ng: desk.counts.ng,
        error: desk.counts.error,
        missed: desk.counts.missed,
        overrun: desk.counts.overrun,
        in_flight: desk.counts.in_flight,
    })
}

/// Why a camera gives no frame to a trigger, if so.
pub(super) fn away(health: &Health) -> Option<String> {
    match health {
        Health::Online { .. } => None,
        Health::Frozen { .. } => Some("the camera is frozen: it is connected but sends no new frame".into()),
        Health::Offline { cause, .. } => Some(format!("the camera is offline: {cause}")),
        Health::Ended => Some("the camera has ended".into()),
    }
}
