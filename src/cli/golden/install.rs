//! Replaces a recipe; the old one is kept beside it as `PRODUCT.toml.REVISION`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::GoldenFault;
use crate::config::recipe::Recipe;
use crate::config::{ModelConfig, text};
use crate::store::replace;

/// Replaces `old` with `new`. Returns where the old one is kept. At every moment the place holds one of them
/// completely. Errors: the file is not `old` any more; the folder cannot be written.
pub(super) fn install(old: &Recipe, new: &Recipe) -> Result<PathBuf, GoldenFault> {
    let place = &old.path;
    let failed = |source| GoldenFault::Install { path: place.clone(), source };
    // Reading removed the byte order mark, so the comparison must do without it, too.
    if text::read(place).map_err(GoldenFault::Text)? != old.text {
        return Err(GoldenFault::Moved { recipe: place.clone() });
    }
    let kept = keep(old).map_err(failed)?;
    write_whole(place, new.text.as_bytes()).map_err(failed)?;
    Ok(kept)
}

/// The kept recipe of revision `to`, by default the one before `current`. It is read as if it were in its
/// place.
pub(super) fn kept(current: &Recipe, to: Option<u64>, models: &[ModelConfig]) -> anyhow::Result<Recipe> {
    let product = &current.product;
    let mut known = kept_revisions(&current.path);
    known.sort_unstable();
    let wanted = match to {
        Some(to) => known.iter().find(|(revision, _)| *revision == to),
        None => known.iter().rfind(|(revision, _)| *revision < u64::from(current.revision)),
    };
    let Some((_, path)) = wanted else {
        let list: Vec<_> = known.iter().map(|(revision, _)| revision.to_string()).collect();
        let known = if list.is_empty() { "none".to_owned() } else { list.join(", ") };
        let recipe = current.path.clone();
        return Err(GoldenFault::NoRecipe { product: product.clone(), recipe, known }.into());
    };
    load(path, product, models)
}

/// Loads the recipe in `path`, whatever its file name, as one of `product`.
pub(super) fn load(path: &Path, product: &str, models: &[ModelConfig]) -> anyhow::Result<Recipe> {
    let mut recipe = Recipe::load(path, models)?;
    product.clone_into(&mut recipe.product);
    Ok(recipe)
}

/// The kept recipes beside `place`, with their revisions.
fn kept_revisions(place: &Path) -> Vec<(u64, PathBuf)> {
    let (Some(folder), Some(name)) = (place.parent(), place.file_name().and_then(|name| name.to_str()))
    else {
        return Vec::new();
    };
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path());
    let kept = files.filter_map(|path| {
        let revision = path.file_name()?.to_str()?.strip_prefix(name)?.strip_prefix('.')?.parse().ok()?;
        Some((revision, path))
    });
    kept.collect()
}

/// Keeps `recipe` beside its place. A different one with the same revision is renamed with its SHA-256.
fn keep(recipe: &Recipe) -> io::Result<PathBuf> {
    let beside = |ending: &str| {
        let mut name = recipe.path.clone().into_os_string();
        name.push(ending);
        PathBuf::from(name)
    };
    let kept = beside(&format!(".{}", recipe.revision));
    if let Ok(other) = fs::read(&kept)
        && other != recipe.text.as_bytes()
    {
        let digest = crate::types::sha256(&other);
        fs::rename(&kept, beside(&format!(".{}-{}", recipe.revision, &digest[..8])))?;
    }
    write_whole(&kept, recipe.text.as_bytes())?;
    Ok(kept)
}

/// Writes `path` so that after a crash it holds its old content, or all of `bytes`.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    replace(folder, &name, bytes)
}
