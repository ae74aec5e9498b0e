//! Numbers that must not start again at zero: how far each count has come, over a box's life.

use super::{Store, StoreError};

/// The tree `counters`, and the record beside the store: a number is known as long as one of the two is. Every change
/// is on disk when its method returns.
#[derive(Clone)]
pub struct CounterTable {
    pub(super) store: Store,
}

impl CounterTable {
    /// The value of `name`; zero before its first change.
    ///
    /// # Errors
    /// Those of the store, where the record beside it does not know the name either.
    pub fn get(&self, name: &str) -> Result<u64, StoreError> {
        let noted = self.store.high_water().counter(name);
        match self.stored(name) {
            Ok(stored) => Ok(stored.max(noted.unwrap_or(0))),
            // Nothing was ever given where there never was a store.
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

    /// The same where the caller goes on in any case: an error says that what it owns may be given again after a crash.
    /// A value that nobody can read is what
    /// `unknown` says.
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
            // What the record says while it cannot be written is in memory alone.
            Ok(known) if known >= to && self.store.high_water().fault().is_none() => Ok(()),
            known => self.put(&[(name, to.max(known.unwrap_or(0)))]),
        }
    }

    /// Gives back what was reserved and not used: each value becomes the one here. Only for who reserved it.
    pub fn give_back(&self, values: &[(&str, u64)]) -> Result<(), StoreError> {
        let _turn = self.store.counter_turn();
        self.put(values)
    }

    /// What may have been used in a store that was lost, where nothing says how far it had come.
    fn least(&self) -> u64 {
        self.store.first_number() - 1
    }

    fn stored(&self, name: &str) -> Result<u64, StoreError> {
        let (tree, path) = self.store.counter_tree()?;
        let stored = tree.get(name).map_err(|error| StoreError::from_sled(path, error))?;
        Ok(stored.as_deref().and_then(number).unwrap_or(0))
    }

    /// In both places. One of them is enough for the promise: the record takes a full disk, the store a lost record.
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
