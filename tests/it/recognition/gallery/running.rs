//! The running service: enrolled at its camera, recognised, erased from every file while it goes on; and killed in the
//! middle of an erasure.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ocellus::store::{Class, NewSample, Store};
use ocellus::types::{Channels, Patch};
use serde_json::Value;

use crate::recognition::gallery::faces::{MODEL, Traces, face, names};
use crate::support::broker::{Broker, free_port};
use crate::support::data::{FACES, data, skip};
use crate::support::fixture::{Fixture, Stub};
use crate::support::subscriber::Subscriber;
use crate::support::{PATIENCE, wait_until};

fn faces(fixture: &Fixture, arguments: &[&str]) -> (Option<i32>, Value) {
    let output = fixture.command(&[&["faces"], arguments, &["--json"]].concat());
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default())
}

#[track_caller]
fn done(fixture: &Fixture, arguments: &[&str]) -> Value {
    let (code, reported) = faces(fixture, arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {reported}");
    reported
}

/// What of the people of an export can be found again.
fn traces(file: &Path, words: &[&str]) -> Traces {
    let text = fs::read_to_string(file).unwrap();
    let (mut samples, mut pngs) = (Vec::new(), Vec::new());
    for line in text.lines().skip(1) {
        let person: Value = serde_json::from_str(line).unwrap();
        for sample in person["samples"].as_array().unwrap() {
            let bytes = |key: &str| BASE64.decode(sample[key].as_str().unwrap()).unwrap();
            let floats = bytes("embedding");
            let embedding = floats.as_chunks::<4>().0.iter().map(|part| f32::from_le_bytes(*part)).collect();
            let png = bytes("crop");
            let rgb = image::load_from_memory(&png).unwrap().to_rgb8();
            let (width, height) = (rgb.width() as usize, rgb.height() as usize);
            let crop = Patch { width, height, channels: Channels::Rgb, data: rgb.into_raw() };
            samples.push(NewSample { crop, embedding, ..face(0) });
            pngs.push(png);
        }
    }
    assert!(!samples.is_empty());
    Traces::of(words, &samples, &pngs)
}

#[test]
fn a_person_is_enrolled_at_the_camera_recognised_and_erased_while_the_service_goes_on() {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join(".runtime/libLiteRt.so");
    if std::env::var_os("OCELLUS_RUNTIME_LIB").is_none() && !library.is_file() {
        return skip(
            "there is no LiteRT library: `make setup` fetches it, OCELLUS_RUNTIME_LIB names another",
        );
    }
    let Some(data) = data(FACES) else { return };
    let (fixture, mut broker) = (Fixture::new(), Broker::start());
    let seen = data.join("images/faces/person_A/asl_again_0.3.png");
    fs::create_dir(fixture.path("door")).unwrap();
    fs::copy(&seen, fixture.path("door/0.png")).unwrap();
    let folder = format!("source = \"images://{}\"\nrepeat = true", fixture.path("door").display());
    let rest = recognising(&data, &folder);
    fixture.config_with(&format!("url = \"mqtt://127.0.0.1:{}\"", broker.port), "litert", &rest);
    let subscriber = Subscriber::start(broker.port, "plant", "ocellus/#");
    let mut service = fixture.run();
    // A command that comes before the service has the store would keep it from starting.
    subscriber.wait_for("box1/status", |reported| reported["state"] == "online");
    let mut said = Value::Null;
    wait_until("a face at the camera", || {
        let (code, reported) = faces(&fixture, &["enrol", "Zoë Quillfeather", "--camera", "door"]);
        said = reported;
        code == Some(0)
    });
    assert_eq!(said["person"], 1, "{said}");
    let entered = subscriber.wait_for("door/attendance", |reported| reported["event"] == "enter");
    assert_eq!((&entered["person"], &entered["name"]), (&1.into(), &"Zoë Quillfeather".into()), "{entered}");

    // The same face is known now, whichever way it comes.
    let (code, reported) = faces(&fixture, &["enrol", "Somebody", "--camera", "door"]);
    assert_eq!(
        (code, &reported["code"], &reported["details"]["person"]),
        (Some(13), &"already_enrolled".into(), &1.into())
    );

    let exported = fixture.path("people.jsonl");
    done(&fixture, &["export", exported.to_str().unwrap()]);
    let traces = traces(&exported, &["Quillfeather"]);
    assert!(traces.found(&fixture.state_dir).len() >= 2, "{:?}", traces.found(&fixture.state_dir));

    // Without a broker, what is told of the person waits on the disk.
    broker.stop();
    let events = || {
        let reported = fixture.command(&["attendance", "--json"]);
        let reported: Value = serde_json::from_slice(&reported.stdout).unwrap_or_default();
        reported["events"].as_array().map_or(0, Vec::len)
    };
    let before = events();
    wait_until("more events", || events() > before + 3);
    let erased = done(&fixture, &["erase", "Zoë Quillfeather"])["erased"].clone();
    assert_eq!((&erased["samples"], &erased["crops"]), (&1.into(), &1.into()), "{erased}");
    assert!(erased["events"].as_u64() > Some(3) && erased["outbox"].as_u64() > Some(0), "{erased}");
    assert_eq!(traces.found(&fixture.state_dir), Vec::<String>::new());
    assert_eq!(done(&fixture, &["list"])["people"], Value::Array(vec![]));
    assert_eq!(events(), 0);

    broker.restart();
    let gap = subscriber.wait_for("door/attendance", |reported| reported["schema"] == "ocellus.gap/1");
    assert_eq!(gap["reason"], "a person was erased", "{gap}");
    // The same face comes under another name, and under a number that nobody had.
    let again = done(&fixture, &["enrol", "Anna", seen.to_str().unwrap()]);
    assert_eq!(again["person"], 2, "{again}");
    let entered = subscriber.wait_for("door/attendance", |reported| reported["person"] == 2);
    assert!(entered["seq"].as_u64() > gap["to"].as_u64(), "{entered} after {gap}");
    assert_eq!(traces_of_name(&fixture.state_dir), Vec::<String>::new());
    assert_eq!(service.stop(), Some(0));
    assert_eq!(traces_of_name(&fixture.state_dir), Vec::<String>::new(), "nor after its end");
}

#[test]
fn attendance_of_a_camera_with_an_experiment_carries_its_id_over_mqtt() {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join(".runtime/libLiteRt.so");
    if std::env::var_os("OCELLUS_RUNTIME_LIB").is_none() && !library.is_file() {
        return skip(
            "there is no LiteRT library: `make setup` fetches it, OCELLUS_RUNTIME_LIB names another",
        );
    }
    let Some(data) = data(FACES) else { return };
    let (fixture, broker) = (Fixture::new(), Broker::start());
    let (frames, commands) = (free_port(), free_port());
    let server = format!("command_address = \"127.0.0.1:{commands}\"\nframing = \"length32\"");
    let rest = recognising(&data, &format!("source = \"tcp://127.0.0.1:{frames}\"\n{server}"));
    fixture.config_with(&format!("url = \"mqtt://127.0.0.1:{}\"", broker.port), "litert", &rest);
    let subscriber = Subscriber::start(broker.port, "plant", "ocellus/#");
    let mut service = fixture.run();
    subscriber
        .wait_for("box1/status", |reported| reported["state"] == "online" || reported["state"] == "degraded");
    let seen = data.join("images/faces/person_A/asl_again_0.3.png");
    done(&fixture, &["enrol", "Anna", seen.to_str().unwrap()]);
    let mut commander = BufReader::new(TcpStream::connect(("127.0.0.1", commands)).unwrap());
    commander.get_mut().write_all(b"EXP_ID:run 7\n").unwrap();
    let mut answer = String::new();
    commander.read_line(&mut answer).unwrap();
    assert_eq!(answer, "OK: experiment run 7\n");
    let mut jpeg = std::io::Cursor::new(Vec::new());
    image::open(&seen).unwrap().to_rgb8().write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
    let jpeg = jpeg.into_inner();
    let picture = [&(jpeg.len() as u32).to_be_bytes()[..], &jpeg].concat();
    let mut sender = TcpStream::connect(("127.0.0.1", frames)).unwrap();
    let entered =
        || subscriber.json("door/attendance").into_iter().find(|reported| reported["event"] == "enter");
    wait_until("the person enters", || {
        sender.write_all(&picture).unwrap();
        entered().is_some()
    });
    assert_eq!(entered().unwrap()["experiment"], "run 7");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

/// The sections of a box that recognises the faces of its camera `door`, with more keys of the camera.
fn recognising(data: &Path, camera: &str) -> String {
    format!(
        "[model.face]\npath = \"{0}/face_detection_back.tflite\"\ntask = \"blazeface\"\nlabels = [\"face\"]\n\
         [model.embedding]\npath = \"{0}/mobilefacenet_float32.tflite\"\ntask = \"embed\"\nmean = 127.5\nstd = 128.0\n\
         [faces]\nmodel = \"embedding\"\nagree = 1\nrecheck_ms = 100\n\
         [attendance]\nagree_frames = 1\nseen_every_ms = 100\n\
         [[camera]]\nname = \"door\"\n{camera}\nring_slots = 8\n\
         detect = {{ model = \"face\" }}\ntrack = {{ min_frames = 1 }}\nrecognise = true\n",
        data.join("models").display()
    )
}

fn traces_of_name(dir: &Path) -> Vec<String> {
    Traces::of(&["Quillfeather"], &[], &[]).found(dir)
}

#[test]
fn a_changed_model_is_noticed_by_the_running_service_and_its_crops_embedded_again() {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join(".runtime/libLiteRt.so");
    if std::env::var_os("OCELLUS_RUNTIME_LIB").is_none() && !library.is_file() {
        return skip(
            "there is no LiteRT library: `make setup` fetches it, OCELLUS_RUNTIME_LIB names another",
        );
    }
    let Some(data) = data(FACES) else { return };
    let (fixture, broker) = (Fixture::new(), Broker::start());
    fs::create_dir(fixture.path("door")).unwrap();
    let seen = data.join("images/faces/person_A/asl_again_0.3.png");
    fs::copy(&seen, fixture.path("door/0.png")).unwrap();
    let mut model = fs::read(data.join("models/mobilefacenet_float32.tflite")).unwrap();
    fs::write(fixture.path("one.tflite"), &model).unwrap();
    model.extend_from_slice(&[0; 16]);
    fs::write(fixture.path("two.tflite"), &model).unwrap();
    let config = |embedding: &str| {
        let rest = format!(
            "[model.face]\npath = \"{}/models/face_detection_back.tflite\"\ntask = \"blazeface\"\n\
             [model.embedding]\npath = \"{embedding}\"\ntask = \"embed\"\nmean = 127.5\nstd = 128.0\n\
             [faces]\nmodel = \"embedding\"\n\
             [[camera]]\nname = \"door\"\nsource = \"images://{}\"\nrepeat = true\nring_slots = 8\n\
             detect = {{ model = \"face\" }}\ntrack = {{}}\nrecognise = true\n",
            data.display(),
            fixture.path("door").display()
        );
        let mqtt = format!("url = \"mqtt://127.0.0.1:{}\"\ncommands = [\"faces\"]", broker.port);
        fixture.config_with(&mqtt, "litert", &rest);
    };
    config("one.tflite");
    done(&fixture, &["enrol", "Anna", seen.to_str().unwrap()]);
    let subscriber = Subscriber::start(broker.port, "plant", "ocellus/#");
    let mut service = fixture.run();
    subscriber.wait_for("box1/status", |reported| reported["state"] == "online");
    config("two.tflite");
    assert!(fixture.command(&["reload"]).status.success());
    let alarm = subscriber.wait_for("alarm/gallery-model", |reported| reported["cause"].is_string());
    let cause = alarm["cause"].as_str().unwrap();
    assert!(cause.contains("1 of 1 faces") && cause.contains("ocellus faces reenrol"), "{cause}");
    assert_eq!(done(&fixture, &["reenrol"])["done"], 1);
    // A broker is no place for faces.
    subscriber.publish("ocellus/box1/cmd/faces/7", false, r#"{"action":"export"}"#);
    let answer = subscriber.wait_for("cmd/faces/7", |reported| reported["status"] == "failed");
    assert!(answer["reason"].as_str().unwrap().contains("not sent over MQTT"), "{answer}");
    subscriber.wait_for("alarm/gallery-model", Value::is_null);
    assert_eq!(service.stop(), Some(0));
}

/// A box that is without a broker, with a person and with so much in its outbox that rewriting the store takes a while.
fn laden() -> Fixture {
    let fixture = Fixture::new();
    fixture.config(
        free_port(),
        &(fixture.stub("m", &Stub::default()) + "[[camera]]\nname = \"a\"\nsource = \"scene:?fps=5\"\n"),
    );
    let store = Store::open(&fixture.state_dir).unwrap().store;
    let people = store.gallery();
    people.enrol("Anna", &[face(1)]).unwrap();
    people.enrol("Zoë Quillfeather", &[face(2)]).unwrap();
    let mut outbox = store.outbox(1 << 30).unwrap();
    let stream: Arc<str> = "camera/a/inspection".into();
    for round in 0..200u32 {
        for number in 0..20u32 {
            let noise = (0..8_000u32).map(|at| (at.wrapping_mul(at ^ round ^ (number << 8)) % 94 + 33) as u8);
            outbox.stage(Class::Result, &stream, |_, out| out.extend(noise));
        }
        outbox.commit().unwrap();
    }
    fixture
}

#[test]
fn killed_in_the_middle_of_an_erasure_the_store_is_whole_and_the_erasure_is_finished() {
    let fixture = laden();
    for (round, sign) in ["store.rewrite", "store.erased", "store.rewrite"].into_iter().enumerate() {
        let mut service = fixture.run();
        // Its socket, not the store: a command that came first would keep the service from starting.
        wait_until("the service answers", || {
            UnixStream::connect(fixture.state_dir.join("control.sock")).is_ok()
        });
        let mut origin = Command::new(env!("CARGO_BIN_EXE_ocellus"))
            .args(["faces", "erase", "2", "--config"])
            .arg(fixture.config_path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (sign, deadline) = (fixture.state_dir.join(sign), Instant::now() + PATIENCE);
        // What is looked for lives for a moment: no pause between two looks, and an erasure that was too quick is none.
        while !sign.exists() && origin.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "the erasure neither ended nor came so far");
            std::thread::sleep(Duration::from_micros(100));
        }
        service.kill();
        origin.wait().unwrap();
        if round == 1 {
            // Undone or finished when it is opened, by whoever opens it.
            let store = Store::open(&fixture.state_dir).unwrap();
            assert_eq!(store.set_aside, None);
            assert_eq!(names(&store.store.gallery()), ["Anna"]);
            assert_eq!(store.store.outbox(1 << 30).unwrap().len(), 4_000, "nothing else is missing");
        }
    }
    // Asked again, where no service runs.
    let (code, reported) = faces(&fixture, &["erase", "2"]);
    assert_eq!(code, Some(0), "{reported}");
    let hers = Traces::of(&["Quillfeather"], &[face(2)], &[]);
    assert_eq!(hers.found(&fixture.state_dir), Vec::<String>::new());
    for left in ["store.rewrite", "store.erased"] {
        assert!(!fixture.state_dir.join(left).exists(), "{left}");
    }
    let store = Store::open(&fixture.state_dir).unwrap().store;
    assert_eq!(store.gallery().pending_erasures().unwrap(), []);
    assert_eq!(store.gallery().stale(MODEL).unwrap(), []);
    assert_eq!(store.outbox(1 << 30).unwrap().len(), 4_000);
}
