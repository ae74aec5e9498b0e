//! Allows one process to use the store. A rewriting replaces the file that sled locks; this lock stays.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::StoreError;

const LOOK: Duration = Duration::from_millis(20);

/// The lock, held until it is dropped.
pub(super) struct Lock {
    _dir: File,
    /// The lock file that other versions of this program check.
    _file: Option<File>,
}

/// Takes the lock of the store in `path`, and waits for it at most `patience`. It locks the directory around
/// it, which needs no space, and, if possible, a file beside the store.
pub(super) fn take(path: &Path, patience: Duration) -> Result<Lock, StoreError> {
    let fail = |error| StoreError::from_io(path, error);
    let around = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let dir = File::open(around).map_err(fail)?;
    if !wait_for(&dir, patience).map_err(fail)? {
        return Err(StoreError::Locked { path: path.into() });
    }
    let beside = path.with_extension("lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(beside);
    let file = match file.map_err(fail) {
        Ok(file) => Some(file),
        Err(error @ StoreError::ReadOnly { .. }) => return Err(error),
        // If the disk is full, or something else is in its place, the directory's lock is enough.
        Err(_) => None,
    };
    match &file {
        Some(file) if !wait_for(file, patience).map_err(fail)? => {
            Err(StoreError::Locked { path: path.into() })
        }
        _ => Ok(Lock { _dir: dir, _file: file }),
    }
}

/// Takes the same lock without waiting and without creating anything, for a moment of looking.
pub(super) fn probe(path: &Path) -> Result<Lock, StoreError> {
    let fail = |error| StoreError::from_io(path, error);
    let around = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let dir = File::open(around).map_err(fail)?;
    let file = File::open(path.with_extension("lock")).ok();
    for held in [Some(&dir), file.as_ref()].into_iter().flatten() {
        if !wait_for(held, Duration::ZERO).map_err(fail)? {
            return Err(StoreError::Locked { path: path.into() });
        }
    }
    Ok(Lock { _dir: dir, _file: file })
}

/// Waits until no thread has sled's file `db` in `path` open: sled's threads release it a moment after a
/// drop.
pub(super) fn await_release(path: &Path, patience: Duration) -> Result<(), StoreError> {
    let file = File::open(path.join("db")).map_err(|error| StoreError::from_io(path, error))?;
    if wait_for(&file, patience).map_err(|error| StoreError::from_io(path, error))? {
        return Ok(());
    }
    Err(StoreError::Busy { path: path.into() })
}

fn wait_for(file: &File, patience: Duration) -> std::io::Result<bool> {
    let deadline = Instant::now() + patience;
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(true),
            Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < deadline => std::thread::sleep(LOOK),
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(false),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
