//! The first command of the README, after its set-up and build: the demo of the default profile, as a user sees it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::broker::free_port;
use crate::support::fixture::{Fixture, program};
use crate::support::{complaint, wait_until};
use crate::web::client::Client;

const DEADLINE: Duration = Duration::from_secs(60);

/// The text of a profile as it ships.
fn profile(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)).unwrap()
}

/// `scripts/run.sh`, and the lines of its standard output.
struct Demo {
    state: tempfile::TempDir,
    script: Child,
    output: Receiver<String>,
}

impl Demo {
    /// Starts the profile as it ships, but for the ports: the web port in a copy of it, the broker's in `MQTT_PORT`.
    fn start(verbose: &str) -> Demo {
        let text = profile("ocellus.toml");
        assert!(text.contains(":1883\""), "the profile names the usual port");
        Demo::start_with(&text.replace(":8080\"", ":0\""), verbose)
    }

    /// Starts a profile with this text.
    fn start_with(text: &str, verbose: &str) -> Demo {
        let (state, config) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let file = config.path().join("ocellus.toml");
        std::fs::write(&file, text).unwrap();
        let mut script = Command::new(root.join("scripts/run.sh"))
            .arg(&file)
            .env("OCELLUS", program())
            .env("STATE_DIR", state.path())
            .env("MQTT_PORT", free_port().to_string())
            .env("VERBOSE", verbose)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let (sender, output) = channel();
        let lines = BufReader::new(script.stdout.take().unwrap()).lines();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let demo = Demo { state, script, output };
        // The script has copied it once it prints its first line.
        demo.until("ocellus: config ");
        demo
    }

    /// The answer of the running service to a question of the command line.
    fn ask(&self, question: &[&str]) -> (bool, Value) {
        let mut command = Command::new(program());
        let output = command.args(question).arg("--json").arg("--state-dir").arg(self.state.path()).output();
        let output = output.unwrap();
        (output.status.success(), serde_json::from_slice(&output.stdout).unwrap_or_default())
    }

    /// The lines up to the first one that holds `text`.
    fn until(&self, text: &str) -> Vec<String> {
        let (deadline, mut lines) = (Instant::now() + DEADLINE, Vec::<String>::new());
        while !lines.last().is_some_and(|line| line.contains(text)) {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.output.recv_timeout(left);
            lines.push(line.unwrap_or_else(|_| panic!("no {text:?} in:\n{}", lines.join("\n"))));
        }
        lines
    }

    /// The lines of this time.
    fn lines_for(&self, time: Duration) -> Vec<String> {
        let deadline = Instant::now() + time;
        let left = || deadline.saturating_duration_since(Instant::now());
        std::iter::from_fn(|| self.output.recv_timeout(left()).ok()).collect()
    }

    /// Ends it as Ctrl-C does: exit code 0, and no process is left that knows its folder.
    fn interrupt(mut self) {
        kill_process(Pid::from_child(&self.script), Signal::INT).unwrap();
        assert_eq!(self.script.wait().unwrap().code(), Some(0));
        let folder = self.state.path().to_str().unwrap();
        let left: Vec<String> = std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok())
            .map(|command| String::from_utf8_lossy(&command).replace('\0', " "))
            .filter(|command| command.contains(folder))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn the_demo_prints_the_pages_address_last_and_then_only_changes_of_state() {
    let demo = Demo::start("");
    let before = demo.until("  the page ");
    assert!(before.last().unwrap().contains("http://127.0.0.1:"), "{before:#?}");
    let quiet = demo.lines_for(Duration::from_secs(5));
    assert!(quiet.len() <= 2 && !quiet.iter().any(|line| line.contains("/event ")), "{quiet:#?}");
    let restart = Command::new(program())
        .args(["restart", "camera/conveyor", "--state-dir"])
        .arg(demo.state.path())
        .stdout(Stdio::null())
        .status();
    assert!(restart.unwrap().success());
    let changes = demo.until(" online: ");
    assert!(changes.len() <= 5, "{changes:#?}");
    demo.interrupt();
}

#[test]
fn the_demo_shows_every_event_when_it_is_asked_to() {
    let demo = Demo::start("1");
    demo.until("/camera/conveyor/event ");
    demo.interrupt();
}

/// The profile for a laboratory as it ships, but for the ports: the simulated instrument sends pictures, writes files and
/// takes commands.
#[test]
fn the_laboratory_runs_without_hardware_and_a_bad_vacuum_turns_the_rf_voltage_off() {
    let mut text = profile("lab.toml");
    for port in ["5558", "5559", "5560"] {
        assert!(text.contains(port), "the profile names port {port}");
        text = text.replace(port, &free_port().to_string());
    }
    let demo = Demo::start_with(&(text + "\n[web]\nbind = \"127.0.0.1:0\"\n"), "");
    let start = demo.until("  the page ");
    let page = start.last().unwrap().split("http://").nth(1).unwrap();
    wait_until("pictures", || {
        let (_, status) = demo.ask(&["status"]);
        status["cameras"][0]["state"] == "online" && status["cameras"][0]["fps"].as_f64() > Some(1.0)
    });
    let picture =
        Client::new(page.trim_end_matches('/').parse().unwrap()).get("/api/v1/cameras/ions/picture");
    let picture = image::load_from_memory(&picture.body).unwrap();
    assert_eq!((picture.width(), picture.height()), (640, 480));
    let recorded = || {
        let (_, listed) = demo.ask(&["intake", "list"]);
        let channels = listed["channels"].as_array().cloned().unwrap_or_default();
        let has = |name: &str| {
            channels.iter().any(|channel| channel["channel"] == name && channel["value"].is_number())
        };
        ["pressure", "temperature", "laser", "pmt", "rf"].into_iter().all(has)
    };
    wait_until("values of every channel", recorded);
    wait_until("the interlock holds", || demo.ask(&["command", "run", "rf", "u_rf_mv=900"]).0);
    wait_until("the curve of the RF voltage", || {
        let (_, series) = demo.ask(&["intake", "series", "rf", "--since", "1m"]);
        series["max"].as_array().is_some_and(|most| most.iter().any(|value| *value == 900.0))
    });
    assert!(demo.ask(&["command", "run", "valve", "position=open"]).0);
    let rf = || {
        let (_, listed) = demo.ask(&["command", "list"]);
        let commands = listed["commands"].as_array().cloned().unwrap_or_default();
        commands.into_iter().find(|command| command["command"] == "rf").unwrap_or_default()
    };
    wait_until("the RF voltage is off", || rf()["state"] == "off");
    assert!(rf()["off_cause"].as_str().unwrap().contains("its interlock opened: pressure is"), "{}", rf());
    wait_until("the instrument has it off", || newest(&demo, "rf") == 0.0);
    demo.interrupt();
}

#[test]
fn the_simulated_instrument_never_plays_beside_real_ones() {
    let fixture = Fixture::new();
    let refused = |rest: &str| {
        fixture.config(1, &format!("[[camera]]\nname = \"a\"\nsource = \"scene:\"\n{rest}"));
        let output = fixture.command(&["simulate", "instrument"]);
        assert_eq!(output.status.code(), Some(1));
        complaint(&output)
    };
    let nothing = refused("");
    assert!(
        nothing.contains("there is nothing to simulate") && nothing.contains("config/lab.toml"),
        "{nothing}"
    );
    let real = refused("[[command]]\nname = \"rf\"\ntcp = \"10.0.0.7:5559\"\nsend = \"RF 1\"\n");
    assert!(real.contains("commands are sent to 10.0.0.7:5559, a real instrument"), "{real}");
    std::fs::create_dir(fixture.path("gauge")).unwrap();
    std::fs::write(fixture.path("gauge/2026.csv"), "timestamp,value\n").unwrap();
    let mixed = refused("[[intake]]\nname = \"gauge\"\nfolder = \"gauge\"\n");
    assert!(mixed.contains("has a file of somebody else, 2026.csv"), "{mixed}");
    assert_eq!(std::fs::read_dir(fixture.path("gauge")).unwrap().count(), 1);
}

/// The newest value of a channel.
fn newest(demo: &Demo, name: &str) -> f64 {
    let (_, listed) = demo.ask(&["intake", "list"]);
    let channels = listed["channels"].as_array().cloned().unwrap_or_default();
    let channel = channels.iter().find(|channel| channel["channel"] == name);
    channel.and_then(|channel| channel["value"].as_f64()).unwrap_or(f64::NAN)
}

/// What the script does before the service starts, with a program that only writes down how it was called: `check` ends it.
#[test]
fn the_models_of_the_attendance_profile_are_found_where_the_test_data_lie() {
    let dir = tempfile::tempdir().unwrap();
    let (data, calls, stub) = (dir.path().join("data"), dir.path().join("calls"), dir.path().join("ocellus"));
    std::fs::create_dir_all(data.join("models")).unwrap();
    let script = format!("#!/bin/sh\necho \"$*\" >> {}\n[ \"$1\" != check ]\n", calls.display());
    std::fs::write(&stub, script).unwrap();
    std::fs::set_permissions(&stub, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    // A copy of the tree, so that neither models nor data of this machine are found.
    let root = dir.path().join("tree");
    for folder in ["scripts", "config", "tests/data/models"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in ["scripts/run.sh", "config/attendance.toml"] {
        std::fs::copy(here.join(file), root.join(file)).unwrap();
    }
    let run = |data: Option<&Path>| {
        let _ = std::fs::remove_file(&calls);
        let mut command = Command::new(root.join("scripts/run.sh"));
        command
            .arg("config/attendance.toml")
            .env("OCELLUS", &stub)
            .env("STATE_DIR", dir.path().join("state"));
        command.env("MQTT_PORT", free_port().to_string()).env_remove("OCELLUS_DATA");
        command.envs(data.map(|data| ("OCELLUS_DATA", data)));
        let output = command.output().unwrap();
        (std::fs::read_to_string(&calls).unwrap(), complaint(&output))
    };
    let (calls, stderr) = run(None);
    assert!(!calls.contains("models add"), "{calls}");
    assert!(
        stderr.contains("models/mobilefacenet_float32.tflite is missing; `make data` fetches it"),
        "{stderr}"
    );
    // `make data` puts it into tests/data; a folder that is named comes first.
    std::fs::write(root.join("tests/data/models/mobilefacenet_float32.tflite"), "").unwrap();
    std::fs::write(data.join("models/face_detection_back.tflite"), "").unwrap();
    let (calls, _) = run(Some(&data));
    let named = data.join("models/face_detection_back.tflite");
    let wanted = format!("models add face_detection_back --file {} --dir models", named.display());
    assert!(calls.contains(&wanted), "{calls}");
    let fetched =
        "models add mobilefacenet --file tests/data/models/mobilefacenet_float32.tflite --dir models";
    assert!(calls.contains(fetched), "{calls}");
}
