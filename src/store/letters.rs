//! Messages that the broker does not take: removed from the outbox, so that they do not block it, and kept
//! for people to see. The list is bounded in number and bytes, and the oldest is removed first.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::outbox::{entry_from, key_bytes, length};
use super::{Body, EntryKey, Outbox, Store, StoreError};

/// Messages that are kept at most.
pub const MAX_LETTERS: u64 = 1_000;
/// Bytes of their payloads, at most.
const MAX_BYTES: u64 = 16 << 20;

/// A message that was set aside. On disk its payload follows after a line end, if it was an entry of the
/// outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// The topic below `PREFIX/DEVICE/`.
    pub topic: String,
    /// The number in its stream, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The length of the message that was to be sent.
    pub bytes: u64,
    /// Why the message was set aside.
    pub reason: String,
    /// When it was set aside, RFC 3339, UTC.
    pub time: String,
}

/// The number and bytes of the letters.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Letters {
    count: u64,
    bytes: u64,
    next_id: u64,
}

impl Outbox {
    pub(super) fn load_letters(&mut self) -> sled::Result<()> {
        for pair in self.tree.scan_prefix(b"d") {
            let (key, value) = pair?;
            self.letters.count += 1;
            self.letters.bytes += value.len() as u64;
            self.letters.next_id = id_of(&key).map_or(0, |id| id + 1);
        }
        Ok(())
    }

    /// Sets a message aside: its entry `key` of the outbox becomes part of the letter, and a gap is announced
    /// in its place, with one batch. Returns how many older letters were removed to keep the bounds.
    pub fn set_aside(&mut self, key: Option<EntryKey>, mut letter: Letter) -> Result<u64, StoreError> {
        let mut batch = sled::Batch::default();
        let mut payload = None;
        if let Some(entry) = key.map(|key| self.entry(key)).transpose()?.flatten() {
            self.bytes = self.bytes.saturating_sub(length(&entry.body));
            self.entries = self.entries.saturating_sub(1);
            self.out.remove(&entry.key);
            batch.remove(key_bytes(entry.key).as_slice());
            // If the broker refuses a gap, too, the gap is only noted.
            if let Body::Message { seq, payload: stored } = entry.body {
                letter.seq = Some(seq);
                payload = Some(stored);
                // This gap is not merged with one that has another reason.
                self.open_gaps = BTreeMap::new();
                let gap = |from, to| Body::Refused { from, to };
                self.widen_gap(&entry.stream, seq, gap, &mut batch);
                self.open_gaps = BTreeMap::new();
            }
        }
        let mut value = serde_json::to_vec(&letter).unwrap_or_default();
        value.push(b'\n');
        value.extend_from_slice(payload.as_deref().unwrap_or_default());
        let dropped = self.drop_oldest(value.len() as u64, &mut batch)?;
        batch.insert(letter_key(self.letters.next_id).as_slice(), &value[..]);
        self.letters.next_id += 1;
        self.letters.count += 1;
        self.letters.bytes += value.len() as u64;
        self.apply(batch)?;
        self.flush()?;
        Ok(dropped)
    }

    /// Whether the entry `key` is still there.
    pub fn holds(&self, key: EntryKey) -> Result<bool, StoreError> {
        self.entry(key).map(|entry| entry.is_some())
    }

    fn entry(&self, key: EntryKey) -> Result<Option<super::Entry>, StoreError> {
        let bytes = key_bytes(key);
        let value = self.tree.get(bytes).map_err(|error| StoreError::from_sled(&self.path, error))?;
        Ok(value.and_then(|value| entry_from(&bytes, &value)))
    }

    fn drop_oldest(&mut self, bytes: u64, batch: &mut sled::Batch) -> Result<u64, StoreError> {
        let mut dropped = 0;
        for pair in self.tree.scan_prefix(b"d") {
            let Letters { count, bytes: held, .. } = self.letters;
            if count < MAX_LETTERS && (held + bytes <= MAX_BYTES || count == 0) {
                break;
            }
            let (key, value) = pair.map_err(|error| StoreError::from_sled(&self.path, error))?;
            batch.remove(key);
            self.letters.count -= 1;
            self.letters.bytes = held.saturating_sub(value.len() as u64);
            dropped += 1;
        }
        Ok(dropped)
    }

    /// Removes the letters whose payload satisfies `goes`.
    pub(super) fn forget_letters(
        &mut self,
        goes: impl Fn(&[u8]) -> bool,
        batch: &mut sled::Batch,
    ) -> Result<u64, StoreError> {
        let mut gone = 0;
        for pair in self.tree.scan_prefix(b"d") {
            let (key, value) = pair.map_err(|error| StoreError::from_sled(&self.path, error))?;
            if letter_from(&value).is_some_and(|(_, payload)| goes(payload)) {
                batch.remove(key);
                self.letters.count = self.letters.count.saturating_sub(1);
                self.letters.bytes = self.letters.bytes.saturating_sub(value.len() as u64);
                gone += 1;
            }
        }
        Ok(gone)
    }
}

impl Store {
    /// The messages that the broker does not take, the newest first. Any thread may call it.
    pub fn letters(&self) -> Result<Vec<Letter>, StoreError> {
        let tree = self.tree("outbox")?;
        let mut letters = Vec::new();
        for pair in tree.scan_prefix(b"d").rev() {
            let (_, value) = pair.map_err(|error| StoreError::from_sled(self.path(), error))?;
            letters.extend(letter_from(&value).map(|(letter, _)| letter));
        }
        Ok(letters)
    }
}

fn letter_key(id: u64) -> [u8; 9] {
    let mut bytes = [b'd'; 9];
    bytes[1..].copy_from_slice(&id.to_be_bytes());
    bytes
}

fn id_of(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.get(1..)?.try_into().ok()?))
}

fn letter_from(value: &[u8]) -> Option<(Letter, &[u8])> {
    let end = value.iter().position(|byte| *byte == b'\n')?;
    Some((serde_json::from_slice(&value[..end]).ok()?, &value[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Class;

    fn letter(bytes: u64) -> Letter {
        let (topic, reason, time) = ("camera/a/event".into(), "too long".into(), "now".into());
        Letter { topic, seq: None, bytes, reason, time }
    }

    fn outbox(store: &Store) -> Outbox {
        store.outbox(1 << 30).unwrap()
    }

    fn append(outbox: &mut Outbox, bytes: usize) -> EntryKey {
        let stream = "camera/a/event".into();
        outbox.stage(Class::Event, &stream, |_, out| out.resize(bytes, b'x'));
        outbox.commit().unwrap()[0].key
    }

    #[test]
    fn a_message_that_is_set_aside_leaves_a_letter_and_an_announced_gap_also_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap().store;
        let mut held = outbox(&store);
        let key = append(&mut held, 100);
        append(&mut held, 10);
        assert_eq!(held.set_aside(Some(key), letter(120)).unwrap(), 0);
        assert_eq!((held.bytes(), held.entries() as usize), (10, held.len()));
        drop(held);
        assert_eq!(store.letters().unwrap(), [Letter { seq: Some(1), ..letter(120) }]);
        let mut held = outbox(&store);
        let left = held.fetch(9).unwrap();
        assert_eq!(left[0].body, Body::Refused { from: 1, to: 1 });
        assert!(matches!(left[1].body, Body::Message { seq: 2, .. }), "{left:?}");
        // A refused gap is only noted, and does not create another gap.
        held.set_aside(Some(left[0].key), letter(9)).unwrap();
        held.all_back();
        assert_eq!((held.fetch(9).unwrap().len(), store.letters().unwrap().len()), (1, 2));
    }

    #[test]
    fn letters_are_bounded_in_number_and_bytes_and_the_oldest_goes_first() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap().store;
        let mut held = outbox(&store);
        for n in 0..3 {
            let key = append(&mut held, 7 << 20);
            assert_eq!(held.set_aside(Some(key), letter(n)).unwrap(), u64::from(n > 1), "{n}");
        }
        let bytes =
            |store: &Store| -> Vec<u64> { store.letters().unwrap().iter().map(|l| l.bytes).collect() };
        assert_eq!(bytes(&store), [2, 1]);
        held.letters.count = MAX_LETTERS;
        assert_eq!(held.set_aside(None, letter(3)).unwrap(), 1);
        assert_eq!(bytes(&store), [3, 2]);
    }
}
