//! Files beside the store: written whole or not at all, and erased by overwriting.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::StoreError;

/// Ends the names of files that are still being written.
pub(super) const UNFINISHED: &str = ".unfinished";
static ZEROES: [u8; 64 << 10] = [0; 64 << 10];

/// Writes `dir/name` so that after a crash it is there whole or not at all, and surely there when this returns.
///
/// # Errors
/// [`StoreError`], sorted by remedy; nothing of the file is left then.
pub fn write_whole(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let write = || fs::create_dir_all(dir).and_then(|()| replace(dir, name, bytes));
    write().map_err(|error| StoreError::from_io(dir, error))
}

/// The same in a folder that is there, with the system's own error.
pub fn replace(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    /// Tells files apart that are written at once.
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let unfinished = dir.join(format!(".{name}.{}.{number}{UNFINISHED}", std::process::id()));
    let write = || {
        let mut file = File::create(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, dir.join(name))?;
        sync_dir(dir)
    };
    write().inspect_err(|_| drop(fs::remove_file(&unfinished)))
}

/// Makes what was renamed or removed in `dir` durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Overwrites the file (or every file of the folder) with zeroes, on the disk, and removes it. What is gone already is
/// no error. Returns how many bytes were overwritten.
///
/// A file system that writes elsewhere than where it read (copy-on-write, the wear levelling of flash) may keep the old
/// blocks for a while: where that matters, the disk has to be encrypted.
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
