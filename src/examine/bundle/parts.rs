//! The parts of a bundle, each as text.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::{BundleInput, MOST_BYTES};
use crate::camera;
use crate::commands::service::ServiceStatus;
use crate::config::{Config, ModelConfig};
use crate::contract::rest::AuditOut;
use crate::engine::Runtime;
use crate::examine::Asked;
use crate::types::sha256_of;

/// Lines of the journal, and of the audit log.
const LOG_LINES: &str = "4000";
const AUDIT_LINES: usize = 300;
/// What the kernel and the system say of themselves.
const KERNEL_FILES: [&str; 12] = [
    "/proc/version",
    "/proc/uptime",
    "/proc/loadavg",
    "/proc/cmdline",
    "/proc/meminfo",
    "/proc/pressure/cpu",
    "/proc/pressure/memory",
    "/proc/pressure/io",
    "/proc/mounts",
    "/sys/devices/system/cpu/present",
    "/sys/devices/system/cpu/online",
    "/etc/os-release",
];

/// One part: its file name, and how it is gathered.
pub(super) struct Part {
    pub name: &'static str,
    pub gather: Box<dyn FnOnce() -> String + Send>,
}

pub(super) fn parts(input: &BundleInput) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut add =
        |name: &'static str, gather: Box<dyn FnOnce() -> String + Send>| parts.push(Part { name, gather });
    let config = input.config.text.clone();
    add("config.toml", Box::new(move || config));
    if let Asked::Answered { status, .. } = &input.asked {
        let status = status.clone();
        add("status.json", Box::new(move || status_text(*status)));
    }
    if !input.hour.is_empty() {
        let lines: String = input.hour.iter().map(|line| format!("{line}\n")).collect();
        add("telemetry.jsonl", Box::new(move || lines));
    }
    let log = input.log.clone();
    add(
        "log.txt",
        Box::new(move || match log.is_empty() {
            true => journal(),
            false => ends_of(&log),
        }),
    );
    let dir = input.config.device.state_dir.clone();
    let state = dir.clone();
    add("audit.jsonl", Box::new(move || audit(&dir)));
    add("state.txt", Box::new(move || sizes(&state)));
    let models = input.config.models.clone();
    add("models.json", Box::new(move || json(&models.iter().map(model).collect::<Vec<_>>())));
    let config = input.config.clone();
    add("versions.json", Box::new(move || json(&versions(&config))));
    add("machine.txt", Box::new(machine));
    parts
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|error| format!("not there: {error}"))
}

/// The state of the service without the people who acknowledged alarms.
fn status_text(mut status: ServiceStatus) -> String {
    status.alarms.iter_mut().for_each(|alarm| alarm.acknowledged_by = None);
    json(&status)
}

/// The end of the service's log in the journal.
fn journal() -> String {
    let arguments = ["-u", "ocellus", "-n", LOG_LINES, "--no-pager", "-o", "short-iso-precise", "-q"];
    let started = Command::new("journalctl")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => {
            return format!("not there: journalctl cannot be run ({error}); name the log with --log FILE\n");
        }
    };
    let mut bytes = Vec::new();
    let read = child.stdout.take().map(|out| out.take(4 * MOST_BYTES as u64).read_to_end(&mut bytes));
    // It has written all, or too much.
    let _ = child.kill();
    let _ = child.wait();
    match read {
        Some(Ok(_)) if !bytes.is_empty() => String::from_utf8_lossy(&bytes).into_owned(),
        _ => "not there: the journal has no line of the unit ocellus that this user may read; name the log with --log FILE\n".into(),
    }
}

/// The ends of the newest log files, the oldest first: one that was just begun holds little.
fn ends_of(files: &[PathBuf]) -> String {
    let there = files.iter().filter(|file| file.exists()).count();
    // The newest is named even where it is not there, so that its absence is explained.
    let (newest, older) = (files.last(), files.iter().rev().skip(1).find(|file| file.exists()));
    let named = older.filter(|_| there > 0).into_iter().chain(newest);
    named.map(|file| end_of(file)).collect()
}

/// The end of a log file.
fn end_of(file: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut log = File::open(file)?;
        let length = log.metadata()?.len();
        log.seek(SeekFrom::Start(length.saturating_sub(2 * MOST_BYTES as u64)))?;
        let mut bytes = Vec::new();
        log.take(2 * MOST_BYTES as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => format!("not there: {}: {error}\n", file.display()),
    }
}

/// A line of the audit log without who it was and whom it was about.
#[derive(Deserialize, Serialize)]
struct AuditedChange {
    time: String,
    source: String,
    action: String,
    outcome: String,
}

/// The last lines of the audit logs.
fn audit(dir: &Path) -> String {
    let mut lines: Vec<AuditedChange> = Vec::new();
    for name in ["audit.log.1", "audit.log", "audit-machines.log.1", "audit-machines.log"] {
        let text = fs::read_to_string(dir.join(name)).unwrap_or_default();
        let read = text.lines().filter_map(|line| serde_json::from_str::<AuditOut>(line).ok());
        lines.extend(read.map(|AuditOut { time, source, action, outcome, .. }| AuditedChange {
            time,
            source,
            action,
            outcome,
        }));
    }
    lines.sort_by(|a, b| a.time.cmp(&b.time));
    let from = lines.len().saturating_sub(AUDIT_LINES);
    let texts = lines[from..].iter().filter_map(|line| serde_json::to_string(line).ok());
    texts.map(|line| line + "\n").collect()
}

/// Files of the state directory with their sizes, folders with their sums: no names below them, which may be people's or
/// products'.
fn sizes(dir: &Path) -> String {
    let mut lines = Vec::new();
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => return format!("{}: {error}\n", dir.display()),
    };
    for entry in entries.flatten() {
        let Ok(facts) = entry.metadata() else { continue };
        let (files, bytes) = if facts.is_dir() { sum(&entry.path()) } else { (1, facts.len()) };
        lines.push(format!("{:>12} bytes {files:>7} files  {}", bytes, entry.file_name().to_string_lossy()));
    }
    lines.sort();
    format!("{}\n{}\n", dir.display(), lines.join("\n"))
}

/// How many files there are below `dir`, and their bytes; links are not followed.
fn sum(dir: &Path) -> (u64, u64) {
    let mut total = (0, 0);
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let Ok(facts) = entry.metadata() else { continue };
        let (files, bytes) = if facts.is_dir() { sum(&entry.path()) } else { (1, facts.len()) };
        total = (total.0 + files, total.1 + bytes);
    }
    total
}

#[derive(Serialize)]
struct ModelFacts {
    name: String,
    path: PathBuf,
    bytes: u64,
    /// Of the file as it is now; absent where it cannot be read.
    sha256: Option<String>,
}

fn model(model: &ModelConfig) -> ModelFacts {
    let facts = fs::metadata(&model.path).ok().filter(fs::Metadata::is_file);
    let digest = facts.as_ref().and_then(|_| sha256_of(File::open(&model.path).ok()?).ok());
    let bytes = facts.map_or(0, |facts| facts.len());
    ModelFacts { name: model.name.clone(), path: model.path.clone(), bytes, sha256: digest }
}

#[derive(Serialize)]
struct Versions {
    ocellus: &'static str,
    features: Vec<&'static str>,
    architecture: &'static str,
    kernel: String,
    runtime: String,
    gstreamer: String,
    plugins: Vec<String>,
}

fn versions(config: &Config) -> Versions {
    let features = [
        ("demo", cfg!(feature = "demo")),
        ("litert", cfg!(feature = "litert")),
        ("tflitec", cfg!(feature = "tflitec")),
    ];
    let uname = rustix::system::uname();
    let kernel = [uname.sysname(), uname.release(), uname.version(), uname.machine()];
    let (gstreamer, plugins) = camera::gstreamer_facts();
    Versions {
        ocellus: env!("CARGO_PKG_VERSION"),
        features: features.into_iter().filter(|(_, has)| *has).map(|(name, _)| name).collect(),
        architecture: std::env::consts::ARCH,
        kernel: kernel.map(|part| part.to_string_lossy().into_owned()).join(" "),
        runtime: Runtime::open(&config.runtime)
            .map_or_else(|error| error.to_string(), |runtime| runtime.describe()),
        gstreamer,
        plugins,
    }
}

fn machine() -> String {
    let mut text = String::new();
    let mut add = |path: &str| {
        let content = fs::read_to_string(path).unwrap_or_else(|error| format!("{error}\n"));
        text.push_str(&format!("== {path}\n{}\n", content.trim_end()));
    };
    KERNEL_FILES.iter().for_each(|path| add(path));
    for folder in ["/sys/class/thermal", "/sys/class/video4linux"] {
        let mut entries: Vec<PathBuf> =
            fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        entries.sort();
        for entry in entries {
            for name in ["name", "type", "temp", "cur_state"] {
                let path = entry.join(name);
                if path.is_file() {
                    add(&path.display().to_string());
                }
            }
        }
    }
    text
}
