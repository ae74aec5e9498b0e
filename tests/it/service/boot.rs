//! A configuration that cannot be used does not leave the box dark: the last one that was applied takes its place, or
//! page and status say what is wrong.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::support::broker::{Broker, free_port};
use crate::support::fixture::{Fixture, Service, Stub};
use crate::support::messages::{assert_valid, listen, retained};
use crate::support::subscriber::Subscriber;
use crate::support::{complaint, wait_until};

const CAMERA: &str = "[[camera]]\nname = \"a\"\nsource = \"scene:?fps=20\"\ndetect = { model = \"m\" }\n";

struct Place {
    broker: Broker,
    fixture: Fixture,
    watcher: Subscriber,
    model: String,
}

impl Place {
    fn new() -> Place {
        let (broker, fixture) = (Broker::start(), Fixture::new());
        let watcher = listen(broker.port);
        let model = fixture.stub("m", &Stub::default());
        Place { broker, fixture, watcher, model }
    }

    fn write(&self, cameras: &str) {
        self.fixture.config(self.broker.port, &(self.model.clone() + cameras));
    }

    fn wait_more(&self, camera: &str) {
        let suffix = format!("{camera}/detections");
        let before = self.watcher.json(&suffix).len();
        wait_until(&format!("more from {camera}"), || self.watcher.json(&suffix).len() > before + 10);
    }

    /// The newest state of `suffix` satisfies `wanted`.
    fn wait_now(&self, suffix: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let newest = || self.watcher.json(suffix).last().cloned().unwrap_or_default();
        wait_until(&format!("{suffix} as wanted"), || wanted(&newest()));
        newest()
    }

    fn end(&self, mut service: Service) {
        assert_eq!(service.stop(), Some(0), "{}", service.log());
    }
}

#[test]
fn whatever_is_wrong_with_the_file_the_box_starts_from_what_was_applied_last() {
    let place = Place::new();
    place.write(CAMERA);
    let service = place.fixture.run();
    place.wait_more("a");
    place.end(service);
    let path = place.fixture.config_path();
    let good = fs::read(&path).unwrap();
    fs::write(place.fixture.path("rotten.stub"), "this is no model").unwrap();
    let rotten =
        CAMERA.replace("\"m\"", "\"rotten\"") + "[model.rotten]\npath = \"rotten.stub\"\ntask = \"ssd\"\n";
    let kinds: [(&str, &str, &[&str]); 5] = [
        ("an unknown key", "rapeat = true\n", &["camera[0].rapeat", ":1: ", "\"repeat\""]),
        ("a value out of its range", "ring_slots = 1\n", &["camera[0].ring_slots"]),
        ("a syntax error", "[[camera\n", &["TOML"]),
        ("no text", "", &["UTF-8"]),
        ("a model that is none", "", &["rotten.stub"]),
    ];
    for (kind, added, words) in kinds {
        match kind {
            "no text" => fs::write(&path, [&good[..], b"# T\xFCr"].concat()).unwrap(),
            "a model that is none" => place.write(&rotten),
            _ => place.write(&(CAMERA.to_owned() + added)),
        }
        let service = place.fixture.run();
        let alarm = place.wait_now("alarm/config", |alarm| {
            alarm["cause"].as_str().is_some_and(|cause| words.iter().all(|word| cause.contains(word)))
        });
        let cause = alarm["cause"].as_str().unwrap();
        assert!(
            cause.contains(path.to_str().unwrap()) && cause.contains("in force instead"),
            "{kind}: {cause}"
        );
        place.wait_more("a");
        let status = place.wait_now("box1/status", |status| status["state"] == "degraded");
        assert!(status["reasons"].to_string().contains(words[0]), "{kind}: {status}");
        assert!(words.iter().all(|word| service.log().contains(word)), "{kind}: {}", service.log());
        let reported = place.fixture.command(&["status"]);
        assert_eq!(reported.status.code(), Some(0), "{}", complaint(&reported));
        place.end(service);
    }
    // The file is missing altogether, and its place is only known by the option.
    fs::remove_file(&path).unwrap();
    let service = place.fixture.run_as(&["--state-dir", place.fixture.state_dir.to_str().unwrap()]);
    place.wait_now("alarm/config", |alarm| {
        alarm["cause"].as_str().is_some_and(|cause| cause.contains("cannot be read"))
    });
    place.wait_more("a");
    place.write(&(CAMERA.to_owned() + &CAMERA.replace("\"a\"", "\"b\"")));
    service.signal(libc::SIGHUP);
    place.wait_more("b");
    place.wait_now("alarm/config", Value::is_null);
    place.wait_now("box1/status", |status| status["state"] == "online");
    place.end(service);
    // What was mended by a reload is what was applied last.
    place.write("[[camera\n");
    let service = place.fixture.run();
    place.wait_more("b");
    place.end(service);
    assert_valid(&place.watcher);
}

#[test]
fn a_model_that_is_gone_at_the_next_start_costs_its_own_camera_only() {
    let place = Place::new();
    let other = place.fixture.stub("n", &Stub::default());
    let cameras = CAMERA.to_owned() + &CAMERA.replace("\"a\"", "\"b\"").replace("\"m\"", "\"n\"");
    place.write(&(other.clone() + &cameras));
    let service = place.fixture.run();
    place.wait_more("b");
    place.end(service);
    fs::write(place.fixture.path("n.stub"), "this is no model").unwrap();
    let service = place.fixture.run();
    let says = |alarm: &Value, word| alarm["cause"].as_str().is_some_and(|cause| cause.contains(word));
    place.wait_now("alarm/config", |alarm| says(alarm, "camera b") && says(alarm, "n.stub"));
    place.wait_more("a");
    place.fixture.stub("n", &Stub::default());
    service.signal(libc::SIGHUP);
    place.wait_more("b");
    place.wait_now("alarm/config", Value::is_null);
    place.end(service);
}

/// The body of `GET path`, if the page answers.
pub fn get(port: u16, path: &str) -> Option<Value> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.starts_with("HTTP/1.1 200").then(|| serde_json::from_str(body).ok())?
}

#[test]
fn a_first_start_with_faults_serves_them_and_takes_the_mended_file() {
    let place = Place::new();
    let port = free_port();
    let web = format!("[web]\nbind = \"127.0.0.1:{port}\"\n\n");
    place.write(&(web.clone() + "[workers]\ncores = [0]\n" + CAMERA + "rapeat = true\n"));
    let mut service = place.fixture.run();
    let alarm = place.watcher.wait_for("alarm/config", |alarm| !alarm.is_null());
    let cause = alarm["cause"].as_str().unwrap();
    assert!(cause.contains("camera[0].rapeat") && cause.contains("no camera runs"), "{cause}");
    place.wait_now("box1/status", |status| status["state"] == "degraded");
    retained(place.broker.port, "alarm/config");
    wait_until("the faults on the page", || {
        get(port, "/api/v1/alarms").is_some_and(|alarms| alarms.to_string().contains("camera[0].rapeat"))
    });
    service.wait_log(&["ready"]);

    // Still not good: told anew, and the box goes on.
    place.write(&(web.clone() + CAMERA + "pase = \"max\"\n"));
    service.signal(libc::SIGHUP);
    place.wait_now("alarm/config", |alarm| alarm.to_string().contains("camera[0].pase"));
    assert!(service.is_running());

    place.write(&(web + CAMERA));
    let reported = place.fixture.command(&["reload"]);
    assert_eq!(reported.status.code(), Some(0), "{}", complaint(&reported));
    place.wait_more("a");
    place.wait_now("alarm/config", Value::is_null);
    place.wait_now("box1/status", |status| status["state"] == "online");
    wait_until("the page", || {
        get(port, "/api/v1/alarms").is_some_and(|alarms| !alarms.to_string().contains("config"))
    });
    place.end(service);
    assert_valid(&place.watcher);
}
