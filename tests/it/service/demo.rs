//! The first command of the README, after its set-up and build: the demo of the default profile, as a user sees it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{broker::free_port, fixture::program};

const DEADLINE: Duration = Duration::from_secs(60);

/// `scripts/run.sh`, and the lines of its standard output.
struct Demo {
    state: tempfile::TempDir,
    script: Child,
    output: Receiver<String>,
}

impl Demo {
    /// Starts the profile as it ships, but for the ports: the web port in a copy of it, the broker's in `MQTT_PORT`.
    fn start(verbose: &str) -> Demo {
        let (state, config) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(root.join("config/ocellus.toml")).unwrap();
        assert!(text.contains(":1883\""), "the profile names the usual port");
        let file = config.path().join("ocellus.toml");
        std::fs::write(&file, text.replace(":8080\"", ":0\"")).unwrap();
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
        (std::fs::read_to_string(&calls).unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
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
