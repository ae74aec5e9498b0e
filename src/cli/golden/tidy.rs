//! `ocellus golden verify` and `prune`: whether every picture is whole, and space given back.

use clap::Args;
use serde_json::json;

use super::{Common, Desk, GoldenFault, Told, told};

#[derive(Debug, Args)]
pub(super) struct Verify {
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(super) struct Prune {
    /// First forget all but the newest N revisions of each product; they can no longer be rolled back to. By default
    /// none is forgotten.
    #[arg(long, value_name = "N")]
    keep: Option<u64>,
    #[command(flatten)]
    pub(super) common: Common,
}

pub(super) fn verify(arguments: &Verify) -> anyhow::Result<Told> {
    let desk = Desk::open(&arguments.common)?;
    let faults = desk.goldens.verify()?;
    if faults.is_empty() {
        let words = "every golden picture is there and is what was taught".into();
        return Ok(Told { words, json: json!({ "ok": true }) });
    }
    let list: Vec<_> = faults.iter().map(|fault| format!("  {fault}")).collect();
    Err(GoldenFault::NotWhole { count: faults.len(), list: list.join("\n") }.into())
}

pub(super) fn prune(arguments: &Prune) -> anyhow::Result<Told> {
    let desk = Desk::open(&arguments.common)?;
    let pruned = desk.goldens.prune(arguments.keep)?;
    let revisions = told::count(pruned.revisions as usize, "revision");
    let pictures = told::count(pruned.pictures as usize, "file");
    let words = format!("{revisions} forgotten, {pictures} removed, {} bytes freed", pruned.bytes);
    let json = json!({
        "ok": true, "revisions": pruned.revisions, "files": pruned.pictures, "bytes": pruned.bytes,
    });
    Ok(Told { words, json })
}
