//! `/metrics`, read as Prometheus reads it.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::fixture::Stub;
use crate::support::wait_until;
use crate::web::client::prepared;

/// One line: name, labels, value.
type Sample = (String, Vec<(String, String)>, f64);

/// Parses the text format; panics where it is not well formed.
fn parse(text: &str) -> Vec<Sample> {
    let (mut types, mut helps) = (BTreeMap::new(), BTreeMap::new());
    let (mut samples, mut seen, mut closed, mut family) =
        (Vec::new(), BTreeSet::new(), BTreeSet::new(), String::new());
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a help text");
            assert!(help.len() > 10 && help.ends_with('.'), "{line}: say in a sentence what it counts");
            assert!(!help.starts_with("The figure"), "{line}: describe it where it is declared");
            let other = helps.iter().find(|(_, known)| *known == help);
            assert_eq!(other, None, "{name} has the HELP of another metric");
            assert_eq!(helps.insert(name.to_owned(), help.to_owned()), None, "two HELP of {name}");
            assert!(closed.insert(name.to_owned()), "{name} does not stand together");
            family = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            assert!(matches!(kind, "counter" | "gauge" | "summary"), "{line}");
            assert_named_well(name);
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            assert!(helps.contains_key(name) && types.insert(name.to_owned(), kind).is_none(), "{line}");
        } else {
            let (head, value) = line.rsplit_once(' ').expect("a value");
            let (name, labels) = labels(head);
            assert!(
                name.starts_with("ocellus_")
                    && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
                "{name}"
            );
            assert_eq!(name, family, "{line} stands under another name");
            let kind = types.get(&name).unwrap_or_else(|| panic!("{name} has no TYPE"));
            let has_quantile = labels.iter().any(|(label, _)| label == "quantile");
            assert_eq!(has_quantile, *kind == "summary", "{line}: a summary alone has quantiles");
            assert!(seen.insert(head.to_owned()), "twice: {head}");
            samples.push((name, labels, value.parse().unwrap()));
        }
    }
    samples
}

/// The rules of `promtool check metrics` for names, beside that of `_total`.
fn assert_named_well(name: &str) {
    let words: Vec<&str> = name.split('_').collect();
    for wrong in [
        "counter",
        "gauge",
        "summary",
        "histogram",
        "ms",
        "us",
        "ns",
        "milliseconds",
        "kib",
        "mib",
        "percent",
    ] {
        assert!(!words.contains(&wrong), "{name}: base units, and no types in names");
    }
    for reserved in ["_bucket", "_count", "_sum"] {
        assert!(!name.ends_with(reserved), "{name}: {reserved} belongs to summaries and histograms");
    }
}

fn labels(head: &str) -> (String, Vec<(String, String)>) {
    let Some((name, rest)) = head.split_once('{') else { return (head.to_owned(), Vec::new()) };
    let inner = rest.strip_suffix('}').expect("labels end");
    let pairs = inner.split("\",").map(|pair| {
        let (name, value) = pair.split_once("=\"").expect("a label");
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{head}");
        (name.to_owned(), value.trim_end_matches('"').to_owned())
    });
    (name.to_owned(), pairs.collect())
}

#[test]
fn figures_are_well_formed_and_say_what_telemetry_says() {
    let cameras = "[[camera]]\nname = \"a\"\nsource = \"scene:?fps=60\"\ndetect = { model = \"fast\" }\n\
        track = { min_frames = 1 }\n";
    let place = prepared("", "", |fixture| {
        let model = fixture.stub("fast", &Stub::default());
        let text = std::fs::read_to_string(fixture.config_path()).unwrap();
        std::fs::write(fixture.config_path(), text + &model + cameras).unwrap();
    });
    let client = place.client();
    let mut samples = Vec::new();
    wait_until("figures of the camera", || {
        let reply = client.get("/metrics");
        assert!(reply.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
        samples = parse(&reply.text());
        let reported = samples.iter().find(|(name, ..)| name == "ocellus_camera_reported_total");
        reported.is_some_and(|(.., value)| *value > 30.0)
    });
    let value = |name: &str, label: (&str, &str)| {
        let label = (label.0.to_owned(), label.1.to_owned());
        let found = samples
            .iter()
            .find(|(known, labels, _)| known == name && (label.0.is_empty() || labels.contains(&label)));
        found.unwrap_or_else(|| panic!("{name} {label:?} in {samples:?}")).2
    };
    let camera = ("camera", "a");
    assert_eq!(value("ocellus_camera_up", camera), 1.0);
    assert!(value("ocellus_camera_frames_total", camera) >= value("ocellus_camera_reported_total", camera));
    assert!((0.0..5.0).contains(&value("ocellus_latency_seconds", ("step", "infer"))));
    assert!((0.0..=1.0).contains(&value("ocellus_worker_utilisation_ratio", ("worker", "core0"))));
    assert!(value("ocellus_memory_bytes", ("", "")) > 1e6);
    assert_eq!(value("ocellus_unit_up", ("unit", "web")), 1.0);
    assert!(value("ocellus_mqtt_reports_sent_total", ("", "")) > 0.0);
    assert!(value("ocellus_web_requests_total", ("", "")) > 0.0);
    // One that may become less is no counter.
    for gauge in ["ocellus_attendance_present", "ocellus_evidence_folders", "ocellus_evidence_bytes"] {
        assert_eq!(value(gauge, ("", "")), 0.0);
    }
    assert_eq!(value("ocellus_alarms", ("", "")), 0.0);
    assert_eq!(value("ocellus_queue_items", ("stage", "annotate")).fract(), 0.0);
    place.end();
}
