//! The index of recordings, on a real sled.

use std::process::Command;

use ocellus::store::{FileRole, RecordedFile, Recording, RecordingKind, RecordingState, Store};

/// Recordings in the index: so many that all of its pages take far more memory than sled's cache may hold.
const RECORDINGS: u64 = 60_000;
/// The heap may grow by so much while all of them are read, bytes.
const GROWTH: usize = 10 << 20;

fn recording(id: u64) -> Recording {
    let path = format!("front/2026-11-30/12-00-{id:08}.123Z.jpg");
    Recording {
        id,
        camera: "front".into(),
        kind: RecordingKind::Picture,
        state: RecordingState::Whole,
        files: vec![RecordedFile { role: FileRole::Raw, path, bytes: 82_000, inode: id }],
        frames: 1,
        first_frame: id,
        last_frame: id,
        started_ns: id,
        ended_ns: id,
        causes: Vec::new(),
        event: None,
        experiment: None,
    }
}

/// Bytes of the heap that are in use, of the whole process.
fn in_use() -> usize {
    // SAFETY: the call only reads the allocator's figures.
    unsafe { libc::mallinfo2() }.uordblks
}

#[test]
fn going_through_a_long_index_keeps_a_small_part_of_it_in_memory() {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "store::recordings::child_reads_a_long_index", "--ignored", "--nocapture"]);
    let output = child.env("OCELLUS_TEST_CHILD", "1").output().unwrap();
    assert!(output.status.success(), "{}", crate::support::said(&output));
}

#[test]
#[ignore = "run by the test above: the heap is that of a whole process"]
fn child_reads_a_long_index() {
    if std::env::var_os("OCELLUS_TEST_CHILD").is_none() {
        return println!("skipped: only runs as a child");
    }
    let dir = tempfile::tempdir().unwrap();
    {
        let store = Store::open(dir.path()).unwrap().store;
        (1..=RECORDINGS).for_each(|id| store.recordings().put(&recording(id)).unwrap());
        store.finish().unwrap();
    }
    let store = Store::open(dir.path()).unwrap().store;
    let before = in_use();
    for back in [false, true] {
        let mut seen = 0;
        let count = |known: Recording| {
            assert_eq!(known, recording(known.id));
            seen += 1;
            true
        };
        match back {
            false => store.recordings().each(0, count).unwrap(),
            true => store.recordings().each_back(u64::MAX, count).unwrap(),
        }
        assert_eq!(seen, RECORDINGS);
        let growth = in_use().saturating_sub(before);
        println!("{} KiB", growth >> 10);
        assert!(growth < GROWTH, "the heap grew by {} KiB", growth >> 10);
    }
}
