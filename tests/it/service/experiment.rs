//! The experiment that a command port set stands in everything that is published and kept about its frames.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::camera_server::{Lab, picture};
use crate::support::messages::assert_valid;
use crate::support::wait_until;

/// The file `name` in `folder` or below it.
fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let mut entries = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    entries.find_map(|path| match path.is_dir() {
        true => find(&path, name),
        false => path.ends_with(name).then_some(path),
    })
}

#[test]
fn the_experiment_stands_in_detections_events_inspections_and_evidence_of_its_frames() {
    let lab = Lab::new("track = {}\ninspect = { product = \"good\" }\n[evidence]\nkeep_ok_every = 1");
    fs::create_dir(lab.fixture.path("recipes")).unwrap();
    let region =
        "[[roi]]\nname = \"all\"\nrect = [8, 8, 16, 16]\nkind = \"presence\"\nhigh = 254\nmin_share = 0.01\n";
    fs::write(lab.fixture.path("recipes/good.toml"), format!("size = [64, 48]\n{region}")).unwrap();
    let mut service = lab.run();
    let mut commander = lab.commander();
    let mut sender = TcpStream::connect(("127.0.0.1", lab.frames)).unwrap();
    let mut send_until = |what: &str, holds: &dyn Fn() -> bool| {
        wait_until(what, || {
            sender.write_all(&picture(120)).unwrap();
            holds()
        });
    };
    let any = |topic: &str, id: Option<&str>| {
        lab.watcher.json(topic).iter().any(|message| message.get("experiment").and_then(Value::as_str) == id)
    };
    send_until("a detection of no experiment", &|| any("ions/detections", None));
    assert_eq!(commander.ask("EXP_ID:run 7/β"), "OK: experiment run 7/β");
    send_until("a detection of the experiment", &|| any("ions/detections", Some("run 7/β")));
    send_until("an update of an object", &|| any("ions/event", Some("run 7/β")));
    lab.watcher.publish("ocellus/box1/cmd/trigger/1", false, "{}");
    send_until("the end of the acquisition", &|| !lab.watcher.json("ions/inspection").is_empty());
    let part = lab.watcher.json("ions/inspection").remove(0);
    assert_eq!((&part["verdict"], &part["experiment"]), (&"ok".into(), &"run 7/β".into()), "{part}");
    let kept = || find(&lab.fixture.state_dir.join("evidence"), "evidence.json");
    wait_until("its evidence", || kept().is_some());
    let evidence: Value = serde_json::from_slice(&fs::read(kept().unwrap()).unwrap()).unwrap();
    assert_eq!(evidence["experiment"], "run 7/β", "{evidence}");
    assert_eq!(commander.ask("EXP_ID:"), "OK: no experiment");
    let marked = lab.watcher.json("ions/detections").len();
    send_until("a detection after the experiment", &|| {
        lab.watcher.json("ions/detections").iter().skip(marked).any(|one| one.get("experiment").is_none())
    });
    assert_valid(&lab.watcher);
    assert_eq!(service.stop(), Some(0));
}
