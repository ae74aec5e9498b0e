//! What the service reports of one camera: its status, its handshake, and its figures in telemetry.

use super::camera::Camera;
use super::publisher::StatusPublisher;
use crate::camera::Health;
use crate::config::Source;
use crate::contract::{self, CameraState, CameraStatus, Percentiles, Telemetry, TriggerStatus};
use crate::inspection::InspectionCamera;
use crate::telemetry::{Histogram, Snapshot};

/// Why a camera that was stopped gives no frames.
pub(super) const STOPPED: &str =
    "stopped by a command: frames are discarded until START comes to its command port";

/// Publishes the handshake of a camera that inspects, retained.
pub(super) fn publish_handshake(publisher: &StatusPublisher, camera: &InspectionCamera) {
    publisher.retain(&format!("camera/{}/trigger", camera.name), &trigger_status(camera));
}

/// Publishes the status of a camera, retained; `fps` is its frame rate since the last call.
pub(super) fn publish_camera(publisher: &StatusPublisher, camera: &Camera, fps: f32) {
    let (state, cause) = state_of(camera);
    let (name, frames, drops) = (camera.settings.name.clone(), camera.frames(), camera.drops());
    let experiment = camera.experiment.get().map(|id| id.to_string());
    let status = CameraStatus { state, cause, fps, frames, drops, experiment, camera: name };
    publisher.retain(&format!("camera/{}/status", camera.settings.name), &status);
}

/// Whether the camera delivers frames, and why not.
pub(super) fn state_of(camera: &Camera) -> (CameraState, Option<String>) {
    match &*camera.health.lock() {
        Health::Online { .. } => (CameraState::Online, None),
        Health::Frozen { .. } => {
            let limit = camera.settings.frozen_after.as_millis();
            (CameraState::Frozen, Some(format!("no new frame for {limit} ms")))
        }
        Health::Stopped => (CameraState::Frozen, Some(STOPPED.into())),
        Health::Offline { cause, .. } => (CameraState::Offline, Some(cause.to_string())),
        Health::Ended => (CameraState::Offline, Some("the source has ended".into())),
    }
}

/// The trigger state of a camera that inspects.
pub(super) fn trigger_status(camera: &InspectionCamera) -> TriggerStatus {
    let (target, product) = (camera.lane.target(), camera.product());
    TriggerStatus {
        camera: camera.name.clone(),
        ready: target.ready,
        product: product.as_ref().map(|product| product.name.to_string()).unwrap_or_default(),
        recipe_revision: product.as_ref().map_or(0, |product| product.recipe_revision),
        golden_revision: product.as_ref().map_or(0, |product| product.golden_revision),
        fault: camera.fault(),
        acknowledged: target.acknowledged,
        valid: target.valid,
        triggers: target.counts.triggers,
        ok: target.counts.ok,
        ng: target.counts.ng,
        error: target.counts.error,
        missed: target.counts.missed,
        overrun: target.counts.overrun,
        in_flight: target.counts.in_flight,
    }
}

/// Counts of the parts so far; `last` holds the judged parts and the time of the last call.
pub(super) fn part_figures(camera: &InspectionCamera, last: &mut (u64, u64), now_ns: u64) -> contract::Parts {
    let counts = camera.lane.counts();
    let judged = counts.ok + counts.ng + counts.error;
    let minutes = now_ns.saturating_sub(last.1) as f32 / 60e9;
    let per_minute = if minutes > 0.0 { (judged - last.0) as f32 / minutes } else { 0.0 };
    *last = (judged, now_ns);
    let processing = counts.processing;
    let pareto = camera.lane.pareto().into_iter();
    contract::Parts {
        triggers: counts.triggers,
        ok: counts.ok,
        ng: counts.ng,
        error: counts.error,
        missed: counts.missed,
        overrun: counts.overrun,
        bounced: counts.debounced,
        garbage: counts.garbage,
        per_minute,
        yield_share: (judged > 0).then(|| counts.ok as f32 / judged as f32),
        processing_us: contract::Processing {
            min: processing.min_us,
            mean: processing.mean_us(),
            max: processing.max_us,
        },
        pareto: pareto.map(|(roi, count)| contract::Failing { roi: roi.to_string(), count }).collect(),
    }
}

/// Adds the figures of `camera` to a report.
pub(super) fn add_camera(response: &mut Telemetry, camera: &Camera) {
    let name = &camera.settings.name;
    let mut count = |what: &str, value: u64| {
        response.counters.insert(format!("{name}/{what}"), value);
    };
    count("frames", camera.frames());
    count("starved", camera.ring.stats().starved);
    count("thinned", camera.thinned.get());
    if matches!(camera.settings.source, Source::Tcp(_)) {
        let sent = camera.senders.counters();
        count("received", sent.received.get());
        count("skipped_before_decoding", sent.skipped.get());
        count("discarded", sent.discarded.get());
        count("queue_dropped", sent.queue_dropped.get());
        count("damaged", sent.damaged.get());
        count("refused_connections", sent.refused.get());
        count("broken_connections", sent.broken.get());
        if camera.settings.tcp.command_address.is_some() {
            count("commands", sent.commands.get());
            count("commands_refused", sent.commands_refused.get());
        }
        response.queues.insert(format!("camera/{name}"), camera.senders.waiting() as u64);
    }
    for (what, value) in camera.preview.figures() {
        count(what, value);
    }
    for (what, value) in camera.recorder.iter().flat_map(|recorder| recorder.counters.named()) {
        count(what, value);
    }
    let made = &camera.preview.preview.counters().made_us;
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

/// The percentiles since the last call.
pub(super) fn percentiles(histogram: &Histogram) -> Percentiles {
    let mut window = Snapshot::new();
    histogram.take_to(&mut window);
    Percentiles { p50_us: window.p50(), p95_us: window.p95(), p99_us: window.p99() }
}
