//! Erases a person from the outbox and the store: unsent messages become an announced gap, and the files are
//! rewritten.

use std::collections::{BTreeMap, HashMap};

use super::outbox::{CLASSES, entry_from, key_bytes, length};
use super::{Body, Class, EntryKey, Erasing, Outbox, Store, StoreError};
use crate::types::PersonId;

/// What went with a person beside the gallery's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Messages that had not been sent yet.
    pub outbox: u64,
    /// Damaged stores that had been set aside.
    pub set_aside: u64,
    /// Bytes of old files that were overwritten.
    pub rewritten_bytes: u64,
}

impl Outbox {
    /// Removes every message whose payload (a JSON object) names one of `people` as its `person`; a gap is
    /// announced in its place. Durable when it returns. Holders of such entries must drop them.
    pub fn forget(&mut self, people: &[PersonId]) -> Result<Vec<EntryKey>, StoreError> {
        let (mut batch, mut gone) = (sled::Batch::default(), Vec::new());
        // A gap that is already being sent covers none of these messages.
        self.open_gaps = BTreeMap::new();
        for class in CLASSES.into_iter().filter(|class| *class != Class::Gap) {
            let range = key_bytes(EntryKey { class, id: 0 })..=key_bytes(EntryKey { class, id: u64::MAX });
            for pair in self.tree.range(range) {
                let (key, value) = pair.map_err(|error| StoreError::from_sled(&self.path, error))?;
                let Some(entry) = entry_from(&key, &value) else { continue };
                let Body::Message { seq, payload } = &entry.body else { continue };
                if !speaks_of(payload, people) {
                    continue;
                }
                self.bytes = self.bytes.saturating_sub(length(&entry.body));
                self.entries = self.entries.saturating_sub(1);
                self.out.remove(&entry.key);
                self.widen_gap(&entry.stream, *seq, |from, to| Body::Erased { from, to }, &mut batch);
                batch.remove(key);
                gone.push(entry.key);
            }
        }
        self.forget_letters(|payload| speaks_of(payload, people), &mut batch)?;
        // Later evictions begin another gap.
        self.open_gaps = BTreeMap::new();
        self.apply(batch)?;
        self.flush()?;
        Ok(gone)
    }

    /// Releases the store, so that it can be rewritten; entries that are out stay out.
    pub fn rest(self) -> Resting {
        let Outbox { out, cursors, .. } = self;
        Resting { out, cursors }
    }

    /// Continues after a rest.
    pub fn resume(&mut self, resting: Resting) {
        let Resting { out, cursors } = resting;
        (self.out, self.cursors) = (out, cursors);
    }
}

/// The state of an outbox that has released the store.
pub struct Resting {
    out: HashMap<EntryKey, u64>,
    cursors: [u64; CLASSES.len()],
}

fn speaks_of(payload: &[u8], people: &[PersonId]) -> bool {
    #[derive(serde::Deserialize)]
    struct OfPerson {
        person: Option<serde_json::Value>,
    }
    const WORD: &[u8] = b"\"person\"";
    payload.windows(WORD.len()).any(|window| window == WORD)
        && serde_json::from_slice::<OfPerson>(payload)
            .ok()
            .and_then(|message| message.person?.as_u64())
            .is_some_and(|id| people.contains(&PersonId(id)))
}

impl Store {
    /// Removes all events of the person from the attendance log; returns how many. Nothing about the person
    /// is logged any more.
    pub fn forget_events(&self, erasing: &Erasing) -> Result<u64, StoreError> {
        let log = self.attendance();
        erasing.ids().try_fold(0, |count, person| Ok(count + log.forget(person)? as u64))
    }

    /// The last step of erasures, when no live record names the people any more: overwrites the damaged
    /// stores that were set aside, and rewrites the store's files. Without this step the deleted bytes stay
    /// in them.
    ///
    /// # Errors
    /// Those of the disk; [`StoreError::Busy`] if another part uses the store, such as an [`Outbox`] that
    /// does not [rest](Outbox::rest). The erasures stay pending then, and the same call finishes them.
    pub fn finish_erasures(&self, erasing: &[Erasing]) -> Result<Forgotten, StoreError> {
        let set_aside = self.wipe_set_aside()?;
        let done: Vec<Vec<u8>> = erasing.iter().map(Erasing::mark).collect();
        let rewritten_bytes = self.rewrite(&done)?;
        Ok(Forgotten { set_aside, rewritten_bytes, ..Forgotten::default() })
    }

    /// As [`Store::finish_erasures`] if nobody owns the outbox: the people are removed from it first.
    pub fn erase_alone(&self, erasing: &[Erasing]) -> Result<Forgotten, StoreError> {
        let people: Vec<PersonId> = erasing.iter().flat_map(Erasing::ids).collect();
        let outbox = self.outbox(u64::MAX)?.forget(&people)?.len() as u64;
        Ok(Forgotten { outbox, ..self.finish_erasures(erasing)? })
    }
}
