//! Text files as editors and shells of other systems save them: with a byte order mark, with other line ends, in other
//! encodings.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::support::broker::Broker;
use crate::support::complaint;
use crate::support::fixture::{Fixture, Stub, program};
use crate::support::messages::listen;

const RECIPE: &str = "size = [320, 240]\n[[roi]]\nname = \"all\"\nrect = [8, 8, 64, 64]\nkind = \"detect\"\n\
    model = \"m\"\nclasses = [\"thing\"]\n";
const CAMERA: &str = "[[camera]]\nname = \"a\"\nsource = \"scene:?width=320&height=240&fps=30\"\n\
    detect = { model = \"m\" }\ninspect = { product = \"part\" }\n";

/// A box whose model has its labels in a file that its card names, and a recipe that names one of them.
fn bench(port: u16) -> Fixture {
    let fixture = Fixture::new();
    fixture.stub("m", &Stub::default());
    fixture.config(port, &format!("[model.m]\npath = \"m.stub\"\n{CAMERA}"));
    fs::create_dir(fixture.path("recipes")).unwrap();
    for (name, text) in [
        ("m.toml", "task = \"ssd\"\nlabels_file = \"labels.txt\"\n"),
        ("labels.txt", "thing\n"),
        ("recipes/part.toml", RECIPE),
    ] {
        fs::write(fixture.path(name), text).unwrap();
    }
    fixture
}

/// The files that a person of this box has written.
const FILES: [&str; 5] = ["ocellus.toml", "m.toml", "labels.txt", "recipes/part.toml", "m.stub"];

/// As Notepad saves it.
fn windows(text: &str) -> String {
    format!("\u{feff}{}", text.replace('\n', "\r\n"))
}

/// What `ocellus ARGUMENTS` says with these bytes on its standard input.
fn with_input(arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(program());
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn labels_cards_recipes_and_configuration_of_notepad_say_what_they_show() {
    let broker = Broker::start();
    let fixture = bench(broker.port);
    let watcher = listen(broker.port);
    for name in FILES {
        let text = fs::read_to_string(fixture.path(name)).unwrap();
        fs::write(fixture.path(name), windows(&text)).unwrap();
    }
    // What a label that was copied from a web page brings along.
    fs::write(fixture.path("labels.txt"), windows("thing\u{a0}\n")).unwrap();
    let output = fixture.command(&["check"]);
    assert!(output.status.success(), "{}", complaint(&output));
    let mut service = fixture.run();
    watcher.wait_for("a/detections", |reported| reported["findings"][0]["label"] == "thing");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn a_file_in_another_encoding_is_named_with_the_place_and_how_to_convert_it() {
    let fixture = bench(1);
    let refused = |name: &str, bytes: &[u8], words: &[&str]| {
        let kept = fs::read(fixture.path(name)).unwrap();
        fs::write(fixture.path(name), bytes).unwrap();
        let output = fixture.command(&["check"]);
        let said = complaint(&output);
        assert_eq!(output.status.code(), Some(3), "{name}: {said}");
        for word in words.iter().chain(&[name.rsplit('/').next().unwrap(), "UTF-8"]) {
            assert!(said.contains(word), "{name}: {word:?} is missing in: {said}");
        }
        fs::write(fixture.path(name), kept).unwrap();
    };
    for name in FILES {
        let text = fs::read_to_string(fixture.path(name)).unwrap();
        let (lines, bytes) = (text.lines().count() + 1, windows(&text).len() + 3);
        let latin = [windows(&text).as_bytes(), b"# K\xf6rper\r\n"].concat();
        let place = format!("byte 0xF6 at offset {bytes}, line {lines}");
        refused(name, &latin, &[&place, "iconv -f WINDOWS-1252"]);
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        refused(name, &[&b"\xff\xfe"[..], &wide].concat(), &["UTF-16"]);
        refused(name, &wide, &["UTF-16"]);
    }
    let output = fixture.command(&["check"]);
    assert!(output.status.success(), "{}", complaint(&output));
}

#[test]
fn a_text_file_beyond_all_measure_is_refused_unread() {
    let fixture = bench(1);
    for name in ["labels.txt", "m.toml", "recipes/part.toml", "ocellus.toml"] {
        let kept = fs::read(fixture.path(name)).unwrap();
        fs::File::options().write(true).open(fixture.path(name)).unwrap().set_len(1 << 42).unwrap();
        let output = fixture.command(&["check"]);
        assert_eq!(output.status.code(), Some(3), "{name}: {}", complaint(&output));
        assert!(
            complaint(&output).contains("too large") && complaint(&output).contains(name),
            "{}",
            complaint(&output)
        );
        fs::write(fixture.path(name), kept).unwrap();
    }
}

#[test]
fn users_and_their_passwords_come_without_a_mark_and_a_bad_file_is_named() {
    let fixture = bench(1);
    let file = fixture.path("users").display().to_string();
    let add = |name: &str, password: &[u8]| {
        with_input(&["users", "add", name, "--role", "viewer", "--file", &file], password)
    };
    let output = add("anna", b"\xef\xbb\xbflooks and looks\r\n");
    assert!(output.status.success(), "{}", complaint(&output));
    // With the mark the password would be long enough, but nobody could type it.
    let output = add("ben", b"\xef\xbb\xbf123456789\r\n");
    assert!(complaint(&output).contains("fewer than 10 characters"), "{}", complaint(&output));
    let output = add("ben", b"passw\xf6rter\n");
    assert!(complaint(&output).contains("byte 0xF6 at offset 5, line 1"), "{}", complaint(&output));
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, windows(&text)).unwrap();
    let output = fixture.command(&["users", "list", "--file", &file]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "viewer     anna\n", "{}", complaint(&output));
    fs::write(&file, [text.as_bytes(), b"\xe4\n"].concat()).unwrap();
    let output = fixture.command(&["users", "list", "--file", &file]);
    let words = complaint(&output);
    assert!(words.contains("byte 0xE4") && words.contains("line 2") && words.contains(&file), "{words}");
}

#[test]
fn an_export_that_windows_saved_is_imported_and_one_that_is_no_text_is_named() {
    let fixture = bench(1);
    let file = fixture.path("people.jsonl");
    let import = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        fixture.command(&["faces", "import", file.to_str().unwrap()])
    };
    let header = "{\"format\":\"ocellus.gallery/1\",\"model\":\"\"}\n";
    let output = import(windows(header).as_bytes());
    assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
    let output = import(&[header.as_bytes(), b"{\"name\":\"J\xf6rg\"}\n"].concat());
    let words = complaint(&output);
    assert!(
        words.contains("byte 0xF6") && words.contains("line 2") && words.contains("people.jsonl"),
        "{words}"
    );
    let wide: Vec<u8> = header.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let output = import(&[&b"\xfe\xff"[..], &wide].concat());
    assert!(complaint(&output).contains("UTF-16"), "{}", complaint(&output));
}

#[test]
fn a_wrong_number_of_labels_is_a_fault_of_the_key_that_names_them() {
    let Some(data) = crate::support::data::data(&["models/mobilenet_v1_0.25_128_quant.tflite"]) else {
        return;
    };
    let fixture = Fixture::new();
    fs::copy(data.join("models/mobilenet_v1_0.25_128_quant.tflite"), fixture.path("m.tflite")).unwrap();
    fs::write(fixture.path("labels.txt"), "cat\ndog\n").unwrap();
    let refused = |card: &str, keys: &str, words: &[&str]| {
        fs::write(fixture.path("m.toml"), card).unwrap();
        let camera = CAMERA.replace("inspect = { product = \"part\" }\n", "");
        let rest = format!("[model.m]\npath = \"m.tflite\"\n{keys}\n{camera}");
        fixture.config_with("url = \"mqtt://127.0.0.1:1\"", "litert", &rest);
        let output = fixture.command(&["check"]);
        assert_eq!(output.status.code(), Some(3), "{}", complaint(&output));
        for word in words.iter().chain(&["2 labels", "1001 classes"]) {
            assert!(complaint(&output).contains(word), "{word:?} is missing in: {}", complaint(&output));
        }
        assert!(!complaint(&output).contains("correct the card's `task`"), "{}", complaint(&output));
    };
    let task = "task = \"classify\"\n";
    refused(task, "labels_file = \"labels.txt\"", &["ocellus.toml:", ": model.m.labels_file:", "labels.txt"]);
    refused(task, "labels = [\"cat\", \"dog\"]", &["ocellus.toml:", ": model.m.labels:"]);
    refused(
        &format!("{task}labels_file = \"labels.txt\"\n"),
        "",
        &["m.toml:2:15: labels_file:", "labels.txt"],
    );
    refused(&format!("{task}labels = [\"cat\", \"dog\"]\n"), "", &["m.toml:2:10: labels:"]);
}
