//! What a plant system may ask on `cmd/COMMAND/ID`.

use base64::Engine as _;
use serde_json::Value;

use crate::support::broker::{Broker, Demands};
use crate::support::fixture::{Fixture, Stub};
use crate::support::messages::{assert_valid, listen};
use crate::support::subscriber::Subscriber;
use crate::support::wait_until;

/// Asks, and gives the last answer.
pub fn ask(from: &Subscriber, command: &str, request: &str) -> Value {
    let suffix = format!("cmd/{command}");
    from.publish(&format!("ocellus/box1/{suffix}"), false, request);
    from.wait_for(&suffix, |answer| answer["status"] == "successful" || answer["status"] == "failed")
}

#[test]
fn ping_snapshot_and_what_does_not_exist_are_answered_on_their_own_topic() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    let model = fixture.stub("fast", &Stub::default());
    let camera =
        "[[camera]]\nname = \"a\"\nsource = \"scene:?width=320&height=240\"\ndetect = { model = \"fast\" }\n";
    fixture.config(broker.port, &(model + camera));
    let mut service = fixture.run();
    watcher.wait_for("a/detections", |_| true);

    assert_eq!(ask(&watcher, "ping/1", "{}")["status"], "successful");
    let steps: Vec<Value> = watcher
        .json("cmd/ping/1")
        .into_iter()
        .map(|step| step["status"].clone())
        .filter(|s| !s.is_null())
        .collect();
    assert_eq!(steps, ["executing", "successful"]);

    let reported = ask(&watcher, "snapshot/1", "{}");
    let shot = &reported["result"];
    assert_eq!((&shot["width"], &shot["height"], &shot["camera"]), (&320.into(), &240.into(), &"a".into()));
    assert_eq!((&shot["topic"], shot.get("jpeg_base64")), (&"ocellus/box1/camera/a/picture".into(), None));
    // The picture is there before its address is.
    let pictures = watcher.on("camera/a/picture");
    assert_eq!((pictures.len(), pictures[0].payload.len() as u64), (1, shot["bytes"].as_u64().unwrap()));
    let size = |jpeg: &[u8]| image::load_from_memory(jpeg).map(|it| (it.width(), it.height())).unwrap();
    assert_eq!(size(&pictures[0].payload), (320, 240));
    let inline = ask(&watcher, "snapshot/inline", r#"{"inline": true}"#);
    let jpeg = inline["result"]["jpeg_base64"].as_str().expect("a picture in the answer, as asked for");
    assert_eq!(size(&base64::engine::general_purpose::STANDARD.decode(jpeg).unwrap()), (320, 240));
    let late = Subscriber::start(broker.port, "late", "ocellus/box1/camera/a/picture");
    ask(&watcher, "snapshot/kept", r#"{"retain_picture": true}"#);
    wait_until("the next picture", || late.on("a/picture").len() == 1);
    let later = Subscriber::start(broker.port, "later", "ocellus/box1/camera/a/picture");
    wait_until("the picture that was asked to stay", || !later.on("a/picture").is_empty());

    let absent = ask(&watcher, "snapshot/2", r#"{"camera": "b"}"#);
    assert!(
        absent["reason"].as_str().unwrap().contains("there is no camera \"b\"; there are: a"),
        "{absent}"
    );
    let unknown = ask(&watcher, "dance/1", "{}");
    let reason = unknown["reason"].as_str().unwrap();
    assert!(reason.contains("\"dance\"") && reason.contains("ping, reload, snapshot"), "{reason}");
    assert_eq!(ask(&watcher, "ping/2", "{ no json")["status"], "failed");
    assert_eq!(service.stop(), Some(0));
    assert_valid(&watcher);
}

/// A broker with a limit, a camera whose picture is beyond it, and every way of speaking to it.
#[test]
fn a_snapshot_that_the_broker_does_not_take_fails_alone_and_is_listed_by_status() {
    for (protocol, why) in
        [("3.1.1", "closed the connection over it"), ("auto", "takes packets of at most 40000")]
    {
        let broker = Broker::demanding(&Demands { max_packet: Some(40_000), ..Demands::default() });
        let (fixture, watcher) = (Fixture::new(), listen(broker.port));
        let model = fixture.stub("fast", &Stub::default());
        let camera = "[[camera]]\nname = \"a\"\nsource = \"scene:?width=1280&height=720\"\n\
            detect = { model = \"fast\" }\ntrack = { min_frames = 1, update_every_ms = 0 }\n";
        let mqtt = format!("url = \"mqtt://127.0.0.1:{}\"\nprotocol = \"{protocol}\"", broker.port);
        fixture.config_with(&mqtt, "stub", &(model + camera));
        let mut service = fixture.run();
        watcher.wait_for("a/detections", |_| true);

        let failed = ask(&watcher, "snapshot/1", r#"{"camera": "a"}"#);
        let reason = failed["reason"].as_str().unwrap_or_default();
        assert!(reason.starts_with("the answer has ") && reason.contains(why), "{failed}");
        let counts = || ["a/detections", "a/event", "telemetry"].map(|of| watcher.on(of).len());
        let before = counts();
        wait_until("all the rest goes on", || counts().iter().zip(before).all(|(now, was)| *now > was + 3));
        assert_eq!(ask(&watcher, "ping/1", "{}")["status"], "successful");
        watcher.wait_for("alarm/mqtt-refused", Value::is_object);

        let status = fixture.command(&["status"]);
        let words = String::from_utf8(status.stdout).unwrap();
        assert!(
            words.contains("the broker did not take 1 messages") && words.contains("camera/a/picture"),
            "{words}"
        );
        let status: Value = serde_json::from_slice(&fixture.command(&["status", "--json"]).stdout).unwrap();
        let letter = &status["set_aside"]["newest"][0];
        assert_eq!(
            (&status["set_aside"]["count"], &letter["topic"]),
            (&1.into(), &"camera/a/picture".into())
        );
        assert!(letter["bytes"].as_u64().unwrap() > 40_000, "{letter}");
        assert_eq!(service.stop(), Some(0), "{}", service.log());
    }
}
