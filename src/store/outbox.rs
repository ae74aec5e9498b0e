//! Messages that stay on disk until the broker has them: numbered, bounded, committed in groups.
//!
//! Keys of the tree: `m` class id → record; `s` stream → next seq; `t` → payload bytes and next id; `w` name
//! → mark; `d` id → a message that the broker does not take (`letters.rs`). One batch carries a group's
//! messages, seqs and totals, so that a crash leaves all of it or nothing.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::high_water::HighWater;
use super::letters::Letters;
use super::marks::mark_key;
use super::streams::{first_of, stored_seqs, totals};
use super::tree::Tree;
use super::{StoreError, record};

/// What is evicted first when the limit is reached: the last of these. Gaps are never evicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Class {
    /// The announcement of missing messages.
    Gap = 0,
    /// Inspection and attendance results.
    Result = 1,
    /// Events of tracked objects.
    Event = 2,
    /// Detections of single frames.
    Detections = 3,
    /// Figures about the service itself.
    Telemetry = 4,
}

pub(super) const CLASSES: [Class; 5] =
    [Class::Gap, Class::Result, Class::Event, Class::Detections, Class::Telemetry];
pub(super) const TOTALS: &[u8] = b"t";

/// Identifies one entry of the outbox. The order is that of sending: by class, then by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryKey {
    pub(super) class: Class,
    pub(super) id: u64,
}

/// The content of an entry.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A message and its number in its stream.
    Message {
        /// Number in the stream: 1, 2, 3, …
        seq: u64,
        /// The bytes as they were appended.
        payload: Arc<[u8]>,
    },
    /// Messages `from..=to` of the stream were dropped to keep the limit.
    Gap {
        /// First number that is missing.
        from: u64,
        /// Last number that is missing.
        to: u64,
    },
    /// The store was lost: of the messages `from..=to`, those that had not been sent are missing.
    Lost {
        /// First number that may be missing.
        from: u64,
        /// Last number that may be missing.
        to: u64,
    },
    /// Messages `from..=to` of the stream were deleted because they named a person who was erased.
    Erased {
        /// First number that is missing.
        from: u64,
        /// Last number that is missing.
        to: u64,
    },
    /// Messages `from..=to` of the stream were set aside because the broker does not take them.
    Refused {
        /// First number that is missing.
        from: u64,
        /// Last number that is missing.
        to: u64,
    },
}

/// One entry, on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key, for [`Outbox::delete`].
    pub key: EntryKey,
    /// The stream (the topic) of the entry.
    pub stream: Arc<str>,
    /// The entry's payload, or the gap.
    pub body: Body,
}

/// The outbox. It has one owner, who appends, hands out and deletes; nothing here locks.
///
/// An entry is *out* from [`Outbox::take_out`] or [`Outbox::fetch`] until it is deleted or
/// [`Outbox::all_back`] is called; entries that are out are never evicted.
pub struct Outbox {
    pub(super) tree: Tree,
    /// sled syncs with `sync_file_range`, which neither flushes the disk's cache nor a grown file's length;
    /// this handle on the same file gives `fdatasync`.
    file: File,
    pub(super) path: PathBuf,
    max_bytes: u64,
    pub(super) high: Arc<HighWater>,
    pub(super) seqs: HashMap<Arc<str>, u64>,
    pub(super) bytes: u64,
    /// Entries on disk, counted at the opening and updated from then on.
    pub(super) entries: u64,
    pub(super) next_id: u64,
    pub(super) out: HashMap<EntryKey, u64>,
    pub(super) cursors: [u64; CLASSES.len()],
    pub(super) open_gaps: BTreeMap<Arc<str>, (EntryKey, u64, u64)>,
    staged: Vec<Entry>,
    /// How far each source has come, and whether the next commit has to write it.
    pub(super) marks: BTreeMap<&'static str, (u64, bool)>,
    dropped: u64,
    pub(super) letters: Letters,
    /// Lets a test make the next flush fail as a disk does.
    #[cfg(test)]
    pub(crate) next_flush_fails: bool,
}

impl Outbox {
    pub(super) fn load(
        tree: Tree,
        path: &Path,
        max_bytes: u64,
        high: Arc<HighWater>,
    ) -> Result<Outbox, StoreError> {
        let fail = |error| StoreError::from_sled(path, error);
        let file = File::open(path.join("db")).map_err(|error| StoreError::from_io(path, error))?;
        let totals = tree.get(TOTALS).map_err(fail)?;
        let (bytes, next_id) = totals.as_deref().and_then(totals_from).unwrap_or((0, 1));
        let mut outbox = Outbox {
            tree,
            file,
            path: path.into(),
            max_bytes,
            high,
            seqs: HashMap::new(),
            bytes,
            entries: 0,
            next_id,
            out: HashMap::new(),
            cursors: [0; CLASSES.len()],
            open_gaps: BTreeMap::new(),
            staged: Vec::new(),
            marks: BTreeMap::new(),
            dropped: 0,
            letters: Letters::default(),
            #[cfg(test)]
            next_flush_fails: false,
        };
        outbox.seqs = stored_seqs(&outbox.tree).map_err(fail)?;
        outbox.entries = outbox.len() as u64;
        outbox.load_letters().map_err(fail)?;
        Ok(outbox)
    }

    /// Stages a message; `write` gets its number and appends its payload. Nothing is on disk before
    /// [`Outbox::commit`]. Returns the number.
    pub fn stage(&mut self, class: Class, stream: &Arc<str>, write: impl FnOnce(u64, &mut Vec<u8>)) -> u64 {
        let next = self.seqs.entry(stream.clone()).or_insert_with(|| first_of(&self.high, stream));
        let seq = *next;
        *next += 1;
        let mut payload = Vec::with_capacity(512);
        write(seq, &mut payload);
        let key = EntryKey { class, id: self.next_id };
        self.next_id += 1;
        let body = Body::Message { seq, payload: payload.into() };
        self.staged.push(Entry { key, stream: stream.clone(), body });
        seq
    }

    /// Writes everything staged with one flush and returns what is now durable, in order, without entries
    /// that were evicted to keep the limit (see [`Outbox::take_dropped`]).
    ///
    /// After an error this outbox must be dropped and loaded again: whether the group is on disk is unknown,
    /// and sled refuses all further writes. A [mark](Outbox::mark) that was set with the group shows it then.
    pub fn commit(&mut self) -> Result<Vec<Entry>, StoreError> {
        let mut staged = std::mem::take(&mut self.staged);
        if staged.is_empty() {
            return Ok(staged);
        }
        let mut batch = sled::Batch::default();
        for entry in &staged {
            batch.insert(key_bytes(entry.key).as_slice(), record::encode(&entry.stream, &entry.body));
            self.bytes += length(&entry.body);
            self.entries += 1;
        }
        let mut streams: Vec<&Arc<str>> = staged.iter().map(|entry| &entry.stream).collect();
        streams.dedup();
        for stream in streams {
            batch.insert(seq_key(stream), &self.seqs[stream].to_be_bytes());
        }
        for (name, (number, changed)) in &mut self.marks {
            if std::mem::take(changed) {
                batch.insert(mark_key(name), &number.to_be_bytes());
            }
        }
        self.apply(batch)?;
        let evicted = self.evict()?;
        if !evicted.is_empty() {
            staged.retain(|entry| !evicted.contains(&entry.key));
        }
        self.flush()?;
        self.note_ahead()?;
        Ok(staged)
    }

    /// Marks `entry` as out; its owner will delete it or call [`Outbox::all_back`].
    pub fn take_out(&mut self, entry: &Entry) {
        self.out.insert(entry.key, length(&entry.body));
    }

    /// Hands out up to `count` entries that are not out, gaps first, then by class and age. Fewer than
    /// `count` means that nothing else waits.
    pub fn fetch(&mut self, count: usize) -> Result<Vec<Entry>, StoreError> {
        let mut found = Vec::with_capacity(count);
        for class in CLASSES {
            let from = key_bytes(EntryKey { class, id: self.cursors[class as usize] });
            let end = key_bytes(EntryKey { class, id: u64::MAX });
            for pair in self.tree.range(from..=end) {
                if found.len() == count {
                    break;
                }
                let (key, value) = pair.map_err(|error| StoreError::from_sled(&self.path, error))?;
                let Some(entry) = entry_from(&key, &value) else { continue };
                self.cursors[class as usize] = entry.key.id + 1;
                if self.out.contains_key(&entry.key) {
                    continue;
                }
                self.take_out(&entry);
                self.open_gaps.retain(|_, (open, _, _)| *open != entry.key);
                found.push(entry);
            }
        }
        Ok(found)
    }

    /// Deletes entries that the broker has. The next commit or sled's own flusher makes that durable: a crash
    /// before that causes a repetition with the same number, never a loss.
    pub fn delete(&mut self, keys: &[EntryKey]) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for key in keys {
            let size = match self.out.remove(key) {
                Some(size) => Some(size),
                None => self.stored_length(*key)?,
            };
            if let Some(size) = size {
                self.bytes = self.bytes.saturating_sub(size);
                self.entries = self.entries.saturating_sub(1);
                batch.remove(key_bytes(*key).as_slice());
            }
        }
        self.apply(batch)
    }

    /// The connection was lost: entries that are out and not deleted will be handed out again.
    pub fn all_back(&mut self) {
        self.out.clear();
        self.cursors = [0; CLASSES.len()];
    }

    /// Messages dropped to keep the limit since the last call.
    pub fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// Makes everything written so far durable.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        #[cfg(test)]
        if std::mem::take(&mut self.next_flush_fails) {
            let source = std::io::ErrorKind::StorageFull.into();
            return Err(StoreError::DiskFull { path: self.path.clone(), source });
        }
        self.tree.flush().map_err(|error| StoreError::from_sled(&self.path, error))?;
        self.file.sync_data().map_err(|error| StoreError::from_io(&self.path, error))
    }

    /// Drops entries until the limit is kept: the lowest class first, and of it the oldest first.
    fn evict(&mut self) -> Result<Vec<EntryKey>, StoreError> {
        let mut evicted = Vec::new();
        if self.bytes <= self.max_bytes {
            return Ok(evicted);
        }
        let mut batch = sled::Batch::default();
        for class in CLASSES.into_iter().skip(1).rev() {
            let range = key_bytes(EntryKey { class, id: 0 })..=key_bytes(EntryKey { class, id: u64::MAX });
            for pair in self.tree.range(range) {
                if self.bytes <= self.max_bytes {
                    break;
                }
                let (key, value) = pair.map_err(|error| StoreError::from_sled(&self.path, error))?;
                let Some(entry) = entry_from(&key, &value) else { continue };
                let Body::Message { seq, .. } = entry.body else { continue };
                if self.out.contains_key(&entry.key) {
                    continue;
                }
                self.bytes -= length(&entry.body);
                self.entries = self.entries.saturating_sub(1);
                self.dropped += 1;
                self.widen_gap(&entry.stream, seq, |from, to| Body::Gap { from, to }, &mut batch);
                batch.remove(key);
                evicted.push(entry.key);
            }
        }
        self.apply(batch)?;
        Ok(evicted)
    }

    /// Adds `seq` to the stream's gap that has not been handed out yet, or begins one; `gap_of` builds it
    /// from its ends.
    pub(super) fn widen_gap(
        &mut self,
        stream: &Arc<str>,
        seq: u64,
        gap_of: fn(u64, u64) -> Body,
        batch: &mut sled::Batch,
    ) {
        let gap = match self.open_gaps.get(stream) {
            Some(&(key, from, to)) if seq == to + 1 => (key, from, seq),
            _ => {
                self.next_id += 1;
                self.entries += 1;
                (EntryKey { class: Class::Gap, id: self.next_id - 1 }, seq, seq)
            }
        };
        self.open_gaps.insert(stream.clone(), gap);
        let body = gap_of(gap.1, gap.2);
        batch.insert(key_bytes(gap.0).as_slice(), record::encode(stream, &body));
    }

    pub(super) fn apply(&mut self, mut batch: sled::Batch) -> Result<(), StoreError> {
        batch.insert(TOTALS, &totals(self.bytes, self.next_id));
        self.tree.apply_batch(batch).map_err(|error| StoreError::from_sled(&self.path, error))
    }

    pub(super) fn stored_length(&self, key: EntryKey) -> Result<Option<u64>, StoreError> {
        let value = self.tree.get(key_bytes(key));
        let value = value.map_err(|error| StoreError::from_sled(&self.path, error))?;
        Ok(value.and_then(|bytes| record::decode(&bytes)).map(|(_, body)| length(&body)))
    }
}

/// Bytes that count towards the limit.
pub(super) fn length(body: &Body) -> u64 {
    match body {
        Body::Message { payload, .. } => payload.len() as u64,
        Body::Gap { .. } | Body::Lost { .. } | Body::Erased { .. } | Body::Refused { .. } => 0,
    }
}

pub(super) fn key_bytes(key: EntryKey) -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes[0] = b'm';
    bytes[1] = key.class as u8;
    bytes[2..].copy_from_slice(&key.id.to_be_bytes());
    bytes
}

pub(super) fn seq_key(stream: &str) -> Vec<u8> {
    [b"s", stream.as_bytes()].concat()
}

pub(super) fn entry_from(key: &[u8], value: &[u8]) -> Option<Entry> {
    let class = *CLASSES.get(usize::from(*key.get(1)?))?;
    let id = u64::from_be_bytes(key.get(2..10)?.try_into().ok()?);
    let (stream, body) = record::decode(value)?;
    Some(Entry { key: EntryKey { class, id }, stream, body })
}

fn totals_from(bytes: &[u8]) -> Option<(u64, u64)> {
    let (bytes, id) = bytes.split_at_checked(8)?;
    Some((u64::from_be_bytes(bytes.try_into().ok()?), u64::from_be_bytes(id.try_into().ok()?)))
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
