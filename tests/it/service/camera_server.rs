//! The camera server as a lab uses it: pictures on one port, commands on another, through the whole program.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::broker::{Broker, free_port};
use crate::support::fixture::{Fixture, Service, Stub};
use crate::support::messages::{counter, listen};
use crate::support::subscriber::Subscriber;
use crate::support::{complaint, wait_until};

/// A box with one camera server.
pub struct Lab {
    pub watcher: Subscriber,
    _broker: Broker,
    pub fixture: Fixture,
    pub frames: u16,
    commands: u16,
    broker_port: u16,
}

impl Lab {
    pub fn new(keys: &str) -> Lab {
        let (broker, fixture) = (Broker::start(), Fixture::new());
        let lab = Lab {
            watcher: listen(broker.port),
            broker_port: broker.port,
            _broker: broker,
            fixture,
            frames: free_port(),
            commands: free_port(),
        };
        lab.configure(keys);
        lab
    }

    fn configure(&self, keys: &str) {
        let port = format!("command_address = \"127.0.0.1:{}\"\n", self.commands);
        self.configure_without_commands(&(port + keys));
    }

    fn configure_without_commands(&self, keys: &str) {
        let frames = self.frames;
        let camera = format!(
            "[[camera]]\nname = \"ions\"\nsource = \"tcp://127.0.0.1:{frames}\"\nframing = \"length32\"\nfrozen_after_ms = 500\nreconnect_ms = 50\n\
             detect = {{ model = \"m\" }}\n{keys}\n"
        );
        self.fixture.config(self.broker_port, &(self.fixture.stub("m", &Stub::default()) + &camera));
    }

    pub fn run(&self) -> Service {
        let service = self.fixture.run();
        self.watcher.wait_for("ions/status", |status| {
            status["cause"].as_str().is_some_and(|cause| cause.contains("no sender"))
        });
        service
    }

    pub fn commander(&self) -> Commander {
        let mut stream = None;
        wait_until("the command port", || {
            stream = TcpStream::connect(("127.0.0.1", self.commands)).ok();
            stream.is_some()
        });
        let stream = stream.unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Commander(BufReader::new(stream))
    }

    fn count(&self, name: &str) -> u64 {
        counter(&self.watcher, &format!("ions/{name}")).unwrap_or(0)
    }
}

pub struct Commander(BufReader<TcpStream>);

impl Commander {
    fn write(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end_matches('\n').to_owned()
    }

    pub fn ask(&mut self, command: &str) -> String {
        self.write(&format!("{command}\n"));
        self.line()
    }
}

/// A JPEG of one grey.
fn jpeg(grey: u8, width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::from_pixel(width, height, image::Rgb([grey; 3]));
    picture.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

/// A small picture as it is sent.
pub fn picture(grey: u8) -> Vec<u8> {
    sized_picture(grey, 64, 48)
}

fn sized_picture(grey: u8, width: u32, height: u32) -> Vec<u8> {
    let jpeg = jpeg(grey, width, height);
    [&(jpeg.len() as u32).to_be_bytes()[..], &jpeg].concat()
}

/// The sender that docs/tcp.md shows.
fn documented_sender() -> String {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/tcp.md")).unwrap();
    let mut blocks =
        page.split("```python\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    let sender = blocks.next().expect("a sender in Python");
    assert!(blocks.next().is_none(), "one sender");
    assert!(sender.lines().filter(|line| !line.is_empty()).count() <= 12, "it is short");
    sender
}

#[test]
fn the_python_sender_of_the_page_sends_and_each_of_its_frames_is_accounted_for() {
    let lab = Lab::new("skip_frames = 1");
    let mut service = lab.run();
    fs::write(lab.fixture.path("sender.py"), documented_sender()).unwrap();
    fs::write(lab.fixture.path("frame.jpg"), jpeg(120, 64, 48)).unwrap();
    const SENT: u64 = 40;
    let mut sender = Command::new("python3");
    sender.arg(lab.fixture.path("sender.py")).args(["127.0.0.1", &lab.frames.to_string(), "200"]);
    sender.args((0..SENT).map(|_| lab.fixture.path("frame.jpg")));
    let output = sender.output().expect("python3 runs");
    assert!(output.status.success(), "{}", complaint(&output));
    let accounted = || {
        let [received, skipped] = ["received", "skipped_before_decoding"].map(|name| lab.count(name));
        let lost: u64 = ["queue_dropped", "damaged", "discarded"].map(|name| lab.count(name)).iter().sum();
        (received, skipped, lab.count("frames") + lost)
    };
    wait_until("every frame is accounted for", || accounted() == (SENT, SENT / 2, SENT / 2));
    let seen = || lab.count("reported") + lab.count("skipped") + lab.count("starved");
    wait_until("and each that became one went on", || seen() == lab.count("frames"));
    assert!(!lab.watcher.json("ions/detections").is_empty());
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn the_words_of_the_command_port_are_answered_in_whatever_packets_they_come() {
    let lab = Lab::new("");
    let mut service = lab.run();
    let mut commander = lab.commander();
    assert_eq!(commander.ask("PING"), "PONG");
    assert_eq!(commander.ask("READY\r"), "READY: yes");
    assert_eq!(commander.ask("DANCE"), "ERROR: Unknown command");
    commander.write("EXP_ID:run 7/β\r\nPING\r\nSTAT");
    assert_eq!(commander.line(), "OK: experiment run 7/β");
    assert_eq!(commander.line(), "PONG");
    commander.write("US\n");
    let status = commander.line();
    assert!(status.starts_with("OK: started sender=none received=0 "), "{status}");
    assert!(status.ends_with("experiment=run 7/β"), "{status}");
    lab.watcher.wait_for("ions/status", |status| status["experiment"] == "run 7/β");
    // As many senders do it: one command, no end of line, one answer.
    let mut short = lab.commander();
    short.write("STATUS");
    assert!(short.line().starts_with("OK: started"));
    let mut endless = lab.commander();
    endless.write(&"x".repeat(100_000));
    endless.write("\nPING\n");
    assert_eq!(endless.line(), "ERROR: a line has at most 256 bytes");
    assert_eq!(endless.line(), "PONG");
    assert_eq!(
        commander.ask(&format!("EXP_ID:{}", "x".repeat(129))),
        "ERROR: an experiment id has at most 128 bytes"
    );
    wait_until("refused lines are counted", || lab.count("commands_refused") == 3);
    let audit = fs::read_to_string(lab.fixture.state_dir.join("audit-machines.log")).unwrap();
    let changes: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(changes.len(), 1, "{audit}");
    assert_eq!(changes[0]["source"], "tcp");
    assert_eq!(
        (&changes[0]["action"], &changes[0]["target"]),
        (&"camera EXP_ID".into(), &"ions run 7/β".into())
    );
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn stop_discards_frames_over_a_reload_without_an_alarm_and_start_takes_them_again() {
    let lab = Lab::new("");
    let mut service = lab.run();
    let mut commander = lab.commander();
    let mut sender = TcpStream::connect(("127.0.0.1", lab.frames)).unwrap();
    sender.write_all(&picture(120)).unwrap();
    lab.watcher.wait_for("ions/detections", |_| true);
    assert_eq!(commander.ask("STOP"), "OK: stopped");
    assert_eq!(commander.ask("READY"), "READY: busy");
    let stopped =
        |status: &Value| status["cause"].as_str().is_some_and(|cause| cause.contains("stopped by a command"));
    lab.watcher.wait_for("ions/status", stopped);
    wait_until("frames are discarded", || {
        sender.write_all(&picture(60)).unwrap();
        lab.count("discarded") > 3
    });
    // The reload builds the camera and its command port again: another limit, the same state.
    lab.configure("tcp_queue = 2\nallow = [\"127.0.0.1\"]");
    service.signal(libc::SIGHUP);
    service.wait_log(&["configuration reloaded", "\"changed\":[\"ions\"]"]);
    let mut commander = lab.commander();
    assert!(commander.ask("STATUS").starts_with("OK: stopped "));
    assert_eq!(commander.ask("CLEAR_FRAMES"), "OK: 0 frames cleared");
    let before = lab.watcher.json("ions/detections").len();
    let mut sender = TcpStream::connect(("127.0.0.1", lab.frames)).unwrap();
    let discarded = lab.count("discarded");
    wait_until("frames are still discarded", || {
        sender.write_all(&picture(60)).unwrap();
        lab.count("discarded") > discarded + 3
    });
    assert_eq!(lab.watcher.json("ions/detections").len(), before, "nothing passed");
    assert_eq!(commander.ask("START"), "OK: started");
    wait_until("frames are taken again", || {
        sender.write_all(&picture(60)).unwrap();
        lab.watcher.json("ions/detections").len() > before
    });
    let alarms = lab.watcher.json("alarm/camera-ions");
    let frozen = alarms.iter().filter(|alarm| alarm.to_string().contains("stopped by a command"));
    assert_eq!(frozen.count(), 0, "what somebody wanted is no alarm: {alarms:?}");
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn clear_frames_discards_the_pictures_that_wait_for_the_decoder_and_counts_them() {
    let lab = Lab::new("tcp_queue = 64\ntcp_max_bytes = 33554432");
    let mut service = lab.run();
    let mut commander = lab.commander();
    let mut sender = TcpStream::connect(("127.0.0.1", lab.frames)).unwrap();
    let big = sized_picture(120, 1920, 1080);
    let (mut sent, mut cleared) = (0, 0);
    wait_until("pictures that wait are cleared", || {
        // They come faster than they can be decoded.
        for _ in 0..16 {
            sender.write_all(&big).unwrap();
            sent += 1;
        }
        let answer = commander.ask("CLEAR_FRAMES");
        let count = answer.strip_prefix("OK: ").and_then(|rest| rest.split(' ').next());
        cleared += count.and_then(|count| count.parse::<u64>().ok()).unwrap_or_else(|| panic!("{answer}"));
        cleared > 0
    });
    let counts = || {
        let [received, frames] = ["received", "frames"].map(|name| lab.count(name));
        let lost: u64 = ["queue_dropped", "damaged", "discarded"].map(|name| lab.count(name)).iter().sum();
        (received, frames + lost)
    };
    wait_until("every picture is accounted for", || counts() == (sent, sent));
    assert_eq!(lab.count("discarded"), cleared);
    assert!(commander.ask("STATUS").starts_with("OK: started "), "only the pictures are gone");
    let before = lab.count("frames");
    sender.write_all(&big).unwrap();
    wait_until("the next picture is decoded", || lab.count("frames") == before + 1);
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_stop_ends_with_the_command_port_because_nobody_could_send_start_any_more() {
    let lab = Lab::new("");
    let mut service = lab.run();
    assert_eq!(lab.commander().ask("STOP"), "OK: stopped");
    lab.configure_without_commands("");
    service.signal(libc::SIGHUP);
    service.wait_log(&["configuration reloaded", "\"changed\":[\"ions\"]"]);
    let mut sender = TcpStream::connect(("127.0.0.1", lab.frames)).unwrap();
    wait_until("frames are taken", || {
        // The camera that is replaced may have taken the connection with it.
        if sender.write_all(&picture(60)).is_err() {
            sender = TcpStream::connect(("127.0.0.1", lab.frames)).unwrap();
        }
        !lab.watcher.json("ions/detections").is_empty()
    });
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn hostile_senders_cost_neither_the_service_nor_its_memory() {
    let lab = Lab::new("tcp_frame_ms = 300\ntcp_max_bytes = 67108864");
    let mut service = lab.run();
    let memory = |service: &Service| {
        let status = fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let attack = |n: usize| {
        let mut stranger = TcpStream::connect(("127.0.0.1", lab.frames)).unwrap();
        let big = [&[3, 0xFF, 0xFF, 0xFF, 0xFF, 0xD8, 0xFF][..], &[7; 100]].concat();
        let bytes: &[u8] = match n % 4 {
            0 => &[0xFF, 0xFF, 0xFF, 0xFF],
            1 => &[0, 0],
            2 => &[0, 0, 0, 0],
            // 64 MiB are announced, and 100 bytes come.
            _ => &big,
        };
        stranger.write_all(bytes).unwrap();
        stranger
    };
    let mut sender = TcpStream::connect(("127.0.0.1", lab.frames)).unwrap();
    sender.write_all(&picture(120)).unwrap();
    lab.watcher.wait_for("ions/detections", |_| true);
    drop(sender);
    (0..8).for_each(|n| drop(attack(n)));
    wait_until("the first ones were refused", || lab.count("refused_connections") >= 4);
    let before = memory(&service);
    let kept: Vec<TcpStream> = (0..200).map(attack).collect();
    wait_until("all were refused", || {
        lab.count("refused_connections") + lab.count("broken_connections") >= 100
    });
    drop(kept);
    let seen = lab.watcher.json("ions/detections").len();
    wait_until("the camera is served again", || {
        let sent = TcpStream::connect(("127.0.0.1", lab.frames)).and_then(|mut sender| {
            sender.write_all(&picture(90))?;
            sender.shutdown(std::net::Shutdown::Write)?;
            sender.set_read_timeout(Some(Duration::from_millis(200)))?;
            sender.read(&mut [0])
        });
        drop(sent);
        lab.watcher.json("ions/detections").len() > seen
    });
    let grown = memory(&service).saturating_sub(before);
    assert!(grown < 24 << 10, "the service grew by {grown} KiB");
    let mut commander = lab.commander();
    let status = commander.ask("STATUS");
    assert!(!status.contains("refused=0"), "refusals are visible: {status}");
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn commands_need_the_secret_and_strangers_are_refused_counted_and_named() {
    let lab = Lab::new("");
    fs::write(lab.fixture.path("secret"), "open sesame\n").unwrap();
    lab.configure("secret_file = \"secret\"");
    let mut service = lab.run();
    let mut without = lab.commander();
    assert!(without.ask("STOP").starts_with("ERROR: begin with SECRET:"));
    assert_eq!(without.line(), "", "closed");
    let mut wrong = lab.commander();
    assert_eq!(wrong.ask("SECRET:sesame"), "ERROR: wrong secret");
    assert_eq!(wrong.line(), "", "closed");
    let mut right = lab.commander();
    right.write("SECRET:open sesame\nPING\n");
    assert_eq!((right.line().as_str(), right.line().as_str()), ("OK: accepted", "PONG"));
    assert!(right.ask("STATUS").starts_with("OK: started"), "the stranger's STOP had no effect");
    wait_until("both are counted", || lab.count("commands_refused") == 2);
    // Another network: nobody on this machine may command any more.
    lab.configure("allow = [\"10.0.0.0/24\"]");
    service.signal(libc::SIGHUP);
    service.wait_log(&["configuration reloaded", "\"changed\":[\"ions\"]"]);
    wait_until("a stranger is closed without an answer", || {
        let mut stranger = lab.commander();
        let _ = stranger.0.get_mut().write_all(b"PING\n");
        let mut answer = String::new();
        stranger.0.read_line(&mut answer).map_or(true, |_| answer.is_empty())
    });
    service.wait_log(&["refused as a commander", "not in the camera's allow"]);
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_command_port_that_is_taken_raises_an_alarm_and_is_listened_on_as_soon_as_it_is_free() {
    let lab = Lab::new("");
    let taken = std::net::TcpListener::bind(("127.0.0.1", lab.commands)).unwrap();
    let mut service = lab.run();
    let alarm = lab.watcher.wait_for("alarm/command-port-ions", |_| true);
    let cause = alarm["cause"].as_str().unwrap();
    assert!(
        cause.contains("command port of camera ions: cannot listen on") && cause.contains("free port"),
        "{cause}"
    );
    // The pictures do not wait for it.
    let mut sender = TcpStream::connect(("127.0.0.1", lab.frames)).unwrap();
    sender.write_all(&picture(120)).unwrap();
    lab.watcher.wait_for("ions/detections", |_| true);
    drop(taken);
    let mut commander = lab.commander();
    wait_until("it answers", || {
        if commander.0.get_mut().write_all(b"PING\n").is_ok() && commander.line() == "PONG" {
            return true;
        }
        commander = lab.commander();
        false
    });
    wait_until("the alarm ends", || {
        lab.watcher.on("alarm/command-port-ions").last().unwrap().payload.is_empty()
    });
    assert_eq!(service.stop(), Some(0));
}
