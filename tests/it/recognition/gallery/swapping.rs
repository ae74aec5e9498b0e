//! The store's files are swapped: whatever moment the power goes, the store is whole at the next opening.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use ocellus::store::{Class, Store, StoreError};

use crate::recognition::gallery::faces::{Traces, face, files, names, open};

/// A store with two people, one of them marked as erased.
fn prepared(dir: &Path) -> Store {
    let store = open(dir);
    store.gallery().enrol("Anna", &[face(1)]).unwrap();
    let zoe = store.gallery().enrol("Zoë Quillfeather", &[face(2)]).unwrap();
    store.counters().reserve("acquisition", 1_000).unwrap();
    let mut outbox = store.outbox(1 << 20).unwrap();
    let stream: Arc<str> = "s".into();
    outbox.stage(Class::Event, &stream, |_, out| out.extend_from_slice(b"{\"kept\":true}"));
    outbox.commit().unwrap();
    drop(outbox);
    store.gallery().begin_erasure(zoe.id).unwrap();
    store
}

fn is_whole(dir: &Path) {
    let store = open(dir);
    assert_eq!(names(&store.gallery()), ["Anna"]);
    assert_eq!(store.counters().get("acquisition").unwrap(), 1_000);
    assert_eq!(store.outbox(1 << 20).unwrap().len(), 1);
    // Undone or finished: asked again, it is done.
    let pending = store.gallery().pending_erasures().unwrap();
    store.erase_alone(&pending).unwrap();
    drop(store);
    assert_eq!(Traces::of(&["Quillfeather"], &[face(2)], &[]).found(dir), Vec::<String>::new());
    let beside: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        !beside.iter().any(|name| name.to_string_lossy().starts_with("store.") && name != "store.lock"),
        "{beside:?}"
    );
}

fn copy(from: &Path, to: &Path) {
    for path in files(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&path, target).unwrap();
    }
}

/// The store before and after the rewriting, to lay them out as a crash would leave them.
fn before_and_after() -> (tempfile::TempDir, tempfile::TempDir) {
    let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(prepared(before.path()));
    copy(before.path(), after.path());
    let store = open(after.path());
    let pending = store.gallery().pending_erasures().unwrap();
    store.erase_alone(&pending).unwrap();
    drop(store);
    (before, after)
}

#[test]
fn a_copy_that_was_not_finished_is_undone() {
    let dir = tempfile::tempdir().unwrap();
    drop(prepared(dir.path()));
    fs::create_dir(dir.path().join("store.rewrite")).unwrap();
    fs::write(dir.path().join("store.rewrite/db"), b"half a database").unwrap();
    is_whole(dir.path());
}

#[test]
fn a_swap_is_finished_from_between_its_renames_and_after_them() {
    let (before, after) = before_and_after();
    for between in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        copy(&after.path().join("gallery"), &dir.path().join("gallery"));
        let new = if between { "store.rewrite" } else { "store" };
        copy(&after.path().join("store"), &dir.path().join(new));
        copy(&before.path().join("store"), &dir.path().join("store.erased"));
        if !between {
            // Half overwritten already.
            fs::write(dir.path().join("store.erased/db"), [0; 4_096]).unwrap();
        }
        is_whole(dir.path());
    }
}

#[test]
fn a_whole_copy_that_was_not_swapped_in_is_undone_because_the_store_may_know_more() {
    let (before, after) = before_and_after();
    copy(&after.path().join("store"), &before.path().join("store.rewrite"));
    is_whole(before.path());
}

#[test]
fn who_keeps_the_outbox_is_reported_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let store = prepared(dir.path());
    let mut outbox = store.outbox(1 << 20).unwrap();
    let pending = store.gallery().pending_erasures().unwrap();
    let busy = store.finish_erasures(&pending).unwrap_err();
    assert!(matches!(busy, StoreError::Busy { .. }), "{busy}");
    let entry = outbox.fetch(1).unwrap().remove(0);
    let resting = outbox.rest();
    store.finish_erasures(&pending).unwrap();
    let mut outbox = store.outbox(1 << 20).unwrap();
    outbox.resume(resting);
    assert!(outbox.fetch(9).unwrap().is_empty(), "what is out stays out");
    outbox.delete(&[entry.key]).unwrap();
    assert!(outbox.is_empty());
}

#[test]
fn a_full_disk_leaves_the_store_as_it_was() {
    // A copy needs as much room as what is alive.
    let Some(disk) = crate::support::disk::SmallDisk::mount(3 << 20) else {
        return;
    };
    let store = prepared(disk.path());
    disk.fill();
    let pending = store.gallery().pending_erasures().unwrap();
    let full = store.erase_alone(&pending).unwrap_err();
    assert!(matches!(full, StoreError::DiskFull { .. }), "{full}");
    disk.free();
    store.close();
    drop(store);
    is_whole(disk.path());
}
