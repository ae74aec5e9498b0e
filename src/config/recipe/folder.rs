//! The folder of the recipes: lists the products, and finds the file of one.

use std::path::{Path, PathBuf};

use crate::config::check::is_topic_level;
use crate::config::{Fault, Faults};

/// Most products that a fault lists; it only counts the others.
const LISTED: usize = 8;

/// The products that have a recipe in `dir`, sorted by name. Errors: the folder cannot be read.
pub fn products(dir: &Path) -> Result<Vec<String>, Faults> {
    let entries = std::fs::read_dir(dir).map_err(|error| {
        let remedy = "make the folder and put PRODUCT.toml into it, or correct inspect.recipes";
        Faults(vec![Fault::whole(dir, format!("the recipes cannot be read: {error}"), remedy)])
    })?;
    let mut products: Vec<String> = entries.flatten().filter_map(|entry| product_of(&entry.path())).collect();
    products.sort_unstable();
    Ok(products)
}

/// The file of the recipe for `product`. Errors: there is none; the fault lists the existing products, the
/// most similar name first.
pub fn find(dir: &Path, product: &str) -> Result<PathBuf, Faults> {
    let path = dir.join(format!("{product}.toml"));
    // The name may come from a trigger, so it must not lead out of this folder.
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

/// The product to which a recipe at `path` belongs; `None` where the file name is not valid.
pub(super) fn product_of(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.strip_suffix(".toml")?;
    (is_topic_level(name) && path.is_file()).then(|| name.to_owned())
}
