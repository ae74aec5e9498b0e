//! One revision of a product's golden pictures, as it is stored and published.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::GoldenError;
use crate::types::hex;

/// Fewer digits would make it too easy to remove the wrong picture.
const LEAST_DIGITS: usize = 4;

/// One revision of a product's golden pictures. Revisions count 1, 2, 3, …; none is ever changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GoldenSet {
    /// The product; the name of its recipe file.
    pub product: String,
    /// Number of this revision, from 1.
    pub revision: u64,
    /// When it was made, nanoseconds since 1970 (UTC).
    pub created_ns: u64,
    /// The revision whose pictures were restored, if this one is a rollback.
    #[serde(default)]
    pub origin: Option<u64>,
    /// What was changed, for people.
    #[serde(default)]
    pub note: String,
    /// The pictures, the master first: the one that was taught first.
    pub entries: Vec<GoldenEntry>,
}

/// A picture in a set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GoldenEntry {
    /// SHA-256 of the picture's file, 64 hexadecimal digits; its name in the store.
    pub picture: String,
    /// The origin: the original file's name, or camera and frame.
    pub name: String,
    /// Width and height, px.
    pub size: [u32; 2],
    /// Only these ROIs are compared with it; `None`: all.
    #[serde(default)]
    pub rois: Option<Vec<String>>,
}

impl GoldenSet {
    /// The picture on which the recipe was drawn: fiducials and colours are taken from it.
    pub fn master(&self) -> Option<&GoldenEntry> {
        self.entries.first()
    }

    /// The pictures with which the ROI `name` is compared, with the master first if it is one of them.
    pub fn for_roi(&self, name: &str) -> impl Iterator<Item = &GoldenEntry> {
        let serves = move |entry: &&GoldenEntry| match &entry.rois {
            Some(rois) => rois.iter().any(|roi| roi == name),
            None => true,
        };
        self.entries.iter().filter(serves)
    }

    /// The pictures whose size differs from `size`, the recipe's, so that they cannot be compared.
    pub fn misfits(&self, size: [u32; 2]) -> impl Iterator<Item = &GoldenEntry> {
        self.entries.iter().filter(move |entry| entry.size != size)
    }

    /// The set without the picture whose SHA-256 begins with `sha` (at least 4 digits), and that picture.
    /// Errors: [`GoldenError::NoPicture`], [`GoldenError::Ambiguous`].
    pub fn without(&self, sha: &str) -> Result<(Vec<GoldenEntry>, GoldenEntry), GoldenError> {
        let named = |entry: &GoldenEntry| sha.len() >= LEAST_DIGITS && entry.picture.starts_with(sha);
        let found: Vec<usize> = (0..self.entries.len()).filter(|at| named(&self.entries[*at])).collect();
        let (product, sha) = (self.product.clone(), sha.to_owned());
        match found[..] {
            [at] => {
                let mut left = self.entries.clone();
                let gone = left.remove(at);
                Ok((left, gone))
            }
            [] => Err(GoldenError::NoPicture { product, sha, revision: self.revision }),
            _ => Err(GoldenError::Ambiguous { product, sha, count: found.len() }),
        }
    }

    /// The target of a rollback without a number from the last of `revisions` (oldest first). A rollback
    /// counts as the revision that it restored.
    pub fn before(revisions: &[GoldenSet]) -> Option<u64> {
        let mut at = revisions.last()?;
        while let Some(origin) = at.origin.filter(|origin| *origin < at.revision) {
            at = revisions.iter().find(|set| set.revision == origin)?;
        }
        revisions.iter().rev().map(|set| set.revision).find(|revision| *revision < at.revision)
    }

    /// SHA-256 over the pictures, their order and their ROIs, hexadecimal: two sets with the same hash give
    /// the same verdicts, whatever their revisions.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for entry in &self.entries {
            hash.update(&entry.picture);
            for roi in entry.rois.iter().flatten() {
                hash.update([b'/']);
                hash.update(roi);
            }
            hash.update([b'\n', u8::from(entry.rois.is_some())]);
        }
        hex(hash.finalize())
    }
}

/// The pictures of `set` with `entries` added: one that is already there keeps its place and gets the new
/// name and ROIs.
pub fn with(set: Option<&GoldenSet>, entries: &[GoldenEntry]) -> Vec<GoldenEntry> {
    let mut all = set.map_or(Vec::new(), |set| set.entries.clone());
    for entry in entries {
        match all.iter_mut().find(|known| known.picture == entry.picture) {
            Some(known) => *known = entry.clone(),
            None => all.push(entry.clone()),
        }
    }
    all
}

impl GoldenEntry {
    /// The first digits of its name, which people read and type.
    pub fn short(&self) -> &str {
        self.picture.get(..12).unwrap_or(&self.picture)
    }
}

/// The error for a product without any revision.
pub(super) fn never_taught(product: &str, revision: u64) -> GoldenError {
    let known =
        format!("it was never taught: `ocellus golden add {product} PICTURE` teaches the first picture");
    GoldenError::NoRevision { product: product.to_owned(), revision, known }
}
