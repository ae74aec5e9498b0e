//! Metrics in Prometheus' text format, made from the last telemetry: its keys become names and labels.
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use super::handle::WebShared;
use super::snapshot::SnapshotState;
use crate::contract::rest::CameraOut;
use crate::contract::{Parts, Service, SourceState, Telemetry};
use crate::telemetry::FigureKind;
use crate::types::Stamp;

/// The values of one metric name.
struct Family {
    help: Cow<'static, str>,
    kind: &'static str,
    /// Labels (as they are written) and value.
    values: Vec<(String, f64)>,
}

/// Families by name. The format wants all values of one name together.
#[derive(Default)]
struct Families(BTreeMap<String, Family>);

impl Families {
    fn add(
        &mut self,
        name: &str,
        kind: &'static str,
        help: impl Into<Cow<'static, str>>,
        labels: &[(&str, &str)],
        value: f64,
    ) {
        let fresh = || Family { help: help.into(), kind, values: Vec::new() };
        let family = self.0.entry(name.to_owned()).or_insert_with(fresh);
        family.values.push((written(labels), value));
    }

    fn text(self) -> String {
        let mut out = String::with_capacity(8 << 10);
        for (name, Family { help, kind, values }) in self.0 {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (labels, value) in values {
                let _ = writeln!(out, "{name}{labels} {value}");
            }
        }
        out
    }
}

fn written(labels: &[(&str, &str)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let labels: Vec<_> =
        labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    format!("{{{}}}", labels.join(","))
}

/// Replaces characters that a metric's name may not contain.
fn word(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '_' })
        .collect()
}

/// All metrics in the text format of Prometheus.
pub(super) fn text(snapshot: &SnapshotState, shared: &WebShared, now: Stamp) -> String {
    let mut families = Families::default();
    let mut gauge = |name: &str, help: &'static str, value| families.add(name, "gauge", help, &[], value);
    gauge(
        "ocellus_uptime_seconds",
        "Seconds since the service started.",
        now.micros_since(shared.started) as f64 / 1e6,
    );
    gauge("ocellus_alarms", "Alarms that are raised.", snapshot.alarms.len() as f64);
    gauge("ocellus_web_viewers", "Live views at this moment.", shared.viewers.load(Ordering::Relaxed) as f64);
    gauge(
        "ocellus_web_listeners",
        "Listeners to events at this moment.",
        shared.listeners.load(Ordering::Relaxed) as f64,
    );
    let is_online = snapshot.status.as_ref().is_some_and(|status| status.body.state == Service::Online);
    let online = f64::from(u8::from(is_online));
    gauge("ocellus_online", "1 where all is well, 0 where the service is degraded.", online);
    let version = [("version", env!("CARGO_PKG_VERSION")), ("device", &shared.device)];
    families.add("ocellus_build_info", "gauge", "Always 1; the version is a label.", &version, 1.0);
    for component in &snapshot.components {
        let well = f64::from(u8::from(component.state != "faulty"));
        let help = "0 while the component is faulty, else 1; /api/v1/status gives the reason.";
        families.add("ocellus_health", "gauge", help, &[("component", &component.component)], well);
    }
    for unit in &snapshot.units {
        let up = f64::from(u8::from(unit.state == "running"));
        families.add("ocellus_unit_up", "gauge", "1 while the unit runs.", &[("unit", &unit.name)], up);
        let restarts = f64::from(unit.restarts);
        let help = "Restarts since the unit was added.";
        families.add("ocellus_unit_restarts_total", "counter", help, &[("unit", &unit.name)], restarts);
    }
    intake(&mut families, snapshot);
    for facts in &snapshot.cameras {
        camera(&mut families, &super::api::views::camera(snapshot, facts));
    }
    for (name, count) in shared.totals.read().named() {
        counter(&mut families, snapshot, shared, &name, count);
    }
    if let Some(telemetry) = &snapshot.telemetry {
        figures(&mut families, snapshot, shared, telemetry);
    }
    families.text()
}

/// Channels of telemetry that are exported; a box that is set up for more has them in REST.
const CHANNELS: usize = 1_000;

fn intake(families: &mut Families, snapshot: &SnapshotState) {
    for source in &snapshot.intake.sources {
        let labels = [("source", source.source.as_str())];
        let up = f64::from(u8::from(source.state == SourceState::Ok));
        families.add("ocellus_source_up", "gauge", "1 while the source of telemetry delivers.", &labels, up);
        let help = "Values of a source of telemetry, since it was read for the first time.";
        families.add("ocellus_source_points_total", "counter", help, &labels, source.points as f64);
        let help = "Lines and values of a source of telemetry that could not be read.";
        families.add("ocellus_source_bad_lines_total", "counter", help, &labels, source.bad_lines as f64);
    }
    for channel in snapshot.intake.channels.iter().take(CHANNELS) {
        let (Some(value), Some(age_ms)) = (channel.value, channel.age_ms) else { continue };
        let unit = channel.unit.as_deref().unwrap_or_default();
        let labels =
            [("channel", channel.channel.as_str()), ("source", channel.source.as_str()), ("unit", unit)];
        let help = "The newest value of a channel of telemetry.";
        families.add("ocellus_channel_value", "gauge", help, &labels, value);
        let help = "Seconds since the newest value of a channel arrived.";
        families.add("ocellus_channel_age_seconds", "gauge", help, &labels[..2], age_ms as f64 / 1e3);
        let help = "1 while a channel of telemetry is stale.";
        let stale = f64::from(u8::from(channel.stale));
        families.add("ocellus_channel_stale", "gauge", help, &labels[..2], stale);
    }
}

fn camera(families: &mut Families, camera: &CameraOut) {
    let labels = [("camera", camera.name.as_str())];
    let up = f64::from(u8::from(camera.state == crate::contract::CameraState::Online));
    families.add("ocellus_camera_up", "gauge", "1 while frames arrive.", &labels, up);
    let help = "Frames a second at present.";
    families.add("ocellus_camera_frames_per_second", "gauge", help, &labels, f64::from(camera.fps));
    let help = "Frames that were dropped or skipped, for any reason.";
    families.add("ocellus_camera_drops_total", "counter", help, &labels, camera.drops as f64);
}

/// Adds the counter `key`, whose first part is the name of a camera or of a component, such as `mqtt`.
fn counter(families: &mut Families, snapshot: &SnapshotState, shared: &WebShared, key: &str, count: u64) {
    let (owner, what) = key.split_once('/').unwrap_or(("", key));
    let described = |key: &str| shared.described.get().and_then(|known| known.get(key)).copied();
    // A camera may have the name of a component; then its key has no description.
    let own = described(key);
    let is_camera = own.is_none() && snapshot.cameras.iter().any(|camera| camera.name == owner);
    let about = if is_camera { described(&format!("camera/{what}")) } else { own };
    let help = match about {
        Some(about) => Cow::Borrowed(about.help),
        None => format!("The figure {what} of telemetry, since the process began.").into(),
    };
    let (kind, end) = match about.map(|about| about.kind) {
        Some(FigureKind::Gauge) => ("gauge", ""),
        _ => ("counter", "_total"),
    };
    let owner_word = if is_camera { "camera".to_owned() } else { word(owner) };
    let name = match owner_word.is_empty() {
        true => format!("ocellus_{}{end}", word(what)),
        false => format!("ocellus_{owner_word}_{}{end}", word(what)),
    };
    let labels = [("camera", owner)];
    families.add(&name, kind, help, if is_camera { &labels[..] } else { &[] }, count as f64);
}

fn figures(families: &mut Families, snapshot: &SnapshotState, shared: &WebShared, telemetry: &Telemetry) {
    // The snapshot has newer values of the web's counters.
    for (name, count) in telemetry.counters.iter().filter(|(name, _)| !name.starts_with("web/")) {
        counter(families, snapshot, shared, name, *count);
    }
    for (queue, waiting) in &telemetry.queues {
        let (kind, name) = queue.split_once('/').unwrap_or(("queue", queue));
        let label = if kind == "stage" { ("stage", name) } else { ("queue", queue.as_str()) };
        families.add(
            "ocellus_queue_items",
            "gauge",
            "Items that wait in a queue.",
            &[label],
            *waiting as f64,
        );
    }
    for (worker, busy) in &telemetry.utilisation {
        let help = "Share of time that a worker was busy, 0 to 1.";
        families.add(
            "ocellus_worker_utilisation_ratio",
            "gauge",
            help,
            &[("worker", worker)],
            f64::from(*busy),
        );
    }
    for (key, times) in &telemetry.latency {
        let (camera, step) = key.split_once('/').unwrap_or(("", key));
        for (quantile, us) in [("0.5", times.p50_us), ("0.95", times.p95_us), ("0.99", times.p99_us)] {
            let labels = [("camera", camera), ("step", step), ("quantile", quantile)];
            let help = "How long a step took, of those that ended between the last two telemetry messages.";
            // Only quantiles: in a summary Prometheus knows no other label of that name.
            families.add("ocellus_latency_seconds", "summary", help, &labels, us as f64 / 1e6);
        }
    }
    for (camera, parts) in &telemetry.inspection {
        inspection(families, camera, parts);
    }
    let help = "Resident memory of the process.";
    families.add("ocellus_memory_bytes", "gauge", help, &[], telemetry.memory_bytes as f64);
    if let Some(celsius) = telemetry.temperature_c {
        families.add(
            "ocellus_temperature_celsius",
            "gauge",
            "Temperature of the hottest thermal zone.",
            &[],
            f64::from(celsius),
        );
    }
}

fn inspection(families: &mut Families, camera: &str, parts: &Parts) {
    let verdicts = [
        ("ok", parts.ok),
        ("ng", parts.ng),
        ("error", parts.error),
        ("missed", parts.missed),
        ("overrun", parts.overrun),
    ];
    for (verdict, count) in verdicts {
        let labels = [("camera", camera), ("verdict", verdict)];
        families.add(
            "ocellus_inspection_parts_total",
            "counter",
            "Inspected parts by verdict since the process began.",
            &labels,
            count as f64,
        );
    }
    let labels = [("camera", camera)];
    let help = "Triggers of inspections since the process began.";
    families.add("ocellus_inspection_triggers_total", "counter", help, &labels, parts.triggers as f64);
}
