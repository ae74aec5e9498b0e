//! The overview of the service as text: a table for terminals, one line for scripts.

use crate::commands::overview::{CameraGlance, DiskOut, Overview};
use crate::commands::service::ServiceStatus;
use crate::contract::CameraState;

/// The overview below the state: page, cameras, queues, disks, and units that were restarted.
pub(super) fn table(overview: &Overview) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(overview.page.iter().map(|page| format!("page      {page}")));
    let name = "CAMERA";
    if !overview.cameras.is_empty() {
        lines.push(format!("{name:<14} STATE     FPS    P50 ms  P99 ms  DROPS  FRAMES"));
    }
    lines.extend(overview.cameras.iter().map(camera));
    let waiting: Vec<_> = overview.queues.iter().map(|(queue, count)| format!("{queue} {count}")).collect();
    lines.push(format!("queues    {}", waiting.join(", ")));
    lines.push(format!("disks     {}", overview.disks.iter().map(disk).collect::<Vec<_>>().join(", ")));
    lines.push(format!("memory    {}", size(overview.memory_bytes)));
    let restarted = overview.units.iter().filter(|unit| unit.restarts > 0 || unit.state == "failed");
    lines.extend(restarted.map(|unit| {
        let cause = unit.last_error.as_deref().unwrap_or("-");
        format!("unit {}: {}, {} restarts: {cause}", unit.name, unit.state, unit.restarts)
    }));
    lines
}

/// The state with everything that is counted, in one line.
pub(super) fn one_line(time: &str, answer: &ServiceStatus) -> String {
    let mut parts = vec![answer.status.state.as_str().to_owned()];
    if let Some(overview) = &answer.overview {
        parts.extend(overview.cameras.iter().map(|one| {
            let latency = one.latency.map_or("-".to_owned(), |latency| ms(latency.p50_us));
            format!("{} {} {:.1} fps {latency} ms {} drops", one.camera, state(one.state), one.fps, one.drops)
        }));
        let waiting: u64 = overview.queues.values().sum();
        parts.push(format!("{waiting} waiting"));
        parts.extend(overview.disks.iter().map(disk));
    }
    let alarms: Vec<_> = answer.alarms.iter().map(|alarm| alarm.name.as_str()).collect();
    parts.push(match alarms.as_slice() {
        [] => "no alarms".to_owned(),
        alarms => format!("alarms: {}", alarms.join(" ")),
    });
    format!("{time} {}", parts.join("; "))
}

fn camera(one: &CameraGlance) -> String {
    let CameraGlance { camera, fps, frames, drops, cause, .. } = one;
    let (p50, p99) =
        one.latency.map_or(("-".into(), "-".into()), |latency| (ms(latency.p50_us), ms(latency.p99_us)));
    let cause = cause.as_ref().map_or(String::new(), |cause| format!("  {cause}"));
    format!("{camera:<14} {:<8} {fps:>5.1} {p50:>8} {p99:>7} {drops:>6} {frames:>7}{cause}", state(one.state))
}

fn state(state: CameraState) -> &'static str {
    match state {
        CameraState::Online => "online",
        CameraState::Frozen => "frozen",
        CameraState::Offline => "offline",
    }
}

fn disk(disk: &DiskOut) -> String {
    let percent = (disk.free_bytes as f64 / disk.total_bytes.max(1) as f64 * 100.0).floor();
    format!("{} {} free ({percent:.0} %)", disk.disk, size(disk.free_bytes))
}

fn ms(us: u64) -> String {
    format!("{:.1}", us as f64 / 1_000.0)
}

/// Bytes in the unit that a person reads at once.
pub(super) fn size(bytes: u64) -> String {
    let mib = bytes as f64 / f64::from(1 << 20);
    if mib < 1_024.0 { format!("{mib:.1} MiB") } else { format!("{:.1} GiB", mib / 1_024.0) }
}
