//! Errors of golden pictures, each with a next step.

use std::path::PathBuf;

use crate::store::StoreError;
use crate::types::Explanation;

/// An error of golden pictures.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.explanation())]
pub enum GoldenError {
    /// The store below the golden pictures failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A set names a picture whose file is gone.
    Missing {
        /// The picture's file on disk.
        path: PathBuf,
    },
    /// The file differs from the picture that was taught.
    Changed {
        /// The picture's file on disk.
        path: PathBuf,
        /// The difference that was found.
        found: String,
    },
    /// No picture of the set has this name.
    NoPicture {
        /// The product whose set was searched.
        product: String,
        /// The hash that was looked for.
        sha: String,
        /// The revision that was searched.
        revision: u64,
    },
    /// Several pictures of the set have names with this beginning.
    Ambiguous {
        /// The product whose set was searched.
        product: String,
        /// The beginning that was looked for.
        sha: String,
        /// How many names match.
        count: usize,
    },
    /// The revision does not exist.
    NoRevision {
        /// The product that was named.
        product: String,
        /// The revision that was asked for.
        revision: u64,
        /// The existing revisions, and what to do.
        known: String,
    },
    /// A rollback to the revision that is in force.
    InForce {
        /// The product that was named.
        product: String,
        /// The newest revision of the product.
        revision: u64,
    },
    /// The product name cannot be used.
    Product {
        /// The name as it was given.
        product: String,
    },
    /// A record that this program cannot read.
    Record {
        /// The product whose record it is.
        product: String,
        /// The revision that the record describes.
        revision: u64,
        /// The decoding error, or the unknown version.
        cause: String,
    },
    /// The picture cannot be stored.
    Unfit {
        /// The picture's file name, as it was given.
        name: String,
        /// Why the picture cannot be stored.
        cause: String,
    },
}

impl GoldenError {
    /// What is wrong, and what to do next.
    pub fn explanation(&self) -> Explanation {
        match self {
            GoldenError::Store(error) => error.explanation(),
            GoldenError::Missing { path } => Explanation::new(
                format!("the golden picture {path} is missing", path = path.display()),
                "copy it back from a backup, or take it out with `ocellus golden remove` and teach it again",
            ),
            GoldenError::Changed { path, found } => Explanation::new(
                format!(
                    "the golden picture {path} was changed after it was taught ({found})",
                    path = path.display()
                ),
                "copy it back from a backup, or take it out with `ocellus golden remove` and teach it again",
            ),
            GoldenError::NoPicture { product, sha, revision } => Explanation::new(
                format!("{product} has no golden picture {sha} in revision {revision}"),
                format!("`ocellus golden show {product}` lists them"),
            ),
            GoldenError::Ambiguous { product, sha, count } => Explanation::new(
                format!("{count} golden pictures of {product} begin with {sha}"),
                "write more digits",
            ),
            GoldenError::NoRevision { product, revision, known } => {
                Explanation::new(format!("{product} has no golden revision {revision}"), known.as_str())
            }
            GoldenError::InForce { product, revision } => Explanation::new(
                format!("golden revision {revision} of {product} is in force already"),
                "name an earlier one with --to",
            ),
            GoldenError::Product { product } => Explanation::new(
                format!("{product:?} cannot be the name of a product"),
                "use that of its recipe, as in recipes/PRODUCT.toml",
            ),
            GoldenError::Record { product, revision, cause } => Explanation::new(
                format!("the record of {product}, golden revision {revision}, cannot be read ({cause})"),
                format!(
                    "install the version that wrote it, or go back with `ocellus golden rollback {product} --to REVISION`"
                ),
            ),
            GoldenError::Unfit { name, cause } => Explanation::new(
                format!("the picture {name} cannot be kept as a golden picture: {cause}"),
                "",
            ),
        }
    }
}
