//! Events that ask for a clip: their messages carry its address, and the clip can be played there.

use serde_json::Value;

use super::support::{decoded, files};
use crate::support::broker::Broker;
use crate::support::data::{FACES, data};
use crate::support::fixture::{Fixture, Service};
use crate::support::messages::{assert_valid, listen};
use crate::support::subscriber::Subscriber;
use crate::support::wait_until;
use crate::web::client::{Client, address};

/// Waits until the recording at `path` can be had, and gives its entry in the list.
fn complete(client: &Client, path: &str) -> Value {
    wait_until(&format!("{path} is complete"), || {
        let reply = client.get(path);
        assert!([200, 202].contains(&reply.status), "{path}: {} {}", reply.status, reply.text());
        reply.status == 200
    });
    entry(client, path).expect("it is listed")
}

/// The entry of the recording at `path`.
fn entry(client: &Client, path: &str) -> Option<Value> {
    let listed = client.get("/api/v1/recordings?limit=200").json();
    listed["recordings"].as_array().unwrap().iter().find(|one| one["path"] == path).cloned()
}

/// The path that a message carries.
fn recording(message: &Value) -> String {
    message["recording"].as_str().unwrap_or_else(|| panic!("no address of a recording: {message}")).to_owned()
}

#[test]
fn parts_that_enter_a_zone_and_cross_a_line_name_clips_that_play_and_other_events_name_none() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    let model = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models/scene.tflite");
    let rest = format!(
        "[web]\nbind = \"127.0.0.1:0\"\n[model.scene]\npath = \"{}\"\n\
         [[camera]]\nname = \"belt\"\nsource = \"scene:?seed=7&fps=20&width=320&height=240\"\nring_slots = 32\n\
         detect = {{ model = \"scene\" }}\ntrack = {{ min_frames = 2 }}\n\
         zones = [{{ name = \"exit\", points = [[0.6, 0], [1, 0], [1, 1], [0.6, 1]] }}]\n\
         lines = [{{ name = \"gate\", from = [0.5, 1], to = [0.5, 0] }}]\n\
         record = {{ as = \"clip\", mode = \"events\", on = [\"zone\", \"line\"], pre_roll_ms = 400, post_roll_ms = 300, \
         clip_s = 2 }}\n",
        model.display()
    );
    fixture.config_with(&format!("url = \"mqtt://127.0.0.1:{}\"", broker.port), "litert", &rest);
    let mut service = fixture.run();
    let client = Client::new(address(&service, 1));
    for kind in ["zone_enter", "line_cross"] {
        let event = watcher.wait_for("belt/event", |event| event["event"] == kind);
        let path = recording(&event);
        let clip = complete(&client, &path);
        assert_eq!((&clip["kind"], &clip["camera"]), (&"clip".into(), &"belt".into()), "{clip}");
        let place = event["place"].as_str().unwrap();
        let causes = clip["causes"].to_string();
        let number = path.rsplit('/').next().unwrap();
        let others = client.get(&format!("/api/v1/recordings?event={}", clip["event"])).json()["recordings"]
            .to_string();
        assert!(
            causes.contains(place) || others.contains(place),
            "{kind} at {place} asked for {number}: {clip}"
        );
        let frame = event["frame"].as_u64();
        assert!(clip["first_frame"].as_u64() <= frame, "the clip begins before the event: {clip} {event}");
    }
    let news = watcher.json("belt/event");
    let plain =
        news.iter().filter(|event| ["new", "update", "end"].contains(&event["event"].as_str().unwrap()));
    assert!(plain.clone().count() > 0);
    plain.for_each(|event| assert!(event["recording"].is_null(), "{event}"));
    assert_valid(&watcher);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    let found = files(&fixture.state_dir.join("recordings"));
    let films: Vec<_> =
        found.values().filter(|path| path.extension().is_none_or(|end| end != "json")).collect();
    assert!(films.iter().all(|film| decoded(film) > 0), "{films:?}");
}

/// A box with a face before its camera, which belongs to nobody yet; `record` says how it records.
fn entrance(fixture: &Fixture, broker: &Broker, record: &str) -> Option<()> {
    let data = data(FACES)?;
    std::fs::create_dir(fixture.path("door")).unwrap();
    let seen = data.join("images/faces/person_A/asl_again_0.3.png");
    std::fs::copy(seen, fixture.path("door/0.png")).unwrap();
    let rest = format!(
        "[web]\nbind = \"127.0.0.1:0\"\n\
         [model.face]\npath = \"{0}/face_detection_back.tflite\"\ntask = \"blazeface\"\nlabels = [\"face\"]\n\
         [model.embedding]\npath = \"{0}/mobilefacenet_float32.tflite\"\ntask = \"embed\"\nmean = 127.5\nstd = 128.0\n\
         [faces]\nmodel = \"embedding\"\nagree = 1\nrecheck_ms = 100\n\
         [attendance]\nagree_frames = 1\nseen_every_ms = 300\n\
         [[camera]]\nname = \"door\"\nsource = \"images://{1}\"\nrepeat = true\nring_slots = 8\n\
         detect = {{ model = \"face\" }}\ntrack = {{ min_frames = 1 }}\nrecognise = true\n\
         record = {{ as = \"clip\", mode = \"events\", on = [\"attendance\"], width = 320, {record} }}\n",
        data.join("models").display(),
        fixture.path("door").display()
    );
    fixture.config_with(&format!("url = \"mqtt://127.0.0.1:{}\"", broker.port), "litert", &rest);
    Some(())
}

/// Enrols the face that the camera shows, and waits for the message that says that the person came.
fn comes(fixture: &Fixture, watcher: &Subscriber) -> Value {
    watcher.wait_for("box1/status", |status| status["state"] == "online");
    wait_until("a face at the camera", || {
        fixture.command(&["faces", "enrol", "Ada", "--camera", "door", "--json"]).status.success()
    });
    watcher.wait_for("door/attendance", |event| event["event"] == "enter")
}

#[test]
fn a_person_who_comes_is_on_the_clip_that_the_attendance_event_names() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    if entrance(&fixture, &broker, "clip_s = 1").is_none() {
        return;
    }
    let mut service = fixture.run();
    let client = Client::new(address(&service, 1));
    let entered = comes(&fixture, &watcher);
    let clip = complete(&client, &recording(&entered));
    assert!(clip["causes"].to_string().contains("enter Ada"), "{clip}");
    // Somebody who stays is on further clips, which the list gives by the first one.
    let query = format!("/api/v1/recordings?event={}", clip["id"]);
    wait_until("a further clip of the same event", || {
        client.get(&query).json()["recordings"].as_array().is_some_and(|all| all.len() > 1)
    });
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    let found = files(&fixture.state_dir.join("recordings"));
    let film = found.keys().find(|name| clip["parts"][0]["file"] == name.as_str()).unwrap();
    assert_eq!(decoded(&found[film]), clip["frames"].as_u64().unwrap());
    assert_valid(&watcher);
}

#[test]
fn the_address_of_a_clip_that_a_kill_has_cut_leads_to_what_is_left_or_says_that_it_was_missed() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    if entrance(&fixture, &broker, "clip_s = 600, post_roll_ms = 60000").is_none() {
        return;
    }
    let mut service = fixture.run();
    let client = Client::new(address(&service, 1));
    let path = recording(&comes(&fixture, &watcher));
    wait_until("the clip is begun", || entry(&client, &path).is_some_and(|clip| clip["state"] == "writing"));
    service.kill();
    let mut service: Service = fixture.run();
    let client = Client::new(address(&service, 1));
    let mut last = (0, String::new());
    wait_until("the service knows what became of it", || {
        let reply = client.get(&path);
        last = (reply.status, if reply.status == 200 { String::new() } else { reply.code() });
        reply.status == 200 || (reply.status == 404 && last.1 == "missed")
    });
    match last.0 {
        200 => assert_eq!(entry(&client, &path).unwrap()["state"], "interrupted"),
        _ => assert_eq!(last.1, "missed"),
    }
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}
