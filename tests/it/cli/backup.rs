//! `ocellus backup` and `ocellus restore`: everything of a box in one encrypted file and back again, and files that are not whole.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use ocellus::store::{NewSample, Store};
use ocellus::types::{Channels, Patch, PersonId};
use serde_json::Value;

use crate::support::broker::Broker;
use crate::support::disk::SmallDisk;
use crate::support::fixture::Fixture;
use crate::support::messages::listen;
use crate::support::{said, wait_until};

const CAMERA: &str = "[[camera]]\nname = \"a\"\nsource = \"scene:?width=64&height=64\"\n";
const PASSPHRASE: &str = "correct horse battery";

fn picture(number: u8) -> Patch {
    let mut patch = Patch::new(224, 224, Channels::Rgb);
    patch.data.iter_mut().enumerate().for_each(|(at, byte)| *byte = (at as u8).wrapping_mul(number));
    patch
}

fn face(number: u8) -> NewSample {
    let mut embedding = vec![0.0; 128];
    embedding[number as usize] = 1.0;
    let (source, model) = (format!("{number}.jpg"), "0".repeat(64));
    NewSample { crop: picture(number), embedding, quality: 0.5, source, model }
}

/// A box with a user, two people, golden pictures and a recipe.
fn lived_in(fixture: &Fixture, port: u16) {
    fixture.config(port, CAMERA);
    fs::create_dir(fixture.path("recipes")).unwrap();
    fs::write(fixture.path("recipes/plate.toml"), "# a recipe\n").unwrap();
    fs::write(fixture.path("secret"), PASSPHRASE).unwrap();
    let store = Store::open(&fixture.state_dir).unwrap().store;
    store.gallery().enrol("Anna Ö.", &[face(1), face(2)]).unwrap();
    store.gallery().enrol("Ben", &[face(3)]).unwrap();
    store.goldens().teach("plate", &picture(7), "7.png", None).unwrap();
    store.goldens().teach("plate", &picture(8), "8.png", None).unwrap();
    store.finish().unwrap();
    fixture.user("anna", "admin", "long enough 1");
}

fn backup(fixture: &Fixture, more: &[&str]) -> Output {
    let (file, secret) = (fixture.path("box.backup"), fixture.path("secret"));
    let names = ["backup", file.to_str().unwrap(), "--passphrase-file", secret.to_str().unwrap()];
    fixture.command(&[&names, more].concat())
}

fn restore(fixture: &Fixture, file: &Path, more: &[&str]) -> Output {
    let secret = fixture.path("secret");
    let names = ["restore", file.to_str().unwrap(), "--passphrase-file", secret.to_str().unwrap()];
    fixture.command(&[&names, more].concat())
}

/// Every plain file of the box but the store's own, with its content.
fn contents(fixture: &Fixture) -> Vec<(PathBuf, Vec<u8>)> {
    let (mut found, mut folders) = (Vec::new(), vec![fixture.dir.path().to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            match path.is_dir() {
                true if path.ends_with("state/store") => {}
                true => folders.push(path),
                false => found.push((path.clone(), fs::read(&path).unwrap_or_default())),
            }
        }
    }
    found.retain(|(path, _)| !path.ends_with("numbers"));
    found.sort();
    found
}

/// People with their faces, and the pictures of the product: what must come back.
fn people_and_goldens(fixture: &Fixture) -> (Vec<(String, usize)>, Vec<Patch>) {
    let store = Store::open(&fixture.state_dir).unwrap().store;
    let people = store.gallery().people().unwrap();
    for person in &people {
        assert!(store.gallery().crop(person.id, person.samples[0].id).is_ok(), "{}", person.name);
    }
    let set = store.goldens().current("plate").unwrap();
    let entries = set.map(|set| set.entries).unwrap_or_default();
    let pictures = entries.iter().map(|entry| store.goldens().picture(&entry.picture).unwrap()).collect();
    let outcome = (people.into_iter().map(|one| (one.name, one.samples.len())).collect(), pictures);
    store.finish().unwrap();
    outcome
}

#[test]
fn a_running_box_comes_back_on_another_one_with_people_goldens_users_and_configuration() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    lived_in(&fixture, broker.port);
    let plant = listen(broker.port);
    let mut service = fixture.run();
    plant.wait_for("box1/status", |status| status["state"] == "online");
    let output = backup(&fixture, &["--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["ok"], &json["header"]["device"]), (&Value::Bool(true), &Value::from("box1")));
    let file = fixture.path("box.backup");
    let bytes = fs::read(&file).unwrap();
    assert!(bytes.starts_with(b"age-encryption.org/v1\n-> scrypt "));
    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(!holds(b"Anna") && !holds(b"argon2id") && !holds(b"[[camera]]"));
    assert!(!fixture.state_dir.join("backup.parts").exists(), "nothing of people is left behind");
    // Nobody may take the state away under a running service.
    let output = restore(&fixture, &file, &[]);
    assert_eq!(output.status.code(), Some(5), "{}", said(&output));
    assert!(said(&output).contains("another instance"), "{}", said(&output));
    assert_eq!(service.stop(), Some(0));

    // The other box: its own state and configuration are set aside.
    let before = people_and_goldens(&fixture);
    assert_eq!(before.0, [("Anna Ö.".to_owned(), 2), ("Ben".to_owned(), 1)]);
    assert_eq!(before.1, [picture(7), picture(8)]);
    fs::rename(&fixture.state_dir, fixture.path("the-old-state")).unwrap();
    let config = fs::read_to_string(fixture.config_path()).unwrap();
    fs::write(fixture.config_path(), format!("[device]\nstate_dir = \"{}\"\n", fixture.state_dir.display()))
        .unwrap();
    fs::remove_file(fixture.path("recipes/plate.toml")).unwrap();
    let store = Store::open(&fixture.state_dir).unwrap().store;
    store.gallery().enrol("Someone Else", &[face(9)]).unwrap();
    store.finish().unwrap();
    drop(store);
    let output = restore(&fixture, &file, &["--check"]);
    assert!(output.status.success() && said(&output).contains("device box1"), "{}", said(&output));
    let output = restore(&fixture, &file, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(
        said(&output).contains("before-restore-") && said(&output).contains("next: "),
        "{}",
        said(&output)
    );
    assert_eq!(people_and_goldens(&fixture), before);
    assert_eq!(fs::read_to_string(fixture.config_path()).unwrap(), config);
    assert!(fixture.path("recipes/plate.toml").exists());
    let users = fs::read_to_string(fixture.state_dir.join("users")).unwrap();
    assert!(users.starts_with("anna:admin:$argon2id$"), "{users}");
    let aside = fs::read_dir(&fixture.state_dir).unwrap().flatten();
    let aside =
        aside.map(|entry| entry.path()).find(|path| path.display().to_string().contains("before-restore-"));
    assert!(aside.unwrap().join("config/ocellus.toml").exists());

    // It works, and a person's number is not given twice.
    let store = Store::open(&fixture.state_dir).unwrap().store;
    assert_eq!(store.gallery().enrol("Cleo", &[face(5)]).unwrap().id, PersonId(3));
    store.finish().unwrap();
    drop(store);
    let mut service = fixture.run();
    // The broker has the status of the first run, so the service itself is asked.
    wait_until("the service answers", || fixture.command(&["status"]).status.success());
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn numbers_go_on_above_those_that_were_used_after_the_backup() {
    let fixture = Fixture::new();
    lived_in(&fixture, 1);
    let state = &fixture.state_dir;
    let append = |count: usize| {
        let store = Store::open(state).unwrap().store;
        let mut outbox = store.outbox(1 << 20).unwrap();
        let stream: std::sync::Arc<str> = "camera/a/event".into();
        for _ in 0..count {
            outbox.stage(ocellus::store::Class::Event, &stream, |_, out| out.push(b'x'));
        }
        let last = outbox.commit().unwrap().into_iter().filter_map(|entry| match entry.body {
            ocellus::store::Body::Message { seq, .. } => Some(seq),
            _ => None,
        });
        let last = last.max();
        drop(outbox);
        store.counters().reserve("track", 10).unwrap();
        store.finish().unwrap();
        last.unwrap()
    };
    append(5);
    assert!(backup(&fixture, &[]).status.success());
    let used = append(500);
    let output = restore(&fixture, &fixture.path("box.backup"), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let store = Store::open(state).unwrap().store;
    assert!(store.counters().reserve("track", 1).unwrap() >= 20);
    let mut outbox = store.outbox(1 << 20).unwrap();
    let waiting = outbox.fetch(10).unwrap();
    let lost =
        waiting.iter().any(|entry| matches!(entry.body, ocellus::store::Body::Lost { to, .. } if to >= used));
    assert!(lost, "what may be missing is announced: {waiting:?}");
    drop((outbox, store));
    assert!(append(1) > used);
}

#[test]
fn a_file_that_is_not_whole_or_not_ours_is_refused_and_nothing_is_touched() {
    let fixture = Fixture::new();
    lived_in(&fixture, 1);
    let output = backup(&fixture, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let whole = fs::read(fixture.path("box.backup")).unwrap();
    let bad = fixture.path("bad.backup");
    fs::write(&bad, &whole).unwrap();
    let before = contents(&fixture);
    let refused = |bytes: &[u8], word: &str| {
        fs::write(&bad, bytes).unwrap();
        let output = restore(&fixture, &bad, &[]);
        assert_eq!(output.status.code(), Some(1), "{word}: {}", said(&output));
        assert!(
            said(&output).contains(word) && said(&output).contains("nothing was changed"),
            "{word}: {}",
            said(&output)
        );
        fs::write(&bad, &whole).unwrap();
        assert_eq!(contents(&fixture), before, "{word}");
    };
    for length in [whole.len() - 1, whole.len() / 2, 300] {
        refused(&whole[..length], "cut off");
    }
    for at in [whole.len() / 3, whole.len() - 20] {
        let mut altered = whole.clone();
        altered[at] ^= 1;
        refused(&altered, "altered");
    }
    refused(b"PK\x03\x04 another kind of file\n\n\n\n\n", "not a backup");
    refused(b"", "not a backup");
    fs::write(fixture.path("secret"), "another passphrase").unwrap();
    let output = restore(&fixture, &bad, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("the passphrase is wrong"), "{}", said(&output));
    fs::write(fixture.path("secret"), "short").unwrap();
    assert!(said(&backup(&fixture, &[])).contains("fewer than 12 characters"));
    fs::write(fixture.path("secret"), PASSPHRASE).unwrap();
    assert_eq!(contents(&fixture), before);
    assert_eq!(people_and_goldens(&fixture).0.len(), 2, "the box is as it was");
}

#[test]
fn a_full_disk_leaves_the_box_and_the_former_backup_as_they_were() {
    let Some(disk) = SmallDisk::mount(24 << 20) else { return };
    let fixture = Fixture::new();
    lived_in(&fixture, 1);
    let file = disk.path().join("box.backup");
    let (target, secret) = (file.to_str().unwrap(), fixture.path("secret"));
    let command = |what: &str, more: &[&str]| {
        let names = [what, target, "--passphrase-file", secret.to_str().unwrap()];
        fixture.command(&[&names, more].concat())
    };
    assert!(command("backup", &[]).status.success());
    let whole = fs::read(&file).unwrap();
    disk.fill();
    let output = command("backup", &[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("No space left"), "{}", said(&output));
    assert_eq!(fs::read(&file).unwrap(), whole, "the former backup is whole");
    // A state directory on a full disk.
    let state = disk.path().join("state");
    fs::create_dir(&state).unwrap_or_default();
    let output = command("restore", &["--state-dir", state.to_str().unwrap(), "--without-config"]);
    assert_ne!(output.status.code(), Some(0), "{}", said(&output));
    let left: Vec<_> =
        fs::read_dir(&state).map(|dir| dir.flatten().map(|e| e.file_name()).collect()).unwrap_or_default();
    assert!(left.iter().all(|name| name == "store.lock"), "{left:?}");
}

/// `tests/it/cli/backup-0.1.0.age` was written by version 0.1.0: two people, two golden pictures, a user.
#[test]
fn a_backup_of_an_earlier_version_is_read() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/cli/backup-0.1.0.age");
    let fixture = Fixture::new();
    if std::env::var_os("OCELLUS_WRITE_BACKUP").is_some() {
        lived_in(&fixture, 1883);
        assert!(backup(&fixture, &[]).status.success());
        fs::copy(fixture.path("box.backup"), &file).unwrap();
        return;
    }
    fs::write(fixture.path("secret"), PASSPHRASE).unwrap();
    let state = fixture.state_dir.to_str().unwrap().to_owned();
    let output = restore(&fixture, &file, &["--state-dir", &state]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let (people, pictures) = people_and_goldens(&fixture);
    assert_eq!(people, [("Anna Ö.".to_owned(), 2), ("Ben".to_owned(), 1)]);
    assert_eq!(pictures, [picture(7), picture(8)]);
    assert!(fs::read_to_string(fixture.config_path()).unwrap().contains("scene:"));
}
