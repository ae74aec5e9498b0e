//! The numbers of the outbox's streams: what the store knows, what is noted beside it, and what is announced
//! when the store is lost.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::high_water::{HighWater, StreamHigh};
use super::outbox::{TOTALS, entry_from, key_bytes, seq_key};
use super::{Body, Class, Entry, EntryKey, Outbox, StoreError, record};

/// Numbers of a stream that are noted ahead, at least and at most.
pub(super) const AHEAD: u64 = 64;
const MOST_AHEAD: u64 = 4_096;
/// If the outbox holds more payload bytes, it is not searched for the oldest message of each stream.
const LOOKED_THROUGH: u64 = 4 << 20;

impl Outbox {
    /// Notes beside the store how far its streams may come, if one has reached the last note: after the
    /// messages are on disk, and before they are sent. A record that cannot be written does not stop this: it
    /// counts only if the store is lost.
    pub(super) fn note_ahead(&self) -> Result<(), StoreError> {
        let noted = self.high.read(|record| {
            let mut streams = self.seqs.iter();
            streams.all(|(name, next)| record.streams.get(&**name).is_some_and(|known| known.next >= *next))
        });
        match noted {
            true => Ok(()),
            false => {
                self.note(|next, noted| next + (2 * next.saturating_sub(noted)).clamp(AHEAD, MOST_AHEAD))
            }
        }
    }

    /// Notes exactly how far its streams have come: at an orderly end, after the last commit.
    pub fn settle(&self) -> Result<(), StoreError> {
        self.note(|next, _| next)
    }

    /// Notes all streams. `ahead` gets a stream's next number and its last note, and returns the first number
    /// that is certainly unused.
    fn note(&self, ahead: impl Fn(u64, u64) -> u64) -> Result<(), StoreError> {
        let fail = |error| StoreError::from_sled(&self.path, error);
        let stored = stored_seqs(&self.tree).map_err(fail)?;
        let waiting = match self.bytes <= LOOKED_THROUGH {
            true => Some(lowest_waiting(&self.tree).map_err(fail)?),
            false => None,
        };
        let written = self.high.update(|record| {
            let first = record.floor.max(1);
            for (stream, next) in stored {
                let known = record.streams.get(&*stream).copied();
                let known = known.unwrap_or(StreamHigh { from: first, durable: first, next: first });
                let from = match &waiting {
                    Some(waiting) => waiting.get(&stream).copied().unwrap_or(next),
                    None => known.from,
                };
                let high = StreamHigh { from, durable: next, next: ahead(next, known.durable) };
                record.streams.insert(stream.to_string(), high);
            }
        });
        if let Err(error) = written {
            tracing::debug!("the streams' numbers are not noted beside the store: {error}");
        }
        Ok(())
    }
}

/// The first number of a stream that the store does not know. A stream that only the record knows was never
/// on disk.
pub(super) fn first_of(high: &HighWater, stream: &str) -> u64 {
    high.read(|record| record.streams.get(stream).map_or(record.floor.max(1), |mark| mark.from))
}

/// The next number of each stream of an outbox's tree.
pub(super) fn stored_seqs(tree: &sled::Tree) -> sled::Result<HashMap<Arc<str>, u64>> {
    let mut seqs = HashMap::new();
    for pair in tree.scan_prefix(b"s") {
        let (key, value) = pair?;
        if let Ok(next) = value.as_ref().try_into() {
            seqs.insert(String::from_utf8_lossy(&key[1..]).as_ref().into(), u64::from_be_bytes(next));
        }
    }
    Ok(seqs)
}

/// The lowest number of each stream that has not been delivered.
pub(super) fn lowest_waiting(tree: &sled::Tree) -> sled::Result<HashMap<Arc<str>, u64>> {
    let mut lowest: HashMap<Arc<str>, u64> = HashMap::new();
    for pair in tree.scan_prefix(b"m") {
        let (key, value) = pair?;
        let Some(Entry { stream, body, .. }) = entry_from(&key, &value) else { continue };
        let (Body::Message { seq, .. }
        | Body::Gap { from: seq, .. }
        | Body::Lost { from: seq, .. }
        | Body::Erased { from: seq, .. }
        | Body::Refused { from: seq, .. }) = body;
        let known = lowest.entry(stream).or_insert(seq);
        *known = seq.min(*known);
    }
    Ok(lowest)
}

/// Begins a new outbox after the loss of one: numbers continue, and missing messages are announced.
pub(super) fn announce_lost(tree: &sled::Tree, streams: &BTreeMap<String, StreamHigh>) -> sled::Result<()> {
    let (mut batch, mut id) = (sled::Batch::default(), 1u64);
    for (stream, StreamHigh { from, next, .. }) in streams {
        batch.insert(seq_key(stream), &next.to_be_bytes());
        if from < next {
            let body = Body::Lost { from: *from, to: next - 1 };
            batch.insert(
                key_bytes(EntryKey { class: Class::Gap, id }).as_slice(),
                record::encode(stream, &body),
            );
            id += 1;
        }
    }
    batch.insert(TOTALS, &totals(0, id));
    tree.apply_batch(batch)
}

/// Payload bytes and next id, as stored on disk.
pub(super) fn totals(bytes: u64, next_id: u64) -> [u8; 16] {
    let mut totals = [0; 16];
    totals[..8].copy_from_slice(&bytes.to_be_bytes());
    totals[8..].copy_from_slice(&next_id.to_be_bytes());
    totals
}
