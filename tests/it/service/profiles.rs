//! The profiles as they ship.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::complaint;
use crate::support::data::{FACES, data};
use crate::support::fixture::program;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

fn ocellus(folder: &Path, arguments: &[&str]) -> Output {
    let library = std::env::var_os("OCELLUS_RUNTIME_LIB").map(PathBuf::from);
    let library = library.unwrap_or_else(|| Path::new(ROOT).join(".runtime/libLiteRt.so"));
    let mut command = Command::new(program());
    command.args(arguments).current_dir(folder).env("OCELLUS_RUNTIME_LIB", library).output().unwrap()
}

#[test]
fn every_profile_passes_check_as_it_ships() {
    let Some(data) = data(FACES) else { return };
    let dir = tempfile::tempdir().unwrap();
    for folder in ["config", "models"] {
        copy(&Path::new(ROOT).join(folder), &dir.path().join(folder));
    }
    // Public models do not ship; they are installed as the profile's head says.
    for (name, file) in
        [("face_detection_back", "face_detection_back"), ("mobilefacenet", "mobilefacenet_float32")]
    {
        let file = data.join(format!("models/{file}.tflite"));
        let output = ocellus(dir.path(), &["models", "add", name, "--file", file.to_str().unwrap()]);
        assert!(output.status.success(), "{}", complaint(&output));
    }
    let entries = fs::read_dir(dir.path().join("config")).unwrap().map(|entry| entry.unwrap().path());
    let is_profile = |path: &PathBuf| path.extension().is_some() && !path.ends_with("recipe-sample.toml");
    let profiles: Vec<PathBuf> = entries.filter(is_profile).collect();
    assert!(profiles.len() >= 3, "{profiles:?}");
    for profile in profiles {
        let output = ocellus(dir.path(), &["check", "--config", profile.to_str().unwrap()]);
        let said = complaint(&output);
        assert_eq!(output.status.code(), Some(0), "{}: {said}", profile.display());
    }
}
