//! What a plant system may ask on `cmd/COMMAND/ID`.

use base64::Engine as _;
use serde_json::Value;

use crate::messages::{assert_valid, listen};
use crate::rig::{Rig, Stub};
use crate::support::broker::Broker;
use crate::support::subscriber::Subscriber;

/// Asks, and gives the last answer.
pub fn ask(from: &Subscriber, command: &str, request: &str) -> Value {
    let suffix = format!("cmd/{command}");
    from.publish(&format!("ocellus/box1/{suffix}"), false, request);
    from.wait_for(&suffix, |answer| answer["status"] == "successful" || answer["status"] == "failed")
}

#[test]
fn ping_snapshot_and_what_does_not_exist_are_answered_on_their_own_topic() {
    let (broker, rig) = (Broker::start(), Rig::new());
    let watcher = listen(broker.port);
    let model = rig.stub("fast", &Stub::default());
    let camera =
        "[[camera]]\nname = \"a\"\nsource = \"scene:?width=320&height=240\"\ndetect = { model = \"fast\" }\n";
    rig.config(broker.port, &(model + camera));
    let mut service = rig.run();
    watcher.wait_for("a/detections", |_| true);

    assert_eq!(ask(&watcher, "ping/1", "")["status"], "successful");
    let steps: Vec<Value> = watcher
        .json("cmd/ping/1")
        .into_iter()
        .map(|step| step["status"].clone())
        .filter(|s| !s.is_null())
        .collect();
    assert_eq!(steps, ["executing", "successful"]);

    let shot = ask(&watcher, "snapshot/1", "");
    let shot = &shot["result"];
    let jpeg = shot["jpeg_base64"].as_str().expect("a picture");
    let jpeg = base64::engine::general_purpose::STANDARD.decode(jpeg).unwrap();
    let picture = image::load_from_memory(&jpeg).unwrap();
    assert_eq!((picture.width(), picture.height()), (320, 240));
    assert_eq!((&shot["width"], &shot["height"], &shot["camera"]), (&320.into(), &240.into(), &"a".into()));

    let absent = ask(&watcher, "snapshot/2", r#"{"camera": "b"}"#);
    assert!(
        absent["reason"].as_str().unwrap().contains("there is no camera \"b\"; there are: a"),
        "{absent}"
    );
    let unknown = ask(&watcher, "dance/1", "");
    let reason = unknown["reason"].as_str().unwrap();
    assert!(reason.contains("\"dance\"") && reason.contains("ping, reload, snapshot"), "{reason}");
    assert_eq!(ask(&watcher, "ping/2", "{ no json")["status"], "failed");
    assert_eq!(service.stop(), Some(0));
    assert_valid(&watcher);
}
