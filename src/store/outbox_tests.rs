//! The outbox on a real sled in a temporary directory.

use super::*;
use crate::store::Store;

fn open(dir: &Path, max_bytes: u64) -> Outbox {
    Store::open(dir).unwrap().store.outbox(max_bytes).unwrap()
}

fn append(outbox: &mut Outbox, class: Class, stream: &str, count: usize) -> Vec<Entry> {
    let stream: Arc<str> = stream.into();
    for _ in 0..count {
        outbox.stage(class, &stream, |seq, out| out.extend_from_slice(format!("{seq:0100}").as_bytes()));
    }
    outbox.commit().unwrap()
}

fn seqs(entries: &[Entry]) -> Vec<u64> {
    let seq = |entry: &Entry| match entry.body {
        Body::Message { seq, .. } => seq,
        Body::Gap { from, .. }
        | Body::Lost { from, .. }
        | Body::Erased { from, .. }
        | Body::Refused { from, .. } => from,
    };
    entries.iter().map(seq).collect()
}

fn keys(entries: &[Entry]) -> Vec<EntryKey> {
    entries.iter().map(|entry| entry.key).collect()
}

#[test]
fn numbers_go_on_after_a_restart_even_when_everything_was_delivered() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = open(dir.path(), 1 << 20);
    let entries = append(&mut outbox, Class::Event, "a", 3);
    assert_eq!(seqs(&entries), [1, 2, 3]);
    outbox.delete(&keys(&entries)).unwrap();
    outbox.flush().unwrap();
    drop(outbox);
    let mut outbox = open(dir.path(), 1 << 20);
    assert!(outbox.is_empty());
    assert_eq!(outbox.bytes(), 0);
    assert_eq!(seqs(&append(&mut outbox, Class::Event, "a", 2)), [4, 5]);
    assert_eq!(seqs(&append(&mut outbox, Class::Event, "b", 1)), [1]);
}

#[test]
fn a_mark_is_on_disk_with_what_was_staged_and_not_before() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap().store;
    let mut outbox = store.outbox(1 << 20).unwrap();
    assert_eq!(outbox.marked("a").unwrap(), 0);
    outbox.stage(Class::Result, &"r".into(), |_, _| {});
    outbox.mark("a", 7);
    assert_eq!((outbox.marked("a").unwrap(), store.marked("a").unwrap()), (7, 0));
    outbox.commit().unwrap();
    assert_eq!((store.marked("a").unwrap(), store.marked("b").unwrap()), (7, 0));
    drop(outbox);
    assert_eq!(store.outbox(1 << 20).unwrap().marked("a").unwrap(), 7);
}

#[test]
fn what_is_out_is_handed_out_again_only_after_the_connection_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = open(dir.path(), 1 << 20);
    let live = append(&mut outbox, Class::Event, "a", 4);
    outbox.take_out(&live[0]);
    assert_eq!(seqs(&outbox.fetch(2).unwrap()), [2, 3]);
    assert_eq!(seqs(&outbox.fetch(9).unwrap()), [4]);
    assert!(outbox.fetch(9).unwrap().is_empty());
    outbox.delete(&[live[1].key]).unwrap();
    outbox.all_back();
    assert_eq!(seqs(&outbox.fetch(9).unwrap()), [1, 3, 4]);
}

#[test]
fn a_late_acknowledgement_still_deletes() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = open(dir.path(), 1 << 20);
    let entries = append(&mut outbox, Class::Event, "a", 1);
    outbox.all_back();
    outbox.delete(&keys(&entries)).unwrap();
    outbox.delete(&keys(&entries)).unwrap();
    assert_eq!((outbox.len(), outbox.bytes()), (0, 0));
}

#[test]
fn the_lowest_class_goes_first_and_its_hole_is_announced_before_anything_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = open(dir.path(), 1_000);
    append(&mut outbox, Class::Result, "r", 3);
    append(&mut outbox, Class::Telemetry, "t", 7);
    append(&mut outbox, Class::Event, "e", 5);
    assert_eq!(outbox.take_dropped(), 5);
    assert_eq!(outbox.bytes(), 1_000);
    let all = outbox.fetch(99).unwrap();
    assert_eq!(all[0].body, Body::Gap { from: 1, to: 5 });
    assert_eq!(&*all[0].stream, "t");
    assert_eq!(seqs(&all[1..]), [1, 2, 3, 1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn a_group_that_is_itself_over_the_bound_loses_its_oldest_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = open(dir.path(), 300);
    assert_eq!(seqs(&append(&mut outbox, Class::Event, "e", 5)), [3, 4, 5]);
    drop(outbox);
    let mut outbox = open(dir.path(), 300);
    assert_eq!(outbox.fetch(1).unwrap()[0].body, Body::Gap { from: 1, to: 2 });
}

#[test]
fn a_gap_that_was_handed_out_is_not_widened_behind_its_reader_s_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = open(dir.path(), 300);
    append(&mut outbox, Class::Event, "e", 4);
    let first = outbox.fetch(1).unwrap();
    append(&mut outbox, Class::Event, "e", 1);
    let second = outbox.fetch(1).unwrap();
    assert_eq!(first[0].body, Body::Gap { from: 1, to: 1 });
    assert_eq!(second[0].body, Body::Gap { from: 2, to: 2 });
    outbox.delete(&keys(&first)).unwrap();
    outbox.all_back();
    assert_eq!(outbox.fetch(1).unwrap(), second);
}

#[test]
fn what_is_out_is_never_evicted() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = open(dir.path(), 300);
    let live = append(&mut outbox, Class::Event, "e", 3);
    live.iter().for_each(|entry| outbox.take_out(entry));
    append(&mut outbox, Class::Event, "e", 1);
    outbox.delete(&keys(&live)).unwrap();
    assert_eq!(outbox.fetch(9).unwrap()[0].body, Body::Gap { from: 4, to: 4 });
}
