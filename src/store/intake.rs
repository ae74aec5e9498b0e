//! How far the files of each telemetry source were read, and the history of its channels. One batch writes both, so that
//! a kill loses nothing and takes nothing twice.
//!
//! Keys of the tree: `c` source NUL file → cursor; `s` source → number of its last change and its ledger; `n` channel →
//! the channel's id; `b` id level start → bucket. Numbers are big endian, so that buckets lie in the order of time.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Store, StoreError};
use crate::datafiles::history::{Bucket, BucketKey, Level};

/// Entries that one batch removes, at most.
const PRUNED: usize = 2_000;
const BUCKET_BYTES: usize = 32;

/// What one poll of a source changes.
#[derive(Debug)]
pub struct IntakeChange {
    /// The name of the source.
    pub source: String,
    /// Counts the changes of the source. A change that is stored already is not stored again.
    pub number: u64,
    /// Cursors by file name; `None` removes one.
    pub cursors: Vec<(Arc<str>, Option<Vec<u8>>)>,
    /// The ids of the channels that have values in it.
    pub names: Vec<(Arc<str>, u32)>,
    /// Values by channel, to be merged into the stored ones.
    pub buckets: Vec<(u32, BucketKey, Bucket)>,
    /// What the source keeps about itself, in its own form.
    pub ledger: Vec<u8>,
}

/// What [`IntakeTables::prune`] removes, by level and time.
#[derive(Clone, Debug)]
pub struct Pruning {
    /// For each level: buckets that begin earlier, in nanoseconds since 1970, are removed.
    pub before_ns: [i64; 3],
    /// Buckets that begin later were dated by a clock that was ahead, and are removed.
    pub after_ns: i64,
}

/// The cursors and histories of a store. Each call opens the tree again, so that a store that was closed after a disk
/// fault can be reopened.
#[derive(Clone)]
pub struct IntakeTables {
    store: Store,
}

impl Store {
    /// How far the files of telemetry were read, and the history of their channels.
    pub fn intake(&self) -> IntakeTables {
        IntakeTables { store: self.clone() }
    }
}

impl IntakeTables {
    /// Passes each cursor of `source` to `take` with the name of its file, in the order of the names. There may be hundreds
    /// of thousands, so they are not collected.
    pub fn cursors(&self, source: &str, mut take: impl FnMut(&str, &[u8])) -> Result<(), StoreError> {
        let (tree, prefix) = (self.tree()?, cursor_key(source, ""));
        for pair in tree.scan_prefix(&prefix) {
            let (key, value) = pair.map_err(|error| self.failed(error))?;
            take(&String::from_utf8_lossy(&key[prefix.len()..]), &value);
        }
        Ok(())
    }

    /// The number of the last change of `source`, and its ledger.
    pub fn ledger(&self, source: &str) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
        let value = self.tree()?.get(ledger_key(source)).map_err(|error| self.failed(error))?;
        Ok(value.and_then(|value| {
            let (number, ledger) = value.split_first_chunk::<8>()?;
            Some((u64::from_be_bytes(*number), ledger.to_vec()))
        }))
    }

    /// The sources that have a ledger, with it.
    pub fn sources(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let tree = self.tree()?;
        let mut sources = Vec::new();
        for pair in tree.scan_prefix(b"s") {
            let (key, value) = pair.map_err(|error| self.failed(error))?;
            let ledger = value.get(8..).unwrap_or_default().to_vec();
            sources.push((String::from_utf8_lossy(&key[1..]).into_owned(), ledger));
        }
        Ok(sources)
    }

    /// Removes cursors of `source`, at most 2,000 with one call, and its ledger once it has none; returns how many, and
    /// whether nothing is left. Durable within a second.
    pub fn forget_source(&self, source: &str) -> Result<(usize, bool), StoreError> {
        let tree = self.tree()?;
        let mut batch = sled::Batch::default();
        let mut removed = 0;
        for key in tree.scan_prefix(cursor_key(source, "")).keys().take(PRUNED) {
            batch.remove(key.map_err(|error| self.failed(error))?);
            removed += 1;
        }
        if removed < PRUNED {
            batch.remove(ledger_key(source));
        }
        tree.apply_batch(batch).map_err(|error| self.failed(error))?;
        Ok((removed, removed < PRUNED))
    }

    /// The channels that have an id.
    pub fn names(&self) -> Result<Vec<(String, u32)>, StoreError> {
        let tree = self.tree()?;
        let mut names = Vec::new();
        for pair in tree.scan_prefix(b"n") {
            let (key, value) = pair.map_err(|error| self.failed(error))?;
            if let Ok(id) = <[u8; 4]>::try_from(&*value) {
                names.push((String::from_utf8_lossy(&key[1..]).into_owned(), u32::from_be_bytes(id)));
            }
        }
        Ok(names)
    }

    /// Writes `changes` in one batch, and returns when they are on disk. A change whose number is stored already is left
    /// out, so that one may be passed again after a fault.
    pub fn apply(&self, changes: &[Arc<IntakeChange>]) -> Result<(), StoreError> {
        let tree = self.tree()?;
        let mut batch = sled::Batch::default();
        let mut merged: BTreeMap<Vec<u8>, Bucket> = BTreeMap::new();
        for change in changes {
            let stored = tree.get(ledger_key(&change.source)).map_err(|error| self.failed(error))?;
            let stored = stored.as_deref().and_then(|value| value.first_chunk::<8>().copied());
            if stored.is_some_and(|stored| u64::from_be_bytes(stored) >= change.number) {
                continue;
            }
            let mut ledger = change.number.to_be_bytes().to_vec();
            ledger.extend_from_slice(&change.ledger);
            batch.insert(ledger_key(&change.source), ledger);
            for (file, cursor) in &change.cursors {
                match cursor {
                    Some(cursor) => batch.insert(cursor_key(&change.source, file), cursor.as_slice()),
                    None => batch.remove(cursor_key(&change.source, file)),
                }
            }
            for (name, id) in &change.names {
                batch.insert(name_key(name), &id.to_be_bytes());
            }
            for (id, key, bucket) in &change.buckets {
                match merged.entry(bucket_key(*id, key.level, key.start_ns)) {
                    std::collections::btree_map::Entry::Occupied(mut known) => known.get_mut().merge(bucket),
                    std::collections::btree_map::Entry::Vacant(free) => {
                        let stored = tree.get(free.key()).map_err(|error| self.failed(error))?;
                        let mut sum = *bucket;
                        if let Some(stored) = stored.as_deref().and_then(bucket_of) {
                            sum = stored;
                            sum.merge(bucket);
                        }
                        free.insert(sum);
                    }
                }
            }
        }
        for (key, bucket) in merged {
            batch.insert(key, &bytes_of(&bucket)[..]);
        }
        tree.apply_batch(batch).map_err(|error| self.failed(error))?;
        self.store.sync(&tree)
    }

    /// The buckets of a channel that begin at `from_ns` or later and before `until_ns`, in the order of time; at most
    /// `most`, the newest ones.
    pub fn buckets(
        &self,
        id: u32,
        level: Level,
        (from_ns, until_ns): (i64, i64),
        most: usize,
    ) -> Result<Vec<(BucketKey, Bucket)>, StoreError> {
        let tree = self.tree()?;
        let mut found = Vec::new();
        let range = bucket_key(id, level, from_ns)..bucket_key(id, level, until_ns);
        if range.is_empty() {
            return Ok(found);
        }
        for pair in tree.range(range).rev().take(most) {
            let (key, value) = pair.map_err(|error| self.failed(error))?;
            let start_ns = key.last_chunk::<8>().map(|bytes| signed(u64::from_be_bytes(*bytes)));
            if let (Some(start_ns), Some(bucket)) = (start_ns, bucket_of(&value)) {
                found.push((BucketKey { level, start_ns }, bucket));
            }
        }
        found.reverse();
        Ok(found)
    }

    /// Removes buckets of the channel `id` outside of `pruning`; returns how many, at most 2,000 of each level and call.
    /// Durable within a second.
    pub fn prune(&self, id: u32, pruning: &Pruning) -> Result<usize, StoreError> {
        let tree = self.tree()?;
        let mut batch = sled::Batch::default();
        let mut pruned = 0;
        for (level, before_ns) in Level::ALL.into_iter().zip(pruning.before_ns) {
            let old = bucket_key(id, level, i64::MIN)..bucket_key(id, level, before_ns);
            let ahead = bucket_key(id, level, pruning.after_ns)..bucket_key(id, level, i64::MAX);
            for range in [old, ahead].into_iter().filter(|range| !range.is_empty()) {
                for key in tree.range(range).keys().take(PRUNED) {
                    batch.remove(key.map_err(|error| self.failed(error))?);
                    pruned += 1;
                }
            }
        }
        if pruned > 0 {
            tree.apply_batch(batch).map_err(|error| self.failed(error))?;
        }
        Ok(pruned)
    }

    /// Removes the name of a channel that has no bucket; returns whether it had none.
    pub fn forget_channel(&self, name: &str, id: u32) -> Result<bool, StoreError> {
        let tree = self.tree()?;
        let mut prefix = b"b".to_vec();
        prefix.extend_from_slice(&id.to_be_bytes());
        if tree.scan_prefix(prefix).next().is_some() {
            return Ok(false);
        }
        tree.remove(name_key(name)).map_err(|error| self.failed(error))?;
        Ok(true)
    }

    fn tree(&self) -> Result<super::tree::Tree, StoreError> {
        self.store.tree("intake")
    }

    fn failed(&self, error: sled::Error) -> StoreError {
        StoreError::from_sled(self.store.path(), error)
    }
}

fn cursor_key(source: &str, file: &str) -> Vec<u8> {
    [b"c", source.as_bytes(), b"\0", file.as_bytes()].concat()
}

fn ledger_key(source: &str) -> Vec<u8> {
    [b"s", source.as_bytes()].concat()
}

fn name_key(name: &str) -> Vec<u8> {
    [b"n", name.as_bytes()].concat()
}

fn bucket_key(id: u32, level: Level, start_ns: i64) -> Vec<u8> {
    let level = match level {
        Level::TenSeconds => 0u8,
        Level::Minute => 1,
        Level::TenMinutes => 2,
    };
    [&b"b"[..], &id.to_be_bytes(), &[level], &unsigned(start_ns).to_be_bytes()].concat()
}

/// Times as numbers whose order as bytes is that of time, also before 1970.
fn unsigned(time_ns: i64) -> u64 {
    (time_ns as u64) ^ (1 << 63)
}

fn signed(time: u64) -> i64 {
    (time ^ (1 << 63)) as i64
}

fn bytes_of(bucket: &Bucket) -> [u8; BUCKET_BYTES] {
    let mut bytes = [0; BUCKET_BYTES];
    let parts = [bucket.min.to_bits(), bucket.max.to_bits(), bucket.mean.to_bits(), bucket.count];
    for (into, part) in bytes.chunks_exact_mut(8).zip(parts) {
        into.copy_from_slice(&part.to_be_bytes());
    }
    bytes
}

fn bucket_of(bytes: &[u8]) -> Option<Bucket> {
    let bytes: &[u8; BUCKET_BYTES] = bytes.try_into().ok()?;
    let part = |at: usize| bytes[8 * at..].first_chunk::<8>().map_or(0, |part| u64::from_be_bytes(*part));
    let [min, max, mean] = [0, 1, 2].map(|at| f64::from_bits(part(at)));
    Some(Bucket { min, max, mean, count: part(3) })
}
