use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::*;
use crate::config::RecorderConfig;
use crate::recorder::aside::AsideFile;
use crate::recorder::library::target;
use crate::store::{FileRole, RecordingKind, Recordings, Store};
use crate::types::{Numbering, SystemClock};

fn library(dir: &Path, table: &Recordings, max_count: u64) -> Library {
    let next = Arc::new(AtomicU64::new(100));
    let numbers = Numbering::new(move || next.fetch_add(1, Ordering::Relaxed));
    let settings = RecorderConfig { max_count, ..RecorderConfig::default() };
    Library::new(dir.join("rec"), table.clone(), numbers, settings)
}

fn table(dir: &Path) -> Recordings {
    Store::open(&dir.join("state")).unwrap().store.recordings()
}

fn recording(id: u64, started_ns: u64) -> Recording {
    Recording {
        id,
        camera: "front".into(),
        kind: RecordingKind::Picture,
        state: RecordingState::Whole,
        files: Vec::new(),
        frames: 1,
        first_frame: id,
        last_frame: id,
        started_ns,
        ended_ns: started_ns,
        causes: Vec::new(),
        event: None,
        experiment: None,
    }
}

/// Writes the two layers of recording `id` aside.
fn layers(library: &Library, id: u64) -> Vec<AsideFile> {
    let layer = |role| AsideFile::new(library.root(), id, role, "jpg").written(b"picture").unwrap();
    vec![layer(FileRole::Raw), layer(FileRole::Annotated)]
}

fn publish(library: &Library, id: u64, started_ns: u64) {
    let files = layers(library, id);
    library.publish(recording(id, started_ns), files, &format!("front/{id}"), false).unwrap();
}

fn ids(library: &Library) -> Vec<u64> {
    let mut ids = Vec::new();
    library
        .0
        .table
        .each(0, |one| {
            ids.push(one.id);
            true
        })
        .unwrap();
    ids
}

#[test]
fn a_recording_that_is_dated_ahead_does_not_keep_older_ones_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let library = library(dir.path(), &table(dir.path()), 100);
    let now = SystemClock.now().wall_ns;
    for (id, started_ns) in
        [(1, now + 400 * DAY_NS), (2, now - 40 * DAY_NS), (3, 5), (4, now - 31 * DAY_NS), (5, now)]
    {
        publish(&library, id, started_ns);
    }
    let time = Time { clock: &SystemClock, synchronised: &|| true };
    let (mut look, doubt) = (AgeLook::new(&time), Mutex::default());
    remove_aged(&library, &time, &doubt, &mut look, &Beat::new());
    assert_eq!(ids(&library), [1, 3, 5], "one that was recorded before the clock was set is not old");
    assert_eq!(*doubt.lock(), None);
    assert_eq!(library.counters().removed.get(), 2);
}

#[test]
fn the_doubt_about_the_clock_stays_while_something_is_too_old() {
    let dir = tempfile::tempdir().unwrap();
    let library = library(dir.path(), &table(dir.path()), 100);
    let now = SystemClock.now().wall_ns;
    publish(&library, 1, now - 40 * DAY_NS);
    publish(&library, 2, now);
    let time = Time { clock: &SystemClock, synchronised: &|| false };
    let (mut look, doubt) = (AgeLook::new(&time), Mutex::default());
    for _ in 0..3 {
        remove_aged(&library, &time, &doubt, &mut look, &Beat::new());
        assert_eq!(*doubt.lock(), Some(Doubt::Unwatched));
    }
    library.remove(&library.get(1).unwrap().unwrap()).unwrap();
    remove_aged(&library, &time, &doubt, &mut look, &Beat::new());
    assert_eq!(*doubt.lock(), None);
}

#[test]
fn both_layers_are_found_again_where_a_kill_came_between_their_renames() {
    let dir = tempfile::tempdir().unwrap();
    let table = table(dir.path());
    let killed = library(dir.path(), &table, 100);
    let mut files = layers(&killed, 7);
    let mut noted = recording(7, 1);
    for file in &files {
        noted.files.push(file.facts(target("front/7", 1, file)).unwrap());
    }
    killed.0.journal.lock().note(&noted).unwrap();
    assert!(files[0].publish(killed.root(), &noted.files[0].path).unwrap());
    // The second one is left aside, and nothing is in the index.
    files.into_iter().for_each(|file| drop(file.left()));
    drop(killed);

    let again = library(dir.path(), &table, 100);
    reconcile(&again, &Beat::new()).unwrap();
    assert_eq!(again.get(7).unwrap(), Some(noted.clone()));
    for file in &noted.files {
        assert_eq!(fs::read(again.root().join(&file.path)).unwrap(), b"picture");
    }
    assert!(!again.root().join(PARTIAL).exists());
    assert_eq!(again.counters().bytes.get(), 14);
}

#[test]
fn a_recording_that_comes_late_with_a_lower_number_is_deleted_first_and_one_that_is_gone_is_counted_once() {
    let dir = tempfile::tempdir().unwrap();
    let library = library(dir.path(), &table(dir.path()), 3);
    for id in [11, 12, 13] {
        library.make_way(14).unwrap();
        publish(&library, id, 1);
    }
    library.make_way(14).unwrap();
    assert_eq!(ids(&library), [12, 13]);
    // The clip of an event, whose number was given long before.
    publish(&library, 5, 1);
    library.make_way(14).unwrap();
    assert_eq!(ids(&library), [12, 13]);
    let twelve = library.get(12).unwrap().unwrap();
    library.remove(&twelve).unwrap();
    library.remove(&twelve).unwrap();
    let counters = library.counters();
    assert_eq!((counters.recordings.get(), counters.bytes.get(), counters.removed.get()), (1, 14, 3));
}
