//! From a file to a checked [`Config`]: every section is read, every fault is collected, nothing is guessed.

mod attendance;
mod batch;
mod camera;
mod degradation;
mod device;
mod evidence;
mod faces;
mod inspect;
mod intake;
mod jobs;
mod jobs_http;
mod log;
mod model;
mod mqtt;
mod output;
mod parameter;
mod partial;
mod preview;
mod record;
mod salvage;
mod serial;
mod tcp;
mod trigger;
mod web;
mod zmq;
mod zones;

use std::path::{Path, PathBuf};

use super::fault::Faults;
use super::files::{self, Files};
use super::raw::{Doc, TomlTable};
use super::{Config, Written};
use crate::types::sha256;

/// Facts about other sections and the machine that sections need.
struct SectionScope {
    files: Files,
    cores: Vec<usize>,
    /// Whether users are written together with this configuration.
    users_come: bool,
}

/// What is not in the text of a configuration: what is written together with it after the check, and its options.
#[derive(Clone, Debug, Default)]
pub struct Coming {
    /// Absolute paths of files that will exist.
    pub files: Vec<PathBuf>,
    /// Whether there will be users who may log in.
    pub users: bool,
    /// The state directory that takes the place of `device.state_dir`.
    pub state_dir: Option<PathBuf>,
}

impl Config {
    /// The annotated configuration that is also the built-in default and the demo.
    pub fn default_text() -> &'static str {
        include_str!("../../../config/ocellus.toml")
    }

    /// Reads and checks the file at `path`. Errors: every fault, each with its place and its remedy.
    pub fn load(path: &Path) -> Result<Config, Faults> {
        Config::load_with(path, None)
    }

    /// The same, with `state_dir` in the place of `device.state_dir`: the users, without whom no address may
    /// be open to others, are looked for there.
    pub fn load_with(path: &Path, state_dir: Option<&Path>) -> Result<Config, Faults> {
        let remedy = "check the path after --config, and that the service's user may read it";
        let text = files::read_text(path, remedy)?;
        let coming = Coming { state_dir: state_dir.map(Path::to_owned), ..Coming::default() };
        Config::parse_with(&text, path, path.parent().unwrap_or(Path::new("")), &coming)
    }

    /// Reads only `[runtime]` of the file at `path`, even where other sections have faults, such as a missing
    /// model.
    pub fn runtime_of(path: &Path) -> Result<super::RuntimeSettings, Faults> {
        let text = files::read_text(path, "check the path after --config")?;
        let doc = Doc::read(path, &text);
        let files = Files::new(path.parent().unwrap_or(Path::new("")));
        let scope = SectionScope { files, cores: Vec::new(), users_come: false };
        let runtime = doc.is_sound().then(|| device::runtime(doc.root().table("runtime"), &scope));
        match runtime {
            Some(runtime) if doc.is_sound() => Ok(runtime),
            _ => Err(Faults(doc.into_faults())),
        }
    }

    /// Checks `text`, which messages call `file`. Relative paths are searched in `base`, then in the working
    /// directory, then in `/usr/share/ocellus`; only `state_dir` stays relative to the working directory.
    /// Errors: every fault, each with its place and its remedy.
    pub fn parse(text: &str, file: &Path, base: &Path) -> Result<Config, Faults> {
        Config::parse_with(text, file, base, &Coming::default())
    }

    /// The same, where the files and users of `coming` are written together with the configuration.
    pub fn parse_with(text: &str, file: &Path, base: &Path, coming: &Coming) -> Result<Config, Faults> {
        let doc = Doc::read(file, text);
        // Checking a document with syntax errors would report faults that do not exist.
        let config = doc.is_sound().then(|| read(&doc, base, text, coming));
        match config {
            Some(config) if doc.is_sound() => Ok(config),
            _ => Err(Faults(doc.into_faults())),
        }
    }
}

fn read(doc: &Doc<'_>, base: &Path, text: &str, coming: &Coming) -> Config {
    let scope = SectionScope {
        files: Files::new(base).with_coming(&coming.files),
        cores: crate::supervisor::usable_cores(),
        users_come: coming.users,
    };
    let root = doc.root();
    let mut device = device::device(root.table("device"));
    if let Some(dir) = &coming.state_dir {
        device.state_dir.clone_from(dir);
    }
    let workers = device::workers(root.table("workers"), &scope);
    let models = model::models(&root, &scope, workers.cores.len());
    let faces = faces::faces(root.table("faces"), &models, workers.cores.len());
    let cameras = camera::cameras(&root, &scope, &models, &faces);
    let triggers = trigger::triggers(&root, &cameras);
    let mqtt = mqtt::mqtt(root.table("mqtt"), &scope, &device.name);
    let around = output::OutputScope { mqtt: &mqtt, device: &device.name, triggers: &triggers };
    let outputs = output::outputs(&root, &around);
    let own_topics = format!("{}/{}", mqtt.prefix, device.name);
    let evidence = evidence::evidence(root.table("evidence"));
    let recorder = record::recorder(root.table("recorder"));
    let others = record::OtherFolders { device: &device, evidence: &evidence, cameras: &cameras };
    record::own_folder(&root, &recorder, &others);
    let config = Config {
        mqtt,
        outbox: mqtt::outbox(root.table("outbox")),
        evidence,
        recorder,
        web: web::web(root.table("web"), &scope, &device.state_dir),
        zmq: zmq::zmq(root.table("zmq")),
        attendance: attendance::attendance(root.table("attendance")),
        batch: batch::batch(root.table("batch"), &scope),
        jobs: jobs::jobs(root.table("jobs"), &scope, &models, &device.state_dir),
        runtime: device::runtime(root.table("runtime"), &scope),
        degradation: degradation::degradation(root.table("degradation")),
        supervisor: device::supervisor(root.table("supervisor"), &models, &cameras, &triggers),
        intake: intake::sources(&root, &scope, &own_topics),
        intake_store: intake::store(root.table("intake_store")),
        log: log::log(root.table("log")),
        annotate: preview::annotate(root.table("annotate"), workers.cores.len()),
        device,
        faces,
        workers,
        models,
        cameras,
        triggers,
        outputs,
        text: super::shown::shown_text(text),
        written: Written(text.to_owned()),
        hash: sha256(text),
    };
    root.finish();
    config
}

/// Reads a name that becomes part of a topic, a file name or a thread's name; notes a fault where it cannot
/// be a topic level.
pub(super) fn topic_level(field: &super::value::PlacedValue<'_, '_>) -> Option<String> {
    let name = field.text()?;
    if is_topic_level(name) {
        return Some(name.to_owned());
    }
    let reason = format!("\"{name}\" cannot be a topic level");
    field.fault(reason, "write 1 to 64 letters, digits, \"-\", \"_\" or \".\"");
    None
}

/// Whether `name` can be a topic level.
pub(super) fn is_topic_level(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !name.is_empty() && name.len() <= 64 && name.chars().all(allowed)
}

/// Notes an entry whose name an earlier one has.
fn unique<'n>(table: &TomlTable<'_, '_>, kind: &str, name: &str, mut before: impl Iterator<Item = &'n str>) {
    if let Some(index) = before.position(|known| known == name) {
        let reason = format!("{kind}[{index}] is also called \"{name}\"");
        let remedy = format!("give each {kind} a different name");
        match table.get("name") {
            Some(field) => field.fault(reason, remedy),
            None => table.fault("name", reason, remedy),
        }
    }
}

/// Every key that is read from `text`, for the test that all are documented.
#[cfg(test)]
pub(super) fn known_keys(text: &str, base: &Path) -> std::collections::BTreeSet<String> {
    let doc = Doc::read(Path::new("keys"), text);
    read(&doc, base, text, &Coming::default());
    doc.known_keys()
}
