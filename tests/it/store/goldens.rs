//! Golden pictures on a real store: numbered, never changed, and told from pictures that were.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::disk::SmallDisk;
use ocellus::store::{GoldenError, GoldenSet, Goldens, Store, StoreError};
use ocellus::types::{Channels, Patch};
use proptest::prelude::*;

/// A picture that is like no other.
fn picture(number: u8) -> Patch {
    let mut patch = Patch::new(24, 16, if number.is_multiple_of(2) { Channels::Gray } else { Channels::Rgb });
    for (at, byte) in patch.data.iter_mut().enumerate() {
        *byte = (at as u8).wrapping_mul(7).wrapping_add(number.wrapping_mul(13));
    }
    patch
}

fn open(dir: &Path) -> Goldens {
    Store::open(dir).unwrap().store.goldens()
}

fn teach(goldens: &Goldens, product: &str, number: u8) -> GoldenSet {
    goldens.teach(product, &picture(number), &format!("{number}.png"), None).unwrap()
}

fn names(set: &GoldenSet) -> Vec<&str> {
    set.entries.iter().map(|entry| entry.name.as_str()).collect()
}

fn file(dir: &Path, sha: &str) -> PathBuf {
    dir.join("goldens").join(format!("{sha}.png"))
}

#[test]
fn every_change_makes_a_revision_and_none_is_changed_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let goldens = open(dir.path());
    assert_eq!(goldens.current("bracket").unwrap(), None);
    assert_eq!(names(&teach(&goldens, "bracket", 1)), ["1.png"]);
    let second = teach(&goldens, "bracket", 2);
    assert_eq!((second.revision, names(&second)), (2, vec!["1.png", "2.png"]));
    assert_eq!(second.entries[1].size, [24, 16]);
    assert_eq!(teach(&goldens, "bracket", 2), second, "what is there already changes nothing");
    let third = goldens.remove("bracket", &second.entries[0].picture[..8]).unwrap();
    assert_eq!((third.revision, names(&third)), (3, vec!["2.png"]));
    assert!(third.note.starts_with("removed 1.png ("), "{}", third.note);
    assert_eq!(goldens.revision("bracket", 2).unwrap(), second);
    let all = goldens.revisions("bracket").unwrap();
    assert_eq!(all.iter().map(|set| set.revision).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(goldens.picture(&second.entries[0].picture).unwrap(), picture(1), "removed, but never lost");
    assert!(all[0].created_ns <= third.created_ns && third.created_ns > 1_700_000_000_000_000_000);
}

#[test]
fn a_rollback_is_a_new_revision_and_the_next_goes_back_further() {
    let dir = tempfile::tempdir().unwrap();
    let goldens = open(dir.path());
    (1..=3).for_each(|number| drop(teach(&goldens, "a", number)));
    let back = goldens.rollback("a", None).unwrap();
    assert_eq!((back.revision, back.origin, names(&back)), (4, Some(2), vec!["1.png", "2.png"]));
    assert_eq!(back.hash(), goldens.revision("a", 2).unwrap().hash());
    let further = goldens.rollback("a", None).unwrap();
    assert_eq!((further.revision, further.origin, names(&further)), (5, Some(1), vec!["1.png"]));
    let end = goldens.rollback("a", None).unwrap_err().to_string();
    assert!(end.contains("revision 1, whose pictures are in force, is the first"), "{end}");
    let again = goldens.rollback("a", Some(3)).unwrap();
    assert_eq!((again.revision, names(&again).len()), (6, 3));
    let said = goldens.rollback("a", Some(6)).unwrap_err().to_string();
    assert!(said.contains("revision 6 of a is in force already"), "{said}");
    let said = goldens.rollback("a", Some(9)).unwrap_err().to_string();
    assert!(said.contains("a has no golden revision 9; it has 1 to 6"), "{said}");
    let said = goldens.rollback("b", None).unwrap_err().to_string();
    assert!(said.contains("never taught: `ocellus golden add b PICTURE`"), "{said}");
}

#[test]
fn products_do_not_see_each_other_even_where_one_name_begins_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let goldens = open(dir.path());
    for (product, number) in [("part", 1), ("part-2", 2), ("part.3", 3), ("par", 4), ("part", 5)] {
        teach(&goldens, product, number);
    }
    let sets = goldens.sets().unwrap();
    let reported: Vec<_> = sets.iter().map(|set| (set.product.as_str(), set.revision)).collect();
    assert_eq!(reported, [("par", 1), ("part", 2), ("part-2", 1), ("part.3", 1)]);
    for product in ["", "a/b", "..", "a\0b"] {
        let refused = goldens.teach(product, &picture(1), "x", None).unwrap_err();
        assert!(matches!(refused, GoldenError::Product { .. }), "{product:?}: {refused}");
    }
}

#[test]
fn a_picture_may_serve_some_rois_only_and_its_place_stays_when_that_changes() {
    let dir = tempfile::tempdir().unwrap();
    let goldens = open(dir.path());
    teach(&goldens, "a", 1);
    let rois = |names: &[&str]| Some(names.iter().map(|name| name.to_string()).collect());
    goldens.teach("a", &picture(2), "2.png", rois(&["label"])).unwrap();
    let before = teach(&goldens, "a", 3);
    let after = goldens.teach("a", &picture(2), "2.png", rois(&["label", "screw"])).unwrap();
    assert_eq!((after.revision, names(&after)), (4, vec!["1.png", "2.png", "3.png"]));
    assert_eq!(after.for_roi("screw").count(), 3);
    assert_eq!(
        before.for_roi("screw").map(|entry| entry.name.as_str()).collect::<Vec<_>>(),
        ["1.png", "3.png"]
    );
    assert_eq!(after.master().unwrap().name, "1.png");
    assert_ne!(after.hash(), before.hash());
}

#[test]
fn a_picture_is_taken_out_by_enough_digits_of_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let goldens = open(dir.path());
    let set = teach(&goldens, "a", 1);
    let short = &set.entries[0].picture[..3];
    for sha in [short, "", "ffffffffff"] {
        let said = goldens.remove("a", sha).unwrap_err().to_string();
        assert!(said.contains("`ocellus golden show a` lists them"), "{sha}: {said}");
    }
    assert!(goldens.remove("b", short).unwrap_err().to_string().contains("never taught"));
    let empty = goldens.remove("a", set.entries[0].short()).unwrap();
    assert!(empty.entries.is_empty() && empty.master().is_none());
    assert_eq!(names(&goldens.rollback("a", None).unwrap()), ["1.png"]);
}

/// Every kind of damage that was thought of: each is told with the file's name and what to do.
#[test]
fn a_picture_that_was_changed_is_reported_and_never_shown() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 5] = [
        ("is missing", |file| fs::remove_file(file).unwrap()),
        ("was changed", |file| fs::write(file, b"").unwrap()),
        ("was changed", |file| fs::write(file, &fs::read(file).unwrap()[..40]).unwrap()),
        ("was changed", |file| {
            let mut bytes = fs::read(file).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(file, bytes).unwrap();
        }),
        ("was changed", |file| {
            let other = fs::read_dir(file.parent().unwrap()).unwrap().flatten().map(|entry| entry.path());
            let mut other = other.filter(|path| path.extension().is_some_and(|e| e == "png") && path != file);
            fs::copy(other.next().unwrap(), file).unwrap();
        }),
    ];
    for (number, (words, damage)) in damages.into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let goldens = open(dir.path());
        teach(&goldens, "a", 1);
        let set = teach(&goldens, "a", 2);
        teach(&goldens, "a", 3);
        let sha = &set.entries[1].picture;
        damage(&file(dir.path(), sha));
        let said = goldens.picture(sha).unwrap_err().to_string();
        for words in [words, &file(dir.path(), sha).display().to_string(), "teach it again"] {
            assert!(said.contains(words), "damage {number}: {words} is missing in: {said}");
        }
        let faults = goldens.verify().unwrap();
        assert_eq!(faults.len(), 1, "damage {number}: {faults:?}");
        assert_eq!(faults[0].to_string(), said);
        let refused = goldens.rollback("a", Some(2)).unwrap_err().to_string();
        assert_eq!(refused, said, "a set that is not whole does not come into force");
        assert!(goldens.rollback("a", Some(1)).is_ok());
        teach(&goldens, "a", 2);
        assert!(goldens.verify().unwrap().is_empty(), "damage {number}: taught again, it is whole");
    }
}

#[test]
fn a_name_that_is_no_hash_leads_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let goldens = open(dir.path());
    fs::write(dir.path().join("secret.png"), "x").unwrap();
    let said = goldens.picture("../secret").unwrap_err();
    assert!(matches!(said, GoldenError::Missing { .. }), "{said}");
    let mut entry = goldens.keep(&picture(1), "1.png", None).unwrap();
    entry.picture.replace_range(..4, "0000");
    let said = goldens.add("a", vec![entry]).unwrap_err();
    assert!(matches!(said, GoldenError::Missing { .. }), "no set names a picture that is not there: {said}");
    assert_eq!(goldens.current("a").unwrap(), None);
}

#[test]
fn what_no_set_names_can_be_pruned_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let goldens = open(dir.path());
    let first = teach(&goldens, "a", 1);
    let set = teach(&goldens, "a", 2);
    let set = goldens.remove("a", &set.entries[0].picture).unwrap();
    let stray = goldens.keep(&picture(9), "9.png", None).unwrap();
    fs::write(dir.path().join("goldens/.x.png.1.2.unfinished"), [0; 100]).unwrap();
    fs::write(dir.path().join("goldens/notes.txt"), "the operator's own").unwrap();
    let length = fs::metadata(file(dir.path(), &stray.picture)).unwrap().len();
    let pruned = goldens.prune(None).unwrap();
    assert_eq!((pruned.revisions, pruned.pictures, pruned.bytes), (0, 2, length + 100));
    assert!(goldens.picture(&first.entries[0].picture).is_ok(), "an old revision still names it");
    let pruned = goldens.prune(Some(0)).unwrap();
    assert_eq!((pruned.revisions, pruned.pictures), (2, 1), "the one in force is never forgotten");
    assert_eq!(goldens.current("a").unwrap(), Some(set));
    assert!(matches!(goldens.picture(&first.entries[0].picture), Err(GoldenError::Missing { .. })));
    assert!(goldens.verify().unwrap().is_empty() && dir.path().join("goldens/notes.txt").exists());
    assert_eq!(teach(&goldens, "a", 3).revision, 4, "numbers go on");
    let said = goldens.rollback("a", Some(1)).unwrap_err().to_string();
    assert!(said.contains("it has 3 to 4"), "{said}");
}

#[test]
fn a_store_that_is_set_aside_costs_no_goldens_and_no_number() {
    let dir = tempfile::tempdir().unwrap();
    let goldens = open(dir.path());
    teach(&goldens, "a", 1);
    let a = teach(&goldens, "a", 2);
    let b = teach(&goldens, "b", 3);
    drop(goldens);
    fs::write(dir.path().join("goldens/c.json"), "{ not a set").unwrap();
    fs::copy(dir.path().join("goldens/a.json"), dir.path().join("goldens/d.json")).unwrap();
    fs::write(dir.path().join("store/db"), [0xa5; 700_000]).unwrap();
    let opened = Store::open(dir.path()).unwrap();
    assert!(opened.set_aside.is_some());
    let goldens = opened.store.goldens();
    assert_eq!(goldens.sets().unwrap(), [a, b]);
    assert_eq!(teach(&goldens, "a", 4).revision, 3);
}

#[test]
fn a_record_of_another_version_is_reported_and_an_older_revision_can_be_taken() {
    let dir = tempfile::tempdir().unwrap();
    let goldens = open(dir.path());
    teach(&goldens, "a", 1);
    teach(&goldens, "a", 2);
    drop(goldens);
    let db = loop {
        if let Ok(db) = sled::Config::new().path(dir.path().join("store")).segment_size(256 << 10).open() {
            break db;
        }
    };
    let key = [b"a\0", &2u64.to_be_bytes()[..]].concat();
    db.open_tree("goldens").unwrap().insert(key, b"\x09{}").unwrap();
    db.flush().unwrap();
    drop(db);
    let goldens = open(dir.path());
    let said = goldens.current("a").unwrap_err().to_string();
    assert!(said.contains("revision 2") && said.contains("of version 9") && said.contains("--to"), "{said}");
    assert!(goldens.prune(None).is_err(), "nobody knows which pictures it names");
    assert_eq!(goldens.verify().unwrap().len(), 1);
    let back = goldens.rollback("a", Some(1)).unwrap();
    assert_eq!((back.revision, names(&back)), (3, vec!["1.png"]));
    assert_eq!(goldens.current("a").unwrap(), Some(back));
}

#[test]
fn a_full_disk_leaves_the_set_in_force_and_teaching_goes_on_when_there_is_space() {
    let Some(disk) = SmallDisk::mount(4 << 20) else {
        return;
    };
    let goldens = open(disk.path());
    let before = teach(&goldens, "a", 1);
    disk.fill();
    let full = goldens.teach("a", &picture(2), "2.png", None).unwrap_err();
    assert!(matches!(full, GoldenError::Store(StoreError::DiskFull { .. })), "{full:?}");
    assert!(full.to_string().contains("free space"), "{full}");
    assert_eq!(goldens.current("a").unwrap(), Some(before));
    disk.free();
    assert_eq!(names(&teach(&goldens, "a", 2)), ["1.png", "2.png"]);
    assert!(goldens.verify().unwrap().is_empty());
}

#[test]
fn several_teachers_at_once_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let goldens = open(dir.path());
    std::thread::scope(|scope| {
        for teacher in 0..4u8 {
            let goldens = goldens.clone();
            scope.spawn(move || (0..5).for_each(|n| drop(teach(&goldens, "a", teacher * 5 + n))));
        }
    });
    let set = goldens.current("a").unwrap().unwrap();
    assert_eq!((set.revision, set.entries.len()), (20, 20));
}

#[derive(Clone, Debug)]
enum Step {
    Teach(u8),
    Remove(u8),
    Rollback(u64),
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..6u8).prop_map(Step::Teach),
        2 => (0..6u8).prop_map(Step::Remove),
        2 => (1..12u64).prop_map(Step::Rollback),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..16)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Against a model that keeps every revision in a list.
    #[test]
    fn the_history_is_that_of_the_steps_taken(steps in steps()) {
        let dir = tempfile::tempdir().unwrap();
        let mut goldens = open(dir.path());
        let mut history: Vec<Vec<u8>> = Vec::new();
        let shas: Vec<String> = (0..6).map(|n| goldens.keep(&picture(n), "x", None).unwrap().picture).collect();
        for step in steps {
            let now = history.last().cloned().unwrap_or_default();
            match step {
                Step::Teach(n) => {
                    teach(&goldens, "a", n);
                    if !now.contains(&n) {
                        history.push([now, vec![n]].concat());
                    }
                }
                Step::Remove(n) => {
                    let done = goldens.remove("a", &shas[usize::from(n)]).is_ok();
                    prop_assert_eq!(done, now.contains(&n));
                    if done {
                        history.push(now.into_iter().filter(|known| *known != n).collect());
                    }
                }
                Step::Rollback(to) => {
                    let done = goldens.rollback("a", Some(to)).is_ok();
                    prop_assert_eq!(done, to < history.len() as u64);
                    if done {
                        history.push(history[to as usize - 1].clone());
                    }
                }
                Step::Reopen => {
                    drop(goldens);
                    goldens = open(dir.path());
                }
            }
        }
        let kept = goldens.revisions("a").unwrap();
        prop_assert_eq!(kept.len(), history.len());
        for (set, expected) in kept.iter().zip(&history) {
            let pictures: Vec<_> = set.entries.iter().map(|entry| &entry.picture).collect();
            let expected: Vec<_> = expected.iter().map(|n| &shas[usize::from(*n)]).collect();
            prop_assert_eq!(pictures, expected);
        }
        prop_assert!(goldens.verify().unwrap().is_empty());
    }
}
