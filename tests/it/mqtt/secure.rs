//! TLS, credentials, and what is said when the broker and the configuration do not fit.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::support::broker::{Broker, Demands, free_port};
use crate::support::certs::Certs;
use crate::support::unit::{Unit, event, mqtt_config};
use ocellus::config::{MqttConfig, Tls};
use ocellus::pipeline::Sink;

fn tls(ca_file: PathBuf, client: Option<&Certs>, port: u16) -> MqttConfig {
    let cert_file = client.map(|certs| certs.file("client.crt"));
    let key_file = client.map(|certs| certs.file("client.key"));
    MqttConfig { tls: Some(Tls { ca_file, cert_file, key_file }), ..mqtt_config(port) }
}

fn assert_acknowledged(unit: &Unit) {
    unit.mqtt.offer_event(&event(1));
    crate::support::wait_until("the event is acknowledged", || unit.mqtt.counters().events_acked == 1);
}

#[test]
fn a_client_certificate_opens_a_broker_that_wants_one() {
    let certs = Certs::make();
    let broker = Broker::demanding(&Demands { tls: Some((&certs, true)), ..Demands::default() });
    let dir = tempfile::tempdir().unwrap();
    let unit = Unit::start(tls(certs.file("ca.crt"), Some(&certs), broker.port), dir.path()).up();
    assert_acknowledged(&unit);
}

#[test]
fn a_missing_client_certificate_is_named_with_its_remedy() {
    let certs = Certs::make();
    let broker = Broker::demanding(&Demands { tls: Some((&certs, true)), ..Demands::default() });
    let dir = tempfile::tempdir().unwrap();
    let unit = Unit::start(tls(certs.file("ca.crt"), None, broker.port), dir.path());
    unit.wait_for_fault("set cert_file and key_file");
}

#[test]
fn a_broker_of_another_authority_is_not_trusted() {
    let (certs, others) = (Certs::make(), Certs::make());
    let broker = Broker::demanding(&Demands { tls: Some((&certs, false)), ..Demands::default() });
    let dir = tempfile::tempdir().unwrap();
    let unit = Unit::start(tls(others.file("ca.crt"), None, broker.port), dir.path());
    let said = unit.wait_for_fault("ca_file");
    assert!(said.contains(&format!("mqtts://127.0.0.1:{}", broker.port)), "{said}");
    assert_eq!(unit.mqtt.counters().connections, 0);
}

#[test]
fn a_ca_file_that_is_not_one_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.crt");
    let unit = Unit::start(tls(file.clone(), None, free_port()), dir.path());
    unit.wait_for_fault("ca.crt cannot be used");
    fs::write(&file, "no certificate\n").unwrap();
    unit.wait_for_fault("holds no certificate");
}

#[test]
fn plain_mqtt_to_a_tls_port_points_to_mqtts() {
    let certs = Certs::make();
    let broker = Broker::demanding(&Demands { tls: Some((&certs, false)), ..Demands::default() });
    let dir = tempfile::tempdir().unwrap();
    let unit = Unit::start(mqtt_config(broker.port), dir.path());
    unit.wait_for_fault("write mqtts:// in mqtt.url");
}

#[test]
fn tls_to_a_plain_port_points_to_mqtt() {
    let certs = Certs::make();
    // A server that answers a TLS greeting in MQTT, as some brokers do; mosquitto just hangs up.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answering = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let _ = client.write_all(&[0x20, 0x02, 0x00, 0x01, 0, 0, 0, 0]);
        std::thread::sleep(std::time::Duration::from_millis(200));
    });
    let dir = tempfile::tempdir().unwrap();
    let unit = Unit::start(tls(certs.file("ca.crt"), None, port), dir.path());
    unit.wait_for_fault("write mqtt:// in mqtt.url");
    answering.join().unwrap();
    let broker = Broker::start();
    let other = tempfile::tempdir().unwrap();
    let unit = Unit::start(tls(certs.file("ca.crt"), None, broker.port), other.path());
    unit.wait_for_fault("write mqtt:// in mqtt.url");
}

#[test]
fn a_password_is_read_again_at_every_attempt() {
    let broker = Broker::demanding(&Demands { login: Some(("box", "right")), ..Demands::default() });
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    let login = MqttConfig {
        username: Some("box".into()),
        password_file: Some(file.clone()),
        ..mqtt_config(broker.port)
    };
    let unit = Unit::start(login, dir.path());
    unit.wait_for_fault("password cannot be read");
    fs::write(&file, "wrong\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let said = unit.wait_for_fault("the password is wrong");
    assert!(said.contains("check mqtt.username, the file mqtt.password_file"), "{said}");
    fs::write(&file, "right\n").unwrap();
    let unit = unit.up();
    assert_acknowledged(&unit);
}

/// As an editor of Windows saves it.
fn windows(text: &str) -> String {
    format!("\u{feff}{}", text.replace('\n', "\r\n"))
}

#[test]
fn a_password_file_of_windows_holds_the_password_and_one_in_another_encoding_is_named() {
    let broker = Broker::demanding(&Demands { login: Some(("box", "ri ght\u{a0}")), ..Demands::default() });
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    let login = MqttConfig {
        username: Some("box".into()),
        password_file: Some(file.clone()),
        ..mqtt_config(broker.port)
    };
    fs::write(&file, b"right\xf6\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let unit = Unit::start(login, dir.path());
    let said = unit.wait_for_fault("byte 0xF6 at offset 5, line 1");
    assert!(said.contains("password") && said.contains("iconv"), "{said}");
    fs::write(&file, windows("ri ght\u{a0}\nwritten by a colleague\n")).unwrap();
    let unit = unit.up();
    assert_acknowledged(&unit);
}

#[test]
fn certificates_of_windows_are_certificates() {
    let certs = Certs::make();
    let broker = Broker::demanding(&Demands { tls: Some((&certs, true)), ..Demands::default() });
    for name in ["ca.crt", "client.crt", "client.key"] {
        let text = fs::read_to_string(certs.file(name)).unwrap();
        fs::write(certs.file(name), windows(&text)).unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    let unit = Unit::start(tls(certs.file("ca.crt"), Some(&certs), broker.port), dir.path()).up();
    assert_acknowledged(&unit);
}

#[test]
fn nobody_listening_and_a_later_start_of_the_broker() {
    let port = free_port();
    let dir = tempfile::tempdir().unwrap();
    let unit = Unit::start(mqtt_config(port), dir.path());
    let said = unit.wait_for_fault("nothing listens there");
    assert!(said.contains("start the broker"), "{said}");
    unit.mqtt.offer_event(&event(1));
    let _broker = Broker::start_on(port);
    let unit = unit.up();
    crate::support::wait_until("the event is acknowledged", || unit.mqtt.counters().events_acked == 1);
}
