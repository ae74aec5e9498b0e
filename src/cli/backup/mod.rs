//! `ocellus backup` and `ocellus restore`: everything that makes this box this box, in one encrypted file.

mod archive;
mod restore;
mod sealed;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;

use super::store_owner::{StoreOwner, store_owner};
use super::{CliOutput, output, users};
use crate::commands::Command;
use crate::commands::service::DumpedOut;
use crate::config::text;
use crate::control::ask_for;
use crate::service::Options;
use crate::store::{StoreDump, remove_dump};
use crate::types::{Clock, SystemClock, rfc3339};
use archive::{ArchiveError, BackupHeader, BackupWriter};
pub(super) use restore::{RestoreArgs, run as run_restore};

/// The environment variable with the passphrase.
const VARIABLE: &str = "OCELLUS_PASSPHRASE";
const MIN_PASSPHRASE: usize = 12;
/// Folders of the state directory that belong to its people and products.
const FOLDERS: [&str; 2] = ["gallery", "goldens"];
const EVIDENCE: &str = "evidence";
/// Deeper folders beside the configuration are not followed.
const DEEPEST: usize = 8;

/// The backup is a file of age (age-encryption.org), encrypted with a passphrase: keep both, apart from each
/// other. A running service goes on working.
#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// The file to write; an existing one is replaced once the new one is complete.
    file: PathBuf,
    #[command(flatten)]
    common: BackupCommon,
    /// Also save the kept pictures of inspected parts, which are large.
    #[arg(long)]
    with_evidence: bool,
}

/// Arguments of both commands.
#[derive(Debug, Args)]
pub(super) struct BackupCommon {
    /// Read the passphrase from the first line of this file; else OCELLUS_PASSPHRASE, else it is asked for.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// The configuration; the files in its folder belong to the backup.
    #[arg(long, value_name = "FILE", default_value = "/etc/ocellus/ocellus.toml")]
    config: PathBuf,
    /// The state directory, instead of device.state_dir of the configuration.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
}

/// What went wrong with a backup file; nothing was changed.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", .file.display())]
pub(super) struct BackupFault {
    file: PathBuf,
    source: ArchiveError,
}

impl BackupCommon {
    fn options(&self) -> Options {
        let config = Some(self.config.clone()).filter(|file| file.exists());
        Options { config, state_dir: self.state_dir.clone(), ..Options::default() }
    }

    /// The passphrase; `new` asks twice and refuses a short one.
    fn passphrase(&self, new: bool) -> anyhow::Result<String> {
        let passphrase = match (&self.passphrase_file, std::env::var(VARIABLE)) {
            (Some(file), _) => text::first_line(&text::read(file)?).to_owned(),
            (None, Ok(passphrase)) => passphrase,
            (None, Err(_)) if !io::IsTerminal::is_terminal(&io::stdin()) => {
                bail!("there is no passphrase; name a file with --passphrase-file, or set {VARIABLE}")
            }
            (None, Err(_)) if new => users::asked("passphrase of the backup")?,
            (None, Err(_)) => users::asked_once("passphrase of the backup")?,
        };
        if new && passphrase.chars().count() < MIN_PASSPHRASE {
            bail!("the passphrase has fewer than {MIN_PASSPHRASE} characters; choose a longer one");
        }
        Ok(passphrase)
    }
}

pub(super) fn run(arguments: &BackupArgs) -> anyhow::Result<()> {
    output::output(arguments.common.json, outcome(arguments))
}

fn outcome(arguments: &BackupArgs) -> anyhow::Result<CliOutput> {
    let state_dir = arguments.common.options().state_dir();
    if !state_dir.is_dir() {
        bail!(
            "there is no state directory {}; name it with --state-dir, or the configuration with --config",
            state_dir.display()
        );
    }
    let passphrase = arguments.common.passphrase(true)?;
    let (dump, live) = dumped(&state_dir)?;
    let written = write(arguments, &state_dir, &dump, &passphrase);
    if let Err(error) = remove_dump(&state_dir) {
        output::complain(format_args!("ocellus: {} cannot be removed: {error}", dump.folder.display()));
    }
    let (header, parts, bytes) =
        written.map_err(|source| BackupFault { file: arguments.file.clone(), source })?;
    let words = format!(
        "{}: device {}, {parts} files, {bytes} bytes, {} entries of the store{}\nnext: keep it away from the box, and the passphrase \
         away from both; `ocellus restore FILE` reads it",
        arguments.file.display(),
        header.device,
        dump.entries,
        if live { ", while the service runs" } else { "" },
    );
    let json =
        json!({ "ok": true, "file": arguments.file, "header": header, "files": parts, "bytes": bytes });
    Ok(CliOutput::new(words, json))
}

/// The contents of the store in files, written by its owner; true if that is a running service.
fn dumped(state_dir: &Path) -> anyhow::Result<(StoreDump, bool)> {
    match store_owner(state_dir)? {
        StoreOwner::Nobody(store) => {
            let dump = store.dump()?;
            store.finish()?;
            Ok((dump, false))
        }
        StoreOwner::Service => {
            let DumpedOut { folder, schema, entries } = ask_for(state_dir, &Command::Backup)?;
            Ok((StoreDump { folder, schema, entries }, true))
        }
    }
}

fn write(
    arguments: &BackupArgs,
    state_dir: &Path,
    dump: &StoreDump,
    passphrase: &str,
) -> Result<(BackupHeader, usize, u64), ArchiveError> {
    let config = arguments.common.options().load().ok();
    let device = config.map_or_else(|| "unknown".into(), |config| config.device.name);
    let created = rfc3339(SystemClock.now().wall_ns);
    let header = BackupHeader::new(dump.schema, &device, created, arguments.with_evidence);
    let target = std::path::absolute(&arguments.file)?;
    let unfinished = target
        .with_file_name(format!(".{}.unfinished", target.file_name().unwrap_or_default().to_string_lossy()));
    let result = (|| {
        let fail = |source| ArchiveError::File { path: unfinished.clone(), source };
        // One that was cut short may be there. A link that somebody left there is not followed.
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
            _ => {}
        }
        let file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished).map_err(fail)?;
        let mut writer = BackupWriter::begin(io::BufWriter::new(file), passphrase, &header)?;
        let passphrase_file =
            arguments.common.passphrase_file.as_ref().and_then(|file| file.canonicalize().ok());
        for (name, path) in parts(arguments, state_dir, dump)? {
            let own = path == unfinished || path == target;
            if !own && (passphrase_file.is_none() || path.canonicalize().ok() != passphrase_file) {
                let added = writer.add(&name, &path)?;
                if !added && name.starts_with("store/") {
                    // The service was started or stopped meanwhile, which removes the files.
                    let source =
                        io::Error::new(io::ErrorKind::NotFound, "it was removed meanwhile; try again");
                    return Err(ArchiveError::File { path, source });
                }
            }
        }
        let (out, parts) = writer.finish()?;
        let file = out.into_inner().map_err(|error| fail(error.into_error()))?;
        file.sync_all().map_err(fail)?;
        let bytes = file.metadata().map_err(fail)?.len();
        fs::rename(&unfinished, &target).map_err(fail)?;
        File::open(target.parent().unwrap_or(Path::new("/"))).and_then(|dir| dir.sync_all()).map_err(fail)?;
        Ok((header, parts, bytes))
    })();
    if result.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    result
}

/// Every file of the backup: the name of its part, and where it is.
fn parts(
    arguments: &BackupArgs,
    state_dir: &Path,
    dump: &StoreDump,
) -> Result<Vec<(String, PathBuf)>, ArchiveError> {
    let mut found = Vec::new();
    collect(&dump.folder, "store", 1, &|_, _| true, &mut found)?;
    let folders = FOLDERS.iter().chain(arguments.with_evidence.then_some(&EVIDENCE));
    let folders: Vec<&str> = folders.copied().collect();
    let belongs = |name: &str, is_dir: bool| match is_dir {
        true => folders.contains(&name),
        false => !name.starts_with('.') && !name.starts_with("store.") && !name.starts_with("restore."),
    };
    collect_top(state_dir, "state", &belongs, &mut found)?;
    if arguments.common.config.exists() {
        let config = std::path::absolute(&arguments.common.config)?;
        let state = std::path::absolute(state_dir)?;
        let outside = |path: &Path, _: bool| {
            let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            !path.starts_with(&state) && !hidden
        };
        collect(config.parent().unwrap_or(Path::new("/")), "config", DEEPEST, &outside, &mut found)?;
    }
    Ok(found)
}

/// The entries of the folder at the top that `belongs` takes by their names, and all that is below them.
fn collect_top(
    folder: &Path,
    name: &str,
    belongs: &dyn Fn(&str, bool) -> bool,
    found: &mut Vec<(String, PathBuf)>,
) -> Result<(), ArchiveError> {
    let folder = std::path::absolute(folder)?;
    let top = |path: &Path, is_dir: bool| {
        path.parent() != Some(&*folder)
            || belongs(&path.file_name().unwrap_or_default().to_string_lossy(), is_dir)
    };
    collect(&folder, name, DEEPEST, &top, found)
}

/// Plain files below `folder`, without links.
fn collect(
    folder: &Path,
    name: &str,
    depth: usize,
    belongs: &dyn Fn(&Path, bool) -> bool,
    found: &mut Vec<(String, PathBuf)>,
) -> Result<(), ArchiveError> {
    let fail = |source| ArchiveError::File { path: folder.to_owned(), source };
    let mut entries = fs::read_dir(folder).map_err(fail)?.collect::<io::Result<Vec<_>>>().map_err(fail)?;
    entries.sort_by_key(|entry| entry.file_name());
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type().map_err(fail)?);
        // A name that is no text is none of ours.
        let Some(own) = entry.file_name().to_str().map(|own| format!("{name}/{own}")) else { continue };
        if kind.is_file() && belongs(&path, false) {
            found.push((own, path));
        } else if kind.is_dir() && depth > 1 && belongs(&path, true) {
            collect(&path, &own, depth - 1, belongs, found)?;
        }
    }
    Ok(())
}

/// Reads the header and every part of the backup in `file`, into where `place` says.
fn extract(
    file: &Path,
    passphrase: &str,
    place: impl Fn(&Path) -> Option<PathBuf>,
) -> anyhow::Result<BackupHeader> {
    let input = File::open(file).with_context(|| format!("{} cannot be opened", file.display()))?;
    archive::extract(input, passphrase, crate::store::STORE_SCHEMA, place)
        .map_err(|source| BackupFault { file: file.to_owned(), source }.into())
}
