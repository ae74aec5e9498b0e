//! Looks at a store that no service holds, for `ocellus doctor`: nothing in the state directory is changed. sled cannot
//! open a store without writing to it, so a copy is opened.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::database::open_sled;
use super::high_water::HighWater;
use super::open::{MARK, NAME};
use super::{StoreError, audit, files, lock, migrate};

/// A larger store is not copied: the copy would take longer than a person waits.
const MOST_BYTES: u64 = 512 << 20;
/// The copy must leave this much room where it is made.
const SPARE_BYTES: u64 = 64 << 20;
/// Writes of a disk whose median counts, and bytes of each.
const WRITES: usize = 5;
const WRITE_BYTES: usize = 4 << 10;

/// What was found of a sound store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreFacts {
    /// There is none yet.
    None,
    /// Every entry can be read.
    Sound {
        /// How many entries there are.
        entries: u64,
        /// Bytes of its files.
        bytes: u64,
    },
    /// It was not read whole, because there is no room for a copy of its bytes.
    TooLarge {
        /// Bytes of its files.
        bytes: u64,
    },
}

/// Checks that no process holds the state directory `dir`, creating nothing.
///
/// # Errors
/// [`StoreError::Locked`] while one does; those of the disk.
pub fn check_free(dir: &Path) -> Result<(), StoreError> {
    lock::probe(&dir.join(NAME)).map(drop)
}

/// Reads the store of the state directory `dir`, which no service may hold: its files are complete, and every entry can
/// be read.
///
/// # Errors
/// [`StoreError`] as an opening would give it, before anything is set aside.
pub fn examine(dir: &Path) -> Result<StoreFacts, StoreError> {
    let path = dir.join(NAME);
    let fail = |error| StoreError::from_io(&path, error);
    let damaged = |cause: String| StoreError::Damaged { path: path.clone(), cause };
    migrate::refuse_newer_mark(&path, &path.join(MARK))?;
    let begun = HighWater::open(dir).read(|record| record.begun);
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !begun => return Ok(StoreFacts::None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(damaged("it is gone".into())),
        Err(error) => return Err(fail(error)),
        Ok(_) => {}
    }
    if !path.is_dir() {
        return Err(damaged("it is not a directory".into()));
    }
    let bytes = bytes_of(&path).map_err(fail)?;
    let Some(scratch) = Scratch::for_bytes(bytes) else { return Ok(StoreFacts::TooLarge { bytes }) };
    let copy = scratch.0.join(NAME);
    {
        // Held for the copy alone, so that a service that starts meanwhile waits for a moment only.
        let _held = lock::probe(&path)?;
        audit::check_whole(&path, &HighWater::open(dir))?;
        copy_dir(&path, &copy).map_err(fail)?;
    }
    let entries = read_copy(&copy, dir).map_err(|error| in_place(error, &path))?;
    Ok(StoreFacts::Sound { entries, bytes })
}

/// Writes a few small blocks in the folder `dir` and waits until each is on the disk, as the outbox does. Returns the
/// median of the times; nothing is left.
///
/// # Errors
/// [`StoreError`], sorted by remedy: read-only, full.
pub fn measure_writes(dir: &Path) -> Result<Duration, StoreError> {
    let path = dir.join(format!(".doctor-{}", std::process::id()));
    let write = || -> io::Result<Duration> {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let mut times = Vec::with_capacity(WRITES);
        for _ in 0..WRITES {
            let begun = Instant::now();
            file.write_all(&[0; WRITE_BYTES])?;
            file.sync_data()?;
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        Ok(times[WRITES / 2])
    };
    let written = write();
    let _ = fs::remove_file(&path);
    written.map_err(|error| StoreError::from_io(&dir.join(NAME), error))
}

/// Opens the copy and reads all of it, and compares it with the numbers in the state directory `dir`.
fn read_copy(copy: &Path, dir: &Path) -> Result<u64, StoreError> {
    let fail = |error| StoreError::from_sled(copy, error);
    let db = open_sled(copy)?;
    let known = migrate::schema_of(&db.open_tree("meta").map_err(fail)?).map_err(fail)?;
    migrate::refuse_newer(copy, known)?;
    if known.is_none() && copy.join(MARK).exists() {
        return Err(StoreError::Damaged { path: copy.into(), cause: "its schema version is gone".into() });
    }
    audit::read_all(&db, copy)?;
    if known.is_some() {
        audit::compare(&db, copy, &HighWater::open(dir))?;
    }
    let trees = db.tree_names();
    trees.iter().map(|name| Ok(db.open_tree(name).map_err(fail)?.len() as u64)).sum()
}

/// The error of the copy as one of the store at `path`.
fn in_place(error: StoreError, path: &Path) -> StoreError {
    match error {
        StoreError::Damaged { cause, .. } => StoreError::Damaged { path: path.into(), cause },
        StoreError::Newer { found, known, .. } => StoreError::Newer { path: path.into(), found, known },
        other => other,
    }
}

/// A folder for a copy, which only this user may read; overwritten and removed when dropped, because people's faces are
/// in it.
struct Scratch(PathBuf);

impl Scratch {
    /// A folder with room for a copy of `bytes`, if there is one.
    fn for_bytes(bytes: u64) -> Option<Scratch> {
        let around = std::env::temp_dir();
        let facts = rustix::fs::statvfs(&around).ok()?;
        let free = facts.f_bavail.saturating_mul(facts.f_frsize);
        if bytes > MOST_BYTES || free < bytes.saturating_add(SPARE_BYTES) {
            return None;
        }
        let mut chance = [0; 8];
        getrandom::fill(&mut chance).ok()?;
        let name = format!("ocellus-doctor-{:016x}", u64::from_ne_bytes(chance));
        let folder = around.join(name);
        fs::DirBuilder::new().mode(0o700).create(&folder).ok()?;
        Some(Scratch(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = files::wipe(&self.0) {
            tracing::warn!("{} cannot be removed: {error}", self.0.display());
        }
    }
}

fn bytes_of(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let facts = entry.metadata()?;
        bytes += if facts.is_dir() { bytes_of(&entry.path())? } else { facts.len() };
    }
    Ok(bytes)
}

/// Copies plain files and folders.
fn copy_dir(from: &Path, to: &Path) -> io::Result<()> {
    files::make_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else if kind.is_file() {
            let mut out = File::create_new(&target)?;
            io::copy(&mut File::open(entry.path())?, &mut out)?;
        }
    }
    Ok(())
}
