//! The tree `gallery`, open for one use.

use std::collections::{BTreeMap, HashSet};

use super::crops::Crops;
use super::record::{self, PersonHead};
use super::{GalleryError, Person, Sample};
use crate::store::tree::Tree;
use crate::store::{Store, StoreError};
use crate::types::PersonId;

/// The counters of people and of their pictures.
pub(super) const NEXT_PERSON: &str = "gallery/person";
const NEXT_SAMPLE: &str = "gallery/sample";

pub(super) struct GalleryTable<'s> {
    store: &'s Store,
    crops: &'s Crops,
    tree: Tree,
}

impl<'s> GalleryTable<'s> {
    /// Opens the tree; an empty one is filled from the copies.
    pub(super) fn open(store: &'s Store, crops: &'s Crops) -> Result<GalleryTable<'s>, GalleryError> {
        let table = GalleryTable { store, crops, tree: store.tree("gallery")? };
        if table.tree.is_empty() {
            table.restore()?;
        }
        Ok(table)
    }

    /// All people with their samples, ordered by id.
    pub(super) fn people(&self) -> Result<Vec<Person>, GalleryError> {
        let mut people = BTreeMap::new();
        // The order of keys puts `p` before `s`.
        for pair in self.tree.iter() {
            let (key, value) = pair.map_err(|error| self.failed(error))?;
            match record::ids_of(&key) {
                Some((id, None)) => drop(people.insert(id, record::read_person(id, &value)?)),
                Some((id, Some(sample))) => {
                    let sample = record::read_sample(id, sample, &value)?;
                    if let Some(person) = people.get_mut(&id) {
                        person.samples.push(sample);
                    }
                }
                None => {}
            }
        }
        Ok(people.into_values().collect())
    }

    /// All people without their pictures; no embedding is read.
    pub(super) fn heads(&self) -> Result<Vec<Person>, GalleryError> {
        let mut people = Vec::new();
        for pair in self.tree.scan_prefix(b"p") {
            let (key, value) = pair.map_err(|error| self.failed(error))?;
            if let Some((id, None)) = record::ids_of(&key) {
                people.push(record::read_person(id, &value)?);
            }
        }
        Ok(people)
    }

    /// The person `id`, if it exists.
    pub(super) fn find(&self, id: PersonId) -> Result<Option<Person>, GalleryError> {
        let Some(value) = self.tree.get(record::person_key(id)).map_err(|error| self.failed(error))? else {
            return Ok(None);
        };
        let mut person = record::read_person(id, &value)?;
        for pair in self.tree.scan_prefix(record::samples_prefix(id)) {
            let (key, value) = pair.map_err(|error| self.failed(error))?;
            if let Some((_, Some(sample))) = record::ids_of(&key) {
                person.samples.push(record::read_sample(id, sample, &value)?);
            }
        }
        Ok(Some(person))
    }

    /// The person `id`. Errors: [`GalleryError::NoPerson`].
    pub(super) fn person(&self, id: PersonId) -> Result<Person, GalleryError> {
        self.find(id)?.ok_or(GalleryError::NoPerson { person: id })
    }

    /// Errors: [`GalleryError::Taken`] if another person than `id` has the name.
    pub(super) fn free(&self, name: &str, id: Option<PersonId>) -> Result<(), GalleryError> {
        let lower = name.to_lowercase();
        let holder = self.heads()?.into_iter().find(|known| known.name.to_lowercase() == lower);
        match holder.filter(|known| Some(known.id) != id) {
            Some(known) => Err(GalleryError::Taken { person: known.id, name: known.name }),
            None => Ok(()),
        }
    }

    /// An id that was never used, even in a store that was set aside.
    pub(super) fn next_person(&self) -> Result<PersonId, GalleryError> {
        let highest = self.heads()?.last().map_or(0, |person| person.id.0);
        Ok(PersonId(self.next(NEXT_PERSON, highest)?))
    }

    /// Reserves numbers for `count` new pictures; returns the first.
    pub(super) fn next_samples(&self, count: usize) -> Result<u64, GalleryError> {
        let counters = self.store.counters();
        // Counted from one.
        if counters.get(NEXT_SAMPLE)? == 0 {
            counters.reserve(NEXT_SAMPLE, 1)?;
        }
        Ok(counters.reserve(NEXT_SAMPLE, count as u64)?)
    }

    fn next(&self, name: &str, highest: u64) -> Result<u64, GalleryError> {
        let counters = self.store.counters();
        let least = self.store.first_number().max(highest + 1);
        counters.raise(name, least)?;
        Ok(counters.reserve(name, 1)?)
    }

    /// Writes all of `changes` or nothing, durably.
    pub(super) fn apply(&self, changes: sled::Batch) -> Result<(), GalleryError> {
        self.tree.apply_batch(changes).map_err(|error| self.failed(error))?;
        Ok(self.store.sync(&self.tree)?)
    }

    /// Renews the copy of a person's record.
    pub(super) fn copy(&self, id: PersonId) -> Result<(), GalleryError> {
        match self.find(id)? {
            Some(person) => self.crops.put_copy(id, &PersonHead::with_samples(&person)),
            None => self.crops.erase_copy(id),
        }
    }

    /// All pictures and people that records name.
    pub(super) fn named(&self) -> Result<(HashSet<u64>, HashSet<PersonId>), GalleryError> {
        let (mut samples, mut people) = (HashSet::new(), HashSet::new());
        for key in self.tree.iter().keys() {
            match record::ids_of(&key.map_err(|error| self.failed(error))?) {
                Some((_, Some(sample))) => drop(samples.insert(sample)),
                Some((person, None)) => drop(people.insert(person)),
                None => {}
            }
        }
        Ok((samples, people))
    }

    /// Restores people from the copies; the crops must be embedded again.
    fn restore(&self) -> Result<(), GalleryError> {
        let copies = self.crops.copies();
        if copies.is_empty() {
            return Ok(());
        }
        let mut batch = sled::Batch::default();
        for (id, head) in copies {
            tracing::warn!(person = %id, "person restored from the copy of their record");
            let person = head.into_person(id);
            insert(&mut batch, &person);
            person.samples.iter().for_each(|sample| insert_sample(&mut batch, id, sample));
        }
        self.apply(batch)
    }

    fn failed(&self, error: sled::Error) -> GalleryError {
        StoreError::from_sled(self.store.path(), error).into()
    }
}

pub(super) fn insert(batch: &mut sled::Batch, person: &Person) {
    batch.insert(record::person_key(person.id), record::write_person(person));
}

pub(super) fn insert_sample(batch: &mut sled::Batch, person: PersonId, sample: &Sample) {
    batch.insert(record::sample_key(person, sample.id), record::write_sample(sample));
}
