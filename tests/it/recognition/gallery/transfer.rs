//! Export and import: a file takes everybody to another box, and a bad file takes nobody.

use ocellus::store::{Gallery, GalleryError, Store, read_header};
use ocellus::types::PersonId;

use crate::recognition::gallery::faces::{MODEL, face, gallery, names};

fn export(gallery: &Gallery) -> Vec<String> {
    let mut lines = vec![Gallery::header(MODEL)];
    let (mut after, mut rounds) = (None, 0);
    loop {
        let (reported, next) = gallery.export(after, 1).unwrap();
        lines.extend(reported);
        rounds += 1;
        match next {
            Some(_) => after = next,
            None => break,
        }
    }
    assert_eq!(rounds, lines.len() - 1, "one at a time was asked for");
    lines
}

#[test]
fn an_empty_box_knows_everybody_after_the_import() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let old = gallery(from.path());
    old.enrol("Anna", &[face(1), face(2)]).unwrap();
    let gone = old.enrol("Gone", &[face(9)]).unwrap();
    old.begin_erasure(gone.id).unwrap();
    old.enrol("Ben", &[face(3)]).unwrap();
    let lines = export(&old);
    assert_eq!(read_header(&lines[0]).unwrap(), MODEL);
    let new = gallery(to.path());
    let imported = new.import(lines.iter().map(String::as_str)).unwrap();
    assert_eq!((imported.people.len(), imported.samples, imported.skipped.len()), (2, 3, 0));
    assert_eq!(names(&new), ["Anna", "Ben"]);
    let ben = new.person(PersonId(2)).unwrap();
    assert_eq!(ben.samples[0].embedding, face(3).embedding);
    assert_eq!(new.crop(ben.id, ben.samples[0].id).unwrap(), face(3).crop);
    assert_eq!(new.stale(MODEL).unwrap(), []);
    assert_eq!(new.stale("another").unwrap().len(), 3, "for a box with another model all of them are stale");

    let again = new.import(lines.iter().map(String::as_str)).unwrap();
    assert_eq!(again.people, []);
    assert!(again.skipped.iter().all(|skipped| skipped.reason.contains("same faces")), "{again:?}");
}

#[test]
fn somebody_whose_name_is_taken_is_left_out_and_reported() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    gallery(from.path()).enrol("Anna", &[face(1)]).unwrap();
    let lines = export(&gallery(from.path()));
    let new = gallery(to.path());
    new.enrol("ANNA", &[face(5)]).unwrap();
    let imported = new.import(lines.iter().map(String::as_str)).unwrap();
    assert_eq!((imported.people.len(), imported.skipped[0].reason.as_str()), (0, "the name is taken here"));
    assert_eq!(new.people().unwrap()[0].samples.len(), 1);
}

#[test]
fn a_file_with_one_bad_line_is_refused_whole_and_the_line_is_named() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let old = gallery(from.path());
    old.enrol("Anna", &[face(1)]).unwrap();
    old.enrol("Ben", &[face(2)]).unwrap();
    let good = export(&old);
    let new = gallery(to.path());
    let cases: [(usize, &str, &str, &str); 6] = [
        (0, "ocellus.gallery/1", "ocellus.gallery/2", "this program reads ocellus.gallery/1"),
        (0, "{", "[", "not the header"),
        (2, "Ben", "B\\u0007n", "control characters"),
        (2, "\"crop\":\"iVBOR", "\"crop\":\"iVBOS", "its crop"),
        (2, "\"embedding\":\"", "\"embedding\":\"AAAA", "unit vector"),
        (2, "}", "", "line 3"),
    ];
    for (line, from, to, word) in cases {
        let mut lines = good.clone();
        assert!(lines[line].contains(from), "{from}");
        lines[line] = lines[line].replacen(from, to, 1);
        let refused = new.import(lines.iter().map(String::as_str)).unwrap_err();
        let said = refused.to_string();
        assert!(said.contains(word) && said.contains(&format!("line {}", line + 1)), "{word}: {said}");
        assert!(said.contains("nothing was imported"), "{said}");
    }
    assert!(matches!(new.import([]).unwrap_err(), GalleryError::Import { line: 1, .. }));
    assert_eq!(names(&new), Vec::<String>::new());
    assert!(Store::open(to.path()).is_err(), "the first still has it");
}
