//! How far each source has come, written to disk in the same batch as its messages.

use super::{Outbox, StoreError};

impl Outbox {
    /// Notes that the source `name`, which numbers its messages, has staged them up to `number`. The next
    /// commit writes the mark with the messages, so that the source knows which ones it need not offer again.
    pub fn mark(&mut self, name: &'static str, number: u64) {
        self.marks.insert(name, (number, true));
    }

    /// The last mark of the source `name`, even if it is not on disk yet; 0 before the first.
    pub fn marked(&mut self, name: &'static str) -> Result<u64, StoreError> {
        if let Some((number, _)) = self.marks.get(name) {
            return Ok(*number);
        }
        let number = marked(&self.tree, name).map_err(|error| StoreError::from_sled(&self.path, error))?;
        self.marks.insert(name, (number, false));
        Ok(number)
    }
}

pub(super) fn mark_key(name: &str) -> Vec<u8> {
    [b"w", name.as_bytes()].concat()
}

/// The mark `name` of an outbox's tree.
pub(super) fn marked(tree: &sled::Tree, name: &str) -> sled::Result<u64> {
    let stored = tree.get(mark_key(name))?;
    Ok(stored.and_then(|bytes| Some(u64::from_be_bytes(bytes.as_ref().try_into().ok()?))).unwrap_or(0))
}
