//! The unit file, judged by systemd's own tools.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::data::skip;
use crate::support::said;

/// The most that the issue allows.
const MAX_EXPOSURE: f64 = 2.0;

fn systemd(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(file)
}

/// The output of a tool of systemd's, or `None` (with a printed reason) where it is not installed.
fn tool(program: &str, args: &[&str], file: &Path) -> Option<String> {
    match Command::new(program).args(args).arg(file).env("SYSTEMD_COLORS", "0").output() {
        Ok(output) => {
            let text = said(&output);
            assert!(output.status.success(), "{program} refuses {}:\n{text}", file.display());
            Some(text)
        }
        Err(error) => {
            skip(&format!("{program}: {error}; install the package systemd"));
            None
        }
    }
}

#[test]
fn the_unit_is_hardened_to_an_exposure_of_two_or_less() {
    let args = ["security", "--offline=true", "--no-pager"];
    let Some(text) = tool("systemd-analyze", &args, &systemd("ocellus.service")) else { return };
    let (_, figure) = text.split_once("Overall exposure level for ocellus.service: ").expect("a verdict");
    let figure: f64 = figure.split_whitespace().next().unwrap().parse().unwrap();
    assert!(figure > 0.0 && figure <= MAX_EXPOSURE, "exposure {figure}:\n{text}");
}

#[test]
fn what_the_service_needs_is_still_allowed() {
    let unit = std::fs::read_to_string(systemd("ocellus.service")).unwrap();
    let lines = |key: &str| {
        unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect::<Vec<_>>()
    };
    // Pinned workers: @resources is taken away, then this call is given back; later lines win.
    assert_eq!(lines("SystemCallFilter").last(), Some(&"sched_setaffinity"));
    // The page's thread gives way to capture, and decoders to whoever has somebody waiting; and it listens on a plain
    // socket, with nothing that forbids peers.
    assert!(lines("SystemCallFilter").ends_with(&[
        "~@privileged @resources @keyring @memlock @setuid",
        "setpriority",
        "sched_setattr",
        "sched_setaffinity"
    ]));
    assert!(lines("IPAddressDeny").is_empty() && lines("SocketBindDeny").is_empty());
    let devices = lines("DeviceAllow").join("\n");
    for class in
        ["char-video4linux rw", "char-media rw", "char-dma_heap rw", "char-ttyUSB rw", "char-ttyS rw"]
    {
        assert!(devices.contains(class), "{class} is missing");
    }
    for family in ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"] {
        assert!(
            lines("RestrictAddressFamilies")[0].split(' ').any(|known| known == family),
            "{family} is missing"
        );
    }
    for (key, value) in
        [("Type", "notify"), ("StateDirectory", "ocellus"), ("ConfigurationDirectory", "ocellus")]
    {
        assert_eq!(lines(key), [value]);
    }
    let watchdog: u32 = lines("WatchdogSec")[0].parse().unwrap();
    assert!(watchdog >= 10, "a third of it must be longer than the slowest turn of a waiting loop");
    assert_eq!(lines("RestartPreventExitStatus"), ["2"], "as in app::Exit: Usage");
}

#[test]
fn users_folders_and_device_rules_are_understood_by_systemd() {
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return skip("only root may make users in a folder");
    }
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("etc")).unwrap();
    let in_root = format!("--root={}", root.path().display());
    let Some(_) = tool("systemd-sysusers", &[&in_root], &systemd("sysusers.d/ocellus.conf")) else { return };
    let users = std::fs::read_to_string(root.path().join("etc/passwd")).unwrap();
    assert!(users.contains("ocellus:x:") && users.contains(":/var/lib/ocellus:"), "{users}");
    let groups = std::fs::read_to_string(root.path().join("etc/group")).unwrap();
    assert!(["video", "render", "dialout"].iter().all(|group| {
        groups.lines().any(|line| line.starts_with(&format!("{group}:")) && line.ends_with(":ocellus"))
    }));
    let share = root.path().join("usr/share/ocellus");
    std::fs::create_dir_all(&share).unwrap();
    std::fs::write(share.join("ocellus.toml"), "[device]\n").unwrap();
    tool("systemd-tmpfiles", &["--create", &in_root], &systemd("tmpfiles.d/ocellus.conf"));
    let config = root.path().join("etc/ocellus/ocellus.toml");
    assert_eq!(std::fs::read_to_string(config).unwrap(), "[device]\n");
}
