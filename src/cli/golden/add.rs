//! `ocellus golden add`: teaches pictures of good parts. All of them become one revision, or none does.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{Common, Desk, GoldenFault, Told, picture, told};
use crate::config::nearest;
use crate::config::recipe::Recipe;
use crate::store::GoldenSet;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The product, as its recipe's file is called.
    product: String,
    /// Pictures of good parts: JPEG, PNG or BMP. The first that is ever taught is the master, on which the recipe is
    /// drawn.
    #[arg(required = true, value_name = "PICTURE")]
    pictures: Vec<PathBuf>,
    /// Compare only this ROI with them; may be given several times.
    #[arg(long = "roi", value_name = "NAME")]
    rois: Vec<String>,
    #[command(flatten)]
    pub(super) common: Common,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Told> {
    let desk = Desk::open(&arguments.common)?;
    let product = &arguments.product;
    let recipes = desk.recipes(product)?;
    for recipe in &recipes {
        known_rois(recipe, &arguments.rois)?;
        // Cheap, so that a wrong picture among many is told before the first is decoded.
        for file in &arguments.pictures {
            picture::fits(file, recipe)?;
        }
    }
    let rois = (!arguments.rois.is_empty()).then(|| arguments.rois.clone());
    let before = desk.goldens.current(product)?;
    let mut entries = Vec::with_capacity(arguments.pictures.len());
    for file in &arguments.pictures {
        let name =
            file.file_name().map_or_else(|| file.display().to_string(), |n| n.to_string_lossy().into());
        entries.push(desk.goldens.keep(&picture::read(file)?, &name, rois.clone())?);
    }
    let taught: Vec<_> = entries.iter().map(|entry| entry.picture.clone()).collect();
    let set = desk.goldens.add(product, entries)?;
    let changed = before.is_none_or(|before| before.revision != set.revision);
    let words = in_words(&set, &taught, changed, &recipes);
    Ok(Told { words, json: json!({ "ok": true, "changed": changed, "set": told::json(&set) }) })
}

/// Errors: an ROI that the recipe does not have.
fn known_rois(recipe: &Recipe, rois: &[String]) -> Result<(), GoldenFault> {
    let known: Vec<_> = recipe.rois.iter().map(|roi| roi.name.as_str()).collect();
    match rois.iter().find(|roi| !known.contains(&roi.as_str())) {
        Some(roi) => {
            let (recipe, remedy) = (recipe.path.clone(), nearest(roi, &known));
            Err(GoldenFault::Roi { recipe, roi: roi.clone(), remedy })
        }
        None => Ok(()),
    }
}

fn in_words(set: &GoldenSet, taught: &[String], changed: bool, recipes: &[Recipe]) -> String {
    let mut lines = vec![told::headline(set)];
    if !changed {
        lines[0].push_str(": these pictures are in it already, nothing changed");
        return lines.remove(0);
    }
    let new = set.entries.iter().filter(|entry| taught.contains(&entry.picture));
    lines.extend(new.map(|entry| format!("  + {}", told::line(entry))));
    if recipes.iter().all(|recipe| !recipe.needs_goldens()) {
        lines.push("  note: nothing in the recipe needs golden pictures yet".into());
    }
    for entry in recipes.first().into_iter().flat_map(|recipe| set.misfits(recipe.size)) {
        lines.push(format!("  note: {} is of another size than the recipe; remove it", told::line(entry)));
    }
    lines.join("\n")
}
