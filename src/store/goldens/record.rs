//! How sets are stored in sled, and the copy of each product's newest set beside the pictures.
//!
//! Key: product, a zero byte, revision (8 bytes BE), so that a product's revisions are in order. Value: a
//! version byte, then JSON. The copies (`goldens/PRODUCT.json`) are read only if sled has no set at all: when
//! a damaged store is set aside, the golden pictures must survive, and no revision number may be used twice.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use super::pictures::Pictures;
use super::{GoldenError, GoldenSet, set};
use crate::store::files::write_whole;
use crate::store::tree::Tree;
use crate::store::{Store, StoreError};

const VERSION: u8 = 1;

/// The tree `goldens`, open.
pub(super) struct GoldenTable<'s> {
    store: &'s Store,
    tree: Tree,
    /// The folder of the copies.
    dir: &'s Path,
}

impl<'s> GoldenTable<'s> {
    /// Opens the tree; an empty one is filled from the copies.
    pub(super) fn open(store: &'s Store, pictures: &'s Pictures) -> Result<GoldenTable<'s>, GoldenError> {
        let table = GoldenTable { store, tree: store.tree("goldens")?, dir: pictures.dir() };
        if table.tree.is_empty() {
            table.restore()?;
        }
        Ok(table)
    }

    /// The numbers of the product's revisions, oldest first.
    pub(super) fn numbers(&self, product: &str) -> Result<Vec<u64>, GoldenError> {
        let keys = self.tree.scan_prefix(prefix(product)).keys();
        let numbers =
            keys.map(|key| Ok(split(&key.map_err(|e| self.failed(e))?).map(|(_, revision)| revision)));
        numbers.filter_map(Result::transpose).collect()
    }

    /// The newest revision of the product.
    pub(super) fn current(&self, product: &str) -> Result<Option<GoldenSet>, GoldenError> {
        match self.numbers(product)?.last() {
            Some(newest) => self.revision(product, *newest).map(Some),
            None => Ok(None),
        }
    }

    /// The set of one revision of the product.
    pub(super) fn revision(&self, product: &str, revision: u64) -> Result<GoldenSet, GoldenError> {
        match self.tree.get(key(product, revision)).map_err(|error| self.failed(error))? {
            Some(value) => decode(product, revision, &value),
            None => Err(match &self.numbers(product)?[..] {
                [] => set::never_taught(product, revision),
                [first, .., last] => no_revision(product, revision, format!("it has {first} to {last}")),
                [only] => no_revision(product, revision, format!("it has {only} alone")),
            }),
        }
    }

    /// Every revision, of one product or of all, in the order of products and numbers.
    pub(super) fn all(&self, product: Option<&str>) -> Result<Vec<GoldenSet>, GoldenError> {
        self.records(product)?.into_iter().collect()
    }

    /// The newest revision of each product.
    pub(super) fn newest(&self) -> Result<Vec<GoldenSet>, GoldenError> {
        let mut newest: Vec<(String, u64)> = Vec::new();
        for key in self.tree.iter().keys() {
            let key = key.map_err(|error| self.failed(error))?;
            let Some((product, revision)) = split(&key) else { continue };
            match newest.last_mut() {
                Some(last) if last.0 == product => last.1 = revision,
                _ => newest.push((product.to_owned(), revision)),
            }
        }
        newest.iter().map(|(product, revision)| self.revision(product, *revision)).collect()
    }

    /// All pictures that are named, and the errors of records that cannot be read.
    pub(super) fn named(&self) -> Result<(HashSet<String>, Vec<GoldenError>), GoldenError> {
        let (mut named, mut faults) = (HashSet::new(), Vec::new());
        for record in self.records(None)? {
            match record {
                Ok(set) => named.extend(set.entries.into_iter().map(|entry| entry.picture)),
                Err(fault) => faults.push(fault),
            }
        }
        Ok((named, faults))
    }

    /// Writes a new revision, whose pictures are already on disk.
    pub(super) fn put(&self, set: GoldenSet) -> Result<GoldenSet, GoldenError> {
        if !is_product(&set.product) {
            return Err(GoldenError::Product { product: set.product });
        }
        self.insert(&set)?;
        self.store.sync(&self.tree)?;
        let copy = serde_json::to_vec_pretty(&set).unwrap_or_default();
        if let Err(error) = write_whole(self.dir, &format!("{}.json", set.product), &copy) {
            // The set itself is in force, so the error does not matter now.
            tracing::warn!(%error, product = set.product, "the copy of a golden set could not be written");
        }
        Ok(set)
    }

    /// Deletes all but the newest `keep` revisions of each product; returns how many.
    pub(super) fn forget(&self, keep: u64) -> Result<u64, GoldenError> {
        let mut forgotten = 0;
        for newest in self.newest()? {
            let numbers = self.numbers(&newest.product)?;
            let old = numbers.len().saturating_sub(usize::try_from(keep).unwrap_or(usize::MAX));
            for revision in &numbers[..old] {
                self.tree.remove(key(&newest.product, *revision)).map_err(|error| self.failed(error))?;
                forgotten += 1;
            }
        }
        self.store.sync(&self.tree)?;
        Ok(forgotten)
    }

    /// Restores sets from the copies.
    fn restore(&self) -> Result<(), GoldenError> {
        let Ok(files) = fs::read_dir(self.dir) else { return Ok(()) };
        for path in files
            .flatten()
            .map(|file| file.path())
            .filter(|path| path.extension().is_some_and(|e| e == "json"))
        {
            let text = fs::read(&path).map_err(|error| StoreError::from_io(&path, error))?;
            match serde_json::from_slice::<GoldenSet>(&text) {
                Ok(set) if path.file_stem().is_some_and(|stem| *stem == *set.product) => {
                    let (product, revision) = (&set.product, set.revision);
                    tracing::warn!(product, revision, "golden set restored from {}", path.display());
                    self.insert(&set)?;
                }
                _ => tracing::error!("{} is not a copy of a golden set; it is left alone", path.display()),
            }
        }
        Ok(self.store.sync(&self.tree)?)
    }

    fn insert(&self, set: &GoldenSet) -> Result<(), GoldenError> {
        let (product, revision) = (&set.product, set.revision);
        let mut value = vec![VERSION];
        serde_json::to_writer(&mut value, set)
            .map_err(|error| unreadable(product, revision, error.to_string()))?;
        self.tree.insert(key(product, revision), value).map_err(|error| self.failed(error))?;
        Ok(())
    }

    fn records(&self, product: Option<&str>) -> Result<Vec<Result<GoldenSet, GoldenError>>, GoldenError> {
        let mut records = Vec::new();
        for pair in self.tree.scan_prefix(product.map_or(Vec::new(), prefix)) {
            let (key, value) = pair.map_err(|error| self.failed(error))?;
            if let Some((product, revision)) = split(&key) {
                records.push(decode(product, revision, &value));
            }
        }
        Ok(records)
    }

    fn failed(&self, error: sled::Error) -> GoldenError {
        StoreError::from_sled(self.store.path(), error).into()
    }
}

/// Whether the name can be a product's: it is part of a key and of a file name.
fn is_product(name: &str) -> bool {
    let plain = |c: char| !c.is_control() && c != '/';
    !name.is_empty() && name.len() <= 128 && !name.starts_with('.') && name.chars().all(plain)
}

fn prefix(product: &str) -> Vec<u8> {
    [product.as_bytes(), &[0]].concat()
}

fn key(product: &str, revision: u64) -> Vec<u8> {
    [&prefix(product)[..], &revision.to_be_bytes()].concat()
}

fn split(key: &[u8]) -> Option<(&str, u64)> {
    let (product, revision) = key.split_at_checked(key.len().checked_sub(9)?)?;
    let revision = u64::from_be_bytes(revision[1..].try_into().ok()?);
    Some((std::str::from_utf8(product).ok()?, revision))
}

fn decode(product: &str, revision: u64, value: &[u8]) -> Result<GoldenSet, GoldenError> {
    match value.split_first() {
        Some((&VERSION, json)) => match serde_json::from_slice::<GoldenSet>(json) {
            Ok(set) if set.product == product && set.revision == revision => Ok(set),
            Ok(set) => {
                let cause = format!("it names {}, revision {}", set.product, set.revision);
                Err(unreadable(product, revision, cause))
            }
            Err(error) => Err(unreadable(product, revision, error.to_string())),
        },
        Some((version, _)) => Err(unreadable(product, revision, format!("it is of version {version}"))),
        None => Err(unreadable(product, revision, "it is empty".into())),
    }
}

fn unreadable(product: &str, revision: u64, cause: String) -> GoldenError {
    GoldenError::Record { product: product.to_owned(), revision, cause }
}

fn no_revision(product: &str, revision: u64, known: String) -> GoldenError {
    GoldenError::NoRevision { product: product.to_owned(), revision, known }
}
