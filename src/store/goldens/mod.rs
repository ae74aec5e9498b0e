//! Golden pictures: what a good part looks like, in numbered sets that are never changed, only followed.
//!
//! A picture lies in `goldens/SHA256.png` beside the store, named by what it holds; sled keeps the sets that name
//! pictures. The picture is on disk before a set names it, so a crash leaves at most a picture that nobody names.

mod error;

pub use error::GoldenError;

use crate::types::Patch;

use super::Store;

/// One revision of a product's golden pictures. Revisions count 1, 2, 3, …; none is ever changed.
#[derive(Clone, Debug, PartialEq)]
pub struct GoldenSet {
    /// The product, as its recipe's file is called.
    pub product: String,
    /// Its number.
    pub revision: u64,
    /// When it was made, nanoseconds since 1970 (UTC).
    pub created_ns: u64,
    /// The revision whose pictures were taken back, where this one is a rollback.
    pub origin: Option<u64>,
    /// What was done, in words.
    pub note: String,
    /// The pictures, the master first: the one that was taught first.
    pub entries: Vec<GoldenEntry>,
}

/// A picture in a set.
#[derive(Clone, Debug, PartialEq)]
pub struct GoldenEntry {
    /// SHA-256 of the picture's file, 64 hexadecimal digits; its name in the store.
    pub picture: String,
    /// Where it came from: the original file's name, or camera and frame.
    pub name: String,
    /// Width and height, px.
    pub size: [u32; 2],
    /// Only these ROIs are compared with it; `None`: all.
    pub rois: Option<Vec<String>>,
}

/// What [`Goldens::prune`] took away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Revisions forgotten.
    pub revisions: u64,
    /// Pictures removed.
    pub pictures: u64,
    /// Bytes freed.
    pub bytes: u64,
}

/// The golden pictures of a box. Clones share them; every method may be called from any thread.
#[derive(Clone)]
pub struct Goldens {
    pub(super) store: Store,
}

impl Goldens {
    /// The set in force of each product that was ever taught, by name.
    pub fn sets(&self) -> Result<Vec<GoldenSet>, GoldenError> {
        unimplemented!()
    }

    /// The set in force; `None` where the product was never taught.
    pub fn current(&self, product: &str) -> Result<Option<GoldenSet>, GoldenError> {
        unimplemented!("{product}")
    }

    /// Revision `revision` of the product's set. Errors: [`GoldenError::NoRevision`].
    pub fn revision(&self, product: &str, revision: u64) -> Result<GoldenSet, GoldenError> {
        unimplemented!("{product} {revision}")
    }

    /// Every revision of the product, oldest first.
    pub fn revisions(&self, product: &str) -> Result<Vec<GoldenSet>, GoldenError> {
        unimplemented!("{product}")
    }

    /// Teaches one picture: [`Goldens::keep`], then [`Goldens::add`].
    pub fn teach(
        &self,
        product: &str,
        picture: &Patch,
        name: &str,
        rois: Option<Vec<String>>,
    ) -> Result<GoldenSet, GoldenError> {
        unimplemented!("{product} {picture:?} {name} {rois:?}")
    }

    /// Puts a picture (grey or RGB) on disk without naming it in a set; done when it returns.
    pub fn keep(
        &self,
        picture: &Patch,
        name: &str,
        rois: Option<Vec<String>>,
    ) -> Result<GoldenEntry, GoldenError> {
        unimplemented!("{picture:?} {name} {rois:?}")
    }

    /// Adds kept pictures as one new revision. A picture that is in the set already gets the new name and ROIs.
    pub fn add(&self, product: &str, entries: Vec<GoldenEntry>) -> Result<GoldenSet, GoldenError> {
        unimplemented!("{product} {entries:?}")
    }

    /// Takes the picture whose SHA-256 begins with `sha` (at least 4 digits) out of the set: a new revision.
    /// Errors: [`GoldenError::NoPicture`], [`GoldenError::Ambiguous`].
    pub fn remove(&self, product: &str, sha: &str) -> Result<GoldenSet, GoldenError> {
        unimplemented!("{product} {sha}")
    }

    /// A new revision with the pictures of revision `to`; of the one before the current one where it is `None`.
    /// Repeated without `to` it goes back further.
    pub fn rollback(&self, product: &str, to: Option<u64>) -> Result<GoldenSet, GoldenError> {
        unimplemented!("{product} {to:?}")
    }

    /// The picture `sha` (64 digits), read and held against its name. Errors: [`GoldenError::Missing`],
    /// [`GoldenError::Changed`].
    pub fn picture(&self, sha: &str) -> Result<Patch, GoldenError> {
        unimplemented!("{sha}")
    }

    /// Reads every picture that any revision names: what is missing or was changed.
    pub fn verify(&self) -> Result<Vec<GoldenError>, GoldenError> {
        unimplemented!()
    }

    /// Removes pictures that no revision names, once all but the newest `keep` revisions of each product are
    /// forgotten (`None`: none is).
    pub fn prune(&self, keep: Option<u64>) -> Result<Pruned, GoldenError> {
        unimplemented!("{keep:?}")
    }
}
