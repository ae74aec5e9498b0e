//! Numbers that must not start again at zero: identifiers handed out in blocks, totals over a box's life.

use super::{Store, StoreError};

/// The `counters` tree. Every change is on disk when its method returns.
#[derive(Clone)]
pub struct Counters {
    pub(super) store: Store,
}

impl Counters {
    /// The value of `name`; zero before its first change.
    pub fn get(&self, name: &str) -> Result<u64, StoreError> {
        let (tree, path) = self.store.counter_tree()?;
        let stored = tree.get(name).map_err(|error| StoreError::from_sled(path, error))?;
        Ok(stored.as_deref().and_then(number).unwrap_or(0))
    }

    /// Adds `by` and returns the value before: the caller owns `value..value + by`, also after a crash.
    pub fn reserve(&self, name: &str, by: u64) -> Result<u64, StoreError> {
        let (tree, path) = self.store.counter_tree()?;
        let fail = |error| StoreError::from_sled(path, error);
        let grow = |old: Option<&[u8]>| Some((old.and_then(number).unwrap_or(0) + by).to_be_bytes().to_vec());
        let before = tree.fetch_and_update(name, grow).map_err(fail)?;
        tree.flush().map_err(fail)?;
        Ok(before.as_deref().and_then(number).unwrap_or(0))
    }
}

fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}
