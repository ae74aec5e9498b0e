//! Settings of the log: `[log]`, and what a filter may be.

use std::path::{Path, PathBuf};

use tracing_subscriber::EnvFilter;

use super::raw::nearest;
use crate::types::Explanation;

/// The levels, and `off`.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
/// What stands before a level: the product, its crates, and its modules. The filter takes any other name too, since
/// libraries have their own.
const TARGETS: [&str; 34] = [
    "ocellus",
    "ocellus_engine",
    "ocellus_image",
    "ocellus_intake",
    "ocellus_microscopy",
    "ocellus_ring",
    "ocellus_runtime",
    "ocellus_scene",
    "ocellus_studio",
    "ocellus::attendance",
    "ocellus::annotate",
    "ocellus::audit",
    "ocellus::camera",
    "ocellus::cli",
    "ocellus::commands",
    "ocellus::config",
    "ocellus::contract",
    "ocellus::control",
    "ocellus::inspection",
    "ocellus::examine",
    "ocellus::intake",
    "ocellus::microscopy",
    "ocellus::mqtt",
    "ocellus::outputs",
    "ocellus::pipeline",
    "ocellus::preview",
    "ocellus::recognition",
    "ocellus::recorder",
    "ocellus::service",
    "ocellus::store",
    "ocellus::tracking",
    "ocellus::trigger",
    "ocellus::types",
    "ocellus::web",
];

/// `[log]`: what the service logs, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct LogConfig {
    /// `error`, `warn`, `info`, `debug`, `trace`, or a `tracing` filter.
    pub level: String,
    /// The file that the log is also written to; relative to the state directory. `None`: no file.
    pub file: Option<PathBuf>,
    /// A file is set aside before it becomes larger, in bytes.
    pub max_bytes: u64,
    /// How many files there are at most, the newest included.
    pub files: u32,
}

impl Default for LogConfig {
    fn default() -> LogConfig {
        LogConfig { level: "info".into(), file: None, max_bytes: 8 << 20, files: 4 }
    }
}

impl LogConfig {
    /// The file of a service in the background where none is configured, in the state directory.
    pub const USUAL_FILE: &'static str = "ocellus.log";

    /// The file that the log is written to, if there is one, for a service with the state directory `dir`.
    pub fn path(&self, dir: &Path) -> Option<PathBuf> {
        self.file.as_ref().map(|file| dir.join(file))
    }
}

/// Checks a level or filter of the log, wherever it was written.
///
/// # Errors
/// What is wrong with it, and what to write instead.
pub fn check_filter(text: &str) -> Result<(), Explanation> {
    // The filter would take an unknown bare word as the name of a target, and log nothing else.
    let bare = |part: &&str| !part.contains(['=', '[']) && !LEVELS.contains(&part.trim());
    if let Some(word) = text.split(',').find(bare) {
        return Err(Explanation::new(format!("\"{word}\" is not a level"), nearest(word.trim(), &LEVELS)));
    }
    if let Err(error) = EnvFilter::try_new(text) {
        let remedy = "write a level, or e.g. \"info,ocellus::camera=debug\"";
        return Err(Explanation::new(format!("this is not a filter: {error}"), remedy));
    }
    match text.split(',').find_map(mistyped) {
        Some((target, known)) => {
            let reason = format!("there is no module \"{target}\", so this would log nothing");
            Err(Explanation::new(reason, format!("did you mean \"{known}\"?")))
        }
        None => Ok(()),
    }
}

/// A target that is nearly one of the product's, and that one.
fn mistyped(part: &str) -> Option<(&str, &'static str)> {
    let target = part.trim().split(['=', '[']).next()?;
    let module = target.match_indices("::").nth(1).map_or(target, |(at, _)| &target[..at]);
    if module.is_empty() || TARGETS.contains(&module) {
        return None;
    }
    // A plain library such as `sled` is nobody's neighbour; the product's names begin with `ocellus`.
    let near = |known: &&&str| strsim::damerau_levenshtein(module, known) <= 2;
    Some((module, TARGETS.iter().find(near)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_filters_are_taken_and_what_would_log_nothing_is_refused() {
        for good in [
            "info",
            "debug,ocellus::mqtt=trace",
            "off,ocellus::camera::tcp=debug",
            "warn,sled=info,ocellus_runtime=trace",
            "ocellus::recorder=debug",
        ] {
            assert_eq!(check_filter(good), Ok(()), "{good}");
        }
        let refused = |text: &str| check_filter(text).unwrap_err().to_string();
        assert_eq!(refused("infos"), "\"infos\" is not a level; did you mean \"info\"?");
        assert!(refused("").contains("\"\" is not a level"), "{}", refused(""));
        assert!(refused("ocellus::mqtt=loud").contains("this is not a filter"));
        let fault = refused("info,ocellus::mqqt=trace");
        assert!(fault.contains("no module \"ocellus::mqqt\"") && fault.contains("ocellus::mqtt"), "{fault}");
        assert!(refused("ocelus::web::api=trace").contains("ocellus::web"));
    }
}
