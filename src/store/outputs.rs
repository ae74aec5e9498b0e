//! Which outputs of instruments are on: written before the message that turns one on is sent, and removed when
//! it is confirmed to be off. So a process that was killed meanwhile finds them at its next start.

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
    /// All records by the names of their commands.
    ///
    /// # Errors
    /// Those of the store, which may not be open yet.
    pub fn all(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let tree = self.store.tree("outputs")?;
        let pairs = tree.iter().map(|pair| {
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
        let tree = self.store.tree("outputs")?;
        tree.insert(name, record).map_err(|error| StoreError::from_sled(self.store.path(), error))?;
        self.store.sync(&tree)
    }

    /// Removes the record of `name`.
    ///
    /// # Errors
    /// Those of the store: then the output is turned off once more at the next start.
    pub fn remove(&self, name: &str) -> Result<(), StoreError> {
        let tree = self.store.tree("outputs")?;
        tree.remove(name).map_err(|error| StoreError::from_sled(self.store.path(), error))?;
        self.store.sync(&tree)
    }
}
