//! Compares an opened store with the record beside it: if the store lacks numbers that the record knows, it
//! is not the same store any more, and a new one continues from the record.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::StoreError;
use super::attendance::last_number;
use super::high_water::{HighWater, StreamHigh};
use super::open::MARK;
use super::streams::{AHEAD, announce_lost, lowest_waiting, stored_seqs};

/// The counter for the numbers of attendance events.
pub(super) const ATTENDED: &str = "attendance/event";

/// Compares the length of the file of the store in `path` with that at its last closing. Returns whether it is the same.
///
/// # Errors
/// [`StoreError::Damaged`] if it has become shorter.
pub(super) fn check_whole(path: &Path, high: &HighWater) -> Result<bool, StoreError> {
    let length = std::fs::metadata(path.join("db")).map_or(0, |db| db.len());
    let closed = high.read(|record| record.closed_bytes);
    if path.join(MARK).exists() && closed.is_some_and(|closed| length < closed) {
        let closed = closed.unwrap_or_default();
        let cause = format!("its file has {length} bytes and had {closed} when it was closed");
        return Err(StoreError::Damaged { path: path.into(), cause });
    }
    Ok(closed == Some(length))
}

/// Reads every entry of every tree, to find what sled cannot read now and not when it is needed. sled panics
/// on some kinds of damage.
pub(super) fn read_all(db: &sled::Db, path: &Path) -> Result<(), StoreError> {
    let read = || -> sled::Result<()> {
        for name in db.tree_names() {
            db.open_tree(name)?.iter().try_for_each(|pair| pair.map(drop))?;
        }
        Ok(())
    };
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|error| StoreError::from_sled(path, error)),
        Err(_) => {
            Err(StoreError::Damaged { path: path.into(), cause: "sled panicked while it was read".into() })
        }
    }
}

/// Errors: [`StoreError::Damaged`] if messages that were on disk are missing.
pub(super) fn compare(db: &sled::Db, path: &Path, high: &HighWater) -> Result<(), StoreError> {
    let fail = |error| StoreError::from_sled(path, error);
    let stored = stored_seqs(&db.open_tree("outbox").map_err(fail)?).map_err(fail)?;
    let forgotten = high.read(|record| {
        let mut streams = record.streams.iter();
        let behind = |name: &str, mark: &StreamHigh| stored.get(name).copied().unwrap_or(0) < mark.durable;
        streams.find(|(name, mark)| behind(name, mark)).map(|(name, _)| name.clone())
    });
    match forgotten {
        Some(stream) => {
            let cause = format!("it has forgotten messages of {stream} that had been written");
            Err(StoreError::Damaged { path: path.into(), cause })
        }
        None => Ok(()),
    }
}

/// Makes a store and the record beside it agree: the higher of two counters counts, a new store continues
/// from the record and announces what may be missing, and the record takes over numbers that it lacks.
pub(super) fn carry_over(
    db: &sled::Db,
    path: &Path,
    high: &HighWater,
    fresh: bool,
) -> Result<(), StoreError> {
    let fail = |error| StoreError::from_sled(path, error);
    let counters = db.open_tree("counters").map_err(fail)?;
    for (name, value) in high.read(|record| record.counters.clone()) {
        let stored = counters.get(&name).map_err(fail)?.and_then(|bytes| number(&bytes)).unwrap_or(0);
        // Attendance has a count in the log itself.
        if stored < value && name != ATTENDED {
            counters.insert(name, &value.to_be_bytes()).map_err(fail)?;
        }
    }
    if fresh {
        let streams = high.read(|record| record.streams.clone());
        announce_lost(&db.open_tree("outbox").map_err(fail)?, &streams).map_err(fail)?;
    }
    db.flush().map(drop).map_err(fail)
}

/// Notes in the record that the store is open, and the numbers that only the store knows.
pub(super) fn note_opened(db: &sled::Db, path: &Path, high: &HighWater) -> Result<(), StoreError> {
    let fail = |error| StoreError::from_sled(path, error);
    let mut counters = BTreeMap::new();
    for pair in db.open_tree("counters").map_err(fail)?.iter() {
        let (name, value) = pair.map_err(fail)?;
        if let (Ok(name), Some(value)) = (String::from_utf8(name.to_vec()), number(&value)) {
            counters.insert(name, value);
        }
    }
    if let Some(last) = attended(db, path)? {
        counters.insert(ATTENDED.into(), last);
    }
    let outbox = db.open_tree("outbox").map_err(fail)?;
    let (stored, waiting) = (stored_seqs(&outbox).map_err(fail)?, lowest_waiting(&outbox).map_err(fail)?);
    let older = fs_floor(path);
    let noted = high.update(|record| {
        (record.begun, record.closed_bytes) = (true, None);
        record.floor = record.floor.max(older);
        for (name, value) in counters {
            let known = record.counters.entry(name).or_default();
            *known = value.max(*known);
        }
        for (stream, next) in stored {
            let from = waiting.get(&*stream).copied().unwrap_or(next);
            let mark = record.streams.entry(stream.to_string()).or_default();
            *mark = StreamHigh { from, durable: next, next: mark.next.max(next + AHEAD) };
        }
    });
    // The store alone is enough; the alarm about numbers gives the reason.
    if let Err(error) = noted {
        tracing::warn!("numbers are not noted beside the store: {error}");
    }
    Ok(())
}

/// The number of the last attendance event, if there was one.
pub(super) fn attended(db: &sled::Db, path: &Path) -> Result<Option<u64>, StoreError> {
    let tree = db.open_tree("attendance").map_err(|error| StoreError::from_sled(path, error))?;
    last_number(&tree).map_err(|error| StoreError::from_sled(path, error))
}

/// The first number of an earlier program version that had set a store aside.
fn fs_floor(path: &Path) -> u64 {
    let text = std::fs::read_to_string(path.join("first_seq")).unwrap_or_default();
    text.trim().parse().unwrap_or(0)
}

fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}
