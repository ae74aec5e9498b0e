//! What the store says when it cannot be opened, and what becomes of a damaged one.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::support::disk::SmallDisk;
use ocellus::store::{Body, Class, Numbers, Store, StoreError};
use ocellus::types::Numbering;

fn append(store: &Store, count: usize) -> Vec<u64> {
    let mut outbox = store.outbox(1 << 20).unwrap();
    let stream: Arc<str> = "s".into();
    for _ in 0..count {
        outbox.stage(Class::Event, &stream, |_, out| out.extend_from_slice(&[b'x'; 300]));
    }
    let seq = |body: &Body| if let Body::Message { seq, .. } = body { *seq } else { 0 };
    outbox.commit().unwrap().iter().map(|entry| seq(&entry.body)).collect()
}

/// Opens, and waits for a moment where the lock of a just closed store is still held.
fn open(dir: &Path) -> Store {
    let opened = Store::open(dir).unwrap();
    assert_eq!(opened.set_aside, None);
    opened.store
}

#[test]
fn a_second_instance_is_reported_who_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path());
    let error = Store::open(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
    let said = error.to_string();
    assert!(said.contains("another instance") && said.contains("state_dir"), "{said}");
    assert_eq!(append(&first, 1), [1], "the first goes on undisturbed");
}

#[test]
fn a_read_only_directory_is_distinguished_from_a_full_disk() {
    let Some(disk) = SmallDisk::mount(4 << 20) else {
        return;
    };
    disk.fill();
    let opened = Store::open(disk.path()).unwrap();
    let full = opened.waiting.expect("a full disk");
    assert!(matches!(full, StoreError::DiskFull { .. }), "{full:?}");
    assert!(full.to_string().contains("free space"), "{full}");
    let second = Store::open(disk.path()).unwrap_err();
    assert!(matches!(second, StoreError::Locked { .. }), "it is held also while it waits: {second:?}");
    disk.free();
    assert_eq!(append(&opened.store, 2), [1, 2], "it opens by itself when there is space");
    drop(opened.store);
    disk.read_only();
    let read_only = Store::open(disk.path()).unwrap_err();
    assert!(matches!(read_only, StoreError::ReadOnly { .. }), "{read_only:?}");
    assert!(read_only.to_string().contains("writable"), "{read_only}");
}

/// Every kind of damage that was thought of: the store is set aside, or nothing is missing from it.
#[test]
fn a_damaged_store_is_set_aside_and_numbers_never_go_back() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 6] = [
        ("the file is emptied", |db| fs::write(db, b"").unwrap()),
        ("the file is rubbish", |db| fs::write(db, [0xa5; 700_000]).unwrap()),
        ("the beginning is overwritten", |db| overwrite(db, 0, 4_096)),
        ("the middle is overwritten", |db| overwrite(db, 20_000, 60_000)),
        ("the settings are rubbish", |db| fs::write(db.with_file_name("conf"), b"segment_size: x").unwrap()),
        ("the file is cut", |db| {
            fs::OpenOptions::new().write(true).open(db).unwrap().set_len(30_000).unwrap();
        }),
    ];
    for (name, damage) in damages {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        assert_eq!(append(&store, 300).last(), Some(&300));
        store.close();
        drop(store);
        drop(open(dir.path()));
        damage(&dir.path().join("store/db"));
        let opened = Store::open(dir.path()).unwrap_or_else(|error| panic!("{name}: {error}"));
        if let Some(aside) = &opened.set_aside {
            assert!(aside.is_dir(), "{name}");
            let text = aside.file_name().unwrap().to_str().unwrap();
            assert!(text.starts_with("store.corrupt-20"), "{name}: {text}");
        } else {
            let kept = opened.store.outbox(1 << 20).unwrap().len();
            assert_eq!(kept, 300, "{name}: neither set aside nor whole");
        }
        let next = append(&opened.store, 1)[0];
        assert!(next > 300 && next < 1 << 53, "{name}: the next number is {next}");
    }
}

fn overwrite(file: &Path, from: u64, bytes: usize) {
    let mut file = fs::OpenOptions::new().write(true).open(file).unwrap();
    file.seek(SeekFrom::Start(from)).unwrap();
    file.write_all(&vec![0x5a; bytes]).unwrap();
}

#[test]
fn a_store_of_a_newer_program_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).close();
    let db = loop {
        if let Ok(db) = sled::Config::new().path(dir.path().join("store")).segment_size(256 << 10).open() {
            break db;
        }
    };
    db.open_tree("meta").unwrap().insert("schema", &99u32.to_be_bytes()).unwrap();
    db.flush().unwrap();
    drop(db);
    let error = Store::open(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error:?}");
    assert!(dir.path().join("store/db").exists());
    assert!(
        !dir.path()
            .read_dir()
            .unwrap()
            .any(|entry| { entry.unwrap().file_name().to_string_lossy().starts_with("store.corrupt") })
    );
}

/// Every file below `dir`, with its bytes and when it was last written.
fn everything(dir: &Path) -> Vec<(PathBuf, Vec<u8>, std::time::SystemTime)> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::metadata(&path).unwrap();
            match meta.is_dir() {
                true => folders.push(path),
                false => found.push((path.clone(), fs::read(&path).unwrap(), meta.modified().unwrap())),
            }
        }
    }
    found.sort();
    found
}

/// A newer program may write files that this one cannot even open without changing them, so it must not try.
#[test]
fn nothing_of_a_newer_store_is_touched() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).finish().unwrap();
    let mark = dir.path().join("store/ocellus");
    let newer = fs::read_to_string(&mark).unwrap().replace("schema = 1", "schema = 2");
    fs::write(&mark, &newer).unwrap();
    fs::write(dir.path().join("store/db"), b"a form that is not known yet").unwrap();
    let before = everything(dir.path());
    let error = Store::open(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 2, known: 1, .. }), "{error:?}");
    assert!(error.to_string().contains("install the newer version again"), "{error}");
    assert_eq!(everything(dir.path()), before);
}

#[test]
fn a_mark_of_the_first_programs_is_completed() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).finish().unwrap();
    let mark = dir.path().join("store/ocellus");
    fs::write(&mark, "This directory is the store of ocellus (sled).\n").unwrap();
    open(dir.path()).finish().unwrap();
    assert!(fs::read_to_string(&mark).unwrap().contains("\nschema = 1\n"));
}

#[test]
fn a_reserved_block_is_never_given_twice() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert_eq!(store.counters().reserve("track", 1_000).unwrap(), 0);
    assert_eq!(store.counters().reserve("track", 1_000).unwrap(), 1_000);
    drop(store);
    assert_eq!(open(dir.path()).counters().reserve("track", 10).unwrap(), 2_000);
}

/// What keeps numbers and announces holes: the record beside the store.
fn first_of_each(store: &Store) -> (Vec<Body>, u64) {
    let mut outbox = store.outbox(1 << 20).unwrap();
    let bodies = outbox.fetch(1_000).unwrap().into_iter().map(|entry| entry.body).collect();
    drop(outbox);
    (bodies, append(store, 1)[0])
}

type Damage = fn(&Path);

/// Kinds of loss, each done to the store directory.
const LOSSES: [(&str, Damage); 8] = [
    ("the store is gone", |store| fs::remove_dir_all(store).unwrap()),
    ("the store is emptied", |store| {
        fs::remove_dir_all(store).unwrap();
        fs::create_dir(store).unwrap();
    }),
    ("the store is a file", |store| {
        fs::remove_dir_all(store).unwrap();
        fs::write(store, b"what is this").unwrap();
    }),
    ("the store is a link that leads nowhere", |store| {
        fs::remove_dir_all(store).unwrap();
        std::os::unix::fs::symlink("/nowhere/at/all", store).unwrap();
    }),
    ("its file is cut in half", |store| {
        let file = fs::OpenOptions::new().write(true).open(store.join("db")).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    }),
    ("its file is gone", |store| fs::remove_file(store.join("db")).unwrap()),
    ("its file is a folder", |store| {
        fs::remove_file(store.join("db")).unwrap();
        fs::create_dir(store.join("db")).unwrap();
    }),
    ("its file is rubbish", |store| fs::write(store.join("db"), [0x5a; 300_000]).unwrap()),
];

#[test]
fn a_store_that_is_lost_is_announced_message_by_message_and_its_numbers_go_on() {
    for (name, lose) in LOSSES {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        assert_eq!(append(&store, 40).last(), Some(&40), "{name}");
        assert_eq!(store.counters().reserve("gallery/person", 7).unwrap(), 0);
        let mut outbox = store.outbox(1 << 20).unwrap();
        // The first ten are delivered.
        let keys: Vec<_> = outbox.fetch(10).unwrap().iter().map(|entry| entry.key).collect();
        outbox.delete(&keys).unwrap();
        outbox.flush().unwrap();
        outbox.settle().unwrap();
        drop(outbox);
        store.finish().unwrap();
        drop(store);
        lose(&dir.path().join("store"));

        let opened = Store::open(dir.path()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let loss = opened.store.take_loss().unwrap_or_else(|| panic!("{name}: nobody noticed"));
        println!("{name}: {loss:?}");
        let nothing_left = ["the store is gone", "the store is emptied"].contains(&name);
        assert_eq!(loss.set_aside.is_none(), nothing_left, "{name}: {loss:?}");
        let (bodies, next) = first_of_each(&opened.store);
        assert_eq!((bodies, next), (vec![Body::Lost { from: 11, to: 40 }], 41), "{name}");
        assert_eq!(opened.store.counters().reserve("gallery/person", 1).unwrap(), 7, "{name}");
        assert_eq!(opened.store.take_loss(), None, "{name}: reported once");
    }
}

#[test]
fn a_store_that_is_lost_after_a_crash_is_announced_with_all_that_may_be_missing() {
    for (name, lose) in LOSSES {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        assert_eq!(append(&store, 40).last(), Some(&40), "{name}");
        drop(store);
        lose(&dir.path().join("store"));
        let opened = Store::open(dir.path()).unwrap_or_else(|error| panic!("{name}: {error}"));
        if opened.store.take_loss().is_none() {
            // What sled could read in spite of it is whole.
            assert_eq!(opened.store.outbox(1 << 20).unwrap().len(), 40, "{name}");
            continue;
        }
        let (bodies, next) = first_of_each(&opened.store);
        let [Body::Lost { from: 1, to }] = bodies[..] else { panic!("{name}: {bodies:?}") };
        assert!((40..40 + 4_096).contains(&to) && next == to + 1, "{name}: {to}, {next}");
    }
}

#[test]
fn the_record_beside_the_store_may_be_lost_too() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append(&store, 40);
    store.counters().reserve("gallery/person", 7).unwrap();
    drop(store);
    fs::write(dir.path().join("numbers"), b"rubbish").unwrap();
    let store = open(dir.path());
    assert_eq!((append(&store, 1), store.counters().reserve("gallery/person", 1).unwrap()), (vec![41], 7));
    drop(store);
    // It was written anew from the store, which may be lost now.
    fs::remove_dir_all(dir.path().join("store")).unwrap();
    let opened = Store::open(dir.path()).unwrap();
    assert!(append(&opened.store, 1)[0] > 41);
    assert_eq!(opened.store.counters().reserve("gallery/person", 1).unwrap(), 8);
}

fn take(numbers: &Numbering, count: usize) -> Vec<u64> {
    (0..count).map(|_| numbers.next()).collect()
}

#[test]
fn numbers_go_on_after_an_orderly_end_and_leave_a_small_hole_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let (mut next, mut other) = (1, None);
    for life in 0..4 {
        let store = open(dir.path());
        let numbers = Numbers::new(store.clone());
        let (front, back) = (numbers.of("acquisition", "front"), numbers.of("acquisition", "back"));
        numbers.refill().unwrap();
        assert_eq!(take(&front, 500), (next..next + 500).collect::<Vec<u64>>(), "life {life}");
        let of_back = take(&back, 3);
        assert_eq!(of_back[0], other.unwrap_or(of_back[0]), "life {life}: each camera counts on its own");
        assert!(of_back[0] > 1 << 20, "no number is used by two cameras");
        (next, other) = (next + 500, Some(of_back[2] + 1));
        numbers.give_back().unwrap();
        // Somebody who comes late is served all the same.
        assert_eq!(front.next(), next);
        next += 1;
        numbers.give_back().unwrap();
        drop((front, back, numbers));
        store.finish().unwrap();
    }
    for _ in 0..3 {
        let numbers = Numbers::new(open(dir.path()));
        let front = numbers.of("acquisition", "front");
        numbers.refill().unwrap();
        let first = front.next();
        assert!(first >= next && first < next + 1_100, "{first} after {next}");
        next = first + 1;
        // A crash: nothing is given back.
    }
    fs::remove_dir_all(dir.path().join("store")).unwrap();
    let numbers = Numbers::new(Store::open(dir.path()).unwrap().store);
    let first = numbers.of("acquisition", "front").next();
    assert!(first >= next && first < next + 1_100, "after a lost store: {first} after {next}");
}

#[test]
fn a_full_disk_costs_no_number_and_gives_none_twice() {
    let Some(disk) = SmallDisk::mount(4 << 20) else {
        panic!("mounting a tmpfs is not permitted here");
    };
    let store = open(disk.path());
    let numbers = Numbers::new(store.clone());
    let first = take(&numbers.of("acquisition", "front"), 10);
    assert_eq!(first, (1..=10).collect::<Vec<u64>>());
    drop((numbers, store));
    let mut last = 10;
    for round in 0..3 {
        disk.fill();
        let opened = Store::open(disk.path()).unwrap();
        let numbers = Numbers::new(opened.store);
        let front = numbers.of("acquisition", "front");
        let taken = take(&front, 300);
        assert!(taken[0] > last && taken[0] < last + 1_100, "round {round}: {} after {last}", taken[0]);
        assert_eq!(taken[299], taken[0] + 299, "round {round}");
        assert_eq!(numbers.refill(), Ok(()), "round {round}: the record beside the store takes them");
        last = taken[299];
        // A crash while it is full.
        drop((front, numbers));
        disk.free();
    }
}
