//! How the box is, told everywhere by the same list: MQTT, the command line, REST, `/healthz`, `/metrics`, alarms.

use std::fs;
use std::io::Write;
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::support::broker::{Broker, Demands, free_port};
use crate::support::disk::SmallDisk;
use crate::support::fixture::{Fixture, Service, Stub};
use crate::support::messages::{listen, retained};
use crate::support::{complaint, wait_until};
use crate::web::client::{Client, Place, SCENE, address, place, prepared};

/// `ocellus status`, for people and for programs.
fn status(fixture: &Fixture) -> (String, Value) {
    let words = fixture.command(&["status"]);
    let reported = fixture.command(&["status", "--json"]);
    (
        String::from_utf8_lossy(&words.stdout).into_owned(),
        serde_json::from_slice(&reported.stdout).unwrap_or(Value::Null),
    )
}

/// Waits until `ocellus status` says degraded and holds all `words`.
fn wait_status(fixture: &Fixture, words: &[&str]) -> (String, Value) {
    let mut said = (String::new(), Value::Null);
    wait_until(&format!("a status with {words:?}"), || {
        said = status(fixture);
        said.0.starts_with("degraded") && words.iter().all(|word| said.0.contains(word))
    });
    said
}

fn component<'a>(reported: &'a Value, name: &str) -> &'a Value {
    let all = reported["components"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().find(|one| one["component"] == name).unwrap_or(&Value::Null)
}

fn health_of(client: &Client, component: &str) -> Option<String> {
    let text = client.get("/metrics").text();
    let head = format!("ocellus_health{{component=\"{component}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&head).map(str::to_owned))
}

/// A box with a page, without a broker of its own.
fn run(port: u16, mqtt: &str, rest: &str) -> (Fixture, Service, Client) {
    let fixture = Fixture::new();
    let url = format!("url = \"mqtt://127.0.0.1:{port}\"\n{mqtt}");
    fixture.config_with(&url, "stub", &format!("[web]\nbind = \"127.0.0.1:0\"\n{rest}"));
    let service = fixture.run();
    let client = Client::new(address(&service, 1));
    (fixture, service, client)
}

#[test]
fn a_box_without_a_broker_says_so_on_the_box_itself() {
    let port = free_port();
    let model = "[model.m]\npath = \"m.stub\"\ntask = \"ssd\"\nlabels = [\"thing\"]\n";
    let fixture = Fixture::new();
    fixture.stub("m", &Stub::default());
    let camera = "[[camera]]\nname = \"a\"\nsource = \"scene:?fps=20\"\ndetect = { model = \"m\" }\n\
        track = { min_frames = 1, update_every_ms = 0 }\n";
    fixture.config(port, &format!("[web]\nbind = \"127.0.0.1:0\"\n{model}{camera}"));
    let mut service = fixture.run();
    let client = Client::new(address(&service, 1));
    let place = format!("broker mqtt://127.0.0.1:{port}: connection refused, since 2");
    let (words, reported) = wait_status(&fixture, &[&place, "events wait", "start the broker"]);
    assert_eq!(reported["state"], "degraded", "{words}");
    let broker = component(&reported, "broker");
    assert_eq!((&broker["state"], &broker["essential"]), (&"faulty".into(), &false.into()), "{reported}");
    assert!(broker["cause"].as_str().unwrap().contains("connection refused"), "{broker}");
    // The count is that of the events, not a word: it grows while nobody takes them.
    let waiting = |words: &str| {
        let head = words.split(" events wait").next().unwrap();
        head.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let before = waiting(&words);
    wait_until("more events", || waiting(&wait_status(&fixture, &["events wait"]).0) > before);
    // The cameras work, so that the box is of use: 200, and yet every place has the reason.
    let reply = client.get("/healthz");
    assert_eq!((reply.status, &reply.json()["state"]), (200, &json!("degraded")), "{}", reply.text());
    assert!(reply.text().contains("connection refused"), "{}", reply.text());
    wait_until("the metric", || health_of(&client, "broker").as_deref() == Some("0"));
    assert_eq!(health_of(&client, "camera/a").as_deref(), Some("1"));
    let alarms = client.get("/api/v1/alarms").json();
    assert_eq!(alarms[0]["name"], "broker", "{alarms}");
    let broker = Broker::start_on(port);
    let watcher = listen(broker.port);
    wait_until("all is well", || status(&fixture).0.starts_with("online"));
    watcher.wait_for("box1/status", |reported| reported["state"] == "online");
    wait_until("no alarm", || client.get("/api/v1/alarms").json() == json!([]));
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_broker_that_refuses_the_password_is_named_with_the_key_to_mend() {
    let broker = Broker::demanding(&Demands { login: Some(("anna", "right")), ..Demands::default() });
    let dir = tempfile::tempdir().unwrap();
    let password = dir.path().join("password");
    fs::write(&password, "wrong\n").unwrap();
    let login = format!("username = \"anna\"\npassword_file = \"{}\"", password.display());
    let (fixture, mut service, client) = run(broker.port, &login, SCENE);
    let (words, _) = wait_status(&fixture, &["broker mqtt://127.0.0.1:", "password", "mqtt.password_file"]);
    assert!(words.contains("since 2"), "{words}");
    assert!(client.get("/healthz").json()["reasons"][0].as_str().unwrap().contains("password"));
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_broker_that_is_essential_makes_the_box_unhealthy_while_it_is_away() {
    let port = free_port();
    let (_fixture, mut service, client) =
        run(port, "", &format!("[supervisor]\nessential = [\"mqtt\"]\n{SCENE}"));
    wait_until("503", || {
        let reply = client.get("/healthz");
        reply.status == 503 && reply.text().contains("connection refused")
    });
    let _broker = Broker::start_on(port);
    wait_until("200", || client.get("/healthz").status == 200);
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_model_whose_every_inference_fails_is_built_again_once_and_then_an_alarm() {
    let failing = Stub { fail: Some("the accelerator is gone"), ..Stub::default() };
    let camera = "[[camera]]\nname = \"a\"\nsource = \"scene:?width=320&height=240\"\n\
        detect = { model = \"bad\" }\n";
    let place = prepared("", "", |fixture| {
        let text = fs::read_to_string(fixture.config_path()).unwrap();
        fs::write(fixture.config_path(), text + &fixture.stub("bad", &failing) + camera).unwrap();
    });
    let watcher = listen(place.broker.port);
    let alarm = watcher.wait_for("alarm/model-bad", |alarm| !alarm.is_null());
    assert!(alarm["cause"].as_str().unwrap().contains("the accelerator is gone"), "{alarm}");
    watcher.wait_for("box1/status", |reported| {
        reported["state"] == "degraded"
            && reported["reasons"][0].as_str().is_some_and(|r| r.contains("model bad"))
    });
    let (_, reported) = wait_status(&place.fixture, &["model bad", "the accelerator is gone"]);
    assert_eq!(component(&reported, "model/bad")["state"], "faulty");
    wait_until("the metric", || health_of(&place.client(), "model/bad").as_deref() == Some("0"));
    // The only camera's only model: nothing works.
    wait_until("503", || place.client().get("/healthz").status == 503);
    let built = place.service.log().matches("it is built again, once").count();
    let workers = place.service.log().matches("built again").count();
    assert!(built >= 1 && workers == built, "each worker builds it again once: {}", place.service.log());
    place.end();
}

/// Frames for a camera that waits for a sender.
struct Sender(TcpStream, u64);

impl Sender {
    fn connect(port: u16) -> Sender {
        Sender(TcpStream::connect(("127.0.0.1", port)).unwrap(), 0)
    }

    fn send(&mut self) {
        use ocellus::camera::tcp::FrameHeader;
        use ocellus::types::PixelFormat;
        let header = FrameHeader::raw(PixelFormat::Gray8, 64, 48, Some(self.1 * 40_000_000)).unwrap();
        self.0.write_all(&header.to_bytes()).unwrap();
        self.0.write_all(&[90; 64 * 48]).unwrap();
        self.1 += 1;
    }
}

/// A box whose camera `a` waits for a sender on the port.
fn waiting(rest: &str) -> (Place, u16) {
    let port = free_port();
    let camera = format!(
        "[[camera]]\nname = \"a\"\nsource = \"tcp://127.0.0.1:{port}\"\nreconnect_ms = 50\nreconnect_max_ms = 200\n\
         frozen_after_ms = 600000\n"
    );
    (place("", &format!("{camera}{rest}")), port)
}

#[test]
fn an_alarm_is_acknowledged_by_command_line_mqtt_and_rest_until_its_cause_is_over() {
    let (place, port) = waiting("");
    let watcher = listen(place.broker.port);
    let alarm = watcher.wait_for("alarm/camera-a", |alarm| !alarm.is_null());
    assert!(alarm.get("acknowledged_by").is_none(), "{alarm}");
    wait_status(&place.fixture, &["camera a offline", "no sender"]);
    // By the command line, which also refuses what is not raised.
    let wrong = place.fixture.command(&["alarm", "acknowledge", "camera-b"]);
    let said = complaint(&wrong);
    assert!(!wrong.status.success() && said.contains("camera-b") && said.contains("camera-a"), "{said}");
    assert!(place.fixture.command(&["alarm", "acknowledge", "camera-a", "--by", "anna"]).status.success());
    let alarm = retained(place.broker.port, "alarm/camera-a");
    assert_eq!(alarm["acknowledged_by"], "anna (command line)", "{alarm}");
    assert!(alarm["acknowledged_at"].as_str().unwrap().ends_with('Z'));
    crate::support::messages::assert_valid(&watcher);
    let list = place.fixture.command(&["alarm", "list"]);
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    assert!(list.contains("camera-a: since") && list.contains("acknowledged by anna"), "{list}");
    let (words, reported) = status(&place.fixture);
    assert!(words.contains("alarm camera-a was acknowledged by anna"), "{words}");
    assert_eq!(reported["state"], "degraded", "an alarm that was seen is not over");
    // The cause is over, and comes again: nobody has seen that yet.
    let mut sender = Sender::connect(port);
    wait_until("the alarm is over", || {
        sender.send();
        watcher.json("alarm/camera-a").last().unwrap().is_null()
    });
    let before = watcher.json("alarm/camera-a").len();
    drop(sender);
    wait_until("a new alarm", || watcher.json("alarm/camera-a").len() > before);
    let alarm = watcher.json("alarm/camera-a").pop().unwrap();
    assert!(alarm.get("acknowledged_by").is_none(), "{alarm}");
    // By MQTT.
    let request = json!({ "acknowledge": "camera-a", "by": "line 1" }).to_string();
    watcher.publish("ocellus/box1/cmd/alarm/7", false, request);
    let answer = watcher.wait_for("cmd/alarm/7", |answer| answer["status"] == "successful");
    assert_eq!(answer["result"]["acknowledged_by"], "line 1 (mqtt)", "{answer}");
    // By REST.
    let reply = place.client().post("/api/v1/alarms/camera-a/acknowledge", json!({}));
    assert_eq!((reply.status, &reply.json()["acknowledged_by"]), (200, &json!("local")), "{}", reply.text());
    assert_eq!(place.client().get("/api/v1/alarms").json()[0]["acknowledged_by"], "local");
    let reply = place.client().post("/api/v1/alarms/nothing/acknowledge", json!({}));
    assert!(reply.status >= 400 && reply.code() == "unknown_alarm", "{}", reply.text());
    place.end();
}

#[test]
fn only_what_is_essential_makes_a_box_unhealthy_whose_other_camera_works() {
    let (other, _) = waiting(&SCENE.replace("\"a\"", "\"b\""));
    wait_status(&other.fixture, &["camera a offline"]);
    wait_until("degraded", || other.client().get("/healthz").json()["state"] == "degraded");
    assert_eq!(other.client().get("/healthz").status, 200);
    wait_until("the metric", || health_of(&other.client(), "camera/a").as_deref() == Some("0"));
    assert_eq!(health_of(&other.client(), "camera/b").as_deref(), Some("1"));
    other.end();
    let essential = "[supervisor]\nessential = [\"camera/a\"]\n";
    let (place, port) = waiting(&format!("{}\n{essential}", SCENE.replace("\"a\"", "\"b\"")));
    wait_until("503", || {
        let reply = place.client().get("/healthz");
        reply.status == 503
            && reply.json()["state"] == "degraded"
            && reply.text().contains("camera a offline")
    });
    let mut sender = Sender::connect(port);
    wait_until("200", || {
        sender.send();
        place.client().get("/healthz").status == 200
    });
    place.end();
}

#[test]
fn a_file_that_was_played_to_its_end_is_not_ill() {
    let pictures = tempfile::tempdir().unwrap();
    let image = image::RgbImage::from_pixel(64, 48, image::Rgb([90, 90, 90]));
    image.save(pictures.path().join("one.png")).unwrap();
    let ended = format!("[[camera]]\nname = \"tape\"\nsource = \"images://{}\"\n", pictures.path().display());
    let place = place("", &format!("{ended}{SCENE}"));
    let watcher = listen(place.broker.port);
    watcher.wait_for("tape/status", |reported| reported["cause"] == "the source has ended");
    wait_until("ended", || component(&status(&place.fixture).1, "camera/tape")["state"] == "ended");
    let (words, reported) = status(&place.fixture);
    assert!(words.starts_with("online"), "{words}");
    assert_eq!(reported["reasons"], json!([]));
    wait_until("healthy", || {
        place.client().get("/healthz").json() == json!({ "state": "online", "reasons": [] })
    });
    place.end();
}

#[test]
fn a_store_that_is_emptied_or_replaced_under_the_service_is_reported() {
    let place = place("", SCENE);
    let watcher = listen(place.broker.port);
    wait_until("well", || status(&place.fixture).0.starts_with("online"));
    let store = place.fixture.state_dir.join("store");
    let aside = place.fixture.path("aside");
    fs::create_dir(&aside).unwrap();
    for entry in fs::read_dir(&store).unwrap() {
        let entry = entry.unwrap();
        fs::rename(entry.path(), aside.join(entry.file_name())).unwrap();
    }
    let (words, reported) = wait_status(&place.fixture, &["emptied", "restart the service"]);
    assert!(words.contains(store.to_str().unwrap()), "{words}");
    assert_eq!(component(&reported, "store")["state"], "faulty");
    watcher.wait_for("alarm/store-files", |alarm| !alarm.is_null());
    // Another store in its place, as a restored backup is.
    for name in fs::read_dir(&aside).unwrap().map(|entry| entry.unwrap().file_name()) {
        let (from, to) = (aside.join(&name), store.join(&name));
        if from.is_file() {
            fs::copy(from, to).unwrap();
        }
    }
    wait_status(&place.fixture, &["was replaced"]);
    for entry in fs::read_dir(&store).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::remove_file(path).unwrap();
        }
    }
    for entry in fs::read_dir(&aside).unwrap() {
        let entry = entry.unwrap();
        fs::rename(entry.path(), store.join(entry.file_name())).unwrap();
    }
    wait_until("well again", || status(&place.fixture).0.starts_with("online"));
    wait_until("the end of the alarm", || watcher.json("alarm/store-files").last().unwrap().is_null());
    place.end();
}

#[test]
fn a_full_disk_of_the_state_directory_is_reported_until_there_is_space() {
    let Some(disk) = SmallDisk::mount(16 << 20) else { return };
    let broker = Broker::start();
    let mut fixture = Fixture::new();
    fixture.state_dir = disk.path().into();
    fixture.config(broker.port, &format!("[web]\nbind = \"127.0.0.1:0\"\n{SCENE}"));
    let mut service = fixture.run();
    let client = Client::new(address(&service, 1));
    wait_until("well", || status(&fixture).0.starts_with("online"));
    disk.fill();
    let (words, reported) = wait_status(&fixture, &["the disk of", "device.state_dir", "full"]);
    assert!(words.contains(disk.path().to_str().unwrap()), "{words}");
    assert_eq!(component(&reported, "disk/state")["state"], "faulty");
    wait_until("the metric", || health_of(&client, "disk/state").as_deref() == Some("0"));
    disk.free();
    wait_until("well again", || status(&fixture).0.starts_with("online"));
    assert_eq!(service.stop(), Some(0));
}
