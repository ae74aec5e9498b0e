//! Other services on this machine that would fight with this one for its state, its cameras or its name at the broker; and
//! programs that hold a file or a port.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Note;
use crate::config::Config;
use crate::types::Explanation;

const PROC: &str = "/proc";

/// A running `ocellus run`.
struct Instance {
    process: u32,
    /// The configuration that it was started with, and what it says.
    file: PathBuf,
    config: Config,
}

/// Every other instance that shares something with the service of `config`, apart from the process `own` that answers for it.
pub(super) fn instances(config: &Config, own: Option<u32>) -> Vec<Note> {
    let others = running().into_iter().filter(|other| Some(other.process) != own);
    let mut notes: Vec<Note> = others.filter_map(|other| clash(config, &other)).collect();
    if notes.is_empty() {
        let found = own.map_or("no service runs here".into(), |own| format!("process {own} is the only one"));
        notes.push(Note::ok("", found));
    }
    notes
}

fn clash(config: &Config, other: &Instance) -> Option<Note> {
    let theirs = &other.config;
    let same_broker = (&theirs.mqtt.host, theirs.mqtt.port) == (&config.mqtt.host, config.mqtt.port);
    let shared = if same_dir(&theirs.device.state_dir, &config.device.state_dir) {
        format!("the state directory {}", config.device.state_dir.display())
    } else if same_broker && theirs.mqtt.client_id == config.mqtt.client_id {
        format!(
            "the client id {} at the same broker, which ends the connection of one for the other",
            config.mqtt.client_id
        )
    } else {
        let used = |config: &Config| config.cameras.iter().map(|one| one.source.clone()).collect::<Vec<_>>();
        let (ours, used) = (used(config), used(theirs));
        let device = |source: &&crate::config::Source| {
            use crate::config::Source;
            matches!(source, Source::V4l2(_) | Source::Rtsp(_) | Source::Tcp(_)) && used.contains(source)
        };
        let camera = ours.iter().position(|source| device(&source))?;
        format!("the source of camera {}", config.cameras[camera].name)
    };
    let cause = format!(
        "a second instance runs: process {} with {} has {shared} too",
        other.process,
        other.file.display()
    );
    let remedy = format!(
        "stop it (`systemctl stop ocellus`, or kill {}), or give it its own device.name, device.state_dir and cameras",
        other.process
    );
    Some(Note::fault(format!("process {}", other.process), Explanation::new(cause, remedy)))
}

fn same_dir(a: &Path, b: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.into());
    real(a) == real(b)
}

/// The services of this machine whose files this user may read.
fn running() -> Vec<Instance> {
    processes().filter_map(instance).collect()
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir(PROC).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn instance(process: u32) -> Option<Instance> {
    let folder = Path::new(PROC).join(process.to_string());
    let line = fs::read(folder.join("cmdline")).ok()?;
    let words: Vec<String> =
        line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    let is_ours = Path::new(words.first()?).file_name().is_some_and(|name| name == "ocellus");
    if !is_ours || words.get(1).map(String::as_str) != Some("run") {
        return None;
    }
    let base = fs::read_link(folder.join("cwd")).unwrap_or_default();
    let option = |name: &str| {
        let at = words.iter().position(|word| word == name || word.starts_with(&format!("{name}=")))?;
        let value = words[at].split_once('=').map(|(_, value)| value.to_owned());
        Some(base.join(value.or_else(|| words.get(at + 1).cloned())?))
    };
    let file = option("--config")?;
    let config = Config::load_with(&file, option("--state-dir").as_deref()).ok();
    let mut config = config.unwrap_or_else(|| Config::salvage_file(&file));
    config.device.state_dir = base.join(option("--state-dir").unwrap_or(config.device.state_dir));
    Some(Instance { process, file, config })
}

/// The program that holds a lock on one of `files`, as far as the kernel lists it: `NAME (process N)`.
pub(super) fn lock_holder(files: &[PathBuf]) -> Option<String> {
    let inodes: Vec<u64> = files.iter().filter_map(|file| Some(fs::metadata(file).ok()?.ino())).collect();
    let locks = fs::read_to_string("/proc/locks").ok()?;
    // `1: FLOCK  ADVISORY  WRITE 4711 08:01:123456 0 EOF` (proc(5)).
    locks.lines().find_map(|line| {
        let mut fields = line.split_whitespace().skip(4);
        let process: u32 = fields.next()?.parse().ok()?;
        let inode: u64 = fields.next()?.rsplit(':').next()?.parse().ok()?;
        (inodes.contains(&inode) && process != std::process::id()).then(|| named(process))
    })
}

/// The program that listens on `port` of TCP, as far as this user may see it: `NAME (process N)`.
pub(super) fn listener_on(port: u16) -> Option<String> {
    const LISTEN: &str = "0A";
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"].into_iter().find_map(|table| {
        fs::read_to_string(table).ok()?.lines().skip(1).find_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let own = u16::from_str_radix(fields.get(1)?.rsplit(':').next()?, 16).ok()?;
            (own == port && *fields.get(3)? == LISTEN).then(|| (*fields.get(9).unwrap_or(&"0")).to_owned())
        })
    })?;
    let wanted = PathBuf::from(format!("socket:[{inode}]"));
    processes()
        .find(|process| {
            let open = fs::read_dir(Path::new(PROC).join(process.to_string()).join("fd"));
            let mut open = open.into_iter().flatten().flatten();
            open.any(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == wanted))
        })
        .map(named)
}

fn named(process: u32) -> String {
    let name = fs::read_to_string(Path::new(PROC).join(process.to_string()).join("comm")).unwrap_or_default();
    format!("{} (process {process})", name.trim())
}
