//! `scripts/setup/rust.sh` uses a toolchain that is there, and downloads nothing where one is new enough.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Runs the script among the `NAME VERSION` of `toolchains`, the first of them rustup's default. Returns whether it succeeded, the
/// toolchain that it chose instead of `stable`, and what rustup was asked to install or download.
fn set_up(toolchains: &str) -> (bool, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let (at, root) = (folder.path(), Path::new(env!("CARGO_MANIFEST_DIR")));
    std::fs::create_dir_all(at.join("scripts/setup")).unwrap();
    for file in ["scripts/setup/rust.sh", "Cargo.toml"] {
        std::fs::copy(root.join(file), at.join(file)).unwrap();
    }
    std::fs::write(at.join("list"), toolchains).unwrap();
    // As rust-toolchain.toml has it: without RUSTUP_TOOLCHAIN, cargo is that of `stable`, which is downloaded if need be.
    let rustup = "[ \"$1 $2\" = \"toolchain list\" ] && cut -d' ' -f1 list || { echo \"$*\" >>asked; \
        [ \"$2\" != install ] || echo \"$3-x 1.95.0\" >>list; }";
    let cargo = "name=${RUSTUP_TOOLCHAIN:-stable}; grep -q \"^$name\" list || { echo \"download $name\" >>asked; exit 1; }\n\
        echo cargo $(grep \"^$name\" list | head -n1 | cut -d' ' -f2)";
    for (name, text) in [("rustup", rustup), ("cargo", cargo)] {
        let path = at.join(name);
        std::fs::write(&path, format!("#!/bin/bash\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:{}", at.display(), std::env::var("PATH").unwrap());
    let script = Command::new(at.join("scripts/setup/rust.sh"))
        .env("PATH", path)
        .env_remove("RUSTUP_TOOLCHAIN")
        .current_dir(at)
        .output()
        .unwrap();
    let read = |name| std::fs::read_to_string(at.join(name)).unwrap_or_default().trim().to_owned();
    (script.status.success(), read(".runtime/toolchain"), read("asked"))
}

#[test]
fn a_toolchain_that_is_new_enough_is_used_and_nothing_is_downloaded() {
    for (toolchains, chosen) in [
        ("stable-x 1.95.0\n", ""),
        ("nightly-x 1.99.0\nstable-x 1.92.0\n", ""),
        ("1.95.0-x 1.95.0\n", "1.95.0-x"),
        ("nightly-x 1.99.0\n1.93.1-x 1.93.1\n", "1.93.1-x"),
        ("stable-x 1.80.0\n1.95.0-x 1.95.0\n", "1.95.0-x"),
        ("nightly-x 1.99.0\n", "nightly-x"),
    ] {
        assert_eq!(set_up(toolchains), (true, chosen.into(), String::new()), "{toolchains:?}");
    }
}

#[test]
fn where_every_toolchain_is_too_old_one_is_installed_beside_them() {
    let (success, chosen, asked) = set_up("stable-x 1.80.0\n");
    assert!(success && chosen == "1.95.0", "{chosen:?}");
    assert!(asked.starts_with("toolchain install 1.95.0 "), "{asked:?}");
}
