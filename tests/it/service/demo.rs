//! The README's first command, after its set-up and build: the demo of the default profile.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::support::{broker::free_port, fixture::program};

const DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn the_demo_shows_what_it_sees_and_ends_when_it_is_asked_to() {
    let (state, port) = (tempfile::tempdir().unwrap(), free_port().to_string());
    // The profile as it is, but for the ports, which somebody else may use.
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("config/ocellus.toml")).unwrap();
    assert!(text.contains(":1883\""), "the profile names the usual port");
    let text = text.replace(":1883\"", &format!(":{port}\"")).replace(":8080\"", ":0\"");
    let config = state.path().join("ocellus.toml");
    std::fs::write(&config, text).unwrap();
    let mut demo = Command::new(root.join("scripts/run.sh"))
        .arg(&config)
        .env("OCELLUS", program())
        .env("STATE_DIR", state.path())
        .env("MQTT_PORT", port)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let (said, hear) = channel();
    let lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let listener =
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| said.send(line)));
    let (until, mut all) = (Instant::now() + DEADLINE, Vec::new());
    while !all.last().is_some_and(|line: &String| line.contains("/camera/conveyor/event ")) {
        let left = until.saturating_duration_since(Instant::now());
        all.push(hear.recv_timeout(left).unwrap_or_else(|_| panic!("it said only:\n{}", all.join("\n"))));
    }
    rustix::process::kill_process(rustix::process::Pid::from_child(&demo), rustix::process::Signal::TERM)
        .unwrap();
    drop(hear);
    assert!(demo.wait().unwrap().success());
    let _ = listener.join().unwrap();
}
