//! The highest numbers that were used, in the small file `numbers` beside the store. If the store is lost,
//! the file keeps numbers from being used twice and shows which messages are missing.
//!
//! The file holds two copies, written in turn and in place, so that it can be written on a full disk, and a
//! power failure damages at most one of them:
//!
//! ```text
//! ┌ copy 0 ─────────────────────────────┬ copy 1 ─────────────────────────────┐
//! │ JSON, line end, SHA-256, line ends… │ JSON, line end, SHA-256, line ends… │
//! └─────────────────────────────────────┴─────────────────────────────────────┘
//! ```
//! A copy is valid if its hash matches; of two valid ones the higher generation counts.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};

use super::{aside, files};
use crate::types::sha256;

/// The file's name in the state directory.
const FILE: &str = "numbers";
/// Bytes of one copy, at least; it grows by doubling.
const COPY: usize = 16 << 10;
/// Largest copy: a longer file was not written by this program.
const MOST: usize = 16 << 20;

/// What is known of one stream of the outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StreamHigh {
    /// Every message below it has been delivered.
    pub(super) from: u64,
    /// Every number below it was on disk in the store when this was written.
    pub(super) durable: u64,
    /// No number from here on has been used.
    pub(super) next: u64,
}

/// The content of the file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct HighWaterRecord {
    generation: u64,
    /// Whether a store was created beside it.
    pub(super) begun: bool,
    /// Length of the store's file when it was closed in order; absent while it is open, and after a crash.
    pub(super) closed_bytes: Option<u64>,
    /// The lowest number for what the record does not name; above 1 after the loss of a store with unknown
    /// numbers.
    #[serde(default)]
    pub(super) floor: u64,
    /// The highest number that may have been used, by counter name.
    pub(super) counters: BTreeMap<String, u64>,
    /// The highest numbers of each stream, by stream name.
    pub(super) streams: BTreeMap<String, StreamHigh>,
}

/// The record, in memory and on disk.
pub(super) struct HighWater {
    dir: PathBuf,
    state: Mutex<HighWaterState>,
}

struct HighWaterState {
    record: HighWaterRecord,
    /// Bytes of each copy on disk; 0 if the file must be written again from the beginning.
    copy: usize,
    fault: Option<String>,
}

impl HighWater {
    /// Reads the file of the state directory `dir`. If it is missing or damaged, the next change creates it
    /// again.
    pub(super) fn open(dir: &Path) -> HighWater {
        let (record, copy) = match read(&dir.join(FILE)) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Default::default(),
            Err(error) => {
                let file = dir.join(FILE);
                tracing::error!("{} cannot be used and is replaced: {error}", file.display());
                Default::default()
            }
        };
        HighWater { dir: dir.into(), state: Mutex::new(HighWaterState { record, copy, fault: None }) }
    }

    /// Gives `look` the record as it is in memory.
    pub(super) fn read<R>(&self, look: impl FnOnce(&HighWaterRecord) -> R) -> R {
        look(&self.state().record)
    }

    /// The highest number of `name` that may have been used, if it was ever noted.
    pub(super) fn counter(&self, name: &str) -> Option<u64> {
        self.read(|record| record.counters.get(name).copied())
    }

    /// Changes the record and makes it durable. After an error the change is only in memory, and is written
    /// with the next one.
    pub(super) fn update(&self, change: impl FnOnce(&mut HighWaterRecord)) -> io::Result<()> {
        let mut state = self.state();
        change(&mut state.record);
        state.record.generation += 1;
        let written = self.write(&mut state);
        state.fault = written
            .as_ref()
            .err()
            .map(|error| format!("{} cannot be written ({error})", self.dir.join(FILE).display()));
        written
    }

    /// Why the last change is not on disk, if so.
    pub(super) fn fault(&self) -> Option<String> {
        self.state().fault.clone()
    }

    fn write(&self, state: &mut HighWaterState) -> io::Result<()> {
        let text = encode(&state.record)?;
        if text.len() <= state.copy {
            let offset = (state.record.generation % 2) * state.copy as u64;
            match write_copy(&self.dir.join(FILE), &padded(text.clone(), state.copy), offset) {
                Ok(()) => return Ok(()),
                // The file was removed while in use, so it is created again below.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let copy = text.len().next_power_of_two().max(COPY);
        let both = padded(text, copy).repeat(2);
        aside::make_way(&self.dir.join(FILE))?;
        files::replace(&self.dir, FILE, &both)?;
        state.copy = copy;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, HighWaterState> {
        self.state.lock()
    }
}

fn write_copy(path: &Path, bytes: &[u8], offset: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.write_all_at(bytes, offset)?;
    file.sync_data()
}

/// The newer valid copy, and the length of each.
fn read(path: &Path) -> io::Result<(HighWaterRecord, usize)> {
    let length = fs::metadata(path)?.len();
    if length > 2 * MOST as u64 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is too long"));
    }
    let bytes = fs::read(path)?;
    let copy = bytes.len() / 2;
    let copies = [bytes.get(..copy), bytes.get(copy..2 * copy)];
    let records = copies.into_iter().flatten().filter_map(decode);
    let newest = records.max_by_key(|record| record.generation);
    match newest {
        // A copy of another length would overlap the other one.
        Some(record) => Ok((record, if copy >= COPY { copy } else { 0 })),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, "neither of its two copies is whole")),
    }
}

fn encode(record: &HighWaterRecord) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec(record)?;
    let hash = sha256(&text);
    text.push(b'\n');
    text.extend_from_slice(hash.as_bytes());
    text.push(b'\n');
    Ok(text)
}

fn decode(copy: &[u8]) -> Option<HighWaterRecord> {
    let mut lines = copy.split(|byte| *byte == b'\n');
    let (json, sum) = (lines.next()?, lines.next()?);
    (sha256(json).as_bytes() == sum).then(|| serde_json::from_slice(json).ok())?
}

fn padded(mut text: Vec<u8>, length: usize) -> Vec<u8> {
    text.resize(length, b'\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(dir: &Path) -> Option<u64> {
        HighWater::open(dir).counter("a")
    }

    fn put(high: &HighWater, value: u64) {
        high.update(|record| record.counters.extend([("a".to_owned(), value)])).unwrap();
    }

    #[test]
    fn the_newest_copy_counts_and_a_spoiled_one_costs_one_change() {
        let dir = tempfile::tempdir().unwrap();
        let high = HighWater::open(dir.path());
        (1..=5).for_each(|value| put(&high, value));
        assert_eq!(count(dir.path()), Some(5));
        // A power failure while the next copy is written: either the fourth or the fifth change is intact.
        let path = dir.path().join(FILE);
        let whole = fs::read(&path).unwrap();
        for half in 0..2 {
            let mut bytes = whole.clone();
            bytes[half * COPY + 3] ^= 0x55;
            fs::write(&path, &bytes).unwrap();
            assert!(count(dir.path()) >= Some(4), "{:?}", count(dir.path()));
        }
    }

    #[test]
    fn it_grows_with_what_it_holds_and_stays_readable() {
        let dir = tempfile::tempdir().unwrap();
        let high = HighWater::open(dir.path());
        put(&high, 1);
        high.update(|record| {
            let names = (0..2_000u64)
                .map(|n| (format!("camera/{n}/event"), StreamHigh { from: n, ..StreamHigh::default() }));
            record.streams.extend(names);
        })
        .unwrap();
        put(&high, 2);
        let high = HighWater::open(dir.path());
        assert_eq!((high.counter("a"), high.read(|record| record.streams.len())), (Some(2), 2_000));
    }

    #[test]
    fn rubbish_in_its_place_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        for rubbish in [&b""[..], b"\n", b"{}", &[0xff; 40_000]] {
            fs::write(dir.path().join(FILE), rubbish).unwrap();
            let high = HighWater::open(dir.path());
            assert_eq!(high.counter("a"), None);
            put(&high, 7);
            assert_eq!(count(dir.path()), Some(7));
        }
        fs::remove_file(dir.path().join(FILE)).unwrap();
        fs::create_dir(dir.path().join(FILE)).unwrap();
        put(&HighWater::open(dir.path()), 8);
        assert_eq!(count(dir.path()), Some(8), "a folder is moved out of the way");
    }
}
