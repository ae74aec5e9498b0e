//! Units that are built again while the service runs, also when several people ask at once.

use std::fs;

use serde_json::Value;

use super::boot::get;
use crate::support::broker::{Broker, free_port};
use crate::support::fixture::{Fixture, Service, Stub};
use crate::support::messages::listen;
use crate::support::{complaint, wait_until};

const CAMERA: &str =
    "[[camera]]\nname = \"a\"\nsource = \"scene:?fps=20\"\ndetect = { model = \"m\" }\ntrack = {}\n";
/// Requests at once: more than the control socket answers side by side.
const ASKING: usize = 10;

/// How many threads of the service are called `name`.
fn threads(service: &Service, name: &str) -> usize {
    let tasks = fs::read_dir(format!("/proc/{}/task", service.id())).unwrap().flatten();
    tasks
        .filter(|task| fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim() == name))
        .count()
}

#[test]
fn a_unit_that_many_restart_at_once_is_there_once_and_serves() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    let port = free_port();
    let web = format!("[web]\nbind = \"127.0.0.1:{port}\"\n\n");
    fixture.config(broker.port, &(web + &fixture.stub("m", &Stub::default()) + CAMERA));
    let mut service = fixture.run();
    watcher.wait_for("a/detections", |_| true);
    wait_until("the page", || get(port, "/api/v1/units").is_some());

    for unit in ["web", "mqtt", "control", "web", "status"] {
        let asked: Vec<_> = (0..ASKING).map(|_| fixture.start(&["restart", unit])).collect();
        for asked in asked {
            let output = asked.wait_with_output().unwrap();
            let said = complaint(&output);
            // A client of `control` may lose its own connection to the restart that another one asked for.
            assert!(
                output.status.success() || unit == "control" && output.status.code() == Some(12),
                "{said}"
            );
        }
        wait_until("the restart that was answered", || {
            let log = service.log();
            log.lines().filter(|line| line.contains("on request") && line.contains(unit)).count() > 0
        });
        wait_until(&format!("one {unit} that runs"), || {
            let units = get(port, "/api/v1/units").unwrap_or_default();
            let named = || units.as_array().into_iter().flatten().filter(|known| known["name"] == unit);
            named().count() == 1 && named().all(|known| known["state"] == "running")
        });
    }
    for (name, count) in [("web", 1), ("mqtt", 1), ("outbox", 1), ("control", 1), ("status", 1)] {
        wait_until(&format!("{count} thread {name}"), || threads(&service, name) == count);
    }
    let before = watcher.json("a/detections").len();
    wait_until("frames", || watcher.json("a/detections").len() > before + 10);
    assert_eq!(fixture.command(&["status"]).status.code(), Some(0));
    assert!(!service.log().contains("ddress already in use"), "two units wanted one address");
    assert!(watcher.json("alarm/web").iter().all(Value::is_null), "{:?}", watcher.json("alarm/web"));
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}
