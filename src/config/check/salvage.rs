//! Recovers the usable sections of a file with faults: state folder, broker and web page, so that the service
//! can report what is wrong with the rest.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::super::raw::{Doc, TomlTable};
use super::super::{
    AttendanceConfig, BatchConfig, Config, EvidenceConfig, IntakeStoreConfig, JobsConfig, OutboxConfig,
    RecorderConfig,
};
use super::{
    Files, SectionScope, attendance, degradation, device, evidence, intake, log, mqtt, preview, web,
};
use crate::types::sha256;

/// A file with more broken sections than this is treated as empty.
const MOST_BROKEN: usize = 32;

impl Config {
    /// [`Config::salvage`] of the file at `path`, or of an empty text where the file cannot be read.
    pub fn salvage_file(path: &Path) -> Config {
        let mut bytes = Vec::new();
        if let Ok(file) = File::open(path) {
            // The bytes before a read error may still hold whole sections.
            let _ = file.take(super::super::text::MAX_BYTES).read_to_end(&mut bytes);
        }
        Config::salvage(&readable_lines(&bytes), path, path.parent().unwrap_or(Path::new("")))
    }

    /// A configuration without cameras, models and triggers. Each other section is that of `text`, or its
    /// default where it has a fault; in `[device]` each key is recovered separately. Limits on stored data
    /// are lifted where theirs cannot be read, so that no default deletes anything. Never fails;
    /// `Config::parse` names the faults.
    pub fn salvage(text: &str, file: &Path, base: &Path) -> Config {
        let text = without_broken_sections(text, file);
        let salvage = Salvage { file, text: &text };
        let cores = crate::supervisor::usable_cores();
        let scope = SectionScope { files: Files::new(base), cores, users_come: false };
        let workers = salvage.or_default("workers", |table| device::workers(table, &scope));
        let device = salvage.read("device", device::device).0;
        Config {
            mqtt: salvage.or_default("mqtt", |table| mqtt::mqtt(table, &scope, &device.name)),
            outbox: salvage
                .or("outbox", mqtt::outbox, |outbox| OutboxConfig { max_bytes: 1 << 40, ..outbox }),
            evidence: salvage.or("evidence", evidence::evidence, |_| keep_all()),
            recorder: salvage.or("recorder", super::record::recorder, |_| keep_recordings()),
            web: salvage.or_default("web", |table| web::web(table, &scope, &device.state_dir)),
            attendance: salvage
                .or("attendance", attendance::attendance, |usual| AttendanceConfig { keep_days: 0, ..usual }),
            // A run is begun by a person, who can wait for a sound file.
            batch: BatchConfig::default(),
            // Jobs that wait keep waiting: none may be done with other settings than were meant.
            jobs: JobsConfig::default(),
            // Sources that were salvaged in part could read a folder in another way than it was read before.
            intake: Vec::new(),
            intake_store: salvage
                .or("intake_store", intake::store, |usual| IntakeStoreConfig { keep_days: 3_650, ..usual }),
            runtime: salvage.or_default("runtime", |table| device::runtime(table, &scope)),
            degradation: salvage.or_default("degradation", degradation::degradation),
            supervisor: salvage.or_default("supervisor", |table| device::supervisor(table, &[], &[], &[])),
            log: salvage.read("log", log::log).0,
            annotate: salvage.or_default("annotate", |table| preview::annotate(table, workers.cores.len())),
            faces: salvage.or_default("faces", |table| super::faces::faces(table, &[], workers.cores.len())),
            device,
            workers,
            models: Vec::new(),
            cameras: Vec::new(),
            triggers: Vec::new(),
            // What an earlier start left on is turned off from its record.
            outputs: Vec::new(),
            zmq: salvage.or_default("zmq", super::zmq::zmq),
            text: String::new(),
            written: super::Written::default(),
            hash: sha256([]),
        }
    }
}

/// The text without lines that are not UTF-8: one bad character in a comment must not cost the other
/// sections.
fn readable_lines(bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let lines = bytes.split(|byte| *byte == b'\n').map(|line| std::str::from_utf8(line).unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// Limits that keep all stored evidence; none is added, because there are no cameras.
fn keep_all() -> EvidenceConfig {
    EvidenceConfig { max_days: 0, max_count: u64::MAX, max_bytes: u64::MAX, ..EvidenceConfig::default() }
}

/// Limits that keep all recordings; none is added, because there are no cameras.
fn keep_recordings() -> RecorderConfig {
    RecorderConfig { max_days: 0, max_count: u64::MAX, max_bytes: u64::MAX, ..RecorderConfig::default() }
}

/// Reads each section from a separate document, so that its faults do not count for other sections.
struct Salvage<'a> {
    file: &'a Path,
    text: &'a str,
}

impl Salvage<'_> {
    /// Reads `section`; the flag is true where it has no faults.
    fn read<T>(&self, section: &'static str, read: impl FnOnce(TomlTable<'_, '_>) -> T) -> (T, bool) {
        let doc = Doc::read(self.file, self.text);
        let value = read(doc.root().table(section));
        (value, doc.is_sound())
    }

    /// Reads `section`, or passes its default through `instead` where it has faults.
    fn or<T>(
        &self,
        section: &'static str,
        read: impl Fn(TomlTable<'_, '_>) -> T,
        instead: impl FnOnce(T) -> T,
    ) -> T {
        match self.read(section, &read) {
            (value, true) => value,
            _ => instead(Salvage { text: "", ..*self }.read(section, &read).0),
        }
    }

    fn or_default<T>(&self, section: &'static str, read: impl Fn(TomlTable<'_, '_>) -> T) -> T {
        self.or(section, read, |usual| usual)
    }
}

/// `text` without the sections that contain a syntax error: half a section could mean the opposite of the
/// whole, such as a public page without its TLS. Empty where the rest is still not TOML.
fn without_broken_sections(text: &str, file: &Path) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    for _ in 0..MOST_BROKEN {
        let joined = lines.join("\n");
        let broken = Doc::read(file, &joined).into_faults().first().map(|fault| fault.line);
        let Some(line) = broken.filter(|_| !lines.is_empty()) else { return joined };
        let at = line.saturating_sub(1).min(lines.len().saturating_sub(1));
        let first = lines[..=at].iter().rposition(is_header).unwrap_or(0);
        let after = lines[at + 1..].iter().position(is_header).map_or(lines.len(), |next| at + 1 + next);
        lines[first..after].fill("");
    }
    String::new()
}

/// Whether the line begins a section (`[name` or `[[name`), unlike a row in a list of lists.
fn is_header(line: &&str) -> bool {
    let name = line.trim_start().strip_prefix('[').map(|rest| rest.trim_start_matches(['[', ' ']));
    name.is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn salvage(text: &str) -> Config {
        Config::salvage(text, Path::new("ocellus.toml"), Path::new("/nowhere"))
    }

    const HEAD: &str =
        "[device]\nname = \"box7\"\nstate_dir = \"/data/box\"\n[mqtt]\nurl = \"mqtt://10.0.0.3:1884\"\n";

    #[test]
    fn what_is_sound_is_used_although_a_camera_is_not() {
        let text =
            format!("{HEAD}[web]\nbind = \"127.0.0.1:9000\"\n[[camera]]\nname = \"a\"\nsauce = \"scene:\"\n");
        let config = salvage(&text);
        assert_eq!((config.device.name.as_str(), config.mqtt.port), ("box7", 1884));
        assert_eq!(config.device.state_dir, Path::new("/data/box"));
        assert_eq!(config.web.bind.port(), 9000);
        assert!(config.cameras.is_empty() && config.models.is_empty());
    }

    #[test]
    fn a_section_with_a_fault_is_as_if_it_were_absent_but_for_the_devices_good_keys() {
        let text = HEAD.replace("\"box7\"", "\"a b\"").replace("1884\"", "1884\"\nulr = 1")
            + "[outbox]\nmax_mib = \"few\"\n\
            [evidence]\nmax_day = 1\n[attendance]\nkeep_days = -1\n";
        let config = salvage(&text);
        assert_eq!(config.device.state_dir, Path::new("/data/box"));
        assert_eq!((config.mqtt.host.as_str(), config.mqtt.port), ("127.0.0.1", 1883));
        // No stored data may be deleted because its limits cannot be read.
        assert_eq!(config.outbox.max_bytes, 1 << 40);
        assert_eq!((config.evidence.max_bytes, config.evidence.max_days), (u64::MAX, 0));
        assert_eq!(config.attendance.keep_days, 0);
    }

    #[test]
    fn a_syntax_error_costs_its_own_section_only() {
        let broken = "[web]\nbind = \"0.0.0.0:80\"\ncert_file = \"a.pem\" key_file = \"b.pem\"\n";
        for text in [
            format!("{HEAD}{broken}[log]\nlevel = \"debug\"\n"),
            format!("{broken}{HEAD}[log]\nlevel = \"debug\"\n"),
        ] {
            let config = salvage(&text);
            assert!(config.web.bind.ip().is_loopback(), "half of a section was used");
            assert_eq!((config.device.name.as_str(), config.mqtt.port), ("box7", 1884));
            assert_eq!(config.log.level, "debug");
        }
    }

    #[test]
    fn a_letter_of_another_encoding_costs_its_own_line_only() {
        let text = [HEAD.as_bytes(), b"# T\xFCr\nclient_id = \"b\xFCro\"\n"].concat();
        let config = salvage(&readable_lines(&text));
        assert_eq!((config.device.name.as_str(), config.mqtt.port), ("box7", 1884));
    }

    #[test]
    fn no_text_makes_it_fail() {
        let usual = salvage("");
        for text in [
            "[",
            "=",
            "\u{0}",
            "[device",
            "[device]\nname = \"x",
            "x = '''\n[device]\n",
            "[[a]]\n[a]\n",
            "[a.b]\na.b = 1\n[a]",
        ] {
            assert_eq!(salvage(text).mqtt, usual.mqtt, "{text:?}");
        }
    }
}
