//! The queue of jobs, and the ends of jobs that the broker does not have yet. What the records mean is the queue's own
//! matter; here each is a key with its bytes.

use super::{Store, StoreError};

/// The records of the queue.
const RECORDS: &str = "jobs";
/// The numbers of jobs whose end is not published yet.
const UNPUBLISHED: &str = "jobs_unpublished";

/// A record of the queue: its key and its bytes.
pub type JobRecord = (Vec<u8>, Vec<u8>);

/// The queue's records of a store. A call that fails closes the store, because sled refuses everything after its first fault;
/// the next one opens it again.
#[derive(Clone)]
pub struct JobTables {
    store: Store,
}

impl Store {
    /// The queue of jobs.
    pub fn jobs(&self) -> JobTables {
        JobTables { store: self.clone() }
    }
}

impl JobTables {
    /// All records of the queue, as key and bytes.
    ///
    /// # Errors
    /// Those of the store, which may not be open yet.
    pub fn records(&self) -> Result<Vec<JobRecord>, StoreError> {
        self.or_close(|| {
            let tree = self.store.tree(RECORDS)?;
            let pairs = tree.iter().map(|pair| pair.map(|(key, value)| (key.to_vec(), value.to_vec())));
            pairs.collect::<sled::Result<_>>().map_err(|error| self.failed(error))
        })
    }

    /// The numbers of jobs whose end was not published, in ascending order.
    ///
    /// # Errors
    /// Those of the store, which may not be open yet.
    pub fn unpublished(&self) -> Result<Vec<u64>, StoreError> {
        self.or_close(|| {
            let tree = self.store.tree(UNPUBLISHED)?;
            let keys =
                tree.iter().keys().collect::<sled::Result<Vec<_>>>().map_err(|error| self.failed(error))?;
            let number = |key: &sled::IVec| Some(u64::from_be_bytes(key.as_ref().try_into().ok()?));
            Ok(keys.iter().filter_map(number).collect())
        })
    }

    /// Writes `changes` (`None` removes a record) in one batch, with the jobs that ended in it; returns when all of it is on
    /// disk.
    ///
    /// # Errors
    /// Those of the store: then none of the changes counts.
    pub fn apply(
        &self,
        changes: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>,
        ended: &[u64],
    ) -> Result<(), StoreError> {
        self.or_close(|| {
            // First, so that no kill leaves an end that is not in the list. A number whose job has not ended does no harm.
            if !ended.is_empty() {
                let mut batch = sled::Batch::default();
                ended.iter().for_each(|id| batch.insert(&id.to_be_bytes(), &[]));
                let tree = self.store.tree(UNPUBLISHED)?;
                tree.apply_batch(batch).map_err(|error| self.failed(error))?;
            }
            let tree = self.store.tree(RECORDS)?;
            let mut batch = sled::Batch::default();
            for (key, value) in changes {
                match value {
                    Some(value) => batch.insert(key, value),
                    None => batch.remove(key),
                }
            }
            tree.apply_batch(batch).map_err(|error| self.failed(error))?;
            // One flush is that of the whole file, so it makes both durable.
            self.store.sync(&tree)
        })
    }

    /// The ends of these jobs are published. Durable within a second: after a power cut they may be published twice.
    ///
    /// # Errors
    /// Those of the store.
    pub fn published(&self, ids: &[u64]) -> Result<(), StoreError> {
        self.or_close(|| {
            let mut batch = sled::Batch::default();
            ids.iter().for_each(|id| batch.remove(&id.to_be_bytes()));
            let tree = self.store.tree(UNPUBLISHED)?;
            tree.apply_batch(batch).map_err(|error| self.failed(error))
        })
    }

    fn or_close<T>(&self, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        work().inspect_err(|_| self.store.close())
    }

    fn failed(&self, error: sled::Error) -> StoreError {
        StoreError::from_sled(self.store.path(), error)
    }
}
