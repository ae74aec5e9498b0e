//! One process has the store. sled locks its own file, which a rewriting takes away from under it; this lock stays.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::StoreError;

const LOOK: Duration = Duration::from_millis(20);

/// Takes the lock beside the store in `path`, held until the file is closed; waits for it at most `patience`.
pub(super) fn take(path: &Path, patience: Duration) -> Result<File, StoreError> {
    let beside = path.with_extension("lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(beside);
    let file = file.map_err(|error| StoreError::from_io(path, error))?;
    if wait_for(&file, patience).map_err(|error| StoreError::from_io(path, error))? {
        return Ok(file);
    }
    Err(StoreError::Locked { path: path.into() })
}

/// Waits until nobody has sled's file `db` in `path` open: its own threads let go of it a moment after a drop.
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
