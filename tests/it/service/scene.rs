//! The demo: the built-in scene, the model that ships, and everything that is published of it.

use serde_json::Value;

use crate::support::broker::Broker;
use crate::support::fixture::{Fixture, Stub};
use crate::support::messages::{assert_valid, assert_without_holes, listen, numbers, retained};
use crate::support::{said, wait_until};

const CAMERA: &str = "[[camera]]\nname = \"conveyor\"\nsource = \"scene:?seed=7&fps=30\"\n\
    detect = { model = \"scene\" }\ntrack = { min_frames = 3, update_every_ms = 500 }\n";

fn model() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models/scene.tflite");
    format!("[model.scene]\npath = \"{}\"\n", path.display())
}

#[test]
fn the_demo_tells_its_state_every_frame_and_the_life_of_each_part() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    fixture.config_with(
        &format!("url = \"mqtt://127.0.0.1:{}\"", broker.port),
        "litert",
        &(model() + CAMERA),
    );
    let mut service = fixture.run();
    // A part that crosses the picture: some were already half gone when the camera began.
    let mut life: Vec<Value> = Vec::new();
    wait_until("the whole life of a part", || {
        let events = watcher.json("conveyor/event");
        let of = |track: &Value| {
            events.iter().filter(|event| event["track"] == *track).cloned().collect::<Vec<_>>()
        };
        let ended = events.iter().filter(|event| event["event"] == "end");
        life = ended.map(|end| of(&end["track"])).max_by_key(Vec::len).unwrap_or_default();
        life.len() > 2
    });
    watcher.wait_for("telemetry", |reported| reported["counters"]["conveyor/reported"].as_u64() > Some(30));

    let status = retained(broker.port, "box1/status");
    assert_eq!((&status["state"], &status["reasons"]), (&"online".into(), &Value::Array(vec![])));
    let camera = retained(broker.port, "conveyor/status");
    assert_eq!(camera["state"], "online");
    assert!(camera["frames"].as_u64() > Some(0));

    let kinds: Vec<_> = life.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!((kinds[0], kinds[kinds.len() - 1]), ("new", "end"));
    assert!(kinds[1..kinds.len() - 1].iter().all(|kind| *kind == "update"), "{kinds:?}");

    assert_eq!(service.stop(), Some(0), "{}", service.log());
    assert_without_holes("detections seq", &numbers(&watcher, "conveyor/detections", "seq"));
    assert_without_holes("event seq", &numbers(&watcher, "conveyor/event", "seq"));
    let frames = numbers(&watcher, "conveyor/detections", "frame");
    assert!(frames.windows(2).all(|pair| pair[0] < pair[1]), "frames are out of order");
    assert_valid(&watcher);
}

#[test]
fn every_frame_is_reported_or_counted_as_dropped() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    let model = fixture.stub("slow", &crate::support::fixture::Stub { run_us: 30_000, ..Default::default() });
    let camera = "[[camera]]\nname = \"a\"\nsource = \"scene:?fps=200&frames=400\"\npace = \"live\"\ndetect = { model = \"slow\" }\n";
    fixture.config(broker.port, &(model + camera));
    let mut service = fixture.run();
    assert_eq!(service.exit_within(std::time::Duration::from_secs(60)), Some(0));
    wait_until("the last status of the camera", || {
        watcher.json("a/status").last().is_some_and(|reported| reported["frames"] == 400)
    });
    let drops = watcher.json("a/status").last().unwrap()["drops"].as_u64().unwrap();
    wait_until("every report", || watcher.json("a/detections").len() as u64 + drops >= 400);
    assert_eq!(watcher.json("a/detections").len() as u64 + drops, 400);
    assert!(drops > 0, "nothing was dropped: the test shows nothing");
}

#[test]
fn sixteen_zones_that_overlap_are_all_named_and_entered_and_one_more_is_refused() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    let zones = |count: usize| {
        let zone = |n| format!("{{ name = \"z{n:02}\", points = [[0, 0], [1, 0], [1, 1], [0, 1]] }}");
        (0..count).map(zone).collect::<Vec<String>>().join(", ")
    };
    let text = |count| {
        format!(
            "[[camera]]\nname = \"a\"\nsource = \"scene:?fps=20\"\ndetect = {{ model = \"m\" }}\n\
             track = {{ min_frames = 1 }}\nzones = [{}]\nattendance = {{ zones = [\"z15\"] }}\n",
            zones(count)
        )
    };
    let model = fixture.stub("m", &Stub::default());
    fixture.config(broker.port, &(model.clone() + &text(17)));
    let refused = fixture.command(&["check"]);
    let said = said(&refused);
    assert!(!refused.status.success() && said.contains("at most 16"), "{said}");

    fixture.config(broker.port, &(model + &text(16)));
    let mut service = fixture.run();
    let all: Vec<String> = (0..16).map(|n| format!("z{n:02}")).collect();
    watcher.wait_for("a/detections", |reported| reported["findings"][0]["zones"] == serde_json::json!(all));
    wait_until("each zone is entered", || {
        let reported = watcher.json("a/event");
        let entered = reported.iter().filter(|event| event["event"] == "zone_enter");
        let mut places: Vec<&str> = entered.filter_map(|event| event["place"].as_str()).collect();
        places.sort_unstable();
        places.dedup();
        places == all
    });
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}
