//! Erased means: in no file under the state directory, whatever sled and the file system had kept.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use ocellus::store::{Body, Class, GalleryError, Store};
use ocellus::types::PersonId;

use crate::recognition::gallery::faces::{Traces, face, files, names, open};

fn attendance(store: &Store, person: PersonId, name: &str, count: usize) {
    let mut outbox = store.outbox(1 << 20).unwrap();
    let stream: Arc<str> = "camera/front/attendance".into();
    for _ in 0..count {
        outbox.stage(Class::Result, &stream, |seq, out| {
            let reported =
                serde_json::json!({ "schema": "x/1", "seq": seq, "person": person.0, "name": name });
            out.extend_from_slice(reported.to_string().as_bytes());
        });
    }
    outbox.commit().unwrap();
}

fn erase(store: &Store, id: PersonId) -> (ocellus::store::Erasing, ocellus::store::Forgotten) {
    let erasing = store.gallery().begin_erasure(id).unwrap();
    let forgotten = store.erase_alone(std::slice::from_ref(&erasing)).unwrap();
    (erasing, forgotten)
}

fn copies(dir: &Path) -> Vec<Vec<u8>> {
    let pngs =
        files(&dir.join("gallery")).into_iter().filter(|path| path.extension().is_some_and(|e| e == "png"));
    pngs.map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn no_byte_of_an_erased_person_is_left_on_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let gallery = store.gallery();
    let zoe = gallery.enrol("Zoë Quillfeather", &[face(1), face(2)]).unwrap();
    let all = copies(dir.path());
    let ben = gallery.enrol("Benedict Underhill", &[face(3)]).unwrap();
    gallery.rename(zoe.id, "Zoë Marchbanks").unwrap();
    gallery.remove(zoe.id, zoe.samples[0].id).unwrap();
    gallery.add(zoe.id, &[face(4)]).unwrap();
    attendance(&store, zoe.id, "Zoë Quillfeather", 3);
    attendance(&store, ben.id, "Benedict Underhill", 1);
    attendance(&store, zoe.id, "Zoë Marchbanks", 2);
    let aside = dir.path().join("store.corrupt-20260101T000000Z");
    fs::create_dir(&aside).unwrap();
    fs::write(aside.join("db"), "an older store that knew Zoë Quillfeather").unwrap();

    let hers = Traces::of(
        &["Quillfeather", "Marchbanks"],
        &[face(1), face(2), face(4)],
        &all.into_iter().chain(copies(dir.path())).collect::<Vec<_>>()[..2],
    );
    let his = Traces::of(&["Underhill"], &[face(3)], &[]);
    assert!(
        hers.found(dir.path()).len() >= 3,
        "the search finds what is there: {:?}",
        hers.found(dir.path())
    );

    let (erasing, forgotten) = erase(&store, zoe.id);
    assert_eq!((erasing.samples, erasing.crops), (2, 2));
    assert_eq!((forgotten.outbox, forgotten.set_aside), (5, 1));
    assert!(forgotten.rewritten_bytes > 1_000, "{forgotten:?}");

    assert_eq!(hers.found(dir.path()), Vec::<String>::new());
    assert!(!his.found(dir.path()).is_empty(), "who stays is still there");
    assert_eq!(names(&store.gallery()), ["Benedict Underhill"]);
    assert_eq!(store.gallery().crop(ben.id, ben.samples[0].id).unwrap(), face(3).crop);
    assert_eq!(store.gallery().pending_erasures().unwrap(), []);
    let gone = store.gallery().begin_erasure(zoe.id).unwrap_err();
    assert!(matches!(gone, GalleryError::NoPerson { .. }), "{gone}");

    drop((store, gallery));
    let store = open(dir.path());
    assert_eq!(hers.found(dir.path()), Vec::<String>::new(), "also after the store was opened again");
    let reported = store.outbox(1 << 20).unwrap().fetch(9).unwrap();
    let bodies: Vec<_> = reported.iter().map(|entry| entry.body.clone()).collect();
    assert_eq!(bodies[0], Body::Erased { from: 1, to: 3 }, "the plant sees an explained hole");
    assert_eq!(bodies[1], Body::Erased { from: 5, to: 6 });
    assert!(matches!(&bodies[2], Body::Message { seq: 4, .. }));
    attendance(&store, ben.id, "Benedict Underhill", 1);
    let next = store.outbox(1 << 20).unwrap().fetch(9).unwrap();
    assert!(matches!(next.last().unwrap().body, Body::Message { seq: 7, .. }), "numbers go on");
}

#[test]
fn an_erasure_that_was_cut_short_is_taken_up_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let zoe = store.gallery().enrol("Zoë Quillfeather", &[face(1)]).unwrap();
    attendance(&store, zoe.id, "Zoë Quillfeather", 2);
    let begun = store.gallery().begin_erasure(zoe.id).unwrap();
    drop(store);
    // The power went here.
    let store = open(dir.path());
    assert_eq!(names(&store.gallery()), Vec::<String>::new());
    assert_eq!(store.gallery().pending_erasures().unwrap(), std::slice::from_ref(&begun));
    assert_eq!(store.gallery().begin_erasure(zoe.id).unwrap(), begun, "asked again, it goes on");
    let forgotten = store.erase_alone(&[begun]).unwrap();
    assert_eq!(forgotten.outbox, 2);
    assert_eq!(Traces::of(&["Quillfeather"], &[face(1)], &[]).found(dir.path()), Vec::<String>::new());
    assert_eq!(store.gallery().pending_erasures().unwrap(), []);
}
