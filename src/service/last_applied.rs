//! Keeps the last configuration that was applied as a whole in the state directory: the service starts from
//! it if its file cannot be used. Written aside, flushed and renamed; only the service's user may read it,
//! because URLs hold passwords.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::{Config, Faults};
use crate::types::{Clock, SystemClock, rfc3339};

/// File name in the state directory.
const NAME: &str = "config.applied.json";
const UNFINISHED: &str = "config.applied.json.unfinished";
const FORMAT: u32 = 1;
/// A configuration has 1 MiB at most; JSON may need six bytes for one of them.
const MAX_BYTES: u64 = 8 << 20;

/// The content of the file, as JSON.
#[derive(Serialize, Deserialize)]
struct AppliedFile {
    format: u32,
    applied_at: String,
    /// The name of the configuration's file, for messages.
    file: PathBuf,
    /// The folder in which its relative paths are looked up first.
    base: PathBuf,
    text: String,
}

/// The stored configuration, read and checked again.
pub(super) struct LastApplied {
    pub(super) config: Config,
    /// When it was applied, RFC 3339 in UTC.
    pub(super) applied_at: String,
}

/// Why the stored configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum LastAppliedError {
    /// It cannot be read.
    #[error("{}: {source}", .path.display())]
    Read {
        /// The file that was read.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// It is damaged, or of another version.
    #[error("{}: it is damaged, or was written by another version: {cause}", .path.display())]
    Damaged {
        /// The file that was read.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// The content does not fit the machine any more; for example, a model is gone.
    #[error(transparent)]
    Faults(#[from] Faults),
}

/// Stores `config`, which came from `file`, in the state directory `dir`.
///
/// # Errors
/// The error of the system; the former configuration is still stored then.
pub(super) fn save(dir: &Path, config: &Config, file: Option<&Path>) -> io::Result<()> {
    let base = file.and_then(Path::parent).unwrap_or(Path::new(""));
    let base = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    let kept = AppliedFile {
        format: FORMAT,
        applied_at: rfc3339(SystemClock.now().wall_ns),
        file: file.unwrap_or(Path::new("built-in default")).to_owned(),
        // The next start may have another working directory.
        base: std::path::absolute(base)?,
        text: config.written.0.clone(),
    };
    let unfinished = dir.join(UNFINISHED);
    let write = || {
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        out.write_all(&serde_json::to_vec(&kept)?)?;
        out.sync_all()?;
        fs::rename(&unfinished, dir.join(NAME))?;
        File::open(dir)?.sync_all()
    };
    write().inspect_err(|_| drop(fs::remove_file(&unfinished)))
}

/// Loads the configuration stored in `dir`; `None` if there is none. The state directory is `dir`, whatever
/// the text says.
///
/// # Errors
/// The file exists and cannot be used.
pub(super) fn load(dir: &Path) -> Result<Option<LastApplied>, LastAppliedError> {
    let path = dir.join(NAME);
    let mut bytes = Vec::new();
    match File::open(&path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(LastAppliedError::Read { path, source }),
        Ok(_) => {}
    }
    let kept: AppliedFile = match serde_json::from_slice(&bytes) {
        Ok(kept) => kept,
        Err(error) => return Err(LastAppliedError::Damaged { path, cause: error.to_string() }),
    };
    if kept.format != FORMAT {
        let cause = format!("format {} is not {FORMAT}", kept.format);
        return Err(LastAppliedError::Damaged { path, cause });
    }
    let name = format!("{} as applied at {}", kept.file.display(), kept.applied_at);
    let mut config = Config::parse(&kept.text, Path::new(&name), &kept.base)?;
    config.device.state_dir = dir.to_owned();
    Ok(Some(LastApplied { config, applied_at: kept.applied_at }))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const TEXT: &str = "[web]\nenabled = false\n[runtime]\nkind = \"stub\"\n[model.m]\npath = \"m.stub\"\ntask = \"ssd\"\n\
        [[camera]]\nname = \"a\"\nsource = \"rtsp://anna:secret@10.0.0.7/live\"\n";

    #[test]
    fn what_was_applied_comes_back_with_its_paths_from_another_place() {
        let (home, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(home.path().join("m.stub"), "").unwrap();
        let file = home.path().join("box.toml");
        let config = Config::parse(TEXT, &file, home.path()).unwrap();
        assert!(load(state.path()).unwrap().is_none());
        fs::write(state.path().join(UNFINISHED), "half of it").unwrap();
        save(state.path(), &config, Some(&file)).unwrap();
        save(state.path(), &config, Some(&file)).unwrap();
        let back = load(state.path()).unwrap().unwrap().config;
        assert_eq!(
            (&back.models, &back.cameras, &back.hash),
            (&config.models, &config.cameras, &config.hash)
        );
        assert_eq!(back.device.state_dir, state.path());
        let mode = fs::metadata(state.path().join(NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(state.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn what_is_damaged_or_does_not_fit_the_box_any_more_is_an_error_with_its_name() {
        let (home, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(home.path().join("m.stub"), "").unwrap();
        let file = home.path().join("box.toml");
        save(state.path(), &Config::parse(TEXT, &file, home.path()).unwrap(), Some(&file)).unwrap();
        fs::remove_file(home.path().join("m.stub")).unwrap();
        let said = load(state.path()).err().unwrap().to_string();
        assert!(said.contains("box.toml as applied at") && said.contains("m.stub"), "{said}");
        let whole = fs::read(state.path().join(NAME)).unwrap();
        for damaged in [&whole[..whole.len() / 2], b"", b"[]", b"{\"format\":2}"] {
            fs::write(state.path().join(NAME), damaged).unwrap();
            let said = load(state.path()).err().unwrap().to_string();
            assert!(said.contains(NAME), "{said}");
        }
    }
}
