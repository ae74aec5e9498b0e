//! `ocellus golden remove` and `rollback`: what was taught is taken back, as a new revision.

use clap::Args;
use serde_json::json;

use super::{Common, Desk, Told, told};
use crate::store::GoldenSet;

#[derive(Debug, Args)]
pub(super) struct Remove {
    /// The product, as its recipe's file is called.
    product: String,
    /// The first digits of the picture's SHA-256, as `ocellus golden show` prints them; 4 or more.
    #[arg(value_name = "SHA")]
    picture: String,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(super) struct Rollback {
    /// The product, as its recipe's file is called.
    product: String,
    /// The revision whose pictures come back; by default the one before. Repeated without it, it goes back further.
    #[arg(long, value_name = "N")]
    to: Option<u64>,
    #[command(flatten)]
    pub(super) common: Common,
}

pub(super) fn remove(arguments: &Remove) -> anyhow::Result<Told> {
    let desk = Desk::open(&arguments.common)?;
    let before = desk.goldens.current(&arguments.product)?;
    let set = desk.goldens.remove(&arguments.product, &arguments.picture.to_ascii_lowercase())?;
    Ok(changed(before.as_ref(), &set))
}

pub(super) fn rollback(arguments: &Rollback) -> anyhow::Result<Told> {
    let desk = Desk::open(&arguments.common)?;
    // What is in force may be the very record that cannot be read.
    let before = desk.goldens.current(&arguments.product).ok().flatten();
    let set = desk.goldens.rollback(&arguments.product, arguments.to)?;
    Ok(changed(before.as_ref(), &set))
}

/// What was done, with the pictures that came and went.
fn changed(before: Option<&GoldenSet>, set: &GoldenSet) -> Told {
    let mut lines = vec![format!("{}: {}", told::headline(set), set.note)];
    let old = before.map_or(&[][..], |before| &before.entries);
    let gone = old.iter().filter(|entry| !set.entries.contains(entry));
    lines.extend(gone.map(|entry| format!("  - {}", told::line(entry))));
    let come = set.entries.iter().filter(|entry| !old.contains(entry));
    lines.extend(come.map(|entry| format!("  + {}", told::line(entry))));
    let master = |set: Option<&GoldenSet>| set.and_then(GoldenSet::master).map(|entry| entry.picture.clone());
    match (master(before), set.master()) {
        (_, None) => lines.push("  note: no golden picture is left; what needs one ends as error".into()),
        (Some(old), Some(new)) if old != new.picture => lines.push(format!(
            "  note: {} is the master now; the recipe's fiducials and colours are taken from it",
            new.name
        )),
        _ => {}
    }
    Told { words: lines.join("\n"), json: json!({ "ok": true, "changed": true, "set": told::json(set) }) }
}
