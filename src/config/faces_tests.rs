//! Reading the sections about faces: valid ones, and every kind of fault with its message.

use std::path::Path;
use std::time::Duration;

use super::*;

const MODELS: &str = "[model.face]\npath = \"face.tflite\"\ntask = \"blazeface\"\n\
                      [model.who]\npath = \"who.tflite\"\ntask = \"embed\"\n\
                      [model.things]\npath = \"things.tflite\"\ntask = \"ssd\"\n";
const CAMERA: &str = "[[camera]]\nname = \"door\"\nsource = \"scene:\"\n";
const SEES: &str = "detect = { model = \"face\" }\ntrack = {}\n";

fn parse(text: &str) -> Result<Config, Faults> {
    let dir = tempfile::tempdir().unwrap();
    for name in ["face", "who", "things"] {
        std::fs::write(dir.path().join(format!("{name}.tflite")), "").unwrap();
    }
    Config::parse(text, Path::new("box.toml"), dir.path())
}

/// Asserts that `text` has exactly one fault, with this key and these words.
#[track_caller]
fn assert_fault(text: &str, key: &str, words: &str) {
    let faults = parse(text).expect_err(text);
    let reported: Vec<String> =
        faults.0.iter().map(|f| format!("{}: {} -> {}", f.key, f.reason, f.remedy)).collect();
    let right =
        reported.len() == 1 && reported[0].starts_with(&format!("{key}: ")) && reported[0].contains(words);
    assert!(right, "expected {key:?} with {words:?}, found {reported:#?}");
}

#[test]
fn a_camera_takes_the_bounds_of_the_section_and_may_have_its_own() {
    let faces = "[faces]\nmodel = \"who\"\nmin_similarity = 0.7\nrecheck_ms = 5000\n";
    let config = parse(&format!(
        "{MODELS}{faces}{CAMERA}{SEES}recognise = true\n\
         [[camera]]\nname = \"gate\"\nsource = \"scene:\"\n{SEES}recognise = {{ min_similarity = 0.8, queue = 2 }}\n\
         [[camera]]\nname = \"yard\"\nsource = \"scene:\"\n{SEES}recognise = false\n"
    ))
    .unwrap_or_else(|faults| panic!("{faults}"));
    let [entrance, gate, yard] = &config.cameras[..] else { panic!("three cameras") };
    let usual = RecognitionConfig {
        min_similarity: 0.7,
        recheck: Duration::from_secs(5),
        ..RecognitionConfig::default()
    };
    assert_eq!(entrance.recognise, Some(usual.clone()));
    assert_eq!(gate.recognise, Some(RecognitionConfig { min_similarity: 0.8, queue: 2, ..usual }));
    assert_eq!(yard.recognise, None);
    assert_eq!(config.faces.model.as_deref(), Some("who"));
}

#[test]
fn recognition_without_what_it_needs_is_refused_with_what_to_write() {
    let faces = "[faces]\nmodel = \"who\"\n";
    assert_fault(
        &format!("{MODELS}{CAMERA}{SEES}recognise = true\n"),
        "camera[0].recognise",
        "write model = \"NAME\" of an embedding model into [faces]",
    );
    let blind = format!("{MODELS}{faces}{CAMERA}detect = {{ model = \"face\" }}\nrecognise = true\n");
    assert_fault(&blind, "camera[0].recognise", "only a tracked face is recognised");
    let things = SEES.replace("face", "things");
    assert_fault(
        &format!("{MODELS}{faces}{CAMERA}{things}recognise = true\n"),
        "camera[0].recognise",
        "[model.things] does not find eyes",
    );
    assert_fault(
        &format!("{MODELS}{faces}{CAMERA}{SEES}ring_slots = 4\nrecognise = {{ queue = 3 }}\n"),
        "camera[0].ring_slots",
        "write ring_slots = 7 or more",
    );
    assert_fault(
        &format!("{MODELS}{faces}{CAMERA}{SEES}recognise = \"yes\"\n"),
        "camera[0].recognise",
        "true or false",
    );
    assert_fault(
        &format!("{MODELS}{faces}{CAMERA}{SEES}recognise = {{ min_similarty = 0.7 }}\n"),
        "camera[0].recognise.min_similarty",
        "did you mean \"min_similarity\"?",
    );
}

#[test]
fn the_models_of_faces_must_be_there_and_be_for_faces() {
    assert_fault(
        &format!("{MODELS}[faces]\nmodel = \"woh\"\n{CAMERA}"),
        "faces.model",
        "did you mean \"who\"?",
    );
    assert_fault(
        &format!("{MODELS}[faces]\nmodel = \"face\"\n{CAMERA}"),
        "faces.model",
        "is not for embeddings",
    );
    assert_fault(
        &format!("{MODELS}[faces]\ndetector = \"who\"\n{CAMERA}"),
        "faces.detector",
        "does not find eyes",
    );
    assert_fault(&format!("{MODELS}[faces]\nmin_quality = 2\n{CAMERA}"), "faces.min_quality", "from 0 to 1");
}
