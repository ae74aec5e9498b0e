//! Values by REST, server-sent events, Prometheus and the command line.

use std::fs;

use serde_json::{Value, json};

use super::support::now_s;
use crate::support::wait_until;
use crate::web::client::{Client, Place, SCENE, next_event, prepared, stream};

const SOURCES: &str = "[[intake]]\nname = \"gauge\"\nfolder = \"data\"\npattern = \"*.dat\"\nstale_after_ms = 600000\n\
    [[intake.channel]]\ncolumn = \"value\"\nname = \"chamber pressure\"\nunit = \"mbar\"\nhigh = 1e-5\n";

fn lab() -> Place {
    prepared("", "", |fixture| {
        fs::create_dir(fixture.path("data")).unwrap();
        let text = fs::read_to_string(fixture.config_path()).unwrap();
        fs::write(fixture.config_path(), text + SCENE + SOURCES).unwrap();
    })
}

fn put(place: &Place, name: &str, text: &str) {
    let aside = place.fixture.path("aside");
    fs::write(&aside, text).unwrap();
    fs::rename(aside, place.fixture.path("data").join(name)).unwrap();
}

fn channel(client: &Client) -> Value {
    client.get("/api/v1/intake").json()["channels"][0].clone()
}

/// The next event about telemetry, with its id.
fn next_intake(events: &mut impl std::io::BufRead) -> (String, Value) {
    let (mut id, mut kind, mut data) = (String::new(), String::new(), String::new());
    loop {
        let mut line = String::new();
        assert!(events.read_line(&mut line).unwrap() > 0, "the stream ended");
        match line.trim_end().split_once(": ") {
            Some(("id", value)) => id = value.to_owned(),
            Some(("event", value)) => kind = value.to_owned(),
            Some(("data", value)) => data = value.to_owned(),
            _ => {
                if kind == "intake" {
                    return (id, serde_json::from_str(&data).unwrap());
                }
            }
        }
    }
}

#[test]
fn rest_lists_channels_and_gives_histories_tables_and_bad_lines() {
    let place = lab();
    let client = place.client();
    let begin = now_s().floor() - 200.0;
    let lines: String = (0..100).map(|at| format!("{},{}e-6\n", begin + f64::from(at), 1 + at % 3)).collect();
    put(&place, "a.dat", &format!("timestamp,value\n{lines}nonsense\n"));
    wait_until("a value", || channel(&client)["points"] == 100);
    let found = channel(&client);
    assert_eq!(
        (&found["channel"], &found["source"]),
        (&json!("chamber pressure"), &json!("gauge")),
        "{found}"
    );
    assert_eq!((&found["unit"], &found["high"]), (&json!("mbar"), &json!(1e-5)), "{found}");
    assert_eq!((&found["stale"], &found["beyond"]), (&json!(false), &Value::Null), "{found}");
    assert!(found["age_ms"].as_u64().is_some(), "{found}");

    let series = client.get("/api/v1/intake/chamber%20pressure?since=10m&points=10").json();
    let total: u64 = series["count"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!((total, series["t_ms"].as_array().unwrap().len() <= 10), (100, true), "{series}");
    let of = |key: &str| {
        series[key].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(of("min").into_iter().reduce(f64::min), Some(1e-6), "{series}");
    assert_eq!(of("max").into_iter().reduce(f64::max), Some(3e-6), "{series}");
    // Of the last hundred seconds of the two hundred: nothing.
    let none = client.get("/api/v1/intake/chamber%20pressure?since=60s").json();
    assert_eq!(none["t_ms"], json!([]), "{none}");
    let csv = client.get("/api/v1/intake/chamber%20pressure?since=10m&points=5000&format=csv");
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    let counts = csv
        .text()
        .lines()
        .skip(1)
        .map(|line| line.rsplit(',').next().unwrap().parse::<u64>().unwrap())
        .sum::<u64>();
    assert_eq!(counts, 100, "{}", csv.text());
    assert!(csv.text().starts_with("time,min,mean,max,count\r\n"), "{}", csv.text());

    let bad = client.get("/api/v1/sources/gauge/bad").json();
    assert_eq!((&bad["bad_lines"], &bad["lines"][0]["line"]), (&json!(1), &json!(102)), "{bad}");
    assert_eq!((&bad["lines"][0]["file"], &bad["lines"][0]["text"]), (&json!("a.dat"), &json!("nonsense")));
    for (path, status, word) in [
        ("/api/v1/intake/nothing", 404, "unknown_channel"),
        ("/api/v1/sources/nothing/bad", 404, "unknown_source"),
        ("/api/v1/intake/chamber%20pressure?since=yesterday", 400, "bad_request"),
        ("/api/v1/intake/chamber%20pressure?since=5m&until=1h", 400, "bad_request"),
        ("/api/v1/intake/chamber%20pressure?points=0", 400, "bad_request"),
        ("/api/v1/intake/chamber%20pressure?format=xml", 400, "bad_request"),
    ] {
        let reply = client.get(path);
        assert_eq!((reply.status, reply.code().as_str()), (status, word), "{path}: {}", reply.text());
    }

    wait_until("metrics", || {
        let text = client.get("/metrics").text();
        text.contains(
            "ocellus_channel_value{channel=\"chamber pressure\",source=\"gauge\",unit=\"mbar\"} 0.000001",
        ) && text.contains("ocellus_source_up{source=\"gauge\"} 1")
            && text.contains("ocellus_source_bad_lines_total{source=\"gauge\"} 1")
            && text.contains("# HELP ocellus_intake_points_total Values that were taken and are on disk.")
    });
    let listed = place.fixture.command(&["intake", "list"]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(
        listed.contains("chamber pressure  0.000001 mbar") && listed.contains("100 values, 1 bad lines"),
        "{listed}"
    );
    let bad = place.fixture.command(&["intake", "bad", "gauge"]);
    assert!(String::from_utf8_lossy(&bad.stdout).contains("a.dat, line 102"));
    place.end();
}

#[test]
fn histories_outlive_a_restart_on_disk() {
    let mut place = lab();
    let begin = now_s().floor() - 100.0;
    let lines: String = (0..100).map(|at| format!("{},{at}\n", begin + f64::from(at))).collect();
    put(&place, "a.dat", &format!("timestamp,value\n{lines}"));
    let client = place.client();
    wait_until("a value", || channel(&client)["points"] == 100);
    place.service.kill();
    place.service = place.fixture.run();
    let client = Client::new(crate::web::client::address(&place.service, 1));
    wait_until("the channel", || channel(&client)["channel"] == "chamber pressure");
    assert_eq!((&channel(&client)["value"], &channel(&client)["stale"]), (&Value::Null, &json!(true)));
    let series = client.get("/api/v1/intake/chamber%20pressure?since=10m").json();
    let total: u64 = series["count"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!((total, &series["level"]), (100, &json!("10s")), "{series}");
    place.end();
}

#[test]
fn listeners_get_values_as_they_come_and_who_reconnects_gets_what_it_missed() {
    let place = lab();
    let client = place.client();
    let mut events = stream(&client, "/api/v1/events");
    put(&place, "a.dat", &format!("timestamp,value\n{},2e-6\n", now_s()));
    let (id, first) = loop {
        let (id, data) = next_intake(&mut events);
        if data["points"] == 1 {
            break (id, data);
        }
    };
    assert_eq!(
        (&first["topic"], &first["channels"][0]["value"]),
        (&json!("intake/gauge"), &json!(2e-6)),
        "{first}"
    );
    drop(events);
    // While nobody listens two more come.
    for (name, value) in [("b.dat", "3e-6"), ("c.dat", "4e-6")] {
        put(&place, name, &format!("timestamp,value\n{},{value}\n", now_s()));
        wait_until(name, || channel(&client)["value"] == value.parse::<f64>().unwrap());
    }
    let mut again = stream(&client.with("last-event-id", &id), "/api/v1/events");
    let mut values = Vec::new();
    while values.last() != Some(&json!(4e-6)) {
        let (_, data) = next_intake(&mut again);
        values.extend(data["channels"].as_array().unwrap().iter().map(|channel| channel["value"].clone()));
    }
    assert_eq!(values, [json!(3e-6), json!(4e-6)], "each once, in their order");
    // And what it asks for of another life is no fault.
    let mut other = stream(&place.client().with("last-event-id", "1-7"), "/api/v1/events");
    assert!(!next_event(&mut other).0.is_empty());
    place.end();
}
