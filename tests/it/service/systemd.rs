//! What systemd is told: ready when frames pass, alive while they do, stopping when asked.

use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use crate::support::PATIENCE;
use crate::support::broker::Broker;
use crate::support::fixture::{Fixture, Service, Stub};
use crate::support::messages::listen;

const CAMERA: &str = "[[camera]]\nname = \"a\"\nsource = \"scene:\"\ndetect = { model = \"m\" }\n";
/// What the unit's `WatchdogSec` would be.
const WATCHDOG: Duration = Duration::from_millis(1_500);

/// The other end of `NOTIFY_SOCKET`.
struct Systemd {
    socket: UnixDatagram,
    path: String,
    heard: Vec<String>,
}

impl Systemd {
    fn new(fixture: &Fixture) -> Systemd {
        let path = fixture.path("notify").to_str().unwrap().to_owned();
        let socket = UnixDatagram::bind(&path).unwrap();
        Systemd { socket, path, heard: Vec::new() }
    }

    fn start(&self, fixture: &Fixture) -> Service {
        let usec = WATCHDOG.as_micros().to_string();
        fixture.run_with(&[("NOTIFY_SOCKET", &self.path), ("WATCHDOG_USEC", &usec)])
    }

    /// The next message, unless `patience` passes without one.
    fn next(&mut self, patience: Duration) -> Option<&str> {
        self.socket.set_read_timeout(Some(patience)).unwrap();
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).ok()?;
        self.heard.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        self.heard.last().map(String::as_str)
    }

    /// Waits for a message with the line `wanted`.
    fn wait_for(&mut self, wanted: &str) {
        self.wait_until(wanted, |line| line == wanted);
    }

    /// Waits until the line that `systemctl status` shows, the last one that came, holds all `words`.
    fn wait_shown(&mut self, words: &[&str]) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let lines = self.heard.iter().flat_map(|said| said.lines());
            let shown = lines.filter_map(|line| line.strip_prefix("STATUS=")).next_back();
            if shown.is_some_and(|shown| words.iter().all(|word| shown.contains(word))) {
                return;
            }
            assert!(Instant::now() < deadline, "not shown: {words:?}; it heard {:?}", self.heard);
            self.next(Duration::from_millis(100));
        }
    }

    /// Waits for a message with a line that is `wanted`, `what` in words.
    fn wait_until(&mut self, what: &str, wanted: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if self.next(Duration::from_millis(100)).is_some_and(|said| said.lines().any(&wanted)) {
                return;
            }
        }
        panic!("systemd waited in vain for {what}; it heard {:?}", self.heard);
    }
}

#[test]
fn it_is_ready_when_frames_pass_alive_while_they_do_and_tells_when_it_stops() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    fixture.config(broker.port, &(fixture.stub("m", &Stub::default()) + CAMERA));
    let mut systemd = Systemd::new(&fixture);
    let mut service = systemd.start(&fixture);
    systemd.wait_for("READY=1");
    watcher.wait_for("a/detections", |_| true);
    for _ in 0..3 {
        systemd.wait_for("WATCHDOG=1");
    }
    service.signal(libc::SIGHUP);
    systemd.wait_for("RELOADING=1");
    systemd.wait_for("READY=1");
    service.signal(libc::SIGTERM);
    systemd.wait_for("STOPPING=1");
    assert_eq!(service.exit_within(Duration::from_secs(3)), Some(0));
}

#[test]
fn it_is_ready_only_once_the_page_listens_or_is_known_to_be_impossible() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let page = listener.local_addr().unwrap();
    let config = |bind: &str| {
        let web = format!("[web]\nbind = \"{bind}\"\n");
        fixture.config(broker.port, &(web + &fixture.stub("m", &Stub::default()) + CAMERA));
    };
    // Somebody else has the port: frames pass all the same, and the alarm says why there is no page.
    config(&page.to_string());
    let watcher = listen(broker.port);
    let mut systemd = Systemd::new(&fixture);
    let mut service = systemd.start(&fixture);
    systemd.wait_for("READY=1");
    watcher
        .wait_for("alarm/web", |alarm| alarm["cause"].as_str().is_some_and(|cause| cause.contains("in use")));
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    drop(listener);
    for _ in 0..5 {
        config("127.0.0.1:0");
        let mut service = systemd.start(&fixture);
        systemd.wait_for("READY=1");
        service.wait_log(&["ready; watch with"]);
        let log = service.log();
        let [page, ready] = ["the page is at", "ready; watch with"].map(|words| log.find(words));
        assert!(page.is_some() && page < ready, "{log}");
        assert_eq!(service.stop(), Some(0), "{}", service.log());
    }
}

#[test]
fn systemd_shows_why_the_box_is_degraded_also_after_ready_and_reload() {
    let (port, fixture) = (crate::support::broker::free_port(), Fixture::new());
    fixture.config(port, &(fixture.stub("m", &Stub::default()) + CAMERA));
    let mut systemd = Systemd::new(&fixture);
    let mut service = systemd.start(&fixture);
    systemd.wait_for("READY=1");
    systemd.wait_shown(&["degraded: broker mqtt://127.0.0.1:", "connection refused"]);
    service.signal(libc::SIGHUP);
    systemd.wait_for("RELOADING=1");
    systemd.wait_for("READY=1");
    systemd.wait_shown(&["degraded: broker mqtt://127.0.0.1:"]);
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn it_is_not_ready_before_a_frame_has_passed() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    // Warm, then stuck in the first frame.
    fixture.config(
        broker.port,
        &(fixture.stub("m", &Stub { run_us: 3_600_000_000, slow_from: 2, ..Stub::default() }) + CAMERA),
    );
    let mut systemd = Systemd::new(&fixture);
    let mut service = systemd.start(&fixture);
    watcher.wait_for("a/status", |status| status["state"] == "online");
    // Five times as long as the status unit takes to see a frame, and longer than the watchdog's limit.
    let deadline = Instant::now() + WATCHDOG * 2;
    while Instant::now() < deadline {
        let said = systemd.next(Duration::from_millis(100)).unwrap_or_default();
        assert!(!said.contains("READY=1"), "{said}");
    }
    assert!(watcher.json("a/detections").is_empty());
    assert!(service.is_running());
    service.kill();
}

#[test]
fn a_worker_that_hangs_in_a_model_silences_the_watchdog() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    fixture.config(
        broker.port,
        &(fixture.stub("m", &Stub { run_us: 3_600_000_000, slow_from: 30, ..Stub::default() }) + CAMERA),
    );
    let mut systemd = Systemd::new(&fixture);
    let mut service = systemd.start(&fixture);
    systemd.wait_for("READY=1");
    watcher.wait_for("a/detections", |_| true);
    service.wait_log(&["no progress", "worker/"]);
    // What was sent before the hang may still be in the socket, and on a busy machine a worker may seem to hang before it
    // does: so long as no interval of the watchdog passes unfed, the wait begins again.
    let deadline = Instant::now() + PATIENCE;
    let mut fed = Instant::now();
    while fed.elapsed() < WATCHDOG {
        let said = systemd.next(Duration::from_millis(100)).unwrap_or_default();
        if said.contains("WATCHDOG=1") {
            fed = Instant::now();
        }
        assert!(Instant::now() < deadline, "fed although a worker hangs");
    }
    assert!(service.is_running());
    service.kill();
}
