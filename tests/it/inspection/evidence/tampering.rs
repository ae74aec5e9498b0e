//! Evidence that was edited, swapped or damaged: which file, what was expected, what was found.

use std::fs;
use std::path::Path;

use ocellus::inspection::evidence::{self, EvidenceError};
use ocellus::types::Outcome;
use sha2::{Digest, Sha256};

use crate::inspection::evidence::harness::{Harness, inspection, record, settings};

fn hash(path: &Path) -> String {
    Sha256::digest(fs::read(path).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn kept() -> Harness {
    let harness = Harness::start(settings());
    harness.evidence.product("bracket", record());
    harness.keep(&inspection(1, Outcome::Ng));
    harness.keep(&inspection(2, Outcome::Ng));
    harness
}

#[test]
fn an_edited_document_is_named_with_both_seals() {
    let harness = kept();
    let path = harness.folder(1, "ng").join("evidence.json");
    let text = fs::read_to_string(&path).unwrap();
    for (from, to) in [
        ("\"verdict\": \"ng\"", "\"verdict\": \"ok\""),
        ("3f6e147b", "3f6e147c"),
        ("\"seal\": \"", "\"seal\":  \""),
        ("\"acquisition\": 1", "\"acquisition\": 2"),
    ] {
        assert!(text.contains(from));
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let error = evidence::open(&harness.folder(1, "ng")).unwrap_err();
        let reported = error.to_string();
        assert!(matches!(error, EvidenceError::Seal { .. } | EvidenceError::Unsealed { .. }), "{reported}");
        assert!(
            reported.contains("evidence.json") && reported.contains("take the whole folder"),
            "{reported}"
        );
    }
    fs::write(&path, &text).unwrap();
    assert!(evidence::open(&harness.folder(1, "ng")).is_ok());
    fs::write(&path, text.replacen("\"threshold\"", "\"threshald\"", 1)).unwrap();
    let Err(EvidenceError::Seal { expected, found, .. }) = evidence::open(&harness.folder(1, "ng")) else {
        panic!("no broken seal")
    };
    assert!(text.contains(&expected) && !text.contains(&found));
}

#[test]
fn the_seal_can_be_checked_with_sed_and_sha256sum() {
    let harness = kept();
    let text = fs::read_to_string(harness.folder(1, "ng").join("evidence.json")).unwrap();
    let (head, seal) = text.split_once("\"seal\": \"").unwrap();
    let seal = seal.trim_end_matches("\"\n}\n");
    let blank = format!("{head}\"seal\": \"{}\"\n}}\n", "0".repeat(64));
    let right: String = Sha256::digest(blank).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(seal, right);
}

#[test]
fn a_picture_of_another_part_is_named_with_both_hashes() {
    let harness = kept();
    for file in ["planes.png", "frame.jpg"] {
        let (mine, other) = (harness.folder(1, "ng").join(file), harness.folder(2, "ng").join(file));
        let (expected, found) = (hash(&mine), hash(&other));
        assert_ne!(expected, found);
        let original = fs::read(&mine).unwrap();
        fs::copy(&other, &mine).unwrap();
        let reported = evidence::open(&harness.folder(1, "ng")).unwrap_err().to_string();
        assert!(
            [file, &expected, &found, "do not trust"].iter().all(|word| reported.contains(word)),
            "{reported}"
        );
        fs::write(&mine, original).unwrap();
    }
    assert!(evidence::open(&harness.folder(1, "ng")).is_ok());
}

#[test]
fn a_file_that_is_cut_short_edited_or_gone_is_named() {
    let harness = kept();
    for file in ["planes.png", "frame.jpg", "recipe.toml"] {
        let path = harness.folder(1, "ng").join(file);
        let original = fs::read(&path).unwrap();
        let reported = || evidence::open(&harness.folder(1, "ng")).unwrap_err().to_string();
        for length in [0, 1, original.len() / 2, original.len() - 1] {
            fs::write(&path, &original[..length]).unwrap();
            let cut = format!("cut short: {length} bytes of {}", original.len());
            assert!(reported().contains(file) && reported().contains(&cut), "{}", reported());
        }
        let mut edited = original.clone();
        edited[original.len() / 2] ^= 1;
        fs::write(&path, &edited).unwrap();
        assert!(
            reported().contains(file) && reported().contains("as before, but different"),
            "{}",
            reported()
        );
        fs::remove_file(&path).unwrap();
        assert!(reported().contains(file) && reported().contains("is missing"), "{}", reported());
        fs::write(&path, original).unwrap();
    }
    assert!(evidence::open(&harness.folder(1, "ng")).is_ok());
}

#[test]
fn a_document_cut_short_anywhere_is_refused() {
    let harness = kept();
    let path = harness.folder(1, "ng").join("evidence.json");
    let original = fs::read(&path).unwrap();
    for length in (0..original.len()).step_by(97).chain([original.len() - 1]) {
        fs::write(&path, &original[..length]).unwrap();
        let error = evidence::open(&path).unwrap_err();
        assert!(matches!(error, EvidenceError::Unsealed { .. }), "{length}: {error}");
    }
}

#[test]
fn a_forged_seal_over_nonsense_is_refused_without_a_panic() {
    let harness = kept();
    let path = harness.folder(1, "ng").join("evidence.json");
    let text = fs::read_to_string(&path).unwrap();
    for (from, to, cause) in [
        (
            "\"schema\": \"ocellus.evidence/1\"",
            "\"schema\": \"ocellus.evidence/2\"",
            "replay it with the version",
        ),
        ("\"planes.png\": {", "\"../planes.png\": {", "is no name of a file in this folder"),
        ("\"format\": \"NV12\"", "\"format\": \"P010\"", "no pixel layout is called \"P010\""),
        ("\"width\": 33", "\"width\": 4294967295", "no frame has 4294967295×21 px"),
        ("\"width\": 33", "\"width\": 34", "is kept as"),
        ("\"height\": 21", "\"height\": 0", "no frame has"),
        ("\"matrix\": \"bt601\"", "\"matrix\": \"bt2020\"", "is not known"),
        ("\"bits\": \"3f6e147b\"", "\"bits\": \"+f6e147b\"", "eight hexadecimal digits"),
    ] {
        assert!(text.contains(from), "{from}");
        let (head, _) = text.rsplit_once("\"seal\": \"").unwrap();
        let blank = format!("{head}\"seal\": \"{}\"\n}}\n", "0".repeat(64)).replacen(from, to, 1);
        let seal: String = Sha256::digest(&blank).iter().map(|byte| format!("{byte:02x}")).collect();
        fs::write(&path, blank.replace(&"0".repeat(64), &seal)).unwrap();
        let reported = evidence::open(&path).unwrap_err().to_string();
        assert!(reported.contains(cause), "{reported}");
    }
}

#[test]
fn a_folder_that_is_no_evidence_says_what_to_name() {
    let dir = tempfile::tempdir().unwrap();
    let reported = evidence::open(dir.path()).unwrap_err().to_string();
    assert!(
        reported.contains("evidence.json cannot be read") && reported.contains("CAMERA/DATE/ID-VERDICT"),
        "{reported}"
    );
}
