//! After SIGKILL no recording is lost from the index, and nothing incomplete is left.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use super::support::{Sender, decoded, files, json, noise, tcp_camera, with_ending};
use crate::support::broker::Broker;
use crate::support::fixture::Fixture;
use crate::support::wait_until;
use crate::web::client::{Client, address};

/// All files that the index knows, by asking page after page.
fn indexed(client: &Client) -> BTreeSet<String> {
    let (mut found, mut before) = (BTreeSet::new(), String::new());
    loop {
        let page = client.get(&format!("/api/v1/recordings?limit=200{before}")).json();
        for recording in page["recordings"].as_array().unwrap() {
            for part in recording["parts"].as_array().unwrap() {
                found.insert(part["file"].as_str().unwrap().to_owned());
            }
        }
        match page["next"].as_u64() {
            Some(next) => before = format!("&before={next}"),
            None => return found,
        }
    }
}

#[test]
fn after_each_of_several_kills_index_and_folder_hold_the_same_files() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let (port, camera) = tcp_camera("lab", "sidecar = true");
    fixture.config(broker.port, &format!("[web]\nbind = \"127.0.0.1:0\"\n{camera}"));
    let dir = fixture.state_dir.join("recordings");
    for turn in 1..=4 {
        let mut service = fixture.run();
        let sender = Sender::start(port, vec![noise(64, turn)], Duration::from_millis(2), u64::MAX);
        let before = files(&dir).len();
        wait_until("files", || files(&dir).len() > before + 30);
        service.kill();
        drop(sender);
    }
    let mut service = fixture.run();
    let client = Client::new(address(&service, 1));
    wait_until("the index is in order", || {
        let on_disk: BTreeSet<String> = files(&dir).into_keys().collect();
        !on_disk.is_empty() && indexed(&client) == on_disk
    });
    assert!(!dir.join(".partial").exists(), "nothing incomplete is left");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn a_clip_whose_recorder_is_killed_can_be_played_as_far_as_it_goes() {
    for encoding in ["auto", "mjpeg"] {
        let (broker, fixture) = (Broker::start(), Fixture::new());
        let record = format!("as = \"clip\", encoding = \"{encoding}\"");
        let (port, camera) = tcp_camera("lab", &record);
        fixture.config(broker.port, &format!("[web]\nbind = \"127.0.0.1:0\"\n{camera}"));
        let dir = fixture.state_dir.join("recordings");
        let mut service = fixture.run();
        let sender =
            Sender::start(port, vec![noise(64, 1), noise(64, 2)], Duration::from_millis(20), u64::MAX);
        let partial = || fs::read_dir(dir.join(".partial")).into_iter().flatten().flatten();
        wait_until("some seconds of film", || {
            let sidecar = partial().find(|entry| entry.path().extension().is_some_and(|end| end == "json"));
            let lines = sidecar.and_then(|entry| fs::read_to_string(entry.path()).ok());
            lines.is_some_and(|text| text.lines().count() > 150)
        });
        service.kill();
        drop(sender);
        let mut service = fixture.run();
        let client = Client::new(address(&service, 1));
        let mut listed = serde_json::Value::Null;
        wait_until("the clip is found again", || {
            listed = client.get("/api/v1/recordings?kind=clip").json()["recordings"].clone();
            listed.as_array().is_some_and(|all| all.iter().any(|one| one["state"] == "interrupted"))
        });
        assert_eq!(service.stop(), Some(0), "{}", service.log());
        let found = files(&dir);
        let films: Vec<_> =
            found.values().filter(|path| path.extension().is_none_or(|end| end != "json")).collect();
        assert_eq!(films.len(), 1, "{found:?}");
        let sidecar = json(with_ending(&found, ".json")[0]);
        assert_eq!(sidecar["state"], "interrupted");
        let (frames, noted) = (decoded(films[0]), sidecar["count"].as_u64().unwrap());
        assert!(
            frames > 50 && frames <= noted + 1,
            "{encoding}: {frames} frames can be played, {noted} were noted"
        );
    }
}
