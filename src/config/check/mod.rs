//! From a file to a checked [`Config`]: every section is read, every fault is collected, nothing is guessed.

mod camera;
mod device;
mod evidence;
mod inspect;
mod model;
mod mqtt;

use std::path::Path;

use sha2::{Digest, Sha256};

use super::fault::{Fault, Faults};
use super::files::Files;
use super::raw::{Doc, Table};
use super::{Camera, Config};

/// Larger files are no configuration.
const MAX_BYTES: u64 = 1 << 20;

/// What every section may need to know of its neighbours and of the machine.
struct Scope {
    files: Files,
    cores: Vec<usize>,
}

impl Config {
    /// The annotated configuration that is also the built-in default and the demo.
    pub fn default_text() -> &'static str {
        include_str!("../../../config/ocellus.toml")
    }

    /// Reads and checks the file at `path`. Errors: every fault, each with its place and its remedy.
    pub fn load(path: &Path) -> Result<Config, Faults> {
        let fault = |reason: String, remedy: &str| Faults(vec![Fault::whole(path, reason, remedy)]);
        let length = std::fs::metadata(path).map_err(|e| {
            fault(
                format!("cannot be read: {e}"),
                "check the path after --config, and that the service's user may read it",
            )
        })?;
        if length.len() > MAX_BYTES {
            return Err(fault(
                format!("{} bytes are too many for a configuration", length.len()),
                "name the TOML file",
            ));
        }
        let bytes = std::fs::read(path).map_err(|e| {
            fault(format!("cannot be read: {e}"), "name a file that the service's user may read")
        })?;
        let text = String::from_utf8(bytes)
            .map_err(|e| fault(format!("is not UTF-8: {}", e.utf8_error()), "save it as UTF-8 text"))?;
        Config::parse(&text, path, path.parent().unwrap_or(Path::new("")))
    }

    /// Checks `text`. `file` is its name in messages; relative paths in it are looked for in `base`, then in the
    /// working directory, then in `/usr/share/ocellus` (only `state_dir` stays relative to the working directory).
    pub fn parse(text: &str, file: &Path, base: &Path) -> Result<Config, Faults> {
        let doc = Doc::read(file, text);
        // Half a document would be full of faults that are not there.
        let config = doc.is_sound().then(|| read(&doc, base, text));
        match config {
            Some(config) if doc.is_sound() => Ok(config),
            _ => Err(Faults(doc.into_faults())),
        }
    }
}

fn read(doc: &Doc<'_>, base: &Path, text: &str) -> Config {
    let scope = Scope { files: Files::new(base), cores: super::usable_cores() };
    let root = doc.root();
    let device = device::device(root.table("device"));
    let workers = device::workers(root.table("workers"), &scope);
    let models = model::models(&root, &scope, workers.cores.len());
    let cameras = camera::cameras(&root, &scope, &models);
    let config = Config {
        mqtt: mqtt::mqtt(root.table("mqtt"), &scope, &device.name),
        outbox: mqtt::outbox(root.table("outbox")),
        evidence: evidence::evidence(root.table("evidence")),
        runtime: device::runtime(root.table("runtime"), &scope),
        supervisor: device::supervisor(root.table("supervisor"), &cameras),
        log: device::log(root.table("log")),
        device,
        workers,
        models,
        cameras,
        hash: Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    root.finish();
    config
}

/// A topic level: what a name may be wherever it becomes part of a topic, a file name or a thread's name.
fn topic_level(field: &super::value::Field<'_, '_>) -> Option<String> {
    let name = field.text()?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !name.is_empty() && name.len() <= 64 && name.chars().all(allowed) {
        return Some(name.to_owned());
    }
    let reason = format!("\"{name}\" cannot be a topic level");
    field.fault(reason, "write 1 to 64 letters, digits, \"-\", \"_\" or \".\"");
    None
}

/// Notes two entries of one name.
fn unique(table: &Table<'_, '_>, name: &str, before: &[Camera]) {
    if let Some(index) = before.iter().position(|camera| camera.name == name) {
        let reason = format!("camera[{index}] is also called \"{name}\"");
        match table.get("name") {
            Some(field) => field.fault(reason, "give each camera a name of its own"),
            None => table.fault("name", reason, "give each camera a name of its own"),
        }
    }
}

/// Every key that is asked for while `text` is read.
#[cfg(test)]
pub(super) fn known_keys(text: &str, base: &Path) -> std::collections::BTreeSet<String> {
    let doc = Doc::read(Path::new("keys"), text);
    read(&doc, base, text);
    doc.known_keys()
}
