//! The real binary in a folder of its own, and the shared data of microscopy.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::data;
use crate::support::fixture::program;

/// A folder of the shared data of microscopy; without it no test here can show anything.
pub fn shared(name: &str) -> PathBuf {
    let path = format!("microscopy/{name}");
    data::data(&[&path]).expect("the shared data of microscopy is there").join(path)
}

/// What a command left: exit code, standard output, standard error.
pub struct Outcome {
    pub code: i32,
    pub words: String,
    pub errors: String,
}

impl Outcome {
    /// The standard output of a command that succeeded.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!((self.code, &*self.errors), (0, ""), "{}", self.words);
        self.words
    }

    /// The same as the object that `--json` prints.
    #[track_caller]
    pub fn json(self) -> Value {
        let value: Value = serde_json::from_str(&self.ok()).expect("JSON");
        assert_eq!(value["ok"], true);
        value
    }

    /// The error of a command that failed with `code`, which has every one of `words`.
    #[track_caller]
    pub fn fails(self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{}{}", self.words, self.errors);
        for word in words {
            assert!(self.errors.contains(word), "{word:?} is not in: {}", self.errors);
        }
    }
}

/// `ocellus batch ARGUMENTS` in `folder`.
pub fn batch<A: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = A>) -> Outcome {
    let output = Command::new(program()).arg("batch").args(arguments).current_dir(folder).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let code = output.status.code().expect("no signal ended it");
    Outcome { code, words: text(output.stdout), errors: text(output.stderr) }
}

/// The names of the files below `folder`, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The results below `folder`, by path: everything but the journal and its lock, which name the run.
pub fn results(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if !path.file_name().unwrap().to_string_lossy().starts_with("batch.") {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                found.push((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// Asserts that two results folders have the same files with the same bytes.
#[track_caller]
pub fn same_tree(ours: &[(String, Vec<u8>)], other: &[(String, Vec<u8>)]) {
    let names = |tree: &[(String, Vec<u8>)]| tree.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(ours), names(other));
    for ((name, one), (_, next)) in ours.iter().zip(other) {
        assert!(one == next, "{name} differs: {} and {} bytes", one.len(), next.len());
    }
}
