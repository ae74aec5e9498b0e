//! Golden pictures: what a good part looks like, in numbered sets that never change and are only succeeded.
//!
//! A picture is stored in `goldens/SHA256.png` beside the store, named by its content; sled holds the sets
//! that name pictures. The picture is on disk before a set names it, so a crash leaves at most a picture
//! without a set.

mod error;
mod pictures;
mod record;
mod set;

pub use error::GoldenError;
pub use set::{GoldenEntry, GoldenSet, with as golden_entries_with};

use std::path::Path;

use pictures::Pictures;
use record::GoldenTable;

use super::Store;
use crate::types::{Clock, Patch, SystemClock};

/// The result of [`Goldens::prune`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// How many revisions were deleted.
    pub revisions: u64,
    /// How many picture files were removed.
    pub pictures: u64,
    /// Bytes that the removed files took.
    pub bytes: u64,
}

/// The files of golden pictures without the sets that name them. They may be read, and added to, while
/// another process holds the store.
#[derive(Clone)]
pub struct GoldenFiles(Pictures);

impl GoldenFiles {
    /// The files in the state directory `dir`.
    pub fn of_state_dir(dir: &Path) -> GoldenFiles {
        GoldenFiles(Pictures::new(dir.join("goldens")))
    }

    /// Writes a picture (grey or RGB) to disk without naming it in a set; done when it returns. Errors:
    /// [`GoldenError::Unfit`] for a picture that is empty or has other channels.
    pub fn keep(
        &self,
        picture: &Patch,
        name: &str,
        rois: Option<Vec<String>>,
    ) -> Result<GoldenEntry, GoldenError> {
        let sha = self.0.keep(picture, name)?;
        let size = [picture.width as u32, picture.height as u32];
        Ok(GoldenEntry { picture: sha, name: name.to_owned(), size, rois })
    }

    /// Reads the picture `sha` (64 digits) and checks it against its name. Errors: [`GoldenError::Missing`],
    /// [`GoldenError::Changed`].
    pub fn picture(&self, sha: &str) -> Result<Patch, GoldenError> {
        self.0.read(sha)
    }
}

/// The golden pictures of this device. Clones share them; every method may be called from any thread.
#[derive(Clone)]
pub struct Goldens {
    store: Store,
    pictures: Pictures,
}

impl Goldens {
    pub(super) fn new(store: Store) -> Goldens {
        let pictures = Pictures::new(store.beside("goldens"));
        Goldens { store, pictures }
    }

    /// The set in force of each product that was ever taught, by name.
    pub fn sets(&self) -> Result<Vec<GoldenSet>, GoldenError> {
        self.table()?.newest()
    }

    /// The set in force; `None` if the product was never taught.
    pub fn current(&self, product: &str) -> Result<Option<GoldenSet>, GoldenError> {
        self.table()?.current(product)
    }

    /// Revision `revision` of the product's set. Errors: [`GoldenError::NoRevision`].
    pub fn revision(&self, product: &str, revision: u64) -> Result<GoldenSet, GoldenError> {
        self.table()?.revision(product, revision)
    }

    /// Every revision of the product, oldest first.
    pub fn revisions(&self, product: &str) -> Result<Vec<GoldenSet>, GoldenError> {
        self.table()?.all(Some(product))
    }

    /// Teaches one picture: [`Goldens::keep`], then [`Goldens::add`].
    pub fn teach(
        &self,
        product: &str,
        picture: &Patch,
        name: &str,
        rois: Option<Vec<String>>,
    ) -> Result<GoldenSet, GoldenError> {
        let entry = self.keep(picture, name, rois)?;
        self.add(product, vec![entry])
    }

    /// Writes a picture (grey or RGB) to disk without naming it in a set; done when it returns. Errors:
    /// [`GoldenError::Unfit`] for a picture that is empty or has other channels.
    pub fn keep(
        &self,
        picture: &Patch,
        name: &str,
        rois: Option<Vec<String>>,
    ) -> Result<GoldenEntry, GoldenError> {
        self.files().keep(picture, name, rois)
    }

    /// Adds stored pictures as one new revision. A picture that is already in the set keeps its place and
    /// gets the new name and ROIs; if nothing changes, the current revision is returned.
    pub fn add(&self, product: &str, entries: Vec<GoldenEntry>) -> Result<GoldenSet, GoldenError> {
        let _turn = self.store.turn();
        let table = self.table()?;
        let current = table.current(product)?;
        for entry in &entries {
            self.pictures.length(&entry.picture)?;
        }
        let all = set::with(current.as_ref(), &entries);
        match current {
            Some(current) if current.entries == all => Ok(current),
            current => {
                let names: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
                table.follow(product, current.as_ref(), all, format!("added {}", names.join(", ")))
            }
        }
    }

    /// Removes the picture whose SHA-256 begins with `sha` (at least 4 digits) from the set, as a new
    /// revision. Errors: [`GoldenError::NoPicture`], [`GoldenError::Ambiguous`].
    pub fn remove(&self, product: &str, sha: &str) -> Result<GoldenSet, GoldenError> {
        let _turn = self.store.turn();
        let table = self.table()?;
        let Some(current) = table.current(product)? else { return Err(set::never_taught(product, 1)) };
        let (left, gone) = current.without(sha)?;
        table.follow(product, Some(&current), left, format!("removed {} ({})", gone.name, gone.short()))
    }

    /// Makes a new revision with the pictures of revision `to` (`None`: the one before the current one).
    /// Repeated without `to`, it goes back further. A revision with missing or damaged pictures is refused.
    pub fn rollback(&self, product: &str, to: Option<u64>) -> Result<GoldenSet, GoldenError> {
        let _turn = self.store.turn();
        let table = self.table()?;
        let newest = table.numbers(product)?.last().copied();
        let Some(newest) = newest else { return Err(set::never_taught(product, to.unwrap_or(1))) };
        let to = match to {
            Some(to) => to,
            None => table.before(product, newest)?,
        };
        if to == newest {
            return Err(GoldenError::InForce { product: product.to_owned(), revision: to });
        }
        let target = table.revision(product, to)?;
        for entry in &target.entries {
            self.pictures.check(&entry.picture)?;
        }
        let note = format!("rolled back to revision {to}");
        table.put(GoldenSet { revision: newest + 1, origin: Some(to), note, created_ns: now(), ..target })
    }

    /// Reads the picture `sha` (64 digits) and checks it against its name. Errors: [`GoldenError::Missing`],
    /// [`GoldenError::Changed`].
    pub fn picture(&self, sha: &str) -> Result<Patch, GoldenError> {
        self.pictures.read(sha)
    }

    /// Reads every picture that any revision names. Returns missing and changed ones, and records that cannot
    /// be read.
    pub fn verify(&self) -> Result<Vec<GoldenError>, GoldenError> {
        let (named, mut faults) = self.table()?.named()?;
        let mut named: Vec<_> = named.into_iter().collect();
        named.sort_unstable();
        faults.extend(named.iter().filter_map(|sha| self.pictures.check(sha).err()));
        Ok(faults)
    }

    /// Deletes all but the newest `keep` revisions of each product (`None` keeps all; the one in force always
    /// stays), then the pictures that no revision names. Nothing is deleted while a record cannot be read,
    /// because it may name pictures.
    pub fn prune(&self, keep: Option<u64>) -> Result<Pruned, GoldenError> {
        let _turn = self.store.turn();
        let table = self.table()?;
        let mut pruned = Pruned::default();
        if let Some(keep) = keep {
            pruned.revisions = table.forget(keep.max(1))?;
        }
        let (named, mut faults) = table.named()?;
        if let Some(fault) = faults.pop() {
            return Err(fault);
        }
        (pruned.pictures, pruned.bytes) = self.pictures.remove_others(&named)?;
        Ok(pruned)
    }

    /// Access to the picture files without the store's tables.
    pub fn files(&self) -> GoldenFiles {
        GoldenFiles(self.pictures.clone())
    }

    fn table(&self) -> Result<GoldenTable<'_>, GoldenError> {
        GoldenTable::open(&self.store, &self.pictures)
    }
}

impl GoldenTable<'_> {
    /// Creates the revision that follows `current`.
    fn follow(
        &self,
        product: &str,
        current: Option<&GoldenSet>,
        entries: Vec<GoldenEntry>,
        note: String,
    ) -> Result<GoldenSet, GoldenError> {
        let revision = current.map_or(0, |set| set.revision) + 1;
        let product = product.to_owned();
        self.put(GoldenSet { product, revision, created_ns: now(), origin: None, note, entries })
    }

    /// The target of a rollback from `newest` without a number. A rollback counts as the revision that it
    /// restored.
    fn before(&self, product: &str, newest: u64) -> Result<u64, GoldenError> {
        let mut at = newest;
        while let Some(origin) = self.revision(product, at)?.origin.filter(|origin| *origin < at) {
            at = origin;
        }
        let earlier = self.numbers(product)?.into_iter().rev().find(|known| *known < at);
        earlier.ok_or_else(|| GoldenError::NoRevision {
            product: product.to_owned(),
            revision: at - 1,
            known: format!("revision {at}, whose pictures are in force, is the first that is kept"),
        })
    }
}

fn now() -> u64 {
    SystemClock.now().wall_ns
}
