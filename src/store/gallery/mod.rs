//! The enrolled people: names and embeddings in sled, aligned crops in `gallery/SAMPLE.png` beside the store.
//!
//! A crop is on disk before a record names it, and overwritten before its record is deleted: a crash leaves
//! at most a crop without a record, which [`Gallery::tidy`] overwrites. Every change is durable when its
//! method returns.

mod crops;
mod erase;
mod error;
mod record;
mod table;
mod transfer;

pub use error::{GalleryError, SampleError};
pub use record::{Erasing, NewSample, Person, Sample, clean_name};
pub use transfer::{Imported, PersonName, Skipped, read_header};

use std::collections::HashMap;

use crops::Crops;
use table::GalleryTable;

use super::Store;
use crate::types::{Clock, Patch, PersonId, SystemClock};

/// The people of this device. Clones share them; every method may be called from any thread.
#[derive(Clone)]
pub struct Gallery {
    store: Store,
    crops: Crops,
}

impl Gallery {
    pub(super) fn new(store: Store) -> Gallery {
        let crops = Crops::new(store.beside("gallery"));
        Gallery { store, crops }
    }

    /// All people, in the order of enrolment.
    pub fn people(&self) -> Result<Vec<Person>, GalleryError> {
        self.table()?.people()
    }

    /// The person `id`. Errors: [`GalleryError::NoPerson`].
    pub fn person(&self, id: PersonId) -> Result<Person, GalleryError> {
        self.table()?.person(id)
    }

    /// The current name of every person, also under the ids of people who were merged into them.
    pub fn names(&self) -> Result<HashMap<PersonId, String>, GalleryError> {
        let people = self.table()?.heads()?.into_iter();
        let named = people.flat_map(|Person { id, name, was, .. }| {
            was.into_iter().chain([id]).map(move |number| (number, name.clone()))
        });
        Ok(named.collect())
    }

    /// The person called `name`, in upper or lower case.
    pub fn named(&self, name: &str) -> Result<Option<Person>, GalleryError> {
        let (table, lower) = (self.table()?, name.trim().to_lowercase());
        let found = table.heads()?.into_iter().find(|person| person.name.to_lowercase() == lower);
        found.map(|person| table.person(person.id)).transpose()
    }

    /// Whether this id was ever used.
    pub fn knew(&self, id: PersonId) -> Result<bool, GalleryError> {
        let next = self.store.counters().get(table::NEXT_PERSON)?;
        Ok((1..next).contains(&id.0))
    }

    /// Enrols a new person called `name` with these faces, all of them or none. Errors:
    /// [`GalleryError::Name`], [`GalleryError::Taken`], [`GalleryError::Unfit`].
    pub fn enrol(&self, name: &str, faces: &[NewSample]) -> Result<Person, GalleryError> {
        let name = clean_name(name)?;
        let _turn = self.store.gallery_turn();
        let table = self.table()?;
        table.free(&name, None)?;
        let samples = self.keep(&table, faces)?;
        let id = table.next_person()?;
        let person = Person { id, name, created_ns: now(), was: Vec::new(), samples };
        self.put(&table, &person)?;
        Ok(person)
    }

    /// Adds faces to a person, all of them or none. Returns the updated person. Errors:
    /// [`GalleryError::NoPerson`], [`GalleryError::Unfit`].
    pub fn add(&self, id: PersonId, faces: &[NewSample]) -> Result<Person, GalleryError> {
        let _turn = self.store.gallery_turn();
        let table = self.table()?;
        table.person(id)?;
        let mut batch = sled::Batch::default();
        for sample in self.keep(&table, faces)? {
            table::insert_sample(&mut batch, id, &sample);
        }
        table.apply(batch)?;
        table.copy(id)?;
        table.person(id)
    }

    /// Renames a person. Errors: [`GalleryError::Name`], [`GalleryError::Taken`].
    pub fn rename(&self, id: PersonId, name: &str) -> Result<Person, GalleryError> {
        let name = clean_name(name)?;
        let _turn = self.store.gallery_turn();
        let table = self.table()?;
        let person = Person { name, ..table.person(id)? };
        table.free(&person.name, Some(id))?;
        let mut batch = sled::Batch::default();
        table::insert(&mut batch, &person);
        table.apply(batch)?;
        table.copy(id)?;
        Ok(person)
    }

    /// Moves the faces and the attendance of `from` to `into`, who keeps the name; `from` is deleted.
    pub fn merge(&self, from: PersonId, into: PersonId) -> Result<Person, GalleryError> {
        if from == into {
            return Err(GalleryError::Same { person: from });
        }
        let _turn = self.store.gallery_turn();
        let table = self.table()?;
        let (gone, mut person) = (table.person(from)?, table.person(into)?);
        // Attendance first: a merge that a crash interrupts here can simply be repeated.
        self.store.attendance().merge(from, into)?;
        person.was.extend([from].iter().chain(&gone.was));
        let mut batch = sled::Batch::default();
        for sample in &gone.samples {
            batch.remove(record::sample_key(from, sample.id));
            table::insert_sample(&mut batch, into, sample);
        }
        batch.remove(record::person_key(from));
        table::insert(&mut batch, &person);
        table.apply(batch)?;
        table.copy(into)?;
        table.copy(from)?;
        table.person(into)
    }

    /// Removes one face of a person. Errors: [`GalleryError::NoSample`].
    pub fn remove(&self, id: PersonId, sample: u64) -> Result<Person, GalleryError> {
        let _turn = self.store.gallery_turn();
        let table = self.table()?;
        self.has(&table, id, sample)?;
        let mut batch = sled::Batch::default();
        batch.remove(record::sample_key(id, sample));
        self.crops.erase(sample)?;
        table.apply(batch)?;
        table.copy(id)?;
        table.person(id)
    }

    /// The file (PNG) of a person's face. Errors: [`GalleryError::NoSample`], [`GalleryError::Crop`].
    pub fn picture(&self, id: PersonId, sample: u64) -> Result<Vec<u8>, GalleryError> {
        self.has(&self.table()?, id, sample)?;
        self.crops.file(sample)
    }

    /// A person's face as an image. Errors: [`GalleryError::NoSample`], [`GalleryError::Crop`].
    pub fn crop(&self, id: PersonId, sample: u64) -> Result<Patch, GalleryError> {
        self.has(&self.table()?, id, sample)?;
        self.crops.read(sample)
    }

    /// Replaces embeddings of known faces, all made by the model with this SHA-256: all of them or none.
    pub fn embed_again(&self, faces: &[(PersonId, u64, Vec<f32>)], model: &str) -> Result<(), GalleryError> {
        let _turn = self.store.gallery_turn();
        let table = self.table()?;
        let mut batch = sled::Batch::default();
        for (id, sample, embedding) in faces {
            let known = self.has(&table, *id, *sample)?;
            record::check_embedding(embedding)
                .map_err(|cause| GalleryError::Unfit { source_name: known.source.clone(), cause })?;
            let sample = Sample { embedding: embedding.clone(), model: model.to_owned(), ..known };
            table::insert_sample(&mut batch, *id, &sample);
        }
        table.apply(batch)
    }

    /// The faces whose embeddings another model than `model` (SHA-256) made.
    pub fn stale(&self, model: &str) -> Result<Vec<(PersonId, u64)>, GalleryError> {
        let people = self.people()?;
        let stale = people.iter().flat_map(|person| {
            let stale = person.samples.iter().filter(|sample| sample.model != model);
            stale.map(|sample| (person.id, sample.id))
        });
        Ok(stale.collect())
    }

    /// Overwrites what a crash left: crops without a record, and unfinished files. Returns how many.
    pub fn tidy(&self) -> Result<u64, GalleryError> {
        let _turn = self.store.gallery_turn();
        let (samples, people) = self.table()?.named()?;
        self.crops.erase_others(&samples, &people)
    }

    fn has(&self, table: &GalleryTable<'_>, id: PersonId, sample: u64) -> Result<Sample, GalleryError> {
        let found = table.person(id)?.samples.into_iter().find(|known| known.id == sample);
        found.ok_or(GalleryError::NoSample { person: id, sample })
    }

    /// Writes crops to disk before any record names them.
    fn keep(&self, table: &GalleryTable<'_>, faces: &[NewSample]) -> Result<Vec<Sample>, GalleryError> {
        let mut files = Vec::with_capacity(faces.len());
        for face in faces {
            let unfit = |cause| GalleryError::Unfit { source_name: face.source.clone(), cause };
            record::check_embedding(&face.embedding).map_err(unfit)?;
            files.push(crops::encode(&face.crop).map_err(unfit)?);
        }
        let first = table.next_samples(faces.len())?;
        let mut samples = Vec::with_capacity(faces.len());
        for (id, (face, file)) in (first..).zip(faces.iter().zip(&files)) {
            self.crops.put(id, file)?;
            samples.push(Sample {
                id,
                added_ns: now(),
                source: record::clean_source(&face.source),
                quality: face.quality,
                model: face.model.clone(),
                embedding: face.embedding.clone(),
            });
        }
        Ok(samples)
    }

    /// Writes a new person, whose crops are on disk.
    fn put(&self, table: &GalleryTable<'_>, person: &Person) -> Result<(), GalleryError> {
        let mut batch = sled::Batch::default();
        table::insert(&mut batch, person);
        person.samples.iter().for_each(|sample| table::insert_sample(&mut batch, person.id, sample));
        table.apply(batch)?;
        table.copy(person.id)
    }

    fn table(&self) -> Result<GalleryTable<'_>, GalleryError> {
        GalleryTable::open(&self.store, &self.crops)
    }
}

fn now() -> u64 {
    SystemClock.now().wall_ns
}
