//! Counters that must not start again at zero during the lifetime of a device.

use super::{Store, StoreError};

/// The tree `counters`, and the record beside the store: a number is known as long as one of the two is.
/// Every change is on disk when its method returns.
#[derive(Clone)]
pub struct CounterTable {
    pub(super) store: Store,
}

impl CounterTable {
    /// The value of `name`; zero before its first change.
    ///
    /// # Errors
    /// Those of the store, if the record beside it does not know the name either.
    pub fn get(&self, name: &str) -> Result<u64, StoreError> {
        let noted = self.store.high_water().counter(name);
        match self.stored(name) {
            Ok(stored) => Ok(stored.max(noted.unwrap_or(0))),
            // If there never was a store, no number was ever used.
            Err(error) => noted.or((!self.store.existed()).then_some(0)).ok_or(error),
        }
    }

    /// Adds `by` and returns the value before: the caller owns `value..value + by`, also after a crash.
    pub fn reserve(&self, name: &str, by: u64) -> Result<u64, StoreError> {
        let _turn = self.store.counter_turn();
        let before = self.get(name)?.max(self.least());
        self.put(&[(name, before + by)])?;
        Ok(before)
    }

    /// As `reserve`, for a caller who continues in any case: an error means that the reserved numbers may be
    /// reserved again after a crash. `unknown` gives the value if it cannot be read.
    pub(super) fn advance(
        &self,
        name: &str,
        by: u64,
        unknown: impl FnOnce() -> u64,
    ) -> (u64, Result<(), StoreError>) {
        let _turn = self.store.counter_turn();
        let before = self.get(name).unwrap_or_else(|_| unknown()).max(self.least());
        (before, self.put(&[(name, before + by)]))
    }

    /// Raises the value to `to`, if it is below.
    pub fn raise(&self, name: &str, to: u64) -> Result<(), StoreError> {
        let _turn = self.store.counter_turn();
        match self.get(name) {
            // While the record cannot be written, its content is only in memory.
            Ok(known) if known >= to && self.store.high_water().fault().is_none() => Ok(()),
            known => self.put(&[(name, to.max(known.unwrap_or(0)))]),
        }
    }

    /// Returns reserved numbers that were not used: each value becomes the one given. Only the one who
    /// reserved may call it.
    pub fn give_back(&self, values: &[(&str, u64)]) -> Result<(), StoreError> {
        let _turn = self.store.counter_turn();
        self.put(values)
    }

    /// The highest number that a lost store may have used, if nothing notes it.
    fn least(&self) -> u64 {
        self.store.first_number() - 1
    }

    fn stored(&self, name: &str) -> Result<u64, StoreError> {
        let (tree, path) = self.store.counter_tree()?;
        let stored = tree.get(name).map_err(|error| StoreError::from_sled(path, error))?;
        Ok(stored.as_deref().and_then(number).unwrap_or(0))
    }

    /// Writes both places. One is enough for the promise: the record works on a full disk, the store without
    /// the record.
    fn put(&self, values: &[(&str, u64)]) -> Result<(), StoreError> {
        let noted = self.store.high_water().update(|record| {
            record.counters.extend(values.iter().map(|(name, value)| ((*name).to_owned(), *value)));
        });
        match self.put_stored(values) {
            Err(error) if noted.is_ok() => {
                tracing::debug!("numbers are noted beside the store alone: {error}");
                Ok(())
            }
            stored => stored,
        }
    }

    fn put_stored(&self, values: &[(&str, u64)]) -> Result<(), StoreError> {
        let (tree, path) = self.store.counter_tree()?;
        let fail = |error| StoreError::from_sled(path, error);
        let mut batch = sled::Batch::default();
        values.iter().for_each(|(name, value)| batch.insert(*name, &value.to_be_bytes()));
        tree.apply_batch(batch).map_err(fail)?;
        tree.flush().map(drop).map_err(fail)
    }
}

fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}
