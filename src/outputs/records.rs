//! Writes the records of outputs beside the loop, which must not wait for the disk. Of one output the changes happen
//! in the order in which they were asked for, however late the disk is.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::{JoinError, JoinHandle};

use crate::store::{OutputTable, StoreError};

/// How long the disk may take to store that an output is on.
const PATIENCE: Duration = Duration::from_secs(5);

/// The records of all outputs. Clones share them.
#[derive(Clone)]
pub(super) struct Records {
    table: OutputTable,
    lanes: Arc<Mutex<HashMap<String, Arc<Lane>>>>,
}

/// The changes of one record: of two that wait for a slow disk only the newer one is made.
#[derive(Default)]
struct Lane {
    /// The number of the newest change that was asked for.
    newest: AtomicU64,
    /// Changes that have not ended.
    pending: AtomicUsize,
    /// Held while the disk makes a change.
    turn: Mutex<()>,
}

/// Counts a change as pending until it has ended, or was thrown away with its runtime.
struct Pending(Arc<Lane>);

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Why something could not be stored.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreTrouble {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the disk does not answer within {0} s")]
    Slow(u64),
    #[error("the disk has not ended an earlier change of this record")]
    Late,
    #[error("a newer change of this record was asked for meanwhile")]
    Replaced,
    #[error("{0}")]
    Failed(JoinError),
}

impl Records {
    pub(super) fn new(table: OutputTable) -> Records {
        Records { table, lanes: Arc::default() }
    }

    /// Stores that `name` is on, before it is turned on. Refused while the disk has not ended an earlier change, so
    /// that a disk that hangs holds a bounded number of threads.
    pub(super) async fn put(&self, name: &str, record: Vec<u8>) -> Result<(), StoreTrouble> {
        if self.is_late(name) {
            return Err(StoreTrouble::Late);
        }
        patient(self.begin(name, Some(record))).await
    }

    /// Makes `record` that of `name`; without one, `name` is off. It waits for its turn behind earlier changes, because
    /// it must not be lost.
    pub(super) async fn set(&self, name: &str, record: Option<Vec<u8>>) -> Result<(), StoreTrouble> {
        patient(self.begin(name, record)).await
    }

    /// The same, without waiting for the outcome.
    pub(super) fn set_later(&self, name: &str, record: Option<Vec<u8>>) {
        drop(self.begin(name, record));
    }

    /// The records after that of `after` in the order of their names, at most `most`.
    pub(super) fn page(
        &self,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.table.page(after, most)
    }

    fn begin(&self, name: &str, record: Option<Vec<u8>>) -> JoinHandle<Result<(), StoreTrouble>> {
        let lane = self.lane(name);
        let number = lane.newest.fetch_add(1, Ordering::AcqRel) + 1;
        lane.pending.fetch_add(1, Ordering::AcqRel);
        let (pending, table, name) = (Pending(lane), self.table.clone(), name.to_owned());
        tokio::task::spawn_blocking(move || {
            let lane = &pending.0;
            let _turn = lane.turn.lock();
            if lane.newest.load(Ordering::Acquire) > number {
                return Err(StoreTrouble::Replaced);
            }
            match record {
                Some(record) => table.put(&name, &record)?,
                None => table.remove(&name)?,
            }
            Ok(())
        })
    }

    /// Whether the disk has not ended an earlier change of `name`.
    fn is_late(&self, name: &str) -> bool {
        self.lane(name).pending.load(Ordering::Acquire) > 0
    }

    fn lane(&self, name: &str) -> Arc<Lane> {
        self.lanes.lock().entry(name.to_owned()).or_default().clone()
    }
}

/// Waits for a change, within a bound; afterwards it goes on unheard.
async fn patient(change: JoinHandle<Result<(), StoreTrouble>>) -> Result<(), StoreTrouble> {
    match tokio::time::timeout(PATIENCE, change).await {
        Ok(Ok(done)) => done,
        Ok(Err(error)) => Err(StoreTrouble::Failed(error)),
        Err(_) => Err(StoreTrouble::Slow(PATIENCE.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn a_late_write_replaces_no_newer_one_and_nothing_is_turned_on_meanwhile() {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::new(Store::open(dir.path()).unwrap().store.outputs());
        records.put("rf", b"first".to_vec()).await.unwrap();
        let lane = records.lane("rf");
        // The disk hangs: the record of a run that was given up, and then the confirmation that it is off.
        let turn = lane.turn.lock();
        let late = records.begin("rf", Some(b"late".to_vec()));
        let removed = records.begin("rf", None);
        assert!(records.is_late("rf") && !records.is_late("gun"));
        drop(turn);
        assert!(matches!(late.await.unwrap(), Err(StoreTrouble::Replaced)));
        removed.await.unwrap().unwrap();
        assert_eq!(records.page(None, 10).unwrap(), []);
        records.put("rf", b"next".to_vec()).await.unwrap();
        records.put("gun", b"other".to_vec()).await.unwrap();
        let first = records.page(None, 1).unwrap();
        assert_eq!(first, [("gun".to_owned(), b"other".to_vec())]);
        assert_eq!(records.page(Some("gun"), 10).unwrap(), [("rf".to_owned(), b"next".to_vec())]);
    }
}
