//! Values of messages: instruments that publish to the broker.

use std::time::Duration;

use serde_json::json;

use super::support::Lab;

#[test]
fn messages_become_values_once_and_what_the_broker_had_kept_is_left_out() {
    let lab = Lab::stopped(
        "[[intake]]\nname = \"cryo\"\ntopic = \"lab/cryo/+\"\npayload = \"number\"\nstale_after_ms = 600000\n\
         [[intake]]\nname = \"laser\"\ntopic = \"lab/laser\"\ntime = \"s\"\nstale_after_ms = 600000\n\
         [intake_store]\npublish_ms = 100\n",
    );
    lab.watcher.publish("lab/cryo/stage1", true, "77");
    let mut lab = lab;
    lab.run();
    lab.watcher.wait_for("camera/front/status", |_| true);
    // Until it is subscribed, messages pass by.
    crate::support::wait_until("the first value", || {
        lab.watcher.publish("lab/cryo/stage2", false, "4.2");
        std::thread::sleep(Duration::from_millis(50));
        lab.watcher.json("intake/cryo").iter().any(|message| message.to_string().contains("stage2"))
    });
    lab.watcher.publish("lab/cryo/stage2", false, "4.25");
    lab.wait_value("cryo", "cryo.stage2", 4.25);
    lab.watcher.publish("lab/cryo/stage2", false, "warm");
    let message = lab.watcher.wait_for("intake/cryo", |message| message["bad_lines"] == 1);
    assert_eq!(message["state"], "ok", "{message}");
    let channels = lab.watcher.json("intake/cryo");
    assert!(!channels.iter().any(|message| message.to_string().contains("stage1")), "the retained one");

    lab.watcher.publish(
        "lab/laser",
        false,
        r#"{"t": 1795910400.5, "power": {"a": 1.5, "b": 2}, "mode": "cw"}"#,
    );
    let entry = lab.wait_value("laser", "laser.power.a", 1.5);
    assert_eq!(entry["time"], json!("2026-11-29T00:00:00.500000Z"));
    lab.wait_value("laser", "laser.power.b", 2.0);
}
