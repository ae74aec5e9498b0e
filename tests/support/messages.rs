//! What the box said, as a subscriber sees it.

use std::path::Path;

use serde_json::Value;

use super::subscriber::Subscriber;

/// Everything under the box's prefix, kept by a session that survives.
pub fn listen(port: u16) -> Subscriber {
    Subscriber::start(port, "watcher", "ocellus/box1/#")
}

/// What somebody who subscribes only now is told about `suffix`: the retained message.
pub fn retained(port: u16, suffix: &str) -> Value {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    let late = Subscriber::start(port, &format!("late-{now}"), "ocellus/box1/#");
    let reported = late.wait_for(suffix, |value| !value.is_null());
    assert!(late.on(suffix)[0].retain, "{suffix} is not retained");
    reported
}

/// The numbers `key` of all messages on `suffix`, as they came.
pub fn numbers(from: &Subscriber, suffix: &str, key: &str) -> Vec<u64> {
    from.json(suffix).iter().filter_map(|message| message[key].as_u64()).collect()
}

/// Panics unless each number is one more than the one before.
pub fn assert_without_holes(what: &str, numbers: &[u64]) {
    assert!(!numbers.is_empty(), "{what}: nothing came");
    let hole = numbers.windows(2).find(|pair| pair[1] != pair[0] + 1);
    assert!(hole.is_none(), "{what}: {hole:?} in {} to {}", numbers[0], numbers[numbers.len() - 1]);
}

/// Holds every message against the schema file that it names.
pub fn assert_valid(from: &Subscriber) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/mqtt");
    let mut known = std::collections::HashMap::new();
    let messages: Vec<Value> =
        from.json("").into_iter().filter(|message| message["schema"].is_string()).collect();
    assert!(!messages.is_empty());
    for message in messages {
        let schema = message["schema"].as_str().unwrap();
        let name = schema.trim_start_matches("ocellus.").split('/').next().unwrap().to_owned();
        let validator = known.entry(name.clone()).or_insert_with(|| {
            let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
            jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
        });
        let faults: Vec<String> = validator.iter_errors(&message).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{schema}: {faults:?} in {message}");
    }
}

/// The last telemetry's counter `name`.
pub fn counter(from: &Subscriber, name: &str) -> Option<u64> {
    from.json("telemetry").last()?["counters"][name].as_u64()
}
