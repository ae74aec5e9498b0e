//! What the store says when it cannot be opened, and what becomes of a damaged one.

mod support;

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use ocellus::store::{Body, Class, Store, StoreError};
use support::disk::SmallDisk;

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
fn a_second_instance_is_told_who_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path());
    let error = Store::open(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
    let said = error.to_string();
    assert!(said.contains("another instance") && said.contains("state_dir"), "{said}");
    assert_eq!(append(&first, 1), [1], "the first goes on undisturbed");
}

#[test]
fn a_read_only_directory_is_told_from_a_full_disk() {
    let Some(disk) = SmallDisk::mount(4 << 20) else {
        eprintln!("skipped: mounting a tmpfs is not permitted here");
        return;
    };
    disk.fill();
    let full = Store::open(disk.path()).unwrap_err();
    assert!(matches!(full, StoreError::DiskFull { .. }), "{full:?}");
    assert!(full.to_string().contains("free space"), "{full}");
    disk.free();
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
