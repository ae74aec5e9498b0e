//! The support bundle: what somebody far away needs to help, as an archive of plain text without secrets, pictures or
//! names of people.
//!
//! ```text
//!  parts.rs    each part is gathered on a thread of its own, bounded in time and size
//!  known.rs    the secrets and names that this box is known to have
//!  redact.rs   every part passes here before it is written; pattern.rs finds what only looks like a secret
//! ```

mod known;
mod parts;
mod pattern;
mod redact;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Asked, Report};
use crate::config::Config;
use crate::supervisor::{JoinError, SpawnError, Spawned, spawn};
use crate::types::{Clock, SystemClock, rfc3339};

/// Longest text of one part, bytes; of a longer one the end is kept, which is the newest of a log.
const MOST_BYTES: usize = 2 << 20;
/// How long the parts may take together.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a bundle is made of.
pub struct BundleInput {
    /// The configuration, as far as it can be read.
    pub config: Config,
    /// Its file, whose secrets are to be found in the other parts too.
    pub config_file: Option<PathBuf>,
    /// The state of the service, if it has answered.
    pub asked: Asked,
    /// The files of the log, the oldest first; empty where it is in the journal.
    pub log: Vec<PathBuf>,
    /// Telemetry of the last hour, a line of JSON each; empty where no service has answered.
    pub hour: Vec<String>,
    /// The doctor's own report.
    pub report: Report,
}

/// What a bundle has in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleFacts {
    /// How many parts there are.
    pub parts: usize,
    /// Bytes of their texts.
    pub bytes: u64,
}

/// Gathers the parts of `input` and writes them to `out` as a gzipped tar file.
///
/// # Errors
/// Those of `out`. A part that cannot be gathered says so in its own text.
pub fn write_bundle(input: &BundleInput, out: impl Write) -> io::Result<BundleFacts> {
    let redactor = known::redactor(input);
    let created = rfc3339(SystemClock.now().wall_ns);
    let folder = format!("ocellus-support-{}-{}", input.config.device.name, plain(&created));
    let mut tar = tar::Builder::new(GzEncoder::new(out, Compression::default()));
    let mut facts = BundleFacts { parts: 0, bytes: 0 };
    let mut write = |name: &str, text: &str| -> io::Result<()> {
        let text = redactor.redact(text);
        let text = &text[cut(&text, MOST_BYTES)..];
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(SystemClock.now().wall_ns / 1_000_000_000);
        header.set_entry_type(tar::EntryType::Regular);
        tar.append_data(&mut header, format!("{folder}/{name}"), text.as_bytes())?;
        (facts.parts, facts.bytes) = (facts.parts + 1, facts.bytes + text.len() as u64);
        Ok(())
    };
    write("README.txt", &readme(&created, &input.config.device.name))?;
    write("doctor.json", &serde_json::to_string_pretty(&input.report)?)?;
    for (name, text) in gathered(input) {
        write(&name, &text)?;
    }
    tar.into_inner()?.finish()?.flush()?;
    Ok(facts)
}

/// The text of every part, gathered side by side.
fn gathered(input: &BundleInput) -> Vec<(String, String)> {
    let until = Instant::now() + PATIENCE;
    let running: Vec<_> =
        parts::parts(input).into_iter().map(|part| (part.name, spawn("bundle", None, part.gather))).collect();
    let text =
        |thread: Result<Spawned<String>, SpawnError>| match thread.map(|thread| thread.join_until(until)) {
            Ok(Ok(text)) => text,
            Ok(Err(JoinError::StillRunning)) => {
                format!("not there: it took longer than {} s\n", PATIENCE.as_secs())
            }
            Ok(Err(error)) => format!("not there: {error}\n"),
            Err(error) => format!("not there: {error}\n"),
        };
    running.into_iter().map(|(name, thread)| (name.to_owned(), text(thread))).collect()
}

/// Where the last `most` bytes of `text` begin: at a line, if one does.
fn cut(text: &str, most: usize) -> usize {
    let Some(from) = text.len().checked_sub(most).filter(|from| *from > 0) else { return 0 };
    text.char_indices().find(|(at, c)| *at >= from && *c == '\n').map_or(text.len(), |(at, _)| at + 1)
}

/// A time for a file name: digits and a `T`.
fn plain(time: &str) -> String {
    time.chars().take_while(|c| *c != '.').filter(char::is_ascii_alphanumeric).collect()
}

fn readme(created: &str, device: &str) -> String {
    format!(
        "Support bundle of the device {device}, written at {created} by ocellus {}.\n\n\
         doctor.json    what `ocellus doctor` found, with causes and remedies\n\
         config.toml    the configuration without comments\n\
         status.json    state, components and alarms of the running service\n\
         telemetry.jsonl  figures of the last hour, one line a minute\n\
         log.txt        the end of the log\n\
         audit.jsonl    the last requests that changed something, without who made them\n\
         state.txt      sizes in the state directory\n\
         models.json    models with their SHA-256\n\
         versions.json  this program, the system, GStreamer and its plugins\n\
         machine.txt    cores, memory, heat, mounts and video devices, as the kernel describes them\n\n\
         Passwords, keys, tokens, logins and queries of URLs were replaced by {}, names of users, people and this machine by [name].\n\
         There are no pictures in it. Look it through before you send it.\n",
        env!("CARGO_PKG_VERSION"),
        redact::REMOVED,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_text_the_end_is_kept_from_a_line_on() {
        assert_eq!(&"ab\ncd\nef\n"[cut("ab\ncd\nef\n", 5)..], "ef\n");
        assert_eq!(cut("ab\n", 5), 0);
        assert_eq!(cut(&"ü".repeat(9), 5), 18);
    }
}
