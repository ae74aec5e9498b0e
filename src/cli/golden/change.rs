//! `ocellus golden remove` and `rollback`: undo what was taught, as a new revision.

use clap::Args;
use serde_json::json;

use super::client::Changed;
use super::qualify::{self, Qualify};
use super::{CliOutput, GoldenClient, GoldenCommon, install, view};
use crate::config::recipe::Recipe;
use crate::store::GoldenSet;

#[derive(Debug, Args)]
pub(super) struct RemoveSample {
    /// The product; the name of its recipe file.
    product: String,
    /// The first digits of the picture's SHA-256, as `ocellus golden show` prints them; 4 or more.
    #[arg(value_name = "SHA")]
    picture: String,
    #[command(flatten)]
    qualify: Qualify,
    #[command(flatten)]
    pub(super) common: GoldenCommon,
}

#[derive(Debug, Args)]
pub(super) struct Rollback {
    /// The product; the name of its recipe file.
    product: String,
    /// The revision to restore; by default the one before. Repeated without it, the command goes back
    /// further.
    #[arg(long, value_name = "N")]
    to: Option<u64>,
    /// Restore an earlier recipe instead: the one that `golden qualify --install` kept as
    /// PRODUCT.toml.REVISION. The current one is kept in the same way.
    #[arg(long)]
    recipe: bool,
    #[command(flatten)]
    qualify: Qualify,
    #[command(flatten)]
    pub(super) common: GoldenCommon,
}

pub(super) fn remove(arguments: &RemoveSample) -> anyhow::Result<CliOutput> {
    let client = GoldenClient::open(&arguments.common)?;
    let (product, sha) = (&arguments.product, arguments.picture.to_ascii_lowercase());
    let before = client.current(product)?;
    let sheet = qualify::before_change(&client, product, &arguments.qualify, |set| {
        Ok(set.map_or(Ok(Vec::new()), |set| set.without(&sha).map(|(left, _)| left))?)
    })?;
    let changed = client.remove(product, &sha)?;
    Ok(view::after(sheet, in_words(before.as_ref(), &changed)))
}

pub(super) fn rollback(arguments: &Rollback) -> anyhow::Result<CliOutput> {
    let client = GoldenClient::open(&arguments.common)?;
    let (product, to) = (&arguments.product, arguments.to);
    if arguments.recipe {
        return rollback_recipe(arguments, &client);
    }
    // The current record may be the one that cannot be read.
    let before = client.current(product).ok().flatten();
    let sheet = qualify::before_change(&client, product, &arguments.qualify, |_| {
        let revisions = client.revisions(product)?;
        let to = to.or_else(|| GoldenSet::before(&revisions));
        let target = revisions.iter().find(|set| Some(set.revision) == to);
        // If there is none, the rollback itself reports that.
        Ok(target.or(before.as_ref()).map_or(Vec::new(), |set| set.entries.clone()))
    })?;
    let changed = client.rollback(product, to)?;
    Ok(view::after(sheet, in_words(before.as_ref(), &changed)))
}

/// Restores the recipe that was kept when another replaced it; the other is kept in turn.
fn rollback_recipe(arguments: &Rollback, client: &GoldenClient) -> anyhow::Result<CliOutput> {
    let models = &client.config.models;
    let current = Recipe::load(&client.path(&arguments.product)?, models)?;
    let kept = install::kept(&current, arguments.to, models)?;
    let sheet = qualify::before_recipe(client, &arguments.qualify, [&current, &kept])?;
    let before = sheet.unwrap_or_else(|| CliOutput::new("", json!({ "ok": true })));
    qualify::installed(client, &current, &kept, before)
}

/// The change in words, with the pictures that were added and removed.
fn in_words(before: Option<&GoldenSet>, changed: &Changed) -> CliOutput {
    let set = &changed.set;
    let mut lines = vec![format!("{}: {}", view::headline(set), set.note)];
    let old = before.map_or(&[][..], |before| &before.entries);
    let gone = old.iter().filter(|entry| !set.entries.contains(entry));
    lines.extend(gone.map(|entry| format!("  - {}", view::line(entry))));
    let come = set.entries.iter().filter(|entry| !old.contains(entry));
    lines.extend(come.map(|entry| format!("  + {}", view::line(entry))));
    let master = |set: Option<&GoldenSet>| set.and_then(GoldenSet::master).map(|entry| entry.picture.clone());
    match (master(before), set.master()) {
        (_, None) => lines.push("  note: no golden picture is left; what needs one ends as error".into()),
        (Some(old), Some(new)) if old != new.picture => lines.push(format!(
            "  note: {} is the master now; the recipe's fiducials and colours are taken from it",
            new.name
        )),
        _ => {}
    }
    let words = lines.join("\n") + &view::selected(&changed.selected);
    let (set, selected) = (view::json(set), &changed.selected);
    CliOutput::new(words, json!({ "ok": true, "changed": true, "set": set, "selected": selected }))
}
