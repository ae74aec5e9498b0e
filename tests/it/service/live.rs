//! What a person at the command line sees of the running service: its state as it changes, its load, and its end.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::process::{Command, Output, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::{Value, json};

use crate::service::commands::ask;
use crate::support::broker::Broker;
use crate::support::fixture::{Fixture, Stub, program};
use crate::support::messages::listen;
use crate::support::pty::Pty;
use crate::support::{PATIENCE, said, wait_until};

const CAMERA: &str = "[[camera]]\nname = \"front\"\nsource = \"scene:?fps=20\"\ndetect = { model = \"m\" }\n";

fn fixture(broker: &Broker, stub: &Stub) -> Fixture {
    let fixture = Fixture::new();
    // The system chooses the port.
    let web = "[web]\nbind = \"127.0.0.1:0\"\n\n".to_owned();
    fixture.config(broker.port, &(web + &fixture.stub("m", stub) + CAMERA));
    fixture
}

fn json_of(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(output)))
}

#[test]
fn the_state_names_cameras_queues_disks_units_and_the_page() {
    let broker = Broker::start();
    let fixture = fixture(&broker, &Stub::default());
    let mut service = fixture.run();
    service.wait_log(&["ready"]);
    let status = || json_of(&fixture.command(&["status", "--json"]));
    wait_until("a rate and a latency", || {
        let camera = &status()["cameras"][0];
        camera["fps"].as_f64() > Some(5.0) && camera["latency"]["p50_us"].as_u64() > Some(0)
    });
    let now = status();
    assert_eq!(
        (&now["cameras"][0]["camera"], &now["cameras"][0]["state"]),
        (&json!("front"), &json!("online"))
    );
    assert_eq!((&now["ready"], now["pid"].as_u64()), (&json!(true), Some(u64::from(service.id()))));
    assert!(now["queues"]["stage/m#1"].is_u64() && now["queues"]["outbox"].is_u64(), "{now}");
    assert!(now["disks"][0]["free_bytes"].as_u64() > Some(0), "{now}");
    let units: Vec<_> =
        now["units"].as_array().unwrap().iter().map(|unit| unit["name"].as_str().unwrap()).collect();
    let at = |name: &str| {
        units.iter().position(|unit| *unit == name).unwrap_or_else(|| panic!("{name}: {units:?}"))
    };
    assert!(
        at("mqtt") < at("camera/front") && at("camera/front") < at("status"),
        "in the order of the start"
    );
    let page = now["page"].as_str().unwrap().to_owned();
    service.wait_log(&["the page is at", &page]);
    let words = said(&fixture.command(&["status"]));
    for wanted in ["online, version", &page, "front", "stage/m#1", "disks     state", "memory"] {
        assert!(words.contains(wanted), "{wanted}: {words}");
    }
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn watching_prints_a_line_for_each_time_where_there_is_no_terminal() {
    let broker = Broker::start();
    let fixture = fixture(&broker, &Stub::default());
    let away = fixture.command(&["status", "--watch"]);
    assert_eq!(away.status.code(), Some(12), "{}", said(&away));
    let mut service = fixture.run();
    service.wait_log(&["ready"]);
    let output = fixture.command(&["status", "--watch", "--every", "50ms", "--count", "3"]);
    assert!(output.status.success(), "{}", said(&output));
    let text = said(&output);
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(
        text.lines().all(|line| line.contains("Z online; front online") && line.ends_with("no alarms")),
        "{text}"
    );
    assert!(!text.contains('\x1b'), "{text}");
    let output = fixture.command(&["status", "--watch", "--json", "--every", "50ms", "--count", "2"]);
    let states = String::from_utf8(output.stdout).unwrap();
    let states: Vec<Value> = states.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(states.len() == 2 && states.iter().all(|state| state["cameras"][0]["camera"] == "front"));
    assert_eq!(fixture.command(&["status", "--count", "2"]).status.code(), Some(2), "without --watch");
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn each_time_of_a_watch_counts_also_while_the_service_is_away() {
    let broker = Broker::start();
    let fixture = fixture(&broker, &Stub::default());
    let mut service = fixture.run();
    service.wait_log(&["ready"]);
    let mut watcher = fixture.start(&["status", "--watch", "--every", "200ms", "--count", "10"]);
    let mut lines = BufReader::new(watcher.stdout.take().unwrap()).lines().map(Result::unwrap);
    let first = lines.next().unwrap();
    assert!(first.contains("front online"), "{first}");
    service.kill();
    let rest: Vec<_> = lines.collect();
    assert_eq!(watcher.wait().unwrap().code(), Some(0));
    assert_eq!(rest.len(), 9, "{rest:?}");
    assert!(rest.last().unwrap().contains("away: no service runs"), "{rest:?}");
    let none = fixture.command(&["status", "--watch", "--count", "0"]);
    assert_eq!(none.status.code(), Some(2), "{}", said(&none));
}

/// Answers questions on the control socket of `fixture`, one after the other.
fn answer_in_place_of_the_service(fixture: &Fixture, answers: Vec<Value>) -> JoinHandle<()> {
    fs::create_dir_all(&fixture.state_dir).unwrap();
    let listener = UnixListener::bind(fixture.state_dir.join("control.sock")).unwrap();
    std::thread::spawn(move || {
        for answer in answers {
            let (stream, _) = listener.accept().unwrap();
            let mut stream = BufReader::new(stream);
            stream.read_line(&mut String::new()).unwrap();
            writeln!(stream.get_mut(), "{answer}").unwrap();
        }
    })
}

#[test]
fn a_refusal_is_fatal_at_first_and_later_it_is_shown_and_asked_again() {
    let broker = Broker::start();
    let fixture = fixture(&broker, &Stub::default());
    let load = |at_ms: u64| {
        let (threads, at_ns) = (json!([]), at_ms * 1_000_000);
        json!({ "result": { "pid": 7, "at_ns": at_ns, "cores": 2, "cpu_ns": 0, "memory_bytes": 0,
                            "threads": threads, "stages": [], "cameras": [] } })
    };
    let refused = json!({ "reason": "the service is starting", "remedy": "ask again" });
    let service = answer_in_place_of_the_service(
        &fixture,
        vec![refused.clone(), refused.clone(), load(1), refused, load(2), load(3)],
    );
    let at_first = fixture.command(&["top", "--every", "10ms"]);
    assert_eq!(at_first.status.code(), Some(1), "{}", said(&at_first));
    let at_first = fixture.command(&["status", "--watch", "--every", "10ms"]);
    assert_eq!(at_first.status.code(), Some(1), "{}", said(&at_first));
    assert!(said(&at_first).contains("the service is starting; ask again"), "{}", said(&at_first));
    let mut top = fixture.start(&["top", "--every", "10ms", "--json"]);
    let mut lines = BufReader::new(top.stdout.take().unwrap()).lines().map(Result::unwrap);
    let measured: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    assert_eq!((&measured["pid"], &measured["period_ms"]), (&json!(7), &json!(1)));
    service.join().unwrap();
    top.kill().unwrap();
    let words = std::io::read_to_string(top.stderr.take().unwrap()).unwrap();
    top.wait().unwrap();
    assert!(words.contains("-- the service is starting; ask again; asking again --"), "{words}");
}

#[test]
fn watching_redraws_in_place_on_a_narrow_terminal_and_outlives_the_service() {
    let broker = Broker::start();
    let fixture = fixture(&broker, &Stub::default());
    let mut service = fixture.run();
    service.wait_log(&["ready"]);
    let pty = Pty::new();
    let terminal = File::options().read(true).write(true).open(pty.path()).unwrap();
    let narrow = Winsize { ws_row: 24, ws_col: 30, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&terminal, narrow).unwrap();
    let mut watcher = Command::new(program())
        .args(["status", "--watch", "--every", "50ms", "--config"])
        .arg(fixture.config_path())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(Stdio::from(terminal))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut pictures = 0;
    while pictures < 3 {
        let line = pty.line();
        // A picture begins by going up over the one before.
        pictures += usize::from(line.contains("A\r"));
        let shown = line.rsplit("A\r").next().unwrap().trim_end_matches("\x1b[K");
        let shown = shown.trim_start_matches("\x1b[J");
        let shown = shown.strip_prefix("\x1b[J").unwrap_or(shown);
        assert!(shown.chars().filter(|c| *c != '\x1b').count() <= 30 + 4, "it would wrap: {line:?}");
        assert!(line.ends_with("\x1b[K"), "what was there before is cleared: {line:?}");
    }
    assert_eq!(service.stop(), Some(0));
    while !pty.line().contains("away: no service runs") {}
    let mut service = fixture.run();
    while !pty.line().contains("online") {}
    watcher.kill().unwrap();
    watcher.wait().unwrap();
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn top_shows_the_load_by_camera_stage_and_thread() {
    let broker = Broker::start();
    let fixture = fixture(&broker, &Stub::default());
    assert_eq!(fixture.command(&["top", "--once"]).status.code(), Some(12));
    let mut service = fixture.run();
    service.wait_log(&["ready"]);
    let load = json_of(&fixture.command(&["top", "--once", "--every", "2s", "--json"]));
    assert_eq!(load["pid"].as_u64(), Some(u64::from(service.id())));
    let camera = &load["cameras"][0];
    assert_eq!(camera["camera"], "front");
    assert!(camera["capture"].as_f64() > Some(0.0) && camera["stages"].as_f64() > Some(0.0), "{camera}");
    let stages = load["stages"].as_array().unwrap();
    let stage = stages.iter().find(|stage| stage["stage"] == "m#1").unwrap_or_else(|| panic!("{stages:?}"));
    assert!(stage["by_camera"]["front"].as_f64() > Some(0.0), "{stage}");
    let threads = load["threads"].as_array().unwrap();
    let named = |name: &str| threads.iter().any(|thread| thread["thread"] == name);
    assert!(named("front:capture") && named("worker/0") && named("mqtt"), "{threads:?}");
    let of_camera = threads.iter().filter(|thread| thread["camera"] == "front");
    let capture: f64 = of_camera.map(|thread| thread["share"].as_f64().unwrap()).sum();
    assert!((capture - camera["capture"].as_f64().unwrap()).abs() < 1e-6, "{load}");
    let words = said(&fixture.command(&["top", "--once", "--every", "200ms"]));
    for wanted in ["% of one core", "CAMERA", "STAGE", "THREAD", "front"] {
        assert!(words.contains(wanted), "{wanted}: {words}");
    }
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn stop_waits_until_the_service_is_gone() {
    let broker = Broker::start();
    let fixture = fixture(&broker, &Stub::default());
    let away = fixture.command(&["stop"]);
    assert!(away.status.code() == Some(12) && said(&away).contains("no service runs"), "{}", said(&away));
    let mut service = fixture.run();
    service.wait_log(&["ready"]);
    let output = fixture.command(&["stop"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(said(&output), format!("stopped (process {})\n", service.id()));
    // It is gone by now, and ended as after SIGTERM.
    assert!(!service.is_running());
    assert_eq!(service.exit_within(PATIENCE), Some(0));
    assert!(service.log().contains("stops on request"), "{}", service.log());
    let audit = fs::read_to_string(fixture.state_dir.join("audit.log")).unwrap();
    assert!(audit.lines().any(|line| line.contains("\"stop\"") && line.contains("uid ")), "{audit}");
}

#[test]
fn a_service_that_systemd_started_says_that_systemd_may_start_it_again() {
    let broker = Broker::start();
    let fixture = fixture(&broker, &Stub::default());
    let config = fixture.config_path();
    let mut service = Command::new("sh")
        .args(["-c", "SYSTEMD_EXEC_PID=$$ exec \"$0\" run --config \"$1\""])
        .arg(program())
        .arg(&config)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the service", || fixture.command(&["status"]).status.success());
    let output = said(&fixture.command(&["stop"]));
    assert!(output.contains("Restart=always") && output.contains("systemctl stop"), "{output}");
    assert!(service.wait().unwrap().success());
}

#[test]
fn a_service_that_does_not_end_in_time_is_named_with_what_to_do() {
    let broker = Broker::start();
    let fixture = fixture(&broker, &Stub { run_us: 3_000_000, slow_from: 2, ..Stub::default() });
    let watcher = listen(broker.port);
    let mut service = fixture.run();
    watcher.wait_for("front/detections", |_| true);
    let output = fixture.command(&["stop", "--timeout", "1ms"]);
    assert_eq!(output.status.code(), Some(8), "{}", said(&output));
    assert!(said(&output).contains("still runs") && said(&output).contains("SIGTERM"), "{}", said(&output));
    service.exit_within(Duration::from_secs(30));
}

#[test]
fn a_part_that_crashes_four_times_is_restarted_three_times_and_the_others_are_unharmed() {
    let broker = Broker::start();
    let fixture = Fixture::new();
    let mqtt = format!("url = \"mqtt://127.0.0.1:{}\"\ncommands = [\"restart\", \"status\"]", broker.port);
    let quick = "[supervisor]\nbackoff_ms = 10\nbackoff_max_ms = 20\n\n";
    fixture.config_with(&mqtt, "stub", &(quick.to_owned() + &fixture.stub("m", &Stub::default()) + CAMERA));
    let watcher = listen(broker.port);
    let mut service = fixture.run();
    watcher.wait_for("front/detections", |_| true);
    // The part `control` cannot make its socket any more: a folder with a file stands in its place.
    let socket = fixture.state_dir.join("control.sock");
    fs::remove_file(&socket).unwrap();
    fs::create_dir(&socket).unwrap();
    fs::write(socket.join("in the way"), "").unwrap();
    assert_eq!(ask(&watcher, "restart/1", r#"{"unit": "control"}"#)["status"], "successful");

    let log = service.wait_log(&["given up", "control"]);
    assert!(log.contains("restarts=3"), "{log}");
    let crashes = service
        .log()
        .lines()
        .filter(|line| line.contains("unit=\"control\"") && line.contains("failed:"))
        .count();
    assert_eq!(crashes, 3, "{}", service.log());
    watcher.wait_for("box1/status", |status| {
        status["state"] == "degraded" && status.to_string().contains("control")
    });
    let status = ask(&watcher, "status/1", "{}")["result"].clone();
    let units = status["units"].as_array().unwrap();
    let unit = |name: &str| units.iter().find(|unit| unit["name"] == name).unwrap();
    assert_eq!((&unit("control")["state"], &unit("control")["restarts"]), (&json!("failed"), &json!(3)));
    for other in units.iter().filter(|unit| unit["name"] != "control") {
        assert_eq!((&other["state"], &other["restarts"]), (&json!("running"), &json!(0)), "{other}");
    }
    let before = watcher.json("front/detections").len();
    wait_until("frames of the others", || watcher.json("front/detections").len() > before + 20);

    // Whoever removes the cause restarts the part, and the box is well again.
    fs::remove_file(socket.join("in the way")).unwrap();
    fs::remove_dir(&socket).unwrap();
    assert_eq!(ask(&watcher, "restart/2", r#"{"unit": "control"}"#)["status"], "successful");
    wait_until("the state", || watcher.json("box1/status").last().unwrap()["state"] == "online");
    assert!(fixture.command(&["status"]).status.success());
    assert_eq!(service.stop(), Some(0));
}
