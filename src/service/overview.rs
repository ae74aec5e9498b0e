//! What a person wants to see at a glance beside the state: cameras, queues, disks and the page's address.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use super::camera::Camera;
use super::camera_report::state_of;
use super::hour::TelemetryHour;
use super::status::Reporter;
use crate::commands::overview::{CameraGlance, DiskOut, LatencyOut, Overview};
use crate::config::WebConfig;
use crate::contract::{Percentiles, Telemetry};
use crate::examine::disk::{self, DiskFolder};
use crate::telemetry::ProcessFacts;
use crate::types::Stamp;
use crate::web::PageAddress;

/// Figures of a period that has ended, as the reporting unit saw them last.
#[derive(Debug, Default)]
pub(super) struct PeriodFigures {
    /// Frames per second, by camera.
    fps: BTreeMap<String, f32>,
    /// Latencies of the last telemetry, by their keys there.
    latency: BTreeMap<String, Percentiles>,
    /// Whether the service has reported that it is ready.
    ready: bool,
    hour: TelemetryHour,
}

impl PeriodFigures {
    pub(super) fn note_rate(&mut self, camera: &str, fps: f32) {
        self.fps.insert(camera.to_owned(), fps);
    }

    pub(super) fn note_telemetry(&mut self, telemetry: &Telemetry, now: Stamp) {
        self.hour.note(telemetry, now);
        self.latency.clone_from(&telemetry.latency);
    }

    pub(super) fn note_ready(&mut self) {
        self.ready = true;
    }
}

impl Reporter {
    /// The overview at this moment.
    pub(super) fn overview(&self) -> Overview {
        let config = self.around.config.get();
        let cameras = self.around.cameras.all();
        // Read before the cameras are: a lock that a field's expression takes is held until the whole value is built.
        let ready = self.period.lock().ready;
        let disks = self.disk_folders(&config.device.state_dir);
        Overview {
            ready,
            pid: std::process::id(),
            memory_bytes: ProcessFacts::read().rss_bytes,
            page: self.page(&config.web),
            cameras: cameras.iter().map(|camera| self.glance(camera)).collect(),
            queues: self.queues(),
            disks: disks.into_iter().filter_map(disk).collect(),
            units: self.units(),
        }
    }

    /// The address of the page: the one at which it listens, otherwise the configured one, if that names a port.
    fn page(&self, web: &WebConfig) -> Option<String> {
        let address = match self.around.interfaces.web.address() {
            PageAddress::At(address) => Some(address),
            PageAddress::Unknown | PageAddress::Refused => (web.bind.port() != 0).then_some(web.bind),
        };
        address.filter(|_| web.enabled).map(|address| page_address(address, web.tls.is_some()))
    }

    /// The telemetry of the last hour, one line a minute.
    pub(super) fn hour(&self) -> Vec<String> {
        self.period.lock().hour.lines()
    }

    /// The folders in which this process writes, one for each disk.
    pub(super) fn disk_folders(&self, state_dir: &Path) -> Vec<DiskFolder> {
        let domains = &self.around.domains;
        disk::folders(state_dir, domains.evidence.root(), domains.recorders.library().root())
    }

    fn glance(&self, camera: &Camera) -> CameraGlance {
        let name = &camera.settings.name;
        let period = self.period.lock();
        let (state, cause) = state_of(camera);
        let latency =
            ["total", "inspection"].iter().find_map(|step| period.latency.get(&format!("{name}/{step}")));
        CameraGlance {
            camera: name.clone(),
            state,
            cause,
            fps: period.fps.get(name).copied().unwrap_or_default(),
            frames: camera.frames(),
            drops: camera.drops(),
            latency: latency
                .filter(|latency| latency.p50_us > 0)
                .map(|latency| LatencyOut { p50_us: latency.p50_us, p99_us: latency.p99_us }),
        }
    }

    fn queues(&self) -> BTreeMap<String, u64> {
        let domains = &self.around.domains;
        let stages = domains.scheduler.stages();
        let stages =
            stages.iter().map(|stage| (format!("stage/{}", stage.spec().name), stage.waiting() as u64));
        let others = [
            ("attendance".to_owned(), domains.attendance.waiting()),
            ("outbox".to_owned(), self.around.interfaces.mqtt.waiting_events()),
        ];
        stages.chain(others).collect()
    }
}

/// The space on the disk of a folder; `None` where it cannot be read, which is a fault of its own.
fn disk(folder: DiskFolder) -> Option<DiskOut> {
    let (free_bytes, total_bytes) = disk::free_bytes(&folder.path)?;
    Some(DiskOut { disk: folder.name.to_owned(), path: folder.path, free_bytes, total_bytes })
}

/// The address to type into a browser; the machine's name where the page listens on all of its addresses.
fn page_address(bind: SocketAddr, tls: bool) -> String {
    let scheme = if tls { "https" } else { "http" };
    if !bind.ip().is_unspecified() {
        return format!("{scheme}://{bind}");
    }
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{scheme}://{host}:{}", bind.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_can_be_typed_into_a_browser() {
        let at = |bind: &str| page_address(bind.parse().unwrap(), false);
        assert_eq!(at("127.0.0.1:8080"), "http://127.0.0.1:8080");
        assert_eq!(at("[::1]:80"), "http://[::1]:80");
        let everywhere = at("0.0.0.0:8080");
        assert!(everywhere.starts_with("http://") && everywhere.ends_with(":8080"), "{everywhere}");
        assert!(!everywhere.contains("0.0.0.0"), "{everywhere}");
        assert_eq!(page_address("127.0.0.1:8443".parse().unwrap(), true), "https://127.0.0.1:8443");
    }
}
