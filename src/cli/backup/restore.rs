//! `ocellus restore`: reads a backup whole, checks all of it, and only then puts it in place of what is there.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use serde_json::json;

use super::super::provision::install;
use super::{BackupCommon, BackupHeader, extract};
use crate::cli::{CliOutput, output};
use crate::store::{
    abandon_restore, begin_restore, finish_restore, lock_state, make_dir, rebuild, remove_dump,
};
use crate::types::{Clock, SystemClock, rfc3339};

/// Beside the configuration, until all of it was checked.
const STAGED_CONFIG: &str = ".restore.new";

/// The service must not run. What is there now is kept in the folder before-restore-DATE of the state directory.
#[derive(Debug, Args)]
pub(in crate::cli) struct RestoreArgs {
    /// The file that `ocellus backup` wrote.
    file: PathBuf,
    #[command(flatten)]
    common: BackupCommon,
    /// Leave the configuration as it is.
    #[arg(long)]
    without_config: bool,
    /// Only read and check the backup.
    #[arg(long)]
    check: bool,
}

pub(in crate::cli) fn run(arguments: &RestoreArgs) -> anyhow::Result<()> {
    output::output(arguments.common.json, outcome(arguments))
}

fn outcome(arguments: &RestoreArgs) -> anyhow::Result<CliOutput> {
    let passphrase = arguments.common.passphrase(false)?;
    if arguments.check {
        let header = extract(&arguments.file, &passphrase, |_| None)?;
        let words = format!("{}: whole; {}", arguments.file.display(), described(&header));
        return Ok(CliOutput::new(words, json!({ "ok": true, "header": header })));
    }
    let state_dir = arguments.common.options().state_dir();
    let config = std::path::absolute(&arguments.common.config)?;
    let home = config.parent().unwrap_or(Path::new("/")).to_owned();
    make_dir(&state_dir).with_context(|| format!("{} cannot be made", state_dir.display()))?;
    let _lock = lock_state(&state_dir)?;

    let staged_config = home.join(STAGED_CONFIG);
    let staged = stage(arguments, &passphrase, &state_dir, &home);
    let (header, configs) = match staged {
        Ok(staged) => staged,
        Err(error) => {
            let _ = (abandon_restore(&state_dir), fs::remove_dir_all(&staged_config));
            return Err(error.context("nothing was changed"));
        }
    };
    let aside = aside_name();
    keep_config(&state_dir.join(&aside), &home, &configs)
        .context("the present configuration cannot be kept aside; nothing was changed")?;
    finish_restore(&state_dir, &aside).with_context(|| {
        format!("{} was not replaced to its end; start the service, which finishes it", state_dir.display())
    })?;
    let moves = configs.iter().map(|own| (staged_config.join(own), home.join(own)));
    install::move_all(&home, moves.collect()).context("the state is restored, the configuration is not")?;
    let _ = fs::remove_dir_all(&staged_config);

    let kept = state_dir.join(&aside);
    let words = format!(
        "restored {}: {}\nwhat was there before is in {}\nnext: ocellus check --config {}, then start the service; remove that folder \
         when all is well",
        arguments.file.display(),
        described(&header),
        kept.display(),
        config.display()
    );
    let json = json!({ "ok": true, "header": header, "before": kept, "config_files": configs.len() });
    Ok(CliOutput::new(words, json))
}

fn described(header: &BackupHeader) -> String {
    format!("device {}, of {}, written by version {}", header.device, header.created_at, header.version)
}

/// Writes all parts beside their places and checks them. Returns the names of the configuration's files.
fn stage(
    arguments: &RestoreArgs,
    passphrase: &str,
    state_dir: &Path,
    home: &Path,
) -> anyhow::Result<(BackupHeader, Vec<PathBuf>)> {
    let folder = begin_restore(state_dir)?;
    let staged_config = home.join(STAGED_CONFIG);
    let with_config = !arguments.without_config;
    if with_config {
        install::prepare(home)?;
    }
    match fs::remove_dir_all(&staged_config) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let (dump, configs) = (folder.join("backup.parts"), std::cell::RefCell::new(Vec::new()));
    let place = |name: &Path| {
        let own = |top: &str| name.strip_prefix(top).ok();
        if let Some(own) = own("state") {
            return Some(folder.join(own));
        }
        if let Some(own) = own("store") {
            return Some(dump.join(own));
        }
        let own = own("config").filter(|_| with_config)?;
        configs.borrow_mut().push(own.to_owned());
        Some(staged_config.join(own))
    };
    let header = extract(&arguments.file, passphrase, place)?;
    rebuild(&folder, &dump, state_dir)?;
    remove_dump(&folder)?;
    match fs::remove_file(folder.join("store.lock")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    give_away(&folder, state_dir, 0o700, 0o600)?;
    if staged_config.exists() {
        give_away(&staged_config, home, 0o750, 0o640)?;
    }
    Ok((header, configs.into_inner()))
}

/// Gives all below `folder` the owner of `like`, and these modes.
fn give_away(folder: &Path, like: &Path, dirs: u32, files: u32) -> io::Result<()> {
    let owner = fs::metadata(like)?;
    let root = rustix::process::geteuid().is_root();
    let own = |path: &Path, mode: u32| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        if root { chown(path, Some(owner.uid()), Some(owner.gid())) } else { Ok(()) }
    };
    own(folder, dirs)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => give_away(&entry.path(), like, dirs, files)?,
            false => own(&entry.path(), files)?,
        }
    }
    Ok(())
}

/// Copies the files that the restored configuration replaces.
fn keep_config(aside: &Path, home: &Path, names: &[PathBuf]) -> io::Result<()> {
    make_dir(aside)?;
    for name in names.iter().filter(|name| home.join(name).is_file()) {
        let to = aside.join("config").join(name);
        make_dir(to.parent().unwrap_or(aside))?;
        fs::copy(home.join(name), &to)?;
        fs::set_permissions(&to, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

fn aside_name() -> String {
    let now = rfc3339(SystemClock.now().wall_ns);
    let date: String = now.chars().take_while(|c| *c != '.').filter(char::is_ascii_alphanumeric).collect();
    format!("before-restore-{date}Z")
}

#[cfg(test)]
mod tests {
    use super::super::BackupWriter;
    use super::*;

    #[test]
    fn a_backup_of_a_later_layout_is_refused_with_its_version_and_nothing_is_touched() {
        let dir = tempfile::tempdir().unwrap();
        let (state, home) = (dir.path().join("state"), dir.path().join("etc"));
        for folder in [&state, &home] {
            fs::create_dir(folder).unwrap();
        }
        fs::write(state.join("users"), "old").unwrap();
        fs::write(dir.path().join("secret"), "correct horse battery").unwrap();
        fs::write(dir.path().join("part"), "new").unwrap();
        let mut header = BackupHeader::new(1, "box1", "2026-11-29T00:00:00Z".into(), false);
        (header.format, header.version) = (2, "9.9.9".into());
        let file = dir.path().join("box.backup");
        let out = fs::File::create(&file).unwrap();
        let mut writer = BackupWriter::begin(out, "correct horse battery", &header).unwrap();
        writer.add("state/users", &dir.path().join("part")).unwrap();
        writer.finish().unwrap();

        for check in [true, false] {
            let common = BackupCommon {
                passphrase_file: Some(dir.path().join("secret")),
                config: home.join("ocellus.toml"),
                state_dir: Some(state.clone()),
                json: false,
            };
            let arguments = RestoreArgs { file: file.clone(), common, without_config: false, check };
            let Err(error) = outcome(&arguments) else { panic!("it is refused") };
            let said = format!("{error:#}");
            for word in
                ["version 9.9.9 wrote it", "layout 2", "this program knows layout 1", "install that version"]
            {
                assert!(said.contains(word), "{said}");
            }
        }
        assert_eq!(fs::read_to_string(state.join("users")).unwrap(), "old");
        assert!(!state.join("restore.new").exists() && fs::read_dir(&home).unwrap().next().is_none());
    }
}
