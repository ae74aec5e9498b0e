//! Enrolment on the page: the person who is enrolled there is recognised by the camera.

use std::fs;
use std::path::{Path, PathBuf};

use crate::browser::View;
use crate::place::{Place, place, turn};
use crate::support::data::{FACES, data};

/// A camera that sees the film `name` again and again, with the face models that are shared.
fn cameras(data: &Path, film: &str) -> String {
    let models = data.join("models");
    format!(
        "[model.face]\npath = \"{models}/face_detection_back.tflite\"\ntask = \"blazeface\"\n\
         [model.who]\npath = \"{models}/mobilefacenet_float32.tflite\"\ntask = \"embed\"\n\
         [faces]\nmodel = \"who\"\n\
         [[camera]]\nname = \"door\"\nsource = \"file://{films}/{film}\"\npace = \"live\"\nrepeat = true\n\
         detect = {{ model = \"face\" }}\ntrack = {{ min_frames = 2 }}\nrecognise = true\n",
        models = models.display(),
        films = data.join("video").display(),
    )
}

/// The pictures of `person`, without the one that was cut out of `film`: that would be too easy.
fn pictures(data: &Path, person: &str, film: &str) -> Vec<PathBuf> {
    let folder = data.join("images/faces").join(person);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| !file.to_str().unwrap().contains(film));
    files.sort();
    files
}

/// Enrols `files` under `name` with the form.
fn enrol(view: &View, name: &str, files: &[PathBuf]) {
    turn(view, "people");
    view.click("#people-enrol");
    view.wait("the form", "!!document.querySelector('dialog .enrol')");
    view.write(".enrol input[name=name]", name);
    view.choose("#enrol-files", files);
    view.wait("the pictures", &format!("document.querySelectorAll('.chosen li').length === {}", files.len()));
    view.click(".enrol button[type=submit]");
}

fn opened(film: &str) -> Option<(Place, PathBuf)> {
    let data = data(&[FACES, &[&format!("video/{film}")[..]]].concat())?.canonicalize().unwrap();
    let place = place("litert", &cameras(&data, film), |_| {})?;
    Some((place, data))
}

#[test]
fn somebody_enrolled_on_the_page_is_recognised_by_the_camera() {
    let Some((place, data)) = opened("asl_bird.mkv") else { return };
    let view = place.view("people");
    view.wait_words("#people-note", "Nobody is enrolled yet");
    // A name is text, whatever it holds.
    let name = "Bea <b>O’Hara</b>";
    enrol(&view, name, &pictures(&data, "person_B", "asl_bird"));
    view.wait_words("#people-list .name", name);
    view.wait("the kept picture", "document.querySelector('#people-list img')?.naturalWidth > 0");
    turn(&view, "live");
    view.wait_words("#feed .attendance", &format!("{name} came in"));
    turn(&view, "attendance");
    view.wait_words("#day-rows", name);
    view.wait_words("#present", name);
    place.end();
}

#[test]
fn a_refused_picture_is_reported_in_words_and_somebody_known_is_offered_as_a_merge() {
    let Some((place, data)) = opened("asl_book.mkv") else { return };
    let view = place.view("people");
    let broken = place.fixture.path("broken.jpg");
    fs::write(&broken, b"no picture").unwrap();
    enrol(&view, "Nobody", std::slice::from_ref(&broken));
    view.wait("the refusal", "document.querySelector('.enrol .note.bad, .enrol .refused .fault') !== null");
    println!("told: {}", view.words(".enrol .note"));
    view.key("Escape");
    view.wait("no dialog", "!document.querySelector('dialog')");

    let files = pictures(&data, "person_A", "asl_again");
    enrol(&view, "Abe", &files[..2]);
    view.wait_words("#people-list .name", "Abe");
    view.wait("no dialog", "!document.querySelector('dialog')");
    enrol(&view, "Somebody else", &files[2..3]);
    view.wait_words(".enrol .note", "enrolled already, as Abe");
    view.click(".enrol .note .primary");
    view.wait_words("#people-list .person", "3 pictures");
    assert_eq!(view.eval("document.querySelectorAll('#people-list li').length"), 1);

    // Erased with the name typed; the proof is shown.
    view.click("#people-list .person");
    view.wait("the person", "!!document.querySelector('.erase')");
    view.click(".erase summary");
    assert_eq!(view.eval("document.querySelector('.erase button').disabled"), true);
    view.write(".erase input", "Abe");
    view.click(".erase button");
    view.wait_words("dialog", "Abe was erased");
    view.wait_words("#people-note", "Nobody is enrolled yet");
    place.end();
}
