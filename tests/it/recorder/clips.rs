//! Clips: whole, around events with what was before them, and named by the messages that they belong to.

use std::time::Duration;

use serde_json::Value;

use super::support::{Sender, decoded, files, json, noise, settled, tcp_camera, with_ending};
use crate::inspection::scenario::{Scenario, camera, serial};
use crate::support::broker::Broker;
use crate::support::fixture::Fixture;
use crate::support::messages::{assert_valid, listen};
use crate::support::wait_until;
use crate::web::client::{Client, address};

#[test]
fn continuous_clips_hold_every_frame_that_was_recorded_and_decode_to_as_many() {
    for (encoding, layer) in [("auto", "both"), ("mjpeg", "raw")] {
        let (broker, fixture) = (Broker::start(), Fixture::new());
        let watcher = listen(broker.port);
        let record = format!("as = \"clip\", encoding = \"{encoding}\", layer = \"{layer}\", clip_s = 1");
        let (port, camera) = tcp_camera("lab", &record);
        fixture.config(broker.port, &camera);
        let mut service = fixture.run();
        let sender = Sender::start(port, vec![noise(64, 1), noise(64, 2)], Duration::from_millis(20), 120);
        wait_until("all are sent", || sender.sent() == 120);
        let counted = settled(&watcher, "lab", 120);
        sender.end();
        assert_eq!(service.stop(), Some(0), "{}", service.log());
        let found = files(&fixture.state_dir.join("recordings"));
        let sidecars = with_ending(&found, ".json");
        assert!(sidecars.len() >= 2, "a clip a second: {found:?}");
        let mut frames = 0;
        for sidecar in sidecars {
            let text = json(sidecar);
            assert_eq!(text["state"], "whole", "{text}");
            let count = text["count"].as_u64().unwrap();
            let stem = sidecar.with_extension("").display().to_string();
            let films = found.values().filter(|path| {
                let path = path.display().to_string();
                path.starts_with(&stem) && !path.ends_with(".json")
            });
            let films: Vec<_> = films.collect();
            assert_eq!(films.len(), if layer == "both" { 2 } else { 1 }, "{stem}: {found:?}");
            films.iter().for_each(|film| assert_eq!(decoded(film), count, "{}", film.display()));
            frames += count;
        }
        assert_eq!(frames, counted["recorded"], "{encoding}");
        let clips: Vec<Value> = watcher.json("camera/lab/recording");
        assert!(clips.iter().all(|news| news["event"] != "clip" || news["path"].is_string()));
        assert_valid(&watcher);
    }
}

#[test]
fn a_bad_part_names_a_clip_that_begins_before_its_trigger_and_parts_close_together_share_one() {
    let scenario = Scenario::new();
    let record = "record = { as = \"clip\", mode = \"events\", on = [\"ng\"], pre_roll_ms = 300, post_roll_ms = 400 }\n";
    let inspects = camera("fps=50", "queue = 4") + record + &serial(&scenario.fixture, "a", "plc");
    scenario.config(&(String::from("[web]\nbind = \"127.0.0.1:0\"\n") + &inspects));
    let plc = scenario.plug("plc");
    let mut service = scenario.run();
    let client = Client::new(address(&service, 1));
    plc.write(b"TRIG good\n");
    plc.line();
    scenario.select("1", "bad");
    // So that the history reaches back as far as it can.
    wait_until("some frames", || {
        scenario.watcher.json("camera/a/status").iter().any(|status| status["frames"].as_u64() > Some(40))
    });
    for text in ["TRIG one\n", "TRIG two\n"] {
        plc.write(text.as_bytes());
        plc.line();
    }
    let parts: Vec<Value> = {
        let mut parts = Vec::new();
        wait_until("three inspections", || {
            parts = scenario.watcher.json("camera/a/inspection");
            parts.len() >= 3
        });
        parts
    };
    assert!(parts[0]["recording"].is_null(), "a good part asks for none: {}", parts[0]);
    let path = parts[1]["recording"].as_str().expect("the address of its clip").to_owned();
    assert_eq!(parts[2]["recording"], path.as_str(), "the second joins the first");
    // The address is known before the clip is complete.
    let mut statuses = Vec::new();
    wait_until("the clip is complete", || {
        let reply = client.get(&path);
        if reply.status == 202 {
            assert!(reply.header("retry-after").is_some());
            assert_eq!(reply.code(), "not_yet");
        }
        statuses.push(reply.status);
        reply.status == 200
    });
    assert!(statuses.iter().all(|status| [200, 202].contains(status)), "{statuses:?}");
    let news = scenario.watcher.wait_for("camera/a/recording", |news| news["event"] == "clip");
    assert_eq!(news["path"], path.as_str());
    assert_eq!(news["causes"].as_array().map(Vec::len), Some(2), "{news}");
    let sidecar = client.get(&format!("{path}?part=sidecar")).json();
    let first = sidecar["frames"][0]["captured"].as_str().unwrap();
    let triggered = parts[1]["trigger"]["time"].as_str().or(parts[1]["time"].as_str()).unwrap();
    assert!(first < triggered, "the clip begins at {first}, the trigger came at {triggered}");
    assert!(sidecar["pre_roll_ms"].as_u64().unwrap() > 0, "{sidecar}");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    let found = files(&scenario.fixture.state_dir.join("recordings"));
    let film = found.values().find(|path| path.extension().is_none_or(|end| end != "json")).unwrap();
    assert_eq!(decoded(film), sidecar["count"].as_u64().unwrap());
    assert_eq!(with_ending(&found, ".json").len(), 1, "{found:?}");
    assert_valid(&scenario.watcher);
}
