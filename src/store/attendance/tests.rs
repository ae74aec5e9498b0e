//! The log on a real sled in a temporary directory.

use super::*;
use crate::types::AttendanceKind;

fn open(dir: &std::path::Path) -> (Store, Attendances) {
    let store = Store::open(dir).unwrap().store;
    let log = store.attendance();
    (store, log)
}

fn here(person: u64, since_ns: u64) -> Presence {
    Presence {
        person: PersonId(person),
        name: format!("Person {person} Erased").into(),
        camera: "front".into(),
        since_ns,
        last_ns: since_ns,
        similarity: 0.7,
        track: 1,
        frame_seq: 2,
        experiment: Some("run 7".into()),
    }
}

fn enter(log: &Attendances, person: u64, wall_ns: u64) -> u64 {
    let here = here(person, wall_ns);
    let written = log.record(&[here.event(AttendanceKind::Enter, wall_ns)], |_| Some(here.clone())).unwrap();
    written.first().map_or(0, |event| event.id)
}

#[test]
fn events_and_presence_are_there_after_the_store_was_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let (store, log) = open(dir.path());
    assert_eq!((enter(&log, 1, 100), enter(&log, 2, 50)), (1, 2));
    let leave = here(1, 100).event(AttendanceKind::Leave, 200);
    assert_eq!(log.record(&[leave], |_| None).unwrap()[0].id, 3);
    log.touch(&[Presence { last_ns: 900, ..here(2, 50) }], 1_000).unwrap();
    drop((log, store));
    let (_store, log) = open(dir.path());
    let (present, looked) = log.present().unwrap();
    assert_eq!((present, looked), (vec![Presence { last_ns: 900, ..here(2, 50) }], Some(1_000)));
    let ids = |events: Vec<Attendance>| events.iter().map(|event| event.id).collect::<Vec<_>>();
    assert_eq!(ids(log.after(0, 9).unwrap()), [1, 2, 3]);
    assert_eq!(ids(log.after(1, 1).unwrap()), [2]);
    assert_eq!(ids(log.during(50..200).unwrap()), [1, 2], "by time, the end not included, told by number");
    assert_eq!(log.next_of(PersonId(1), 1).unwrap().map(|event| event.id), Some(3));
    assert_eq!(log.next_of(PersonId(2), 2).unwrap(), None);
    assert_eq!(enter(&log, 1, 300), 4);
}

#[test]
fn events_that_are_written_again_after_a_fault_keep_their_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, log) = open(dir.path());
    // The log does not keep the recording, which therefore must not tell two events apart.
    let first = Attendance { recording: Some(17), ..here(1, 10).event(AttendanceKind::Enter, 10) };
    let more = here(1, 10).event(AttendanceKind::Leave, 30);
    let ids = |events: &[Attendance]| {
        let written = log.record(events, |_| None).unwrap();
        written.iter().map(|event| event.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(std::slice::from_ref(&first)), [1]);
    assert_eq!(ids(&[first.clone(), more.clone()]), [1, 2]);
    assert_eq!(ids(&[first, more]), [1, 2]);
    assert_eq!(log.after(0, 9).unwrap().len(), 2);
    assert_eq!(ids(&[here(2, 10).event(AttendanceKind::Enter, 10)]), [3]);
}

#[test]
fn nothing_of_a_forgotten_person_is_left_or_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, log) = open(dir.path());
    for wall in [10, 20, 30] {
        enter(&log, 1, wall);
        enter(&log, 2, wall);
    }
    assert_eq!(log.forget(PersonId(1)).unwrap(), 3);
    assert_eq!(log.changes(0), [Change::Forgotten(PersonId(1))]);
    assert_eq!(log.changes(1), []);
    assert_eq!(enter(&log, 1, 40), 0, "a sighting that was on its way");
    log.touch(&[here(1, 40)], 50).unwrap();
    assert!(log.after(0, 99).unwrap().iter().all(|event| event.person == PersonId(2)));
    assert_eq!(log.during(0..99).unwrap().len(), 3);
    assert_eq!(log.present().unwrap().0, [here(2, 30)]);
    let tree = log.tree().unwrap();
    let left = tree
        .iter()
        .filter(|pair| pair.as_ref().unwrap().1.windows(8).any(|part| part == b"Person 1"))
        .count();
    assert_eq!(left, 0);
    assert_eq!(enter(&log, 3, 60), 7, "numbers are never given twice");
}

#[test]
fn who_is_merged_takes_events_and_presence_along() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, log) = open(dir.path());
    for (person, wall) in [(1, 10), (2, 20), (3, 30)] {
        enter(&log, person, wall);
    }
    assert_eq!(log.merge(PersonId(1), PersonId(2)).unwrap(), 1);
    assert_eq!(log.merge(PersonId(3), PersonId(4)).unwrap(), 1);
    let people: Vec<_> = log.after(0, 9).unwrap().iter().map(|event| (event.id, event.person.0)).collect();
    assert_eq!(people, [(1, 2), (2, 2), (3, 4)]);
    let here: Vec<_> = log.present().unwrap().0.iter().map(|here| (here.person.0, here.since_ns)).collect();
    assert_eq!(here, [(2, 10), (4, 30)]);
    assert_eq!(enter(&log, 1, 40), 0, "a sighting that was on its way");
    assert_eq!(log.forget(PersonId(2)).unwrap(), 2, "an erasure finds all of them");
    assert_eq!(log.after(0, 9).unwrap().len(), 1);
}

#[test]
fn old_events_go_unless_nobody_has_heard_of_them_yet() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, log) = open(dir.path());
    for wall in 1..=2_500 {
        enter(&log, wall % 7, wall);
    }
    assert_eq!(log.prune(2_001, 1_990).unwrap(), 1_990);
    assert_eq!(log.after(0, 9_999).unwrap().len(), 510);
    assert_eq!(log.during(0..9_999).unwrap().len(), 510);
    assert_eq!(log.prune(2_001, 1_990).unwrap(), 0);
    assert_eq!(log.tree().unwrap().scan_prefix(b"p").count(), 510);
}
