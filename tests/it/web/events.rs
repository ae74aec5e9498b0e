//! Server-sent events: in order, and honest about what a listener was too slow for.

use serde_json::json;

use crate::support::fixture::Stub;
use crate::support::wait_until;
use crate::web::client::{next_event, place, prepared, stream};

#[test]
fn what_happens_comes_as_it_happens_in_its_order_and_is_remembered() {
    let cameras = "[[camera]]\nname = \"a\"\nsource = \"scene:?fps=60\"\ndetect = { model = \"fast\" }\n\
        track = { min_frames = 1, update_every_ms = 50 }\n";
    let place = prepared("", "", |fixture| {
        let model = fixture.stub("fast", &Stub { things: 3, ..Default::default() });
        let text = std::fs::read_to_string(fixture.config_path()).unwrap();
        std::fs::write(fixture.config_path(), text + &model + cameras).unwrap();
    });
    let mut events = stream(&place.client(), "/api/v1/events");
    let mut kinds = std::collections::BTreeSet::new();
    let mut seqs = Vec::new();
    let schema = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/mqtt/camera.json"),
    );
    let schema = jsonschema::validator_for(&serde_json::from_str(&schema.unwrap()).unwrap()).unwrap();
    while kinds.len() < 3 || seqs.len() < 100 {
        let (kind, data) = next_event(&mut events);
        match kind.as_str() {
            "event" => {
                assert_eq!(data["topic"], "camera/a/event");
                assert!(data["schema"].as_str().unwrap().starts_with("ocellus.event/"), "{data}");
                seqs.push(data["seq"].as_u64().unwrap());
            }
            "camera" => {
                assert_eq!(data["topic"], "camera/a/status");
                assert!(schema.is_valid(&data), "{data}");
            }
            "telemetry" => assert_eq!(data["topic"], "telemetry"),
            "status" => assert_eq!(data["topic"], "status"),
            other => panic!("{other}: {data}"),
        }
        kinds.insert(kind);
    }
    let hole = seqs.windows(2).find(|pair| pair[1] != pair[0] + 1);
    assert_eq!(hole, None, "events in their order, none lost");
    let recent = place.client().get("/api/v1/events/recent?limit=20").json();
    let recent = recent.as_array().unwrap();
    let kinds: Vec<_> = recent.iter().map(|event| &event["event"]).collect();
    assert!(kinds.iter().any(|kind| **kind == "new"), "{kinds:?}");
    assert!(kinds.iter().all(|kind| **kind != "update"), "updates push out all that happened: {kinds:?}");
    let remembered: Vec<u64> = recent.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert!(remembered.windows(2).all(|pair| pair[0] > pair[1]), "newest first: {remembered:?}");
    place.end();
}

#[test]
fn a_listener_that_is_too_slow_is_reported_how_much_it_missed_and_goes_on() {
    let cameras = "[[camera]]\nname = \"a\"\nsource = \"scene:?fps=200\"\ndetect = { model = \"fast\" }\n\
        track = { min_frames = 1, update_every_ms = 0 }\n";
    let place = prepared("", "", |fixture| {
        let model = fixture.stub("fast", &Stub { things: 40, ..Default::default() });
        let text = std::fs::read_to_string(fixture.config_path()).unwrap();
        std::fs::write(fixture.config_path(), text + &model + cameras).unwrap();
    });
    let client = place.client();
    let mut slow = stream(&client, "/api/v1/events");
    let mut quick = stream(&client, "/api/v1/events");
    // The slow one reads nothing until it lags behind; the quick one goes on meanwhile.
    let mut heard = 0;
    while heard < 20_000 {
        if next_event(&mut quick).0 == "event" {
            heard += 1;
        }
    }
    let (mut last, mut missed) = (0, 0);
    for _ in 0..1_000_000 {
        let (kind, data) = next_event(&mut slow);
        match kind.as_str() {
            "missed" => missed += data["count"].as_u64().unwrap(),
            "event" => {
                let seq = data["seq"].as_u64().unwrap();
                assert!(seq > last, "{seq} after {last}");
                if missed > 0 && last > 0 && seq == last + 1 {
                    break;
                }
                last = seq;
            }
            _ => {}
        }
    }
    assert!(missed > 0);
    println!("a listener that read nothing for a while was told that it missed {missed}");
    let totals = || client.get("/metrics").text();
    assert!(totals().contains("ocellus_web_events_missed_total "), "{}", totals());
    place.end();
}

#[test]
fn no_more_listen_at_one_time_than_may_and_a_place_is_free_again() {
    let place = place("max_viewers = 2", crate::web::client::SCENE);
    let client = place.client();
    let one = stream(&client, "/api/v1/events");
    let two = stream(&client, "/api/v1/events");
    let reply = client.get("/api/v1/events");
    assert_eq!((reply.status, reply.code().as_str()), (503, "busy"));
    assert!(reply.text().contains("raise web.max_viewers") && reply.header("retry-after").is_some());
    drop(one);
    wait_until("a free place", || {
        let mut third = client.begin("GET", "/api/v1/events", None);
        crate::web::client::head(&mut third).0 == 200
    });
    drop(two);
    place.end();
}

#[test]
fn an_alarm_is_reported_and_its_end_is_reported_too() {
    let place = place("", crate::web::client::SCENE);
    let mut events = stream(&place.client(), "/api/v1/events");
    let config = std::fs::read_to_string(place.fixture.config_path()).unwrap();
    std::fs::write(place.fixture.config_path(), format!("{config}\nnonsense = 1\n")).unwrap();
    place.service.signal(libc::SIGHUP);
    let alarm = loop {
        let (kind, data) = next_event(&mut events);
        if kind == "alarm" {
            break data;
        }
    };
    assert_eq!((&alarm["topic"], &alarm["name"]), (&json!("alarm/config"), &json!("config")));
    assert!(alarm["cause"].as_str().unwrap().contains("nonsense"), "{alarm}");
    let standing = place.client().get("/api/v1/alarms").json();
    assert_eq!((&standing[0]["name"], &standing[0]["since"]), (&alarm["name"], &alarm["since"]));
    std::fs::write(place.fixture.config_path(), config).unwrap();
    place.service.signal(libc::SIGHUP);
    loop {
        let (kind, data) = next_event(&mut events);
        if kind == "alarm" {
            assert_eq!(data, json!({ "topic": "alarm/config", "over": true }));
            break;
        }
    }
    assert_eq!(place.client().get("/api/v1/alarms").json(), json!([]));
    place.end();
}
