//! Rewrites the store: sled keeps deleted values in its file, so permanent erasure needs a new file.
//!
//! ```text
//! copy to store.rewrite ▶ sync ▶ store → store.erased ▶ store.rewrite → store ▶ overwrite and remove store.erased
//! └── cut short: undone at the next opening ──┘└──────────── cut short: finished at the next opening ───────────┘
//! ```

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parking_lot::MutexGuard;

use super::database::open_sled;
use super::files::{sync_dir, wipe};
use super::open::{MARK, NAME};
use super::{Store, StoreError, lock};

/// The copy, until it replaces the store.
const REWRITE: &str = "store.rewrite";
/// The former store, until it is overwritten.
const ERASED: &str = "store.erased";
/// How long to wait for trees that are in use; each is held only briefly.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(5);
/// Entries copied at once.
const BATCH: usize = 512;

impl Store {
    /// Copies all live data into new files, swaps them in, and overwrites and removes the old ones; the keys
    /// `done` of the tree `meta` are not copied. Other users of the store wait meanwhile. Returns how many
    /// bytes were overwritten.
    ///
    /// A crash at any moment leaves the store intact: [`Store::open`] undoes or finishes what it finds.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if a part, such as the outbox's owner, holds a tree. Then, and if the disk
    /// refuses, the store is as before.
    pub(super) fn rewrite(&self, done: &[Vec<u8>]) -> Result<u64, StoreError> {
        let path = self.path();
        let mut held = self.unheld()?;
        let db = match held.take() {
            Some(db) => db,
            None => {
                let db = open_sled(path)?;
                self.identity.note(path);
                db
            }
        };
        let copy = path.with_file_name(REWRITE);
        let copied = wipe(&copy)
            .map_err(|error| StoreError::from_io(path, error))
            .and_then(|_| copy_all(&db, &copy, done))
            .and_then(|()| copy_marks(path, &copy).map_err(|error| StoreError::from_io(path, error)));
        if let Err(error) = copied {
            *held = Some(db);
            let _ = wipe(&copy);
            return Err(error);
        }
        // Its next use opens it again. sled's threads would write into the new files by their names.
        drop(db);
        lock::await_release(path, PATIENCE)?;
        swap(path).map_err(|error| StoreError::from_io(path, error))
    }

    /// Overwrites and removes the damaged stores that were set aside, because a single person cannot be
    /// removed from them. Returns how many there were.
    pub(super) fn wipe_set_aside(&self) -> Result<u64, StoreError> {
        let state_dir = self.path().parent().unwrap_or(Path::new("."));
        let wipe_all = || {
            let mut count = 0;
            for entry in fs::read_dir(state_dir)? {
                let entry = entry?;
                if entry.file_name().to_string_lossy().starts_with(&format!("{NAME}.corrupt")) {
                    wipe(&entry.path())?;
                    count += 1;
                }
            }
            io::Result::Ok(count)
        };
        wipe_all().map_err(|error| StoreError::from_io(self.path(), error))
    }

    /// The database, locked while no tree of it is held and none can be opened.
    fn unheld(&self) -> Result<MutexGuard<'_, Option<sled::Db>>, StoreError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let held = self.db();
            if self.holds().none() {
                return Ok(held);
            }
            // Released meanwhile, because the holder of a tree may need another one to finish.
            drop(held);
            if Instant::now() > deadline {
                return Err(StoreError::Busy { path: self.path().into() });
            }
            std::thread::sleep(LOOK);
        }
    }
}

/// Undoes or finishes an interrupted rewriting. Only the holder of the store's lock may call it.
pub(super) fn recover(path: &Path) -> io::Result<()> {
    let (copy, old) = (path.with_file_name(REWRITE), path.with_file_name(ERASED));
    if old.exists() && !path.exists() {
        // Between the two renames: the copy was complete before the first of them.
        fs::rename(if copy.exists() { &copy } else { &old }, path)?;
        sync_dir(&state_dir(path))?;
    }
    wipe(&old)?;
    wipe(&copy).map(drop)
}

fn swap(path: &Path) -> io::Result<u64> {
    let (copy, old) = (path.with_file_name(REWRITE), path.with_file_name(ERASED));
    let state_dir = state_dir(path);
    fs::rename(path, &old)?;
    sync_dir(&state_dir)?;
    fs::rename(&copy, path)?;
    sync_dir(&state_dir)?;
    let bytes = wipe(&old)?;
    sync_dir(&state_dir)?;
    Ok(bytes)
}

fn state_dir(path: &Path) -> PathBuf {
    path.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Copies every tree and compares the copy with the original.
fn copy_all(from: &sled::Db, to: &Path, done: &[Vec<u8>]) -> Result<(), StoreError> {
    let fail = |error| StoreError::from_sled(to, error);
    let new = open_sled(to)?;
    for name in from.tree_names() {
        let (source, target) = (from.open_tree(&name).map_err(fail)?, new.open_tree(&name).map_err(fail)?);
        copy_tree(&source, &target).map_err(fail)?;
        if source.checksum().map_err(fail)? != target.checksum().map_err(fail)? {
            let cause = format!("the copy of its tree {} differs", String::from_utf8_lossy(&name));
            return Err(StoreError::Damaged { path: to.into(), cause });
        }
    }
    let meta = new.open_tree("meta").map_err(fail)?;
    done.iter().try_for_each(|key| meta.remove(key).map(drop)).map_err(fail)?;
    new.flush().map_err(fail)?;
    drop((meta, new));
    lock::await_release(to, PATIENCE)
}

fn copy_tree(from: &sled::Tree, to: &sled::Tree) -> sled::Result<()> {
    let (mut batch, mut waiting) = (sled::Batch::default(), 0);
    for pair in from.iter() {
        let (key, value) = pair?;
        batch.insert(key, value);
        waiting += 1;
        if waiting == BATCH {
            to.apply_batch(std::mem::take(&mut batch))?;
            waiting = 0;
        }
    }
    to.apply_batch(batch)
}

/// Copies our own files beside sled's, the mark of a complete store last, and syncs all of it.
fn copy_marks(from: &Path, to: &Path) -> io::Result<()> {
    for name in [MARK] {
        match fs::copy(from.join(name), to.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            copied => drop(copied?),
        }
    }
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            File::open(entry.path())?.sync_all()?;
        }
    }
    sync_dir(to)
}
