//! The MQTT sink as a unit in the test's own process.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use ocellus::commands::CommandRequest;
use ocellus::config;
use ocellus::mqtt::{self, Link, Mqtt, MqttError};
use ocellus::store::Store;
use ocellus::supervisor::{Beat, Stop};
use ocellus::types::{Clock, Event, EventKind, Finding, Label, Rect, Report, SystemClock, Value};

/// The sink, running.
pub struct Unit {
    pub mqtt: Mqtt,
    pub commands: Receiver<CommandRequest>,
    pub beat: Beat,
    cfg: config::MqttConfig,
    stop: Stop,
    thread: Option<JoinHandle<Result<(), MqttError>>>,
}

/// A plain connection to `port` on loopback.
pub fn mqtt_config(port: u16) -> config::MqttConfig {
    config::MqttConfig {
        host: "127.0.0.1".into(),
        port,
        tls: None,
        prefix: "ocellus".into(),
        client_id: "ocellus-box1".into(),
        username: None,
        password_file: None,
        keep_alive: Duration::from_secs(5),
        telemetry_every: Duration::from_secs(10),
        protocol: config::MqttProtocol::Auto,
        max_answer_bytes: 8 << 20,
        commands: ["ping", "reload", "snapshot"].map(str::to_owned).to_vec(),
    }
}

impl Unit {
    /// Starts with the state directory `dir`.
    pub fn start(cfg: config::MqttConfig, dir: &Path) -> Unit {
        Unit::bounded(cfg, dir, 64 << 20)
    }

    /// Starts with another bound of the outbox.
    pub fn bounded(cfg: config::MqttConfig, dir: &Path, max_bytes: u64) -> Unit {
        let store = Store::open(dir).ok().map(|opened| opened.store);
        Unit::with_store(cfg, dir, max_bytes, store)
    }

    /// Starts with a store that may be absent.
    pub fn with_store(cfg: config::MqttConfig, dir: &Path, max_bytes: u64, store: Option<Store>) -> Unit {
        let device = config::Device { name: "box1".into(), state_dir: dir.into() };
        let mqtt = Mqtt::new(&cfg, &device, Arc::new(SystemClock));
        Unit::run(mqtt, cfg, device, max_bytes, store)
    }

    /// Starts the threads of a sink that was made before.
    pub fn of(mqtt: Mqtt, cfg: config::MqttConfig, dir: &Path, store: Store) -> Unit {
        let device = config::Device { name: "box1".into(), state_dir: dir.into() };
        Unit::run(mqtt, cfg, device, 64 << 20, Some(store))
    }

    fn run(
        mqtt: Mqtt,
        cfg: config::MqttConfig,
        device: config::Device,
        max_bytes: u64,
        store: Option<Store>,
    ) -> Unit {
        let outbox = config::OutboxConfig { max_bytes, inflight: 100 };
        let (send, commands) = sync_channel(16);
        let (stop, beat) = (Stop::new(), Beat::new());
        let thread = {
            let (mqtt, cfg, stop, beat) = (mqtt.clone(), cfg.clone(), stop.clone(), beat.clone());
            let run = move || mqtt::run(&cfg, &outbox, &device, &mqtt, store, send.into(), &stop, &beat);
            std::thread::Builder::new().name("mqtt".into()).spawn(run).unwrap()
        };
        Unit { mqtt, commands, beat, cfg, stop, thread: Some(thread) }
    }

    /// Stops and runs again with the same handle, as a supervisor does.
    pub fn again(mut self, dir: &Path) -> Unit {
        self.stop.stop();
        self.thread.take().unwrap().join().unwrap().unwrap();
        let device = config::Device { name: "box1".into(), state_dir: dir.into() };
        Unit::run(self.mqtt.clone(), self.cfg.clone(), device, 64 << 20, None)
    }

    /// Waits for a broker's acceptance.
    pub fn up(self) -> Unit {
        super::wait_until("the link is up", || self.mqtt.link() == Link::Up);
        self
    }

    /// Stops in order and waits for the end.
    pub fn stop(mut self) {
        self.stop.stop();
        self.thread.take().unwrap().join().unwrap().unwrap();
    }

    /// Waits until the cause of the missing link contains `word`, and returns its sentence.
    pub fn wait_for_fault(&self, word: &str) -> String {
        let mut said = String::new();
        super::wait_until(&format!("a cause with {word:?}"), || {
            said = self.mqtt.link_fault().map(|cause| cause.to_string()).unwrap_or_default();
            said.contains(word)
        });
        said
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// An event of track `track` on camera `front`.
pub fn event(track: u64) -> Event {
    let now = SystemClock.now();
    Event {
        camera: "front".into(),
        frame_seq: track,
        captured: now,
        kind: EventKind::New,
        track,
        label: "part".into(),
        score: 0.9,
        rect: Rect { x: 1.0, y: 2.0, w: 3.0, h: 4.0 },
        since: now,
        place: None,
        dwell_ms: None,
        direction: None,
        recording: None,
        experiment: None,
    }
}

/// A report with one object and one class.
pub fn report(frame: u64) -> Arc<Report> {
    let mut report = Report::new(Label::from("front"));
    report.frame_seq = frame;
    report.captured = SystemClock.now();
    (report.width, report.height) = (1280, 720);
    let rect = Rect { x: 1.234, y: 2.0, w: 3.0, h: 4.0 };
    let mut points = heapless::Vec::new();
    points.push(ocellus::types::Point { x: 1.5, y: 2.5 }).unwrap();
    let value = Value::Object { rect, points };
    report.push(Finding::new(1, "part".into(), 0.912_345, value));
    report.push(Finding::new(2, "scene".into(), 0.5, Value::Class));
    Arc::new(report)
}
