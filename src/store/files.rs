//! Files beside the store: written whole or not at all, and erased by overwriting.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::StoreError;

/// Ends the names of files that are still being written.
pub(super) const UNFINISHED: &str = ".unfinished";
/// Stored pictures show people and products, so only the service's user may read them.
const PRIVATE_DIR: u32 = 0o700;
const PRIVATE_FILE: u32 = 0o600;
static ZEROES: [u8; 64 << 10] = [0; 64 << 10];

/// Writes `dir/name` so that after a crash it is complete or absent, and certainly there when this returns.
///
/// # Errors
/// [`StoreError`], sorted by remedy; nothing of the file is left then.
pub fn write_whole(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let write = || make_dir(dir).and_then(|()| replace(dir, name, bytes));
    write().map_err(|error| StoreError::from_io(dir, error))
}

/// The same in an existing folder, with the system's own error.
pub fn replace(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    /// Distinguishes files that are written at the same time.
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let unfinished = dir.join(format!(".{name}.{}.{number}{UNFINISHED}", std::process::id()));
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(PRIVATE_FILE)
            .open(&unfinished)?;
        file.write_all(bytes)?;
        adopt(dir, &file)?;
        file.sync_all()?;
        fs::rename(&unfinished, dir.join(name))?;
        sync_dir(dir)
    };
    write().inspect_err(|_| drop(fs::remove_file(&unfinished)))
}

/// Gives a file that root has created in another user's folder to that user, because the service has to read
/// what `sudo ocellus` writes.
fn adopt(dir: &Path, file: &File) -> io::Result<()> {
    let owner = fs::metadata(dir)?;
    if rustix::process::geteuid().is_root() && owner.uid() != 0 {
        std::os::unix::fs::fchown(file, Some(owner.uid()), Some(owner.gid()))?;
    }
    Ok(())
}

/// Creates the folder and missing parents, readable by their owner alone.
pub fn make_dir(dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(PRIVATE_DIR).create(dir)
}

/// Removes other users' access to the state directory `dir` and to the files of the `store` in it: earlier
/// versions created them with the umask of the time. A directory that is open to a group stays open to it;
/// one that others share (`/tmp`, or a folder with other files in it) is left unchanged.
pub(super) fn make_private(dir: &Path, store: &Path) -> io::Result<()> {
    const OTHERS: u32 = 0o007;
    const STICKY: u32 = 0o1000;
    let found = fs::metadata(dir)?;
    let mode = found.permissions().mode();
    let own = found.uid() == rustix::process::geteuid().as_raw();
    let ours = store.is_dir()
        || fs::read_dir(dir)?.flatten().all(|entry| entry.path() == store.with_extension("lock"));
    if mode & OTHERS != 0 && mode & STICKY == 0 && own && ours {
        fs::set_permissions(dir, Permissions::from_mode(PRIVATE_DIR))?;
    }
    let files = [dir, store].into_iter().filter_map(|folder| fs::read_dir(folder).ok());
    for entry in files.flatten().flatten() {
        let mode = entry.metadata()?.permissions().mode();
        if ours && own && entry.file_type()?.is_file() && mode & OTHERS != 0 {
            fs::set_permissions(entry.path(), Permissions::from_mode(PRIVATE_FILE))?;
        }
    }
    Ok(())
}

/// Makes what was renamed or removed in `dir` durable.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Overwrites the file (or every file of the folder) with zeroes on disk, and removes it. A missing file is
/// not an error. Returns how many bytes were overwritten.
///
/// A file system that does not write in place (copy-on-write, wear levelling of flash) may keep the old
/// blocks for a while; where that matters, the disk must be encrypted.
pub(super) fn wipe(path: &Path) -> io::Result<u64> {
    let kind = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        kind => kind?.file_type(),
    };
    if kind.is_dir() {
        let mut bytes = 0;
        for entry in fs::read_dir(path)? {
            bytes += wipe(&entry?.path())?;
        }
        return fs::remove_dir(path).map(|()| bytes);
    }
    let bytes = if kind.is_file() { overwrite(path)? } else { 0 };
    fs::remove_file(path).map(|()| bytes)
}

fn overwrite(path: &Path) -> io::Result<u64> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    let bytes = file.metadata()?.len();
    let mut left = bytes;
    while left > 0 {
        let part = left.min(ZEROES.len() as u64);
        file.write_all(&ZEROES[..part as usize])?;
        left -= part;
    }
    file.sync_all()?;
    Ok(bytes)
}
