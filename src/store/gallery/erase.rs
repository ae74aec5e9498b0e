//! The first half of an erasure: the person leaves the gallery. The second half rewrites the store's files.

use super::record::{self, ERASING};
use super::{Erasing, Gallery, GalleryError};
use crate::store::StoreError;
use crate::store::tree::Tree;
use crate::types::PersonId;

impl Gallery {
    /// Overwrites a person's crops, deletes their records, and marks the erasure as pending. What remains in
    /// sled's own files, in the outbox and in the attendance log is removed by
    /// [`Store::finish_erasures`](crate::store::Store::finish_erasures).
    ///
    /// An erasure that a crash interrupted can be repeated; then the person need not exist any more. Errors:
    /// [`GalleryError::NoPerson`], and those of the disk.
    pub fn begin_erasure(&self, id: PersonId) -> Result<Erasing, GalleryError> {
        let _turn = self.store.gallery_turn();
        let table = self.table()?;
        let pending = self.pending_erasures()?.into_iter().find(|erasing| erasing.person == id);
        let Some(person) = table.find(id)? else {
            return pending.ok_or(GalleryError::NoPerson { person: id });
        };
        let count = person.samples.len() as u64;
        // A first attempt that got no further than its mark has already counted.
        let erasing =
            pending.unwrap_or(Erasing { person: id, was: person.was, samples: count, crops: count });
        self.mark(&erasing)?;
        let mut batch = sled::Batch::default();
        for sample in &person.samples {
            self.crops.erase(sample.id)?;
            batch.remove(record::sample_key(id, sample.id));
        }
        self.crops.erase_copy(id)?;
        self.crops.sync()?;
        batch.remove(record::person_key(id));
        table.apply(batch)?;
        Ok(erasing)
    }

    /// Erasures that have begun and are not known to have ended.
    pub fn pending_erasures(&self) -> Result<Vec<Erasing>, GalleryError> {
        let (meta, mut pending) = (self.meta()?, Vec::new());
        for pair in meta.scan_prefix(ERASING) {
            let (key, value) = pair.map_err(|error| StoreError::from_sled(self.store.path(), error))?;
            pending.extend(Erasing::read(&key, &value));
        }
        Ok(pending)
    }

    fn mark(&self, erasing: &Erasing) -> Result<(), GalleryError> {
        let meta = self.meta()?;
        let marked = meta.insert(erasing.mark(), erasing.value());
        marked.map_err(|error| StoreError::from_sled(self.store.path(), error))?;
        Ok(self.store.sync(&meta)?)
    }

    fn meta(&self) -> Result<Tree, GalleryError> {
        Ok(self.store.tree("meta")?)
    }
}
