//! The folder of the recipes: which products there are, and the file of one of them.

use std::path::{Path, PathBuf};

use crate::config::check::is_topic_level;
use crate::config::{Fault, Faults};

/// Products that a fault lists; of more it tells the number.
const LISTED: usize = 8;

/// The products that have a recipe in `dir`, by name. Errors: the folder cannot be read.
pub fn products(dir: &Path) -> Result<Vec<String>, Faults> {
    let entries = std::fs::read_dir(dir).map_err(|error| {
        let remedy = "make the folder and put PRODUCT.toml into it, or correct inspect.recipes";
        Faults(vec![Fault::whole(dir, format!("the recipes cannot be read: {error}"), remedy)])
    })?;
    let mut products: Vec<String> = entries.flatten().filter_map(|entry| product_of(&entry.path())).collect();
    products.sort_unstable();
    Ok(products)
}

/// The recipe's file of `product`. Errors: there is none; the fault lists the products that there are, the nearest
/// name first.
pub fn find(dir: &Path, product: &str) -> Result<PathBuf, Faults> {
    let path = dir.join(format!("{product}.toml"));
    // A product may come with a trigger: whatever it says, it stays in this folder.
    if is_topic_level(product) && path.is_file() {
        return Ok(path);
    }
    let mut known = products(dir)?;
    known.sort_by_cached_key(|name| (strsim::damerau_levenshtein(name, product), name.clone()));
    let reason = format!("there is no recipe for the product {product:?}");
    Err(Faults(vec![Fault::whole(dir, reason, remedy(&known))]))
}

fn remedy(known: &[String]) -> String {
    let more = known.len().saturating_sub(LISTED);
    let listed = known[..known.len() - more].join(", ");
    match (known.len(), more) {
        (0, _) => "there is none for any product yet: write PRODUCT.toml, as recipe-sample.toml shows".into(),
        (_, 0) => format!("use one of: {listed}; or write its recipe"),
        _ => format!("use one of: {listed} and {more} more; or write its recipe"),
    }
}

/// The product whose recipe `path` would be.
pub(super) fn product_of(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.strip_suffix(".toml")?;
    (is_topic_level(name) && path.is_file()).then(|| name.to_owned())
}
