//! `scripts/deny.sh`: what was not checked is said, and what was found fails.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Runs the script with a cargo that does what `cases` (of a shell's `case`) say. Returns whether it succeeded, what it
/// printed, and what cargo was asked.
fn run(cases: &str, has_copy: bool) -> (bool, String, String) {
    let dir = tempfile::tempdir().unwrap();
    let (cargo, asked) = (dir.path().join("cargo"), dir.path().join("asked"));
    let script = format!("#!/bin/sh\necho \"$*\" >> {}\ncase \"$*\" in\n{cases}\nesac\n", asked.display());
    fs::write(&cargo, script).unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    if has_copy {
        fs::create_dir_all(dir.path().join("advisory-dbs/advisory-db-0")).unwrap();
    }
    let output = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/deny.sh"))
        .env("CARGO", &cargo)
        .env("CARGO_HOME", dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success(), said, fs::read_to_string(asked).unwrap())
}

#[test]
fn what_could_not_be_checked_of_dependencies_is_said() {
    let (passed, said, _) = run("*) exit 101;;", false);
    assert!(passed && said.contains("NOT CHECKED") && said.contains("cargo install cargo-deny"), "{said}");
    let (passed, said, asked) = run("*fetch*) exit 1;;", false);
    assert!(passed && said.contains("advisories were NOT CHECKED"), "{said}");
    assert!(asked.contains("check licenses bans sources") && !asked.contains("check advisories"), "{asked}");
    let (passed, said, asked) = run("*fetch*) exit 1;;", true);
    assert!(passed && said.contains("its copy of"), "{said}");
    assert!(asked.contains("--offline check advisories"), "{asked}");
    let (passed, said, asked) = run("", false);
    assert!(passed && said.is_empty(), "{said}");
    assert!(asked.contains("check advisories") && !asked.contains("--offline"), "{asked}");
}

#[test]
fn what_was_found_in_dependencies_fails() {
    for (cases, has_copy) in [
        ("*check?licenses*) exit 1;;", false),
        ("*check?advisories*) exit 1;;", false),
        ("*fetch*) exit 1;;\n*check?advisories*) exit 1;;", true),
    ] {
        let (passed, said, _) = run(cases, has_copy);
        assert!(!passed, "{cases}: {said}");
    }
}
