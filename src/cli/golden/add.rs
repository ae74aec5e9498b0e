//! `ocellus golden add`: teaches pictures of good parts. All of them become one revision, or none does.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::client::Changed;
use super::qualify::{self, Qualify};
use super::{CliOutput, GoldenClient, GoldenCommon, GoldenFault, picture, view};
use crate::cli::recipe_loader::RecipeLoader;
use crate::config::nearest;
use crate::config::recipe::Recipe;
use crate::inspection::ProgramError;
use crate::store::{GoldenEntry, GoldenSet, golden_entries_with};

#[derive(Debug, Args)]
pub(super) struct AddGoldenArgs {
    /// The product; the name of its recipe file.
    product: String,
    /// Pictures of good parts: JPEG, PNG or BMP. The first one ever taught is the master, on which the recipe
    /// is drawn.
    #[arg(required_unless_present = "camera", value_name = "PICTURE")]
    pictures: Vec<PathBuf>,
    /// The camera of the running service whose current view is used instead of pictures.
    #[arg(long, value_name = "NAME", conflicts_with = "pictures")]
    camera: Option<String>,
    /// Compare only this ROI with them; may be given several times.
    #[arg(long = "roi", value_name = "NAME")]
    rois: Vec<String>,
    #[command(flatten)]
    qualify: Qualify,
    #[command(flatten)]
    pub(super) common: GoldenCommon,
}

pub(super) fn run(arguments: &AddGoldenArgs) -> anyhow::Result<CliOutput> {
    let client = GoldenClient::open(&arguments.common)?;
    let product = &arguments.product;
    let recipes = client.recipes(product)?;
    for recipe in &recipes {
        known_rois(recipe, &arguments.rois)?;
        // This check is cheap, so that a wrong picture among many is reported before the first is decoded.
        for file in &arguments.pictures {
            picture::fits(file, recipe)?;
        }
    }
    let before = client.current(product)?;
    let entries = entries(arguments, &client)?;
    for recipe in &recipes {
        fit(&entries, recipe)?;
    }
    let taught: Vec<_> = entries.iter().map(|entry| entry.picture.clone()).collect();
    let sheet = qualify::before_change(&client, product, &arguments.qualify, |set| {
        Ok(golden_entries_with(set, &entries))
    })?;
    if sheet.is_none() {
        found_on_all(&client, &recipes, &golden_entries_with(before.as_ref(), &entries))?;
    }
    let Changed { set, selected } = client.add(product, entries)?;
    let changed = before.is_none_or(|before| before.revision != set.revision);
    let words = in_words(&set, &taught, changed, &recipes) + &view::selected(&selected);
    let json = json!({ "ok": true, "changed": changed, "set": view::json(&set), "selected": selected });
    Ok(view::after(sheet, CliOutput::new(words, json)))
}

/// Writes the pictures to disk, not yet named by a set.
fn entries(arguments: &AddGoldenArgs, client: &GoldenClient) -> anyhow::Result<Vec<GoldenEntry>> {
    let rois = (!arguments.rois.is_empty()).then_some(&arguments.rois[..]);
    if let Some(camera) = &arguments.camera {
        return client.shoot(camera, rois);
    }
    let mut entries = Vec::with_capacity(arguments.pictures.len());
    for file in &arguments.pictures {
        let name =
            file.file_name().map_or_else(|| file.display().to_string(), |n| n.to_string_lossy().into());
        entries.push(client.files.keep(&picture::read(file)?, &name, rois.map(<[_]>::to_vec))?);
    }
    Ok(entries)
}

/// Errors: a picture on which the part cannot be found; taught, it would make the program impossible to
/// build.
fn found_on_all(client: &GoldenClient, recipes: &[Recipe], entries: &[GoldenEntry]) -> anyhow::Result<()> {
    let recipe_loader = RecipeLoader::new(&client.config);
    for recipe in recipes.iter().filter(|recipe| recipe.align.is_some()) {
        let Err(error) = recipe_loader.program(recipe.clone(), entries, &client.config.models) else {
            continue;
        };
        // Other errors are not caused by these pictures.
        if let Some(ProgramError::Align { .. }) = error.downcast_ref() {
            return Err(error.context("nothing was taught"));
        }
    }
    Ok(())
}

/// Errors: the size of a picture differs from the recipe's.
fn fit(entries: &[GoldenEntry], recipe: &Recipe) -> Result<(), GoldenFault> {
    match entries.iter().find(|entry| entry.size != recipe.size) {
        Some(entry) => Err(GoldenFault::Size {
            file: entry.name.clone().into(),
            found: view::size(entry.size),
            recipe: recipe.path.clone(),
            wanted: view::size(recipe.size),
        }),
        None => Ok(()),
    }
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
    let mut lines = vec![view::headline(set)];
    if !changed {
        lines[0].push_str(": these pictures are in it already, nothing changed");
        return lines.remove(0);
    }
    let new = set.entries.iter().filter(|entry| taught.contains(&entry.picture));
    lines.extend(new.map(|entry| format!("  + {}", view::line(entry))));
    if recipes.iter().all(|recipe| !recipe.needs_goldens()) {
        lines.push("  note: nothing in the recipe needs golden pictures yet".into());
    }
    for entry in recipes.first().into_iter().flat_map(|recipe| set.misfits(recipe.size)) {
        lines.push(format!("  note: {} is of another size than the recipe; remove it", view::line(entry)));
    }
    lines.join("\n")
}
