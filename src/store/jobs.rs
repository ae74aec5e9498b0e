//! The queue of jobs, and the ends of jobs that the broker does not have yet. What the records mean is the queue's own
//! matter; here each is a key with its bytes.

use std::sync::Arc;

use super::{Store, StoreError};

/// The records of the queue.
const RECORDS: &str = "jobs";
/// The numbers of jobs whose end is not published yet.
const UNPUBLISHED: &str = "jobs_unpublished";

/// The files that jobs made, by their paths. A file without a job that uses it is to be removed.
const FILES: &str = "jobs_files";

/// A record of the queue: its key and its bytes.
pub type JobRecord = (Vec<u8>, Vec<u8>);

/// What is stored about jobs.
pub struct StoredJobs {
    /// All records of the queue.
    pub records: Vec<JobRecord>,
    /// Numbers of jobs whose end was not published, in ascending order.
    pub unpublished: Vec<u64>,
    /// Paths of the files that jobs made and that were not removed.
    pub files: Vec<String>,
}

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
    /// All that is stored about jobs.
    ///
    /// # Errors
    /// Those of the store, which may not be open yet.
    pub fn read(&self) -> Result<StoredJobs, StoreError> {
        self.or_close(|| {
            let tree = self.store.tree(RECORDS)?;
            let pairs = tree.iter().map(|pair| pair.map(|(key, value)| (key.to_vec(), value.to_vec())));
            let records = pairs.collect::<sled::Result<_>>().map_err(|error| self.failed(error))?;
            let number = |key: &[u8]| Some(u64::from_be_bytes(key.try_into().ok()?));
            let path = |key: &[u8]| String::from_utf8(key.to_vec()).ok();
            let unpublished = self.keys(UNPUBLISHED)?.iter().filter_map(|key| number(key)).collect();
            let files = self.keys(FILES)?.iter().filter_map(|key| path(key)).collect();
            Ok(StoredJobs { records, unpublished, files })
        })
    }

    fn keys(&self, name: &str) -> Result<Vec<sled::IVec>, StoreError> {
        let tree = self.store.tree(name)?;
        tree.iter().keys().collect::<sled::Result<_>>().map_err(|error| self.failed(error))
    }

    /// Writes `changes` (`None` removes a record) in one batch, with the jobs that `ended` in it and the paths of the `files`
    /// that they made; returns when all of it is on disk.
    ///
    /// # Errors
    /// Those of the store: then none of the changes counts.
    pub fn apply(
        &self,
        changes: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>,
        ended: &[u64],
        files: &[String],
    ) -> Result<(), StoreError> {
        self.or_close(|| {
            // First, so that no kill leaves an end or a file that is not in its list. A number whose job has not ended does no
            // harm, nor does a file that its job makes again.
            self.enter(FILES, files.iter().map(|path| path.as_bytes().to_vec()))?;
            self.enter(UNPUBLISHED, ended.iter().map(|id| id.to_be_bytes().to_vec()))?;
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

    /// Files are gone. Durable within a second: after a power cut they are looked for once more.
    ///
    /// # Errors
    /// Those of the store.
    pub fn forget_files(&self, paths: &[Arc<str>]) -> Result<(), StoreError> {
        self.or_close(|| {
            let mut batch = sled::Batch::default();
            paths.iter().for_each(|path| batch.remove(path.as_bytes()));
            let tree = self.store.tree(FILES)?;
            tree.apply_batch(batch).map_err(|error| self.failed(error))
        })
    }

    /// Enters `keys` into a list.
    fn enter(&self, list: &str, keys: impl Iterator<Item = Vec<u8>>) -> Result<(), StoreError> {
        let mut keys = keys.peekable();
        if keys.peek().is_none() {
            return Ok(());
        }
        let mut batch = sled::Batch::default();
        keys.for_each(|key| batch.insert(key, &[]));
        let tree = self.store.tree(list)?;
        tree.apply_batch(batch).map_err(|error| self.failed(error))
    }

    fn or_close<T>(&self, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        work().inspect_err(|_| self.store.close())
    }

    fn failed(&self, error: sled::Error) -> StoreError {
        StoreError::from_sled(self.store.path(), error)
    }
}
