//! The file of the users: read again when it has changed, written completely or not at all.

use std::fs::{self, DirBuilder, File, Metadata, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::config::users::{self, User, UsersError};

/// The file is checked for changes at most this often.
const LOOK_NS: u64 = 250_000_000;

/// Why the users could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum UsersFileError {
    /// The existing file cannot be read.
    #[error(transparent)]
    Read(#[from] UsersError),
    /// The new file cannot be written.
    #[error("{} cannot be written: {source}; you must be allowed to write into its folder", .path.display())]
    Write {
        /// The file of the users.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The change concerns a user who is not in the file.
    #[error(transparent)]
    Unknown(#[from] UnknownUser),
}

/// No user has the name that was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no user {name:?}; there are: {known}")]
pub struct UnknownUser {
    /// The name that was given.
    pub name: String,
    /// The names of all users, separated by commas.
    pub known: String,
}

/// Applies `change` to the users in the file at `path`. The new file replaces the old one atomically, is
/// readable by its owner only, and gets the owner of the old one (or of its folder).
///
/// # Errors
/// [`UsersFileError`]; the old file stays as it is.
pub fn change_users(
    path: &Path,
    change: impl FnOnce(&mut Vec<User>) -> Result<(), UnknownUser>,
) -> Result<Vec<User>, UsersFileError> {
    let mut known = users::read(path)?;
    change(&mut known)?;
    let fault = |source| UsersFileError::Write { path: path.to_owned(), source };
    write(path, &users::text(&known)).map_err(fault)?;
    Ok(known)
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // On a new device there is no state directory yet; systemd gives it to the service's user at the start.
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let owner = fs::metadata(path).or_else(|_| fs::metadata(folder))?;
    let fresh = path.with_file_name(format!(
        ".{}.{}",
        path.file_name().unwrap_or_default().to_string_lossy(),
        std::process::id()
    ));
    let written = fill(&fresh, text, &owner).and_then(|()| fs::rename(&fresh, path));
    if written.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    written?;
    File::open(folder)?.sync_all()
}

fn fill(path: &Path, text: &str, owner: &Metadata) -> std::io::Result<()> {
    let _ = fs::remove_file(path);
    let mut file = File::create_new(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    // Root created it, and the service's user must read it.
    if rustix::process::geteuid().is_root() {
        fchown(&file, Some(owner.uid()), Some(owner.gid()))?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Identity, time and size of the file, which change with its content.
type FileStamp = Option<(u64, i64, i64, u64)>;

#[derive(Debug)]
struct SeenFile {
    looked_ns: Option<u64>,
    stamp: FileStamp,
    users: Result<Arc<[User]>, Arc<UsersError>>,
}

/// The users, as the file lists them.
#[derive(Debug)]
pub(super) struct Users {
    path: PathBuf,
    seen: Mutex<SeenFile>,
}

impl Users {
    pub(super) fn new(path: PathBuf) -> Users {
        let users = Ok(Arc::from([]));
        Users { path, seen: Mutex::new(SeenFile { looked_ns: None, stamp: None, users }) }
    }

    /// The current users, or why the file cannot be read.
    pub(super) fn now(&self, now_ns: u64) -> Result<Arc<[User]>, Arc<UsersError>> {
        let mut seen = self.seen.lock();
        if seen.looked_ns.is_none_or(|looked| now_ns.saturating_sub(looked) >= LOOK_NS) {
            let stamp = stamp(&self.path);
            if seen.looked_ns.is_none() || seen.stamp != stamp || seen.users.is_err() {
                seen.users = users::read(&self.path).map(Arc::from).map_err(Arc::new);
            }
            (seen.looked_ns, seen.stamp) = (Some(now_ns), stamp);
        }
        seen.users.clone()
    }
}

fn stamp(path: &Path) -> FileStamp {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.ino(), metadata.mtime(), metadata.mtime_nsec(), metadata.len()))
}
