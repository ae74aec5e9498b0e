//! Writes what sources have read: the first source that waits writes for all that wait with it, so that many folders
//! cost one flush of the disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::store::{IntakeChange, IntakeTables, Store, StoreError};

/// What became of a change: nothing yet, or the outcome of the batch that had it.
type Outcome = Arc<Mutex<Option<Result<(), Arc<StoreError>>>>>;

/// The writer of all sources.
pub(super) struct Commits {
    store: Store,
    tables: IntakeTables,
    waiting: Mutex<Vec<(Arc<IntakeChange>, Outcome)>>,
    /// Held by the source that writes.
    turn: Mutex<()>,
    ids: Mutex<Option<ChannelIds>>,
}

/// The ids of channels in the store.
#[derive(Debug, Default)]
struct ChannelIds {
    by_name: BTreeMap<Arc<str>, u32>,
    next: u32,
}

impl Commits {
    pub(super) fn new(store: Store) -> Commits {
        let tables = store.intake();
        Commits { store, tables, waiting: Mutex::default(), turn: Mutex::default(), ids: Mutex::default() }
    }

    /// The tables that are written.
    pub(super) fn tables(&self) -> &IntakeTables {
        &self.tables
    }

    /// Writes `change`, and returns when it is on disk. After an error the same change may be passed again.
    pub(super) fn commit(&self, change: &Arc<IntakeChange>) -> Result<(), Arc<StoreError>> {
        let outcome = Outcome::default();
        self.waiting.lock().push((change.clone(), outcome.clone()));
        let _turn = self.turn.lock();
        if let Some(outcome) = outcome.lock().take() {
            return outcome;
        }
        let (changes, outcomes): (Vec<_>, Vec<_>) =
            std::mem::take(&mut *self.waiting.lock()).into_iter().unzip();
        let written = self.tables.apply(&changes).map_err(Arc::new);
        if written.is_err() {
            // sled refuses everything after its first fault; the next use opens it again.
            self.store.close();
        }
        for waiting in outcomes {
            *waiting.lock() = Some(written.clone());
        }
        written
    }

    /// Reads the ids of channels, unless they are known.
    pub(super) fn load(&self) -> Result<(), StoreError> {
        let mut ids = self.ids.lock();
        if ids.is_none() {
            let names = self.tables.names()?;
            let next = names.iter().map(|(_, id)| id + 1).max().unwrap_or(1);
            let by_name = names.into_iter().map(|(name, id)| (Arc::from(name), id)).collect();
            *ids = Some(ChannelIds { by_name, next });
        }
        Ok(())
    }

    /// The id of the channel `name`, which gets one where it has none; `None` where `most` channels have one.
    pub(super) fn id(&self, name: &str, most: usize) -> Option<(Arc<str>, u32)> {
        let mut ids = self.ids.lock();
        let ids = ids.as_mut()?;
        if let Some((name, id)) = ids.by_name.get_key_value(name) {
            return Some((name.clone(), *id));
        }
        if ids.by_name.len() >= most {
            return None;
        }
        let (name, id) = (Arc::<str>::from(name), ids.next);
        ids.next += 1;
        ids.by_name.insert(name.clone(), id);
        Some((name, id))
    }

    /// Every channel that has an id.
    pub(super) fn channels(&self) -> Vec<(Arc<str>, u32)> {
        let ids = self.ids.lock();
        ids.iter().flat_map(|ids| ids.by_name.iter()).map(|(name, id)| (name.clone(), *id)).collect()
    }

    /// The id of a channel that has one.
    pub(super) fn known_id(&self, name: &str) -> Option<u32> {
        self.ids.lock().as_ref()?.by_name.get(name).copied()
    }

    /// Forgets a channel that has neither values in memory nor history.
    pub(super) fn forget(&self, name: &str, id: u32) -> Result<(), StoreError> {
        if self.tables.forget_channel(name, id)?
            && let Some(ids) = self.ids.lock().as_mut()
        {
            ids.by_name.remove(name);
        }
        Ok(())
    }
}

impl std::fmt::Debug for Commits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Commits({:?})", self.ids)
    }
}
