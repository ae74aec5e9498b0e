//! Brokers that are not there, or speak another language.

use crate::support::broker::{Broker, Demands, free_port};
use crate::support::certs::Certs;
use crate::support::fixture::{Fixture, Service, Stub};
use crate::support::messages::{assert_without_holes, counter, listen, numbers};
use crate::support::wait_until;

const CAMERA: &str = "[[camera]]\nname = \"a\"\nsource = \"scene:?fps=20\"\ndetect = { model = \"m\" }\n\
    track = { min_frames = 1, update_every_ms = 0 }\n";

#[test]
fn without_a_broker_it_runs_and_keeps_its_events_for_later() {
    let (port, fixture) = (free_port(), Fixture::new());
    fixture.config(port, &(fixture.stub("m", &Stub::default()) + CAMERA));
    let mut service = fixture.run();
    service.wait_log(&["nothing listens there", &port.to_string(), "start the broker"]);
    service.wait_log(&["ready"]);
    assert!(service.is_running());
    let broker = Broker::start_on(port);
    let watcher = listen(broker.port);
    let first = watcher.wait_for("a/event", |event| event["seq"] == 1);
    assert_eq!((&first["event"], &first["historical"]), (&"new".into(), &true.into()), "{first}");
    wait_until("all that was kept", || {
        let acked = counter(&watcher, "mqtt/events_acked");
        acked.is_some() && acked >= counter(&watcher, "mqtt/events_taken")
    });
    assert_eq!(service.stop(), Some(0));
    let mut seqs = numbers(&watcher, "a/event", "seq");
    seqs.sort_unstable();
    seqs.dedup();
    assert_eq!(seqs[0], 1);
    assert_without_holes("events", &seqs);
}

fn run(fixture: &Fixture, mqtt: &str) -> Service {
    fixture.config_with(mqtt, "stub", &(fixture.stub("m", &Stub::default()) + CAMERA));
    fixture.run()
}

#[test]
fn tls_where_plain_was_expected_and_the_reverse_are_reported_with_what_to_write() {
    let (certs, fixture) = (Certs::make(), Fixture::new());
    let tls = Broker::demanding(&Demands { tls: Some((&certs, false)), ..Demands::default() });
    let mut service = run(&fixture, &format!("url = \"mqtt://127.0.0.1:{}\"", tls.port));
    service.wait_log(&[&format!("mqtt://127.0.0.1:{}", tls.port), "mqtts://"]);
    assert_eq!(service.stop(), Some(0), "{}", service.log());

    let plain = Broker::start();
    let ca = certs.file("ca.crt");
    let mut service =
        run(&fixture, &format!("url = \"mqtts://127.0.0.1:{}\"\nca_file = \"{}\"", plain.port, ca.display()));
    service.wait_log(&[
        &format!("mqtts://127.0.0.1:{}", plain.port),
        "if this port speaks plain MQTT, write mqtt://",
    ]);
    assert_eq!(service.stop(), Some(0), "{}", service.log());

    let mut service =
        run(&fixture, &format!("url = \"mqtts://127.0.0.1:{}\"\nca_file = \"{}\"", tls.port, ca.display()));
    service.wait_log(&["connected"]);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn a_broker_that_refuses_is_reported_with_the_key_to_look_at() {
    let fixture = Fixture::new();
    let strict = Broker::demanding(&Demands { login: Some(("box1", "secret")), ..Demands::default() });
    let mut service = run(&fixture, &format!("url = \"mqtt://127.0.0.1:{}\"", strict.port));
    service.wait_log(&["does not authorise", "mqtt.username"]);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    assert!(!service.log().contains("secret"));
}
