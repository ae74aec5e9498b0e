//! The folder of the recipes: which products there are, and the file of one of them.

use std::path::{Path, PathBuf};

use crate::config::Faults;

/// The products that have a recipe in `dir`, by name. Errors: the folder cannot be read.
pub fn products(dir: &Path) -> Result<Vec<String>, Faults> {
    unimplemented!("{}", dir.display())
}

/// The recipe's file of `product`. Errors: there is none; the fault lists the products that there are, the nearest
/// name first.
pub fn find(dir: &Path, product: &str) -> Result<PathBuf, Faults> {
    unimplemented!("{} {product}", dir.display())
}
