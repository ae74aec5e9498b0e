//! `scripts/setup/wheels.sh` installs pinned wheels once, again when their list changes, and says what is wrong where it cannot.

use crate::support::complaint;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const LIST: &str = "tool==1.0 \\\n    --hash=sha256:00\n";

/// A copy of the script, with a Python whose virtual environments hold a pip that notes how it was called.
struct SetUp {
    folder: tempfile::TempDir,
}

impl SetUp {
    fn new() -> SetUp {
        let set_up = SetUp { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir_all(set_up.at("scripts/setup")).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/setup/wheels.sh");
        std::fs::copy(script, set_up.at("scripts/setup/wheels.sh")).unwrap();
        std::fs::write(set_up.at("scripts/setup/tool.txt"), LIST).unwrap();
        let python = "[ \"$1 $2\" = '-m venv' ] || { echo Python 3.99; exit; }\n\
            mkdir -p \"$3/bin\"; ln -s /bin/true \"$3/bin/python\"; cp pip \"$3/bin/pip\"";
        for (name, text) in [("python3", python), ("pip", "echo \"$*\" >>asked; [ ! -e offline ]")] {
            std::fs::write(set_up.at(name), format!("#!/bin/bash\n{text}\n")).unwrap();
            std::fs::set_permissions(set_up.at(name), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        set_up
    }

    fn at(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    fn run(&self, name: &str) -> Output {
        let path = format!("{}:{}", self.folder.path().display(), std::env::var("PATH").unwrap());
        Command::new(self.at("scripts/setup/wheels.sh")).arg(name).env("PATH", path).output().unwrap()
    }

    /// The calls of pip so far.
    fn installs(&self) -> Vec<String> {
        let asked = std::fs::read_to_string(self.at("asked")).unwrap_or_default();
        asked.lines().map(str::to_owned).collect()
    }
}

#[test]
fn wheels_are_installed_once_and_again_when_their_list_changes() {
    let set_up = SetUp::new();
    for _ in 0..2 {
        assert!(set_up.run("tool").status.success());
    }
    let installs = set_up.installs();
    assert_eq!(installs.len(), 1, "{installs:?}");
    assert!(installs[0].contains("--require-hashes"), "{installs:?}");
    std::fs::write(set_up.at("scripts/setup/tool.txt"), LIST.replace("1.0", "1.1")).unwrap();
    assert!(set_up.run("tool").status.success());
    assert_eq!(set_up.installs().len(), 2);
}

#[test]
fn an_installation_that_failed_names_its_list_and_is_tried_again() {
    let set_up = SetUp::new();
    std::fs::write(set_up.at("offline"), "").unwrap();
    let failed = set_up.run("tool");
    let complaint = complaint(&failed);
    assert!(!failed.status.success());
    for word in ["scripts/setup/tool.txt", "Python 3.99", "registry"] {
        assert!(complaint.contains(word), "{word} in {complaint:?}");
    }
    std::fs::remove_file(set_up.at("offline")).unwrap();
    assert!(set_up.run("tool").status.success());
    assert!(!set_up.run("other").status.success(), "a list that is not there");
}
