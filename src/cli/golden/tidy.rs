//! `ocellus golden verify` and `prune`: check every picture, and free space.

use clap::Args;
use serde_json::json;

use super::{CliOutput, GoldenClient, GoldenCommon, GoldenFault, output, view};

#[derive(Debug, Args)]
pub(super) struct Verify {
    #[command(flatten)]
    pub(super) common: GoldenCommon,
}

#[derive(Debug, Args)]
pub(super) struct Prune {
    /// First delete all but the newest N revisions of each product; a rollback to them is no longer possible.
    /// By default none is deleted.
    #[arg(long, value_name = "N")]
    keep: Option<u64>,
    #[command(flatten)]
    pub(super) common: GoldenCommon,
}

pub(super) fn verify(arguments: &Verify) -> anyhow::Result<CliOutput> {
    let client = GoldenClient::open(&arguments.common)?;
    let faults = client.verify()?;
    if faults.is_empty() {
        let words = "every golden picture is there and is what was taught";
        return Ok(CliOutput::new(words, json!({ "ok": true })));
    }
    let list: Vec<_> = faults.iter().map(|fault| format!("  {fault}")).collect();
    Err(GoldenFault::NotWhole { count: faults.len(), list: list.join("\n") }.into())
}

pub(super) fn prune(arguments: &Prune) -> anyhow::Result<CliOutput> {
    let client = GoldenClient::open(&arguments.common)?;
    let pruned = client.prune(arguments.keep)?;
    let revisions = view::count(pruned.revisions as usize, "revision");
    let files = view::count(pruned.files as usize, "file");
    let words = format!("{revisions} forgotten, {files} removed, {} bytes freed", pruned.bytes);
    Ok(CliOutput::new(words, output::ok(&pruned)?))
}
