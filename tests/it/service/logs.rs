//! The log of the running service: its lines from memory, its level for a while, and its files of bounded size.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::io::ioctl_fionread;
use serde_json::Value;

use crate::support::broker::Broker;
use crate::support::disk::SmallDisk;
use crate::support::fixture::{Fixture, Stub, program};
use crate::support::messages::{counter, listen};
use crate::support::{PATIENCE, said, wait_until};

const CAMERA: &str = "[[camera]]\nname = \"a\"\nsource = \"scene:?fps=20\"\ndetect = { model = \"m\" }\n";

fn fixture(broker: &Broker, log: &str) -> Fixture {
    let fixture = Fixture::new();
    fixture.config(broker.port, &(format!("[log]\n{log}\n") + &fixture.stub("m", &Stub::default()) + CAMERA));
    fixture
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The log's files in `dir`, the oldest first.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("box.log"))
        .collect();
    found.sort();
    found.reverse();
    found
}

fn lines_of(dir: &Path) -> Vec<String> {
    let texts = files(dir).into_iter().map(|path| fs::read_to_string(path).unwrap());
    texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// A program whose lines are read as they come.
struct Followed {
    child: Child,
    lines: Receiver<String>,
}

impl Followed {
    fn start(fixture: &Fixture, arguments: &[&str]) -> Followed {
        let mut child = fixture.start(arguments);
        let (send, lines) = channel();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let also = send.clone();
        std::thread::spawn(move || {
            BufReader::new(out).lines().map_while(Result::ok).for_each(|line| drop(send.send(line)))
        });
        std::thread::spawn(move || {
            BufReader::new(err).lines().map_while(Result::ok).for_each(|line| drop(also.send(line)))
        });
        Followed { child, lines }
    }

    fn wait_for(&self, words: &[&str]) {
        self.wait_for_all(&[words]);
    }

    /// Waits for a line with each of `wanted`, in any order: lines of standard output and of standard error overtake
    /// one another on their way here.
    fn wait_for_all(&self, wanted: &[&[&str]]) {
        let mut wanted = wanted.to_vec();
        while !wanted.is_empty() {
            let line =
                self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no line with {wanted:?}"));
            wanted.retain(|words| !words.iter().all(|word| line.contains(word)));
        }
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_level_changes_while_it_runs_and_comes_back_by_itself() {
    let broker = Broker::start();
    let fixture = fixture(&broker, "level = \"info\"");
    let mut service = fixture.run();
    service.wait_log(&["ready"]);
    let shown = json(&fixture.command(&["log", "--json"]));
    assert_eq!((&shown["filter"], &shown["source"]), (&"info".into(), &"configuration".into()));

    let asked = fixture.command(&["log", "info,ocellus::control=trace,ocellus=debug", "--for", "2s"]);
    assert!(asked.status.success() && said(&asked).contains("info comes back in 2 s"), "{}", said(&asked));
    let shown = json(&fixture.command(&["log", "--json"]));
    assert_eq!(shown["filter"], "info,ocellus::control=trace,ocellus=debug");
    assert!(shown["until"].as_str().unwrap().ends_with('Z') && shown["usual"] == "info", "{shown}");
    wait_until("the usual level", || json(&fixture.command(&["log", "--json"]))["filter"] == "info");
    service.wait_log(&["the time of the requested level is over"]);

    assert!(fixture.command(&["log", "debug"]).status.success());
    let shown = fixture.command(&["log"]);
    assert!(said(&shown).contains("level debug, on request; info comes back with"), "{}", said(&shown));
    assert!(fixture.command(&["log", "--reset"]).status.success());
    assert_eq!(json(&fixture.command(&["log", "--json"]))["filter"], "info");

    // Each change is in the audit log, with the user, and reading is not.
    let audit = fs::read_to_string(fixture.state_dir.join("audit.log")).unwrap();
    let changes: Vec<&str> = audit.lines().filter(|line| line.contains("\"log\"")).collect();
    assert_eq!(changes.len(), 3, "{audit}");
    assert!(changes[0].contains("ocellus=debug for 2 s") && changes[0].contains("uid "), "{audit}");
    assert!(changes[2].contains("reset"), "{audit}");
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_filter_that_would_log_nothing_is_refused_with_what_is_meant() {
    let broker = Broker::start();
    let fixture = fixture(&broker, "level = \"info\"");
    let mut service = fixture.run();
    service.wait_log(&["ready"]);
    for (arguments, words) in [
        (&["log", "verbose"][..], "\"verbose\" is not a level"),
        (&["log", "info,ocellus::mqqt=trace"], "did you mean \"ocellus::mqtt\"?"),
        (&["log", "ocellus::mqtt=loud"], "not a filter"),
        (&["log", "debug", "--for", "9999999s"], "1 s to 7 days"),
    ] {
        let output = fixture.command(arguments);
        assert!(output.status.code() == Some(1) && said(&output).contains(words), "{}", said(&output));
    }
    assert_eq!(fixture.command(&["log", "debug", "--for", "soon"]).status.code(), Some(2));
    assert_eq!(json(&fixture.command(&["log", "--json"]))["filter"], "info");
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn the_environment_sets_the_level_at_start_and_a_faulty_one_is_reported() {
    let broker = Broker::start();
    let fixture = fixture(&broker, "level = \"warn\"");
    let mut service = fixture.run_with(&[("OCELLUS_LOG", "info,ocellus::mqtt=debug")]);
    service.wait_log(&["ready"]);
    let shown = json(&fixture.command(&["log", "--json"]));
    assert_eq!(
        (&shown["source"], &shown["filter"]),
        (&"environment".into(), &"info,ocellus::mqtt=debug".into())
    );
    assert_eq!(service.stop(), Some(0));

    let mut service = fixture.run_with(&[("OCELLUS_LOG", "loud")]);
    service.wait_log(&["OCELLUS_LOG=loud", "is not a level"]);
    wait_until("the service", || fixture.command(&["status"]).status.success());
    assert_eq!(json(&fixture.command(&["log", "--json"]))["filter"], "warn");
    assert_eq!(service.stop(), Some(0));
    let strict = Command::new(program())
        .args(["run", "--strict", "--config"])
        .arg(fixture.config_path())
        .env("OCELLUS_LOG", "loud")
        .output()
        .unwrap();
    assert!(strict.status.code() == Some(3) && said(&strict).contains("OCELLUS_LOG"), "{}", said(&strict));
}

#[test]
fn lines_come_from_memory_by_level_and_time_and_are_followed_over_a_restart() {
    let broker = Broker::start();
    let fixture = fixture(&broker, "level = \"info\"");
    let mut service = fixture.run();
    service.wait_log(&["ready"]);
    let all = said(&fixture.command(&["logs"]));
    assert!(all.contains(" INFO ") && all.contains("ready"), "{all}");
    let newest = fixture.command(&["logs", "-n", "1", "--json"]);
    let line: Value = serde_json::from_slice(&newest.stdout).unwrap();
    assert!(line["seq"].as_u64() > Some(1) && line["time"].as_str().unwrap().ends_with('Z'), "{line}");
    assert_eq!(said(&fixture.command(&["logs", "--level", "error"])), "");
    assert_eq!(said(&fixture.command(&["logs", "--since", "2099-01-01"])), "");
    assert!(said(&fixture.command(&["logs", "--since", "1h"])).contains("ready"));
    assert_eq!(fixture.command(&["logs", "--since", "whenever"]).status.code(), Some(2));

    let follower = Followed::start(&fixture, &["logs", "--follow"]);
    follower.wait_for(&["ready"]);
    assert!(fixture.command(&["restart", "camera/a"]).status.success());
    follower.wait_for(&["restarted on request", "unit=camera/a"]);
    assert_eq!(service.stop(), Some(0));
    follower.wait_for(&["the service is away"]);
    let away = fixture.command(&["logs"]);
    assert_eq!(away.status.code(), Some(12), "{}", said(&away));
    let mut service = fixture.run();
    follower.wait_for_all(&[&["the service was restarted"], &["ready"]]);
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_reader_that_needs_no_more_ends_the_follower() {
    let broker = Broker::start();
    let fixture = fixture(&broker, "level = \"debug\"");
    let mut service = fixture.run();
    service.wait_log(&["ready"]);
    let mut child = fixture.start(&["logs", "--follow"]);
    drop(child.stdout.take());
    wait_until("the end of the follower", || {
        fixture.command(&["restart", "camera/a"]);
        child.try_wait().unwrap().is_some()
    });
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn the_file_stays_within_its_bound_and_holds_the_last_lines_also_after_kills() {
    let broker = Broker::start();
    let fixture = fixture(&broker, "level = \"trace\"\nfile = \"box.log\"\nmax_kib = 64\nfiles = 3");
    let dir = fixture.state_dir.clone();
    let watcher = listen(broker.port);
    for round in 0..3 {
        let mut service = fixture.run();
        service.wait_log(&["ready; watch with"]);
        // Lines until there were rotations in this round.
        let before = json(&fixture.command(&["log", "--json"]))["file_lost"].clone();
        let first = fs::read_to_string(dir.join("box.log")).unwrap_or_default();
        let first = first.lines().next().unwrap_or_default().to_owned();
        wait_until("a rotation", || {
            fixture.command(&["status"]);
            let now = fs::read_to_string(dir.join("box.log")).unwrap_or_default();
            !now.is_empty() && !now.starts_with(&first)
        });
        assert_eq!(before, 0);
        wait_until("the count of its lines", || counter(&watcher, "log/lines_written") > Some(100));
        if round < 2 {
            service.kill();
        } else {
            assert_eq!(service.stop(), Some(0));
        }
        let bytes: u64 = files(&dir).iter().map(|path| fs::metadata(path).unwrap().len()).sum();
        assert!(bytes <= 3 * (64 << 10) && files(&dir).len() <= 3, "{bytes} bytes in {:?}", files(&dir));
        let lines = lines_of(&dir);
        let starts = |line: &String| line.starts_with("20") || line.starts_with("  ");
        // A kill may cut one line; the next start ends it.
        let odd = lines.iter().filter(|line| !starts(line)).count();
        assert!(odd <= 4, "{odd} lines are damaged");
        let times: Vec<_> =
            lines.iter().filter(|line| line.starts_with("20")).map(|line| &line[..27]).collect();
        assert!(times.is_sorted(), "in order, so no line is in two files");
    }
    assert!(lines_of(&dir).last().unwrap().contains("stopped"), "{:?}", lines_of(&dir).last());
    // The service is gone; the file is read.
    let read = fixture.command(&["logs", "-n", "3"]);
    assert!(read.status.success() && said(&read).contains("no service runs"), "{}", said(&read));
    assert!(said(&read).contains("stopped"), "{}", said(&read));
}

#[test]
fn a_full_disk_stops_the_file_and_nothing_else_and_its_lines_wait() {
    let Some(disk) = SmallDisk::mount(1 << 20) else {
        return;
    };
    let broker = Broker::start();
    let path = disk.path().join("box.log");
    let fixture = fixture(&broker, &format!("level = \"info\"\nfile = \"{}\"", path.display()));
    let watcher = listen(broker.port);
    let mut service = fixture.run();
    service.wait_log(&["ready"]);
    wait_until("lines in the file", || fs::read_to_string(&path).unwrap_or_default().contains("ready"));
    disk.fill();
    wait_until("a line that the disk does not take", || {
        assert!(fixture.command(&["restart", "camera/a"]).status.success());
        counter(&watcher, "log/writes_failed") > Some(0)
    });
    service.wait_log(&["takes no lines", "box.log"]);
    let before = watcher.json("a/detections").len();
    wait_until("frames go on", || watcher.json("a/detections").len() > before + 20);
    disk.free();
    wait_until("the lines that waited", || {
        fs::read_to_string(&path).unwrap_or_default().contains("takes no lines")
    });
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        text.lines().all(|line| line.starts_with("20") || line.starts_with("  ")),
        "whole lines only: {text}"
    );
    let restarts = |text: &str| text.matches("restarted on request").count();
    assert_eq!(restarts(&text), restarts(&service.log()), "none is lost, none is there twice");
    assert_eq!(counter(&watcher, "log/lines_lost"), Some(0));
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

/// A pipe that nobody reads stands for a disk that hangs: what is written to it waits, and there is no error.
#[test]
fn a_disk_that_hangs_keeps_nobody_waiting_who_asks_the_service() {
    let broker = Broker::start();
    let fixture = fixture(&broker, "level = \"trace\"\nfile = \"box.log\"");
    fs::create_dir(&fixture.state_dir).unwrap();
    let path = fixture.state_dir.join("box.log");
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let pipe = fs::File::options().read(true).write(true).open(&path).unwrap();
    // SAFETY: a plain system call on a pipe that is open.
    let capacity = unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETPIPE_SZ, 4096) };
    assert!(capacity > 0);
    let watcher = listen(broker.port);
    let mut service = fixture.run();
    wait_until("the pipe is full", || ioctl_fionread(&pipe).unwrap() >= capacity as u64);
    let before = watcher.json("a/detections").len();
    wait_until("frames go on", || watcher.json("a/detections").len() > before + 20);
    wait_until("the state", || fixture.command(&["status"]).status.success());
    let shown = json(&fixture.command(&["log", "--json"]));
    assert!(shown["file"].as_str().unwrap().ends_with("box.log"), "{shown}");
    let reports = || watcher.on("box1/telemetry").len();
    let before = reports();
    wait_until("telemetry goes on", || reports() > before + 3);
    assert!(fixture.command(&["reload"]).status.success());
    service.kill();
}

#[test]
fn a_reload_begins_and_ends_the_file() {
    let broker = Broker::start();
    let fixture = fixture(&broker, "level = \"info\"");
    let mut service = fixture.run();
    service.wait_log(&["ready"]);
    let rest = fixture.stub("m", &Stub::default()) + CAMERA;
    fixture.config(broker.port, &("[log]\nfile = \"box.log\"\n".to_owned() + &rest));
    assert!(fixture.command(&["reload"]).status.success());
    let path = fixture.state_dir.join("box.log");
    // The lines in memory are written too: the start of the service is in the file.
    wait_until("the start in the file", || fs::read_to_string(&path).unwrap_or_default().contains("ready"));
    let shown = said(&fixture.command(&["log"]));
    assert!(shown.contains(&format!("written to {}", path.display())), "{shown}");
    fixture.config(broker.port, &("[log]\nlevel = \"warn\"\n".to_owned() + &rest));
    assert!(fixture.command(&["reload"]).status.success());
    assert!(!said(&fixture.command(&["log"])).contains("written to"));
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn nobody_but_the_machine_itself_reads_or_changes_the_log() {
    let broker = Broker::start();
    let fixture = Fixture::new();
    let mqtt = format!("url = \"mqtt://127.0.0.1:{}\"\ncommands = [\"log\", \"logs\"]", broker.port);
    fixture.config_with(&mqtt, "stub", &(fixture.stub("m", &Stub::default()) + CAMERA));
    let watcher = listen(broker.port);
    let mut service = fixture.run();
    service.wait_log(&["ready"]);
    for command in ["log", "logs"] {
        let topic = format!("ocellus/box1/cmd/{command}/7");
        let sent = Command::new("mosquitto_pub")
            .args(["-h", "127.0.0.1", "-p", &broker.port.to_string(), "-t", &topic, "-m"])
            .arg("{\"status\": \"init\", \"filter\": \"trace\"}")
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(sent.success());
        let answer = watcher.wait_for(&format!("cmd/{command}/7"), |answer| answer["status"] == "failed");
        assert!(answer.to_string().contains("the machine itself"), "{answer}");
    }
    assert_eq!(json(&fixture.command(&["log", "--json"]))["filter"], "info");
    assert_eq!(service.stop(), Some(0));
}
