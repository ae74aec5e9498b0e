//! Enrol, add, rename, merge, take away; and what is refused.

use std::fs;

use ocellus::store::{GalleryError, NewSample, Store, StoreError};
use ocellus::types::{Attendance, AttendanceKind, Channels, Patch, PersonId};

use crate::recognition::gallery::faces::{MODEL, face, gallery, names, open};

#[test]
fn a_person_is_kept_with_every_face_across_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let anna = gallery(dir.path()).enrol("  Anna Ö. ", &[face(1), face(2)]).unwrap();
    assert_eq!((anna.name.as_str(), anna.samples.len()), ("Anna Ö.", 2));
    let gallery = gallery(dir.path());
    let people = gallery.people().unwrap();
    assert_eq!(people, std::slice::from_ref(&anna));
    assert_eq!(people[0].samples[1].embedding, face(2).embedding, "every bit of it");
    assert_eq!(gallery.crop(anna.id, anna.samples[0].id).unwrap(), face(1).crop);
    assert!(gallery.picture(anna.id, anna.samples[0].id).unwrap().starts_with(b"\x89PNG"));
    assert_eq!(gallery.named("ANNA ö.").unwrap().map(|found| found.id), Some(anna.id));
    let more = gallery.add(anna.id, &[face(3)]).unwrap();
    assert_eq!(more.samples.len(), 3);
    let less = gallery.remove(anna.id, anna.samples[0].id).unwrap();
    assert_eq!(less.samples.iter().map(|s| s.source.as_str()).collect::<Vec<_>>(), ["2.jpg", "3.jpg"]);
    assert!(!dir.path().join(format!("gallery/{}.png", anna.samples[0].id)).exists());
}

#[test]
fn a_name_is_unique_whatever_its_case_and_an_id_is_never_given_twice() {
    let dir = tempfile::tempdir().unwrap();
    let gallery = gallery(dir.path());
    let anna = gallery.enrol("Anna", &[face(1)]).unwrap();
    let taken = gallery.enrol("anna", &[face(2)]).unwrap_err();
    assert!(matches!(taken, GalleryError::Taken { person, .. } if person == anna.id), "{taken}");
    let ben = gallery.enrol("Ben", &[face(2)]).unwrap();
    assert_eq!((anna.id, ben.id), (PersonId(1), PersonId(2)));
    gallery.begin_erasure(ben.id).unwrap();
    let cleo = gallery.enrol("Cleo", &[face(3)]).unwrap();
    assert_eq!(cleo.id, PersonId(3), "that of the erased person is not used again");
    assert_eq!(gallery.rename(cleo.id, "Chloe").unwrap().name, "Chloe");
    assert!(matches!(gallery.rename(cleo.id, "ANNA").unwrap_err(), GalleryError::Taken { .. }));
    assert_eq!(gallery.rename(anna.id, "ANNA").unwrap().name, "ANNA", "one's own name may change its case");
    assert_eq!(names(&gallery), ["ANNA", "Chloe"]);
}

#[test]
fn merged_people_are_one_with_all_their_faces() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let gallery = store.gallery();
    let ids = [(1, "A"), (2, "B"), (3, "C")].map(|(n, name)| gallery.enrol(name, &[face(n)]).unwrap().id);
    let seen = Attendance {
        id: 1,
        camera: "door".into(),
        person: ids[0],
        name: "A".into(),
        kind: AttendanceKind::Enter,
        wall_ns: 1_000,
        since_ns: 1_000,
        similarity: 0.9,
        track: 1,
        frame_seq: 1,
        recording: None,
        experiment: None,
    };
    store.attendance().record(&[seen], |_| None).unwrap();
    gallery.merge(ids[0], ids[1]).unwrap();
    let events = store.attendance().during(0..2_000).unwrap();
    assert_eq!(events.iter().map(|event| event.person).collect::<Vec<_>>(), [ids[1]], "who was seen");
    let merged = gallery.merge(ids[1], ids[2]).unwrap();
    assert_eq!((merged.name.as_str(), merged.samples.len()), ("C", 3));
    assert_eq!(merged.was, [ids[1], ids[0]], "events may speak of them");
    assert_eq!(names(&gallery), ["C"]);
    for sample in &merged.samples {
        gallery.crop(ids[2], sample.id).unwrap();
    }
    let erasing = gallery.begin_erasure(ids[2]).unwrap();
    assert_eq!(erasing.ids().collect::<Vec<_>>(), [ids[2], ids[1], ids[0]]);
    assert!(matches!(gallery.merge(ids[0], ids[0]).unwrap_err(), GalleryError::Same { .. }));
    assert!(matches!(gallery.merge(ids[0], ids[2]).unwrap_err(), GalleryError::NoPerson { .. }));
}

#[test]
fn what_cannot_be_kept_is_refused_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let gallery = gallery(dir.path());
    let long = "x".repeat(65);
    for (name, word) in [
        ("", "empty"),
        ("   ", "empty"),
        ("a\u{7}b", "control"),
        ("a\nb", "control"),
        ("a\u{202e}b", "invisible"),
        (&long, "longer than 64"),
    ] {
        let said = gallery.enrol(name, &[face(1)]).unwrap_err().to_string();
        assert!(said.contains(word) && said.contains("1 to 64"), "{said}");
    }
    assert!(gallery.enrol(&"ö".repeat(64), &[face(9)]).is_ok(), "characters, not bytes");
    let not_unit = NewSample { embedding: vec![0.5; 128], ..face(1) };
    assert!(gallery.enrol("A", &[face(2), not_unit]).unwrap_err().to_string().contains("unit vector"));
    let grey = NewSample { crop: Patch::new(224, 224, Channels::Gray), ..face(1) };
    assert!(matches!(gallery.enrol("A", &[grey]).unwrap_err(), GalleryError::Unfit { .. }));
    assert_eq!(names(&gallery).len(), 1);
    assert!(matches!(gallery.add(PersonId(77), &[face(1)]).unwrap_err(), GalleryError::NoPerson { .. }));
    assert!(matches!(gallery.remove(PersonId(1), 77).unwrap_err(), GalleryError::NoSample { .. }));
    assert_eq!(
        crate::recognition::gallery::faces::files(&dir.path().join("gallery")).len(),
        2,
        "one crop and one copy"
    );
}

#[test]
fn another_model_makes_every_face_stale_until_its_crop_is_embedded_again() {
    let dir = tempfile::tempdir().unwrap();
    let gallery = gallery(dir.path());
    let anna = gallery.enrol("Anna", &[face(1), face(2)]).unwrap();
    assert_eq!(gallery.stale(MODEL).unwrap(), []);
    let other = "f".repeat(64);
    let stale = gallery.stale(&other).unwrap();
    assert_eq!(stale.len(), 2);
    let fresh: Vec<_> =
        (7..).zip(&stale).map(|(n, (person, sample))| (*person, *sample, face(n).embedding)).collect();
    gallery.embed_again(&fresh, &other).unwrap();
    assert_eq!(gallery.stale(&other).unwrap(), []);
    assert_eq!(gallery.person(anna.id).unwrap().samples[1].embedding, face(8).embedding);
}

#[test]
fn a_crop_that_nobody_names_is_found_and_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let gallery = gallery(dir.path());
    gallery.enrol("Anna", &[face(1)]).unwrap();
    for stray in ["999.png", ".5.png.1.1.unfinished", "44.json"] {
        fs::write(dir.path().join("gallery").join(stray), b"left by a crash").unwrap();
    }
    fs::write(dir.path().join("gallery/README"), b"somebody else's").unwrap();
    assert_eq!(gallery.tidy().unwrap(), 3);
    assert_eq!(crate::recognition::gallery::faces::files(&dir.path().join("gallery")).len(), 3);
}

#[test]
fn a_store_that_was_set_aside_costs_no_person_only_their_embeddings() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let anna = store.gallery().enrol("Anna", &[face(1), face(2)]).unwrap();
    let ben = store.gallery().enrol("Ben", &[face(3)]).unwrap();
    store.gallery().begin_erasure(ben.id).unwrap();
    drop(store);
    fs::write(dir.path().join("store/db"), [0xa5; 300_000]).unwrap();
    let opened = Store::open(dir.path()).unwrap();
    assert!(opened.set_aside.is_some());
    let gallery = opened.store.gallery();
    assert_eq!(names(&gallery), ["Anna"]);
    assert_eq!(gallery.stale(MODEL).unwrap().len(), 2, "to be embedded again");
    assert_eq!(gallery.crop(anna.id, anna.samples[1].id).unwrap(), face(2).crop);
    let cleo = gallery.enrol("Cleo", &[face(4)]).unwrap();
    assert!(cleo.id > ben.id && cleo.samples[0].id > anna.samples[1].id, "no number comes again");
}

#[test]
fn only_one_process_has_the_people() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path());
    assert!(matches!(Store::open(dir.path()).unwrap_err(), StoreError::Locked { .. }));
    drop(first);
    open(dir.path());
}
