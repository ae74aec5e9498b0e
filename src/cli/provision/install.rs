//! Writes the files of a provisioning whole or not at all, also if the power fails.
//!
//! ```text
//! every file beside its place ▶ list of moves beside the configuration ▶ moves ▶ list removed
//! └─ cut short: removed by the next run ─┘└── cut short: finished by the next run ──┘
//! ```
//! The list lies beside the configuration, not in the state directory: root follows it, and the service's user
//! must not be able to write it.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::service::ProvisionRecord;
use crate::store::{make_dir, replace, sync_dir};

/// The list of moves, beside the configuration.
const MOVES: &str = ".provision.moves";
/// Ends the names of files that are not in their places yet.
const STAGED: &str = ".provision";
/// Group of the service, which reads the configuration.
const GROUP: &str = "ocellus";
/// Beside the configuration: root writes, the service's group reads.
const CONFIG_FILE: u32 = 0o640;
const CONFIG_DIR: u32 = 0o750;
/// In the state directory: its owner alone.
const STATE_FILE: u32 = 0o600;

/// A file that a provisioning writes.
#[derive(Clone)]
pub(super) struct NewFile {
    pub(super) to: PathBuf,
    pub(super) bytes: Vec<u8>,
}

/// Why the files could not be written, or not all moved to their places.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum InstallError {
    /// A file cannot be written; everything is as before.
    #[error("{} cannot be written ({source}), nothing was applied; run this as root on a disk with space", .path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A file cannot be moved to its place.
    #[error("{} cannot be moved to its place ({source}); the next `ocellus provision` finishes it", .path.display())]
    Move {
        /// The place of the file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The list of moves is damaged.
    #[error("{} of an interrupted provisioning is damaged ({source}); remove it, and provision again", .path.display())]
    Moves {
        /// The list of moves.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

#[derive(Serialize, Deserialize)]
struct Move {
    from: PathBuf,
    to: PathBuf,
}

/// Writes `files`, in their order.
///
/// # Errors
/// [`InstallError::Write`]: everything is as before. [`InstallError::Move`]: [`finish`] completes it.
pub(super) fn install(config_file: &Path, state_dir: &Path, files: &[NewFile]) -> Result<(), InstallError> {
    let home = config_file.parent().unwrap_or(Path::new("/"));
    let group = prepare(home).map_err(|source| InstallError::Write { path: home.into(), source })?;
    make_dir(state_dir).map_err(|source| InstallError::Write { path: state_dir.into(), source })?;
    let mut moves = Vec::new();
    let staged = files.iter().try_for_each(|file| {
        let from = beside(&file.to);
        moves.push(Move { from: from.clone(), to: file.to.clone() });
        let stage = || match file.to.parent() == Some(home) {
            true => stage(&from, &file.bytes, CONFIG_FILE, owner(home).map(|(user, _)| (user, group))),
            false => {
                let folder = file.to.parent().unwrap_or(Path::new("/"));
                make_dir(folder)?;
                stage(&from, &file.bytes, STATE_FILE, owner(folder))
            }
        };
        stage().map_err(|source| InstallError::Write { path: file.to.clone(), source })
    });
    let list = home.join(MOVES);
    let decided = staged.and_then(|()| {
        decide(home, &moves).map_err(|source| InstallError::Write { path: list.clone(), source })
    });
    if let Err(error) = decided {
        let _ = fs::remove_file(&list);
        moves.iter().for_each(|one| drop(fs::remove_file(&one.from)));
        let _ = fs::remove_file(beside(&list));
        return Err(error);
    }
    follow(&list, &moves)
}

/// Moves finished files, each from beside its place, into the folder `home`, all or none: an interrupted move is
/// finished by the next provisioning.
///
/// # Errors
/// [`InstallError::Write`]: none was moved. [`InstallError::Move`]: [`finish`] completes it.
pub(in crate::cli) fn move_all(home: &Path, moves: Vec<(PathBuf, PathBuf)>) -> Result<(), InstallError> {
    let moves: Vec<Move> = moves.into_iter().map(|(from, to)| Move { from, to }).collect();
    for folder in moves.iter().filter_map(|one| one.to.parent()).filter(|folder| !folder.exists()) {
        let made = DirBuilder::new().recursive(true).mode(CONFIG_DIR).create(folder);
        let own = made.and_then(|()| match is_root() {
            true => owner(home)
                .and_then(|(user, group)| std::os::unix::fs::chown(folder, Some(user), Some(group))),
            false => Ok(()),
        });
        own.map_err(|source| InstallError::Write { path: folder.into(), source })?;
    }
    let list = home.join(MOVES);
    decide(home, &moves).map_err(|source| InstallError::Write { path: list.clone(), source })?;
    follow(&list, &moves)
}

/// Writes the list of moves: from here on they are to be done.
fn decide(home: &Path, moves: &[Move]) -> io::Result<()> {
    let list = home.join(MOVES);
    let begun = beside(&list);
    stage(&begun, &serde_json::to_vec(moves)?, STATE_FILE, owner(home))?;
    fs::rename(&begun, &list)?;
    sync_dir(home)
}

/// Finishes a provisioning that was interrupted; true if there was one. What was not yet decided is removed.
///
/// # Errors
/// [`InstallError::Move`] and [`InstallError::Moves`].
pub(super) fn finish(config_file: &Path, state_dir: &Path) -> Result<bool, InstallError> {
    let home = config_file.parent().unwrap_or(Path::new("/"));
    let list = home.join(MOVES);
    let bytes = match fs::read(&list) {
        Ok(bytes) => bytes,
        Err(_) => {
            remove_staged(home);
            remove_staged(state_dir);
            return Ok(false);
        }
    };
    let moves: Vec<Move> = serde_json::from_slice(&bytes)
        .map_err(|source| InstallError::Moves { path: list.clone(), source })?;
    follow(&list, &moves)?;
    Ok(true)
}

fn follow(list: &Path, moves: &[Move]) -> Result<(), InstallError> {
    for Move { from, to } in moves {
        let moved = match fs::rename(from, to) {
            // An earlier run has moved it.
            Err(error) if error.kind() == io::ErrorKind::NotFound && to.exists() => Ok(()),
            moved => moved,
        };
        let synced = moved.and_then(|()| to.parent().map_or(Ok(()), sync_dir));
        synced.map_err(|source| InstallError::Move { path: to.clone(), source })?;
    }
    fs::remove_file(list)
        .and_then(|()| list.parent().map_or(Ok(()), sync_dir))
        .map_err(|source| InstallError::Move { path: list.to_owned(), source })
}

/// Records how a provisioning ended, in the state directory `dir`.
pub(super) fn write_record(dir: &Path, record: &ProvisionRecord) -> io::Result<()> {
    make_dir(dir)?;
    let path = ProvisionRecord::path(dir);
    replace(dir, &path.file_name().unwrap_or_default().to_string_lossy(), &record.to_bytes())
}

/// Creates the configuration's folder if it is missing. Returns the group that its files get.
pub(in crate::cli) fn prepare(home: &Path) -> io::Result<u32> {
    let fresh = !home.exists();
    if fresh {
        DirBuilder::new().recursive(true).mode(CONFIG_DIR).create(home)?;
    }
    let group = fs::metadata(home)?.gid();
    let service = || fs::read_to_string("/etc/group").ok().and_then(|text| group_id(&text, GROUP));
    let group = if group == 0 { service().unwrap_or(group) } else { group };
    if fresh && is_root() {
        std::os::unix::fs::chown(home, None, Some(group))?;
    }
    Ok(group)
}

/// The number of the group `name` in the text of /etc/group.
fn group_id(text: &str, name: &str) -> Option<u32> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split(':').nth(1)?.parse().ok()
}

/// Who owns `folder`: user and group.
fn owner(folder: &Path) -> io::Result<(u32, u32)> {
    fs::metadata(folder).map(|found| (found.uid(), found.gid()))
}

/// Writes a file that only its owners can read at any moment, down to the disk.
fn stage(path: &Path, bytes: &[u8], mode: u32, owner: io::Result<(u32, u32)>) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Never follows a link that somebody left there.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(STATE_FILE).open(path)?;
    if is_root() {
        let (user, group) = owner?;
        fchown(&file, Some(user), Some(group))?;
    }
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}{STAGED}"))
}

fn remove_staged(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(STAGED) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(to: &Path, text: &str) -> NewFile {
        NewFile { to: to.to_owned(), bytes: text.into() }
    }

    #[test]
    fn an_interrupted_provisioning_is_finished_or_has_never_been() {
        let dir = tempfile::tempdir().unwrap();
        let (home, state) = (dir.path().join("etc"), dir.path().join("state"));
        let (config, users) = (home.join("ocellus.toml"), state.join("users"));
        install(&config, &state, &[file(&users, "old"), file(&config, "old")]).unwrap();
        assert!(!finish(&config, &state).unwrap(), "nothing was interrupted");
        // The power failed before the decision: staged files are all there is.
        stage(&beside(&users), b"new", STATE_FILE, owner(&state)).unwrap();
        assert!(!finish(&config, &state).unwrap());
        assert_eq!(fs::read_to_string(&users).unwrap(), "old");
        assert_eq!((fs::read_dir(&home).unwrap().count(), fs::read_dir(&state).unwrap().count()), (1, 1));
        // After the decision, with one of two files moved.
        stage(&beside(&config), b"new", CONFIG_FILE, owner(&home)).unwrap();
        fs::write(&users, "new").unwrap();
        let moves = [(&users, beside(&users)), (&config, beside(&config))];
        let moves: Vec<_> = moves.map(|(to, from)| Move { from, to: to.clone() }).into();
        fs::write(home.join(MOVES), serde_json::to_vec(&moves).unwrap()).unwrap();
        assert!(finish(&config, &state).unwrap());
        assert_eq!(fs::read_to_string(&config).unwrap(), "new");
        assert_eq!((fs::read_dir(&home).unwrap().count(), fs::read_dir(&state).unwrap().count()), (1, 1));
    }

    #[test]
    fn what_cannot_be_written_leaves_everything_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let (home, state) = (dir.path().join("etc"), dir.path().join("state"));
        let config = home.join("ocellus.toml");
        install(&config, &state, &[file(&config, "old")]).unwrap();
        // A folder stands where the second file would be staged.
        let users = state.join("users");
        fs::create_dir_all(beside(&users).join("full")).unwrap();
        let error = install(&config, &state, &[file(&config, "new"), file(&users, "new")]).unwrap_err();
        assert!(
            matches!(error, InstallError::Write { .. }) && error.to_string().contains("users"),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&config).unwrap(), "old");
        assert_eq!(fs::read_dir(&home).unwrap().count(), 1);
    }

    #[test]
    fn the_group_is_found_by_its_name() {
        let text = "root:x:0:\nocellus2:x:7:\nocellus:x:998:anna\n";
        assert_eq!((group_id(text, GROUP), group_id("root:x:0:\n", GROUP)), (Some(998), None));
    }
}
