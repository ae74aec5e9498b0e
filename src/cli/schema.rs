//! `ocellus schema`: the JSON Schemas of everything that is published, of every request and of its result.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::output;
use crate::commands;
use crate::contract::schema;

#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Write a file for each schema into this folder instead of printing one JSON object with all of them.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: &SchemaArgs) -> anyhow::Result<()> {
    let payloads = schema::all().into_iter().map(|(name, schema)| (name.to_owned(), schema));
    let schemas: Vec<_> = payloads.chain(commands::schema::all()).collect();
    let Some(dir) = &arguments.out else {
        let all: serde_json::Map<_, _> = schemas.into_iter().collect();
        output::print(serde_json::to_string_pretty(&all)?)?;
        return Ok(());
    };
    std::fs::create_dir_all(dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    for (name, schema) in schemas {
        let path = dir.join(format!("{name}.json"));
        let text = serde_json::to_string_pretty(&schema)? + "\n";
        std::fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}
