//! `ocellus golden show`: one product's pictures, whether they are intact, and their history.

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::{CliOutput, GoldenClient, GoldenCommon, view};
use crate::store::{GoldenEntry, GoldenError, GoldenFiles, GoldenSet};
use crate::types::rfc3339;

#[derive(Debug, Args)]
pub(super) struct ShowGoldenArgs {
    /// The product; the name of its recipe file.
    product: String,
    /// This revision instead of the current one.
    #[arg(long, value_name = "N")]
    revision: Option<u64>,
    #[command(flatten)]
    pub(super) common: GoldenCommon,
}

pub(super) fn run(arguments: &ShowGoldenArgs) -> anyhow::Result<CliOutput> {
    let client = GoldenClient::open(&arguments.common)?;
    let product = &arguments.product;
    let all = client.revisions(product)?;
    let Some(newest) = all.last() else {
        // An unknown product is an error, unlike one that was never taught.
        client.recipes(product)?;
        let words = format!(
            "{product}: never taught; `ocellus golden add {product} PICTURE` teaches the first picture"
        );
        return Ok(CliOutput::new(words, json!({ "ok": true, "set": null, "revisions": [] })));
    };
    let chosen = match arguments.revision {
        Some(revision) => &client.revision(product, revision)?,
        None => newest,
    };
    // Faults of the recipe do not matter here.
    let wanted = client.recipes(product).ok().and_then(|recipes| Some(recipes.first()?.size));
    let states: Vec<_> = chosen.entries.iter().map(|entry| state(&client.files, entry, wanted)).collect();
    let set = ShownSet::new(chosen, &states);
    let revisions: Vec<_> = all.iter().map(view::json).collect();
    let words = in_words(chosen, newest.revision, &states, &all);
    Ok(CliOutput::new(words, json!({ "ok": true, "set": set, "revisions": revisions })))
}

/// The set as an object, as [`view::json`] gives it, each picture with its fault.
#[derive(Serialize)]
struct ShownSet<'a> {
    product: &'a str,
    revision: u64,
    created_ns: u64,
    origin: Option<u64>,
    note: &'a str,
    entries: Vec<ShownEntry<'a>>,
    hash: String,
    created: String,
}

#[derive(Serialize)]
struct ShownEntry<'a> {
    #[serde(flatten)]
    entry: &'a GoldenEntry,
    /// The state of the picture in few words; `null` where it is intact.
    fault: &'a Option<String>,
}

impl ShownSet<'_> {
    fn new<'a>(set: &'a GoldenSet, states: &'a [Option<String>]) -> ShownSet<'a> {
        let entries = set.entries.iter().zip(states);
        ShownSet {
            product: &set.product,
            revision: set.revision,
            created_ns: set.created_ns,
            origin: set.origin,
            note: &set.note,
            entries: entries.map(|(entry, fault)| ShownEntry { entry, fault }).collect(),
            hash: set.hash(),
            created: rfc3339(set.created_ns),
        }
    }
}

/// The state of a picture in few words.
fn state(files: &GoldenFiles, entry: &GoldenEntry, wanted: Option<[u32; 2]>) -> Option<String> {
    match files.picture(&entry.picture) {
        Err(GoldenError::Missing { .. }) => Some("MISSING".into()),
        Err(GoldenError::Changed { .. }) => Some("CHANGED after it was taught".into()),
        Err(other) => Some(other.to_string()),
        Ok(_) => wanted
            .filter(|wanted| *wanted != entry.size)
            .map(|wanted| format!("ANOTHER SIZE than the recipe's {}", view::size(wanted))),
    }
}

fn in_words(set: &GoldenSet, newest: u64, states: &[Option<String>], all: &[GoldenSet]) -> String {
    let old = if set.revision == newest { "" } else { " (not in force)" };
    let mut lines = vec![format!("{}{old}", view::headline(set))];
    for (at, (entry, state)) in set.entries.iter().zip(states).enumerate() {
        let master = if at == 0 { "  master" } else { "" };
        let state = state.as_ref().map_or(String::new(), |state| format!("  {state}"));
        lines.push(format!("  {}{master}{state}", view::line(entry)));
    }
    lines.push("revisions:".into());
    for set in all.iter().rev() {
        let pictures = view::count(set.entries.len(), "picture");
        lines.push(format!("  {}  {}  {pictures}  {}", set.revision, view::moment(set.created_ns), set.note));
    }
    lines.join("\n")
}
