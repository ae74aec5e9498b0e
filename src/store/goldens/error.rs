//! What can be wrong with golden pictures, each with its next step.

use std::path::PathBuf;

use crate::store::StoreError;

/// A fault of golden pictures.
#[derive(Debug, thiserror::Error)]
pub enum GoldenError {
    /// The store itself.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A set names a picture whose file is gone.
    #[error(
        "the golden picture {path} is missing; copy it back from a backup, or take it out with \
         `ocellus golden remove` and teach it again"
    )]
    Missing {
        /// Its file.
        path: PathBuf,
    },
    /// The file is not what was taught.
    #[error(
        "the golden picture {path} was changed after it was taught ({found}); copy it back from a backup, or take \
         it out with `ocellus golden remove` and teach it again"
    )]
    Changed {
        /// Its file.
        path: PathBuf,
        /// What was found instead.
        found: String,
    },
    /// No picture of the set has this name.
    #[error(
        "{product} has no golden picture {sha} in revision {revision}; `ocellus golden show {product}` lists them"
    )]
    NoPicture {
        /// The product.
        product: String,
        /// What was looked for.
        sha: String,
        /// Where.
        revision: u64,
    },
    /// Several pictures of the set have names that begin so.
    #[error("{count} golden pictures of {product} begin with {sha}; write more digits")]
    Ambiguous {
        /// The product.
        product: String,
        /// What was looked for.
        sha: String,
        /// How many.
        count: usize,
    },
    /// There is no such revision.
    #[error("{product} has no golden revision {revision}; {known}")]
    NoRevision {
        /// The product.
        product: String,
        /// What was asked for.
        revision: u64,
        /// What there is instead, and what to do.
        known: String,
    },
    /// A rollback to where one is.
    #[error("golden revision {revision} of {product} is in force already; name an earlier one with --to")]
    InForce {
        /// The product.
        product: String,
        /// Its newest revision.
        revision: u64,
    },
    /// A product that cannot be one.
    #[error(
        "{product:?} cannot be the name of a product; use that of its recipe, as in recipes/PRODUCT.toml"
    )]
    Product {
        /// What was given.
        product: String,
    },
    /// A record that this program cannot read.
    #[error(
        "the record of {product}, golden revision {revision}, cannot be read ({cause}); install the version that \
         wrote it, or go back with `ocellus golden rollback {product} --to REVISION`"
    )]
    Record {
        /// The product.
        product: String,
        /// The revision.
        revision: u64,
        /// What is wrong.
        cause: String,
    },
    /// The picture cannot be kept.
    #[error("the picture {name} cannot be kept as a golden picture: {cause}")]
    Unfit {
        /// Its name.
        name: String,
        /// Why not.
        cause: String,
    },
}
