//! `ocellus check`: every fault at once, each with its place, its key and its remedy.

use std::fs;

use serde_json::Value;

use crate::support::complaint;
use crate::support::data::data;
use crate::support::fixture::{Fixture, Stub};

const CAMERA: &str = "[[camera]]\nname = \"a\"\nsource = \"scene:\"\ndetect = { model = \"m\" }\n";

/// `FILE:LINE:COLUMN` of `needle`, which stands once in the file.
fn place(fixture: &Fixture, needle: &str) -> String {
    let text = fs::read_to_string(fixture.config_path()).unwrap();
    let mut found = text.lines().enumerate().filter_map(|(at, line)| Some((at + 1, line.find(needle)? + 1)));
    let (line, column) = found.next().unwrap_or_else(|| panic!("{needle} is not in the file"));
    assert_eq!(found.next(), None, "{needle} stands twice");
    format!("{}:{line}:{column}:", fixture.config_path().display())
}

/// `rest` must be refused: exit code 3, the place of `needle`, and every one of `words`.
fn assert_refused(fixture: &Fixture, runtime: &str, rest: &str, needle: &str, words: &[&str]) {
    fixture.config_with("url = \"mqtt://127.0.0.1:1\"", runtime, rest);
    let output = fixture.command(&["check"]);
    let text = complaint(&output);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains(&place(fixture, needle)), "{} is missing in: {text}", place(fixture, needle));
    for word in words.iter().chain(&["next: "]) {
        assert!(text.contains(word), "\"{word}\" is missing in: {text}");
    }
}

#[test]
fn a_good_file_is_ok_in_words_and_in_json() {
    let fixture = Fixture::new();
    fixture.config(1, &(fixture.stub("m", &Stub::default()) + CAMERA));
    let output = fixture.command(&["check"]);
    assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("ok: 1 camera, 1 model"));
    let output = fixture.command(&["check", "--json"]);
    let output: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&output["ok"], &output["cameras"][0], &output["models"][0]),
        (&true.into(), &"a".into(), &"m".into())
    );
    assert!(!fixture.state_dir.exists(), "check leaves nothing behind");
}

#[test]
fn users_are_looked_for_in_the_state_directory_that_is_named() {
    let fixture = Fixture::new();
    let model = fixture.stub("m", &Stub::default());
    fixture.config(1, &format!("[web]\nbind = \"0.0.0.0:8080\"\n\n{model}{CAMERA}"));
    let other = fixture.path("other");
    fs::create_dir(&other).unwrap();
    let named = ["check", "--state-dir", other.to_str().unwrap()];
    let output = fixture.command(&named);
    let users = format!("there are no users in {}", other.join("users").display());
    assert_eq!(output.status.code(), Some(3), "{}", complaint(&output));
    assert!(complaint(&output).contains(&users), "{}", complaint(&output));
    fs::write(other.join("users"), "anna:admin:$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA\n").unwrap();
    let output = fixture.command(&named);
    assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
    // The directory of the file has none.
    assert_eq!(fixture.command(&["check"]).status.code(), Some(3));
}

#[test]
fn faults_of_the_file_are_reported_with_their_place() {
    let fixture = Fixture::new();
    let model = fixture.stub("m", &Stub::default());
    let refused =
        |rest: String, needle: &str, words: &[&str]| assert_refused(&fixture, "stub", &rest, needle, words);
    refused(model.clone() + CAMERA + "rapeat = true\n", "rapeat", &["camera[0].rapeat", "\"repeat\""]);
    refused(model.clone() + CAMERA + "ring_slots = \"8\"\n", "\"8\"", &["camera[0].ring_slots"]);
    refused(model.clone() + CAMERA + "ring_slots = 1000\n", "1000", &["camera[0].ring_slots", "64"]);
    let second = CAMERA.replace("scene:", "launch:videotestsrc ");
    refused(
        model.clone() + CAMERA + &second.replace("\"a\"", "\"a\" # twice"),
        "\"a\" # twice",
        &["camera[1].name", "a"],
    );
    refused(
        model.clone() + &CAMERA.replace("\"m\"", "\"n\""),
        "\"n\"",
        &["camera[0].detect.model", "[model.n]"],
    );
    let absent = model.replace("m.stub", "absent.stub");
    refused(absent + CAMERA, "\"absent.stub\"", &["model.m.path", "absent.stub"]);
    refused(
        model.clone() + &CAMERA.replace("scene:", "sceen:"),
        "\"sceen:\"",
        &["camera[0].source", "\"scene\""],
    );
}

#[test]
fn all_faults_are_reported_at_once_and_as_json() {
    let fixture = Fixture::new();
    let text = fixture.stub("m", &Stub::default())
        + CAMERA
        + "rapeat = true\nring_slots = 1\n[log]\nlevel = \"loud\"\n";
    fixture.config(1, &text);
    let text = complaint(&fixture.command(&["check"]));
    for key in ["camera[0].rapeat", "camera[0].ring_slots", "log.level"] {
        assert!(text.contains(key), "{key} is missing in: {text}");
    }
    let output = fixture.command(&["check", "--json"]);
    assert_eq!(output.status.code(), Some(3));
    let output: Value = serde_json::from_slice(&output.stdout).unwrap();
    let faults = output["faults"].as_array().unwrap();
    assert_eq!((&output["ok"], faults.len()), (&false.into(), 3), "{output}");
    for fault in faults {
        assert!(fault["line"].as_u64() > Some(0) && fault["column"].as_u64() > Some(0), "{fault}");
        for key in ["file", "key", "reason", "remedy"] {
            assert!(fault[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {fault}");
        }
    }
}

#[test]
fn a_model_that_cannot_run_is_refused_at_its_path_with_the_tensor_named() {
    let Some(data) = data(&["models/mobilenet_v1_0.25_128_quant.tflite", "models/bad"]) else { return };
    let fixture = Fixture::new();
    let sound = data.join("models/mobilenet_v1_0.25_128_quant.tflite");
    let bytes = fs::read(&sound).unwrap();
    fs::write(fixture.path("other.tflite"), b"\x89PNG\r\n\x1a\n and more").unwrap();
    fs::write(fixture.path("cut.tflite"), &bytes[..bytes.len() / 2]).unwrap();
    let model = |path: &str, keys: &str| format!("[model.m]\npath = \"{path}\"\n{keys}\n{CAMERA}");
    let refused = |path: &str, keys: &str, needle: &str, words: &[&str]| {
        assert_refused(&fixture, "litert", &model(path, keys), needle, words);
    };
    let classify = "task = \"classify\"";
    refused("other.tflite", classify, "\"other.tflite\"", &["model.m", "not a TensorFlow Lite file"]);
    refused("cut.tflite", classify, "\"cut.tflite\"", &["model.m", "damaged", "copy it again"]);
    let path = sound.to_str().unwrap();
    let tensor = "MobilenetV1/Predictions/Reshape_1 [1, 1001]";
    refused(path, "task = \"ssd\"", "\"ssd\"", &["model.m.task", "does not fit task ssd", tensor]);
    refused(path, "", "[model.m]", &["model.m.task", "its task is not known"]);
    let digest = format!("{classify}\nsha256 = \"{}\"", "0".repeat(64));
    refused(path, &digest, "\"0000", &["model.m.sha256", "SHA-256"]);
    let alien = data.join("models/bad/deeplabv3_edgetpu.tflite");
    let alien = alien.to_str().unwrap();
    refused(alien, "task = \"segment\"", &format!("\"{alien}\""), &["model.m", "edgetpu-custom-op"]);
}

#[test]
fn a_strict_run_refuses_the_same_file_with_the_same_words_before_it_touches_anything() {
    let fixture = Fixture::new();
    fixture.config(1, &(fixture.stub("m", &Stub::default()) + CAMERA + "rapeat = true\n"));
    let output = fixture.command(&["run", "--strict"]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(complaint(&output), complaint(&fixture.command(&["check"])));
    assert!(!fixture.state_dir.exists());
    fs::remove_file(fixture.config_path()).unwrap();
    let output = fixture.command(&["check"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(complaint(&output).contains("ocellus.toml"), "{}", complaint(&output));
}

#[test]
fn a_model_that_fell_back_to_the_cpu_is_refused_with_what_the_delegate_left() {
    let fixture = Fixture::new();
    let model = fixture.stub("m", &Stub::default());
    let stub = fs::read_to_string(fixture.path("m.stub")).unwrap();
    let head = "operators = 10\ncpu_operators = [\"FFT\", \"CUMSUM\", \"RFFT2D\"]\n";
    fs::write(fixture.path("m.stub"), format!("{head}{stub}")).unwrap();
    let config = |least: &str| format!("{model}min_coverage = {least}\n{CAMERA}");
    let words = [
        "model.m.min_coverage",
        "fell back to the CPU",
        "took 7 of 10 operators (70 %); on the CPU: FFT, CUMSUM, RFFT2D",
        "at least 80 % are demanded",
    ];
    assert_refused(&fixture, "stub", &config("0.8"), "0.8", &words);
    fixture.config(1, &config("0.7"));
    let output = fixture.command(&["check"]);
    assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
    // A delegate of which nothing is known is none.
    fs::write(fixture.path("m.stub"), &stub).unwrap();
    assert_refused(&fixture, "stub", &config("0.8"), "0.8", &["does not tell what its delegate took"]);
    assert_refused(&fixture, "stub", &config("80"), "80", &["model.m.min_coverage", "out of range"]);
}
