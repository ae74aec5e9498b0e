//! Models that must not run are refused with a message that names what is wrong, and nothing that stands
//! in a file brings the process down.

use std::path::{Path, PathBuf};

use crate::support::data::data;
use crate::support::engine::*;
use ocellus_engine::{EngineError, Runtime};
use ocellus_engine::{ModelCard, RuntimeSettings, Task};

fn refused(runtime: &Runtime, path: &Path, card: ModelCard) -> String {
    match runtime.load(source(path, &card)).and_then(|model| model.session().map(drop)) {
        Ok(()) => panic!("{} was accepted", path.display()),
        Err(error) => error.to_string(),
    }
}

fn assert_says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "\"{word}\" is missing in: {message}");
    }
}

fn written(dir: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// The stub reads real files by the same checks; where a runtime is there it is asked as well.
fn all_runtimes() -> Vec<Runtime> {
    let mut list = runtimes();
    list.push(stub());
    list
}

const CLASSIFIER: &str = "models/mobilenet_v1_0.25_128_quant.tflite";

#[test]
fn a_missing_file_is_named_with_the_key_to_check() {
    let message = refused(&stub(), Path::new("/nowhere/scene.tflite"), card(Task::Ssd));
    assert_says(&message, &["model m", "/nowhere/scene.tflite", "No such file", "path"]);
}

#[test]
fn a_file_cut_short_anywhere_is_refused_as_damaged() {
    let Some(data) = data(&[CLASSIFIER]) else { return };
    let bytes = std::fs::read(data.join(CLASSIFIER)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for runtime in all_runtimes() {
        for length in [8, 9, 20, 64, 1000, bytes.len() / 2, bytes.len() - 1000, bytes.len() - 10] {
            let path = written(&dir, &format!("cut-{length}.tflite"), &bytes[..length]);
            assert_says(
                &refused(&runtime, &path, card(Task::Classify)),
                &["cut-", "damaged", "copy it again"],
            );
        }
    }
}

#[test]
fn files_of_another_kind_are_refused_as_such() {
    let dir = tempfile::tempdir().unwrap();
    for bytes in [&b""[..], b"TFL3", b"\x89PNG\r\n\x1a\n and more", &[0; 4096]] {
        let path = written(&dir, "other.tflite", bytes);
        assert_says(
            &refused(&stub(), &path, card(Task::Classify)),
            &["other.tflite", "not a TensorFlow Lite file"],
        );
    }
}

#[test]
fn operators_that_the_runtime_lacks_are_named() {
    let Some(data) = data(&["models/bad"]) else { return };
    for runtime in runtimes() {
        for (file, operator, task) in [
            ("models/bad/deeplabv3_edgetpu.tflite", "edgetpu-custom-op", Task::Segment),
            ("models/bad/model_invoking_error.tflite", "fake-op-double", Task::Embed),
        ] {
            let error = match runtime.load(source(&data.join(file), &card(task))) {
                Ok(model) => model.session().map(drop).unwrap_err(),
                // Its tensors fit no task at all; then they are what is named.
                Err(error) => {
                    assert!(matches!(error, EngineError::Misfit { .. }), "{error}");
                    assert!(error.to_string().contains("input") || error.to_string().contains("output"));
                    continue;
                }
            };
            assert_says(&error.to_string(), &[operator, file.rsplit('/').next().unwrap()]);
        }
    }
}

#[test]
fn another_tasks_card_is_refused_tensor_by_tensor() {
    let Some(data) = data(&[
        CLASSIFIER,
        "models/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite",
        "models/face_detection_back.tflite",
    ]) else {
        return;
    };
    let runtime = stub();
    let message = refused(&runtime, &data.join(CLASSIFIER), card(Task::Ssd));
    assert_says(
        &message,
        &["does not fit task ssd", "MobilenetV1/Predictions/Reshape_1 [1, 1001]", "boxes [1, N, 4]"],
    );
    let ssd = data.join("models/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite");
    let message = refused(&runtime, &ssd, card(Task::Classify));
    assert_says(&message, &["task classify", "TFLite_Detection_PostProcess:3", "one tensor of scores"]);
    let message = refused(&runtime, &data.join("models/face_detection_back.tflite"), card(Task::Embed));
    assert_says(&message, &["task embed", "regressors [1, 896, 16]"]);
    let message = refused(&runtime, &data.join(CLASSIFIER), card(Task::Segment));
    assert_says(&message, &["task segment", "[1, 1001]", "[1, H, W]"]);
    let message = refused(&runtime, &data.join(CLASSIFIER), card(Task::BlazeFace));
    assert_says(&message, &["task blazeface", "[1, 896, 16]"]);
}

#[test]
fn a_raw_grid_without_its_anchors_is_refused_by_the_key() {
    let Some(data) = data(&["models/yolo_face_detect_nxp.tflite"]) else { return };
    let message = refused(&stub(), &data.join("models/yolo_face_detect_nxp.tflite"), card(Task::Yolo));
    assert_says(&message, &["key anchors", "3 grids need 18"]);
}

#[test]
fn an_input_of_the_wrong_shape_is_refused_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let text = "[[input]]\nname = \"audio\"\nshape = [1, 16000]\ndtype = \"f32\"\n\
        [[output]]\nname = \"scores\"\nshape = [1, 3]\ndtype = \"f32\"\n";
    let path = written(&dir, "sound.stub", text.as_bytes());
    assert_says(
        &refused(&stub(), &path, card(Task::Classify)),
        &["audio [1, 16000]", "[1, height, width, channels]"],
    );
}

#[test]
fn labels_that_are_too_few_are_refused_with_both_counts() {
    let Some(data) = data(&[CLASSIFIER, "models/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"]) else {
        return;
    };
    let few = ModelCard { labels: Some(vec!["cat".into(), "dog".into()]), ..card(Task::Classify) };
    let message = refused(&stub(), &data.join(CLASSIFIER), few.clone());
    assert_says(&message, &["labels", "2 labels", "1001 classes"]);
    let ssd = data.join("models/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite");
    let message = refused(&stub(), &ssd, ModelCard { task: Some(Task::Ssd), ..few });
    assert_says(&message, &["2 labels", "90 classes"]);
}

#[test]
fn a_file_with_another_digest_is_refused_with_both_digests() {
    let Some(data) = data(&[CLASSIFIER]) else { return };
    let digest = "00".repeat(32);
    let wrong = ModelCard { sha256: Some(digest.clone()), ..card(Task::Classify) };
    let message = refused(&stub(), &data.join(CLASSIFIER), wrong);
    let actual = "cb273c23ee76374b05b9583177e28aa19744858a7679c56a250e83d0333da785";
    assert_says(&message, &[&digest, actual, "sha256"]);
    let right = ModelCard { sha256: Some(actual.to_uppercase()), ..card(Task::Classify) };
    assert_eq!(load(&stub(), &data.join(CLASSIFIER), right).sha256(), actual);
}

#[test]
fn a_digest_that_no_card_pins_is_still_that_of_the_file() {
    let Some(data) = data(&[CLASSIFIER]) else { return };
    for runtime in [vec![stub()], runtimes()].into_iter().flatten() {
        let model = load(&runtime, &data.join(CLASSIFIER), card(Task::Classify));
        assert_eq!(model.sha256(), "cb273c23ee76374b05b9583177e28aa19744858a7679c56a250e83d0333da785");
    }
}

#[test]
fn a_model_without_a_task_is_refused_with_the_words_to_choose_from() {
    let Some(data) = data(&[CLASSIFIER]) else { return };
    let message = refused(&stub(), &data.join(CLASSIFIER), ModelCard::default());
    assert_says(&message, &["task", "classify", "segment"]);
}

#[test]
fn a_runtime_that_is_not_there_names_every_place_and_the_remedy() {
    let open = |kind: &str, library: Option<&str>| {
        let config = RuntimeSettings { kind: kind.into(), library: library.map(PathBuf::from) };
        Runtime::open(&config).unwrap_err().to_string()
    };
    assert_says(&open("onnx", None), &["onnx", "stub"]);
    if cfg!(feature = "litert") {
        assert_says(
            &open("litert", Some("/nowhere/lib.so")),
            &["/nowhere/lib.so", "no such file", "make setup"],
        );
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        assert_says(&open("litert", Some(manifest)), &["Cargo.toml", "OCELLUS_RUNTIME_LIB"]);
    }
}

/// Damage that a transfer or a disk does: a sound or a refused model, never a dead process. The runtime
/// itself is C++, so the same files go through it as well, in this very process.
#[test]
fn flipped_bytes_are_refused_or_run_but_never_kill_the_process() {
    let Some(data) = data(&[CLASSIFIER]) else { return };
    let bytes = std::fs::read(data.join(CLASSIFIER)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let (mut refused, mut accepted) = (0, 0);
    let runtime = stub();
    for _ in 0..400 {
        let mut damaged = bytes.clone();
        for _ in 0..1 + next() % 4 {
            // The graph stands in the last part of the file, behind the weights.
            let at = if next() % 3 == 0 { next() % 200 } else { bytes.len() as u64 - 1 - next() % 30_000 };
            damaged[at as usize] = next() as u8;
        }
        let path = written(&dir, "flipped.tflite", &damaged);
        match runtime.load(source(&path, &card(Task::Classify))) {
            Ok(_) => accepted += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 20 && accepted > 20, "{refused} refused, {accepted} accepted");
}

/// On a machine without an NPU the delegate is XNNPACK: it takes all of one of these models, and not all of the other.
#[test]
fn a_model_of_which_the_delegate_took_too_little_is_refused_by_litert_and_one_that_it_took_is_not() {
    const TAKEN: &str = "models/selfie_segmenter.tflite";
    let Some(data) = data(&[CLASSIFIER, TAKEN]) else { return };
    for runtime in runtimes().into_iter().filter(|runtime| runtime.describe().contains("LiteRT")) {
        let whole = |task| ModelCard { min_coverage: Some(1.0), ..card(task) };
        let message = refused(&runtime, &data.join(CLASSIFIER), whole(Task::Classify));
        assert_says(&message, &["fell back to the CPU", "left some operators to the CPU", "at least 100 %"]);
        let taken = whole(Task::Segment);
        let model = runtime.load(source(&data.join(TAKEN), &taken)).unwrap();
        model.session().unwrap();
    }
}
