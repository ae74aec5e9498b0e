//! `ocellus attendance`, with the service running and without, and the same by MQTT.

use std::fs;

use ocellus::store::Store;
use serde_json::{Value, json};

use crate::attendance::tables::write;
use crate::support::broker::Broker;
use crate::support::fixture::{Fixture, Stub};
use crate::support::messages::listen;

const CAMERA: &str = "[attendance]\ntime_zone = \"Europe/Berlin\"\n\n[[camera]]\nname = \"a\"\n\
    source = \"scene:?width=64&height=64&fps=30\"\ndetect = { model = \"m\" }\n";

fn ask(fixture: &Fixture, arguments: &[&str]) -> (i32, String, String) {
    let output = fixture.command(&[&["attendance"], arguments].concat());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_table_is_the_same_with_and_without_the_service_and_over_mqtt() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    fixture.config(broker.port, &(fixture.stub("m", &Stub::default()) + CAMERA));
    let visits = [
        (1, "Ada", "2026-11-20T08:00:00", Some("2026-11-20T17:10:00")),
        (2, "=2+3\u{1b}[31m", "2026-11-20T09:00:00", Some("2026-11-20T12:00:00")),
        (2, "=2+3\u{1b}[31m", "2026-11-20T13:00:00", Some("2026-11-20T18:00:00")),
    ];
    {
        let store = Store::open(&fixture.state_dir).unwrap().store;
        write(&store, "Europe/Berlin", &visits);
        store.attendance().flush().unwrap();
    }
    let day = ["--day", "2026-11-20"];
    let (code, words, said) = ask(&fixture, &day);
    assert_eq!((code, &*said), (0, ""));
    let lines: Vec<_> = words.lines().collect();
    assert_eq!(lines[0], "2026-11-20 (Europe/Berlin)");
    assert!(lines[2].starts_with("=2+3\u{fffd}[31m") && lines[2].contains("09:00:00"), "{words}");
    assert!(lines[2].contains("8:00:00") && lines[3].contains("17:10:00"), "{words}");

    let json_of = |arguments: &[&str]| -> Value {
        let (code, out, said) = ask(&fixture, &[&day[..], arguments, &["--json"]].concat());
        assert_eq!(code, 0, "{said}");
        serde_json::from_str(&out).unwrap()
    };
    let without = json_of(&[]);
    assert_eq!(without["rows"].as_array().unwrap().len(), 2);
    assert_eq!(without["rows"][0]["visits"], 2);
    assert_eq!(json_of(&["--person", "Ada"])["rows"].as_array().unwrap().len(), 1);
    let (csv_path, xlsx_path) = (fixture.path("day.csv"), fixture.path("day.xlsx"));
    let csv_without = {
        assert_eq!(ask(&fixture, &[&day[..], &["--csv", csv_path.to_str().unwrap()]].concat()).0, 0);
        fs::read(&csv_path).unwrap()
    };
    assert!(String::from_utf8_lossy(&csv_without).contains(",'=2+3"));

    let watcher = listen(broker.port);
    let mut service = fixture.run();
    watcher.wait_for("box1/status", |status| status["state"] == "online");
    assert_eq!(json_of(&[]), without);
    assert_eq!(ask(&fixture, &[&day[..], &["--xlsx", xlsx_path.to_str().unwrap()]].concat()).0, 0);
    assert!(fs::read(&xlsx_path).unwrap().starts_with(b"PK"));
    let (_, out, _) = ask(&fixture, &[&day[..], &["--csv", "-"]].concat());
    assert_eq!(out.as_bytes(), csv_without);
    watcher.publish(
        "ocellus/box1/cmd/attendance/1",
        false,
        json!({ "action": "day", "day": "2026-11-20" }).to_string(),
    );
    let answer = watcher.wait_for("cmd/attendance/1", |message| message["status"] == "successful");
    assert_eq!(answer["result"]["rows"], without["rows"]);
    let reported =
        watcher.wait_for("telemetry", |message| message["counters"]["attendance/present"].is_u64());
    assert_eq!(reported["queues"]["attendance"], 0);

    // Bad wishes, with the service and without.
    let bad = || {
        let (code, _, said) = ask(&fixture, &["--day", "tomorrow"]);
        assert!(code == 1 && said.contains("YYYY-MM-DD"), "{code}: {said}");
        let (code, _, said) = ask(&fixture, &["--csv", "/nowhere/day.csv"]);
        assert!(code == 1 && said.contains("/nowhere/day.csv"), "{code}: {said}");
    };
    bad();
    assert_eq!(service.stop(), Some(0));
    bad();
    // What was in the book before the service's first start is told once.
    let ids: Vec<_> =
        watcher.json("/attendance").iter().filter_map(|message| message["id"].as_u64()).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6]);
    crate::support::messages::assert_valid(&watcher);
}
