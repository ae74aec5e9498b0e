//! Which outputs of instruments are on: written before the message that turns one on is sent, and removed when
//! it is confirmed to be off. So a process that was killed meanwhile finds them at its next start.

use std::ops::Bound;

use super::{Store, StoreError};

/// The tree `outputs`: one record for each output that is on or may be. Every change is on disk when its method
/// returns.
#[derive(Clone)]
pub struct OutputTable {
    store: Store,
}

impl Store {
    /// The outputs of instruments that are on.
    pub fn outputs(&self) -> OutputTable {
        OutputTable { store: self.clone() }
    }
}

impl OutputTable {
    /// The records after that of `after`, by the names of their commands and in their order; at most `most`.
    ///
    /// # Errors
    /// Those of the store, which may not be open yet.
    pub fn page(&self, after: Option<&str>, most: usize) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let tree = self.store.tree("outputs")?;
        let start = after.map_or(Bound::Unbounded, |name| Bound::Excluded(name.as_bytes()));
        let pairs = tree.range::<&[u8], _>((start, Bound::Unbounded)).take(most).map(|pair| {
            let (name, record) = pair.map_err(|error| StoreError::from_sled(self.store.path(), error))?;
            Ok((String::from_utf8_lossy(&name).into_owned(), record.to_vec()))
        });
        pairs.collect()
    }

    /// Writes the record of `name`, in the place of an earlier one.
    ///
    /// # Errors
    /// Those of the store: then the output must not be turned on.
    pub fn put(&self, name: &str, record: &[u8]) -> Result<(), StoreError> {
        self.change(|tree| tree.insert(name, record).map(drop))
    }

    /// Removes the record of `name`.
    ///
    /// # Errors
    /// Those of the store: then the output is turned off once more at the next start.
    pub fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.change(|tree| tree.remove(name).map(drop))
    }

    fn change(&self, change: impl FnOnce(&sled::Tree) -> sled::Result<()>) -> Result<(), StoreError> {
        let tree = self.store.tree("outputs")?;
        let changed = change(&tree).map_err(|error| StoreError::from_sled(self.store.path(), error));
        let changed = changed.and_then(|()| self.store.sync(&tree));
        drop(tree);
        if changed.is_err() {
            // sled refuses everything after its first fault; the next use opens it again.
            self.store.close();
        }
        changed
    }
}
