//! `ocellus models list`: the catalogue, and which of its models are installed.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use crate::cli::CliOutput;
use crate::config::{CatalogueModel, catalogue};

#[derive(Debug, Args)]
pub(super) struct ListModelsArgs {
    /// The folder to look for models in.
    #[arg(long, value_name = "DIR", default_value = "models")]
    dir: PathBuf,
    /// Print the outcome as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(arguments: &ListModelsArgs) -> anyhow::Result<CliOutput> {
    let known = catalogue().iter().map(|model| (model, state(model, &arguments.dir)));
    let (words, output): (Vec<String>, Vec<Value>) =
        known.map(|(model, state)| (in_words(model, state), in_json(model, state))).unzip();
    Ok(CliOutput::new(words.join("\n\n"), json!({ "ok": true, "models": output })))
}

/// Whether the file in `dir` is the one of the catalogue.
fn state(model: &CatalogueModel, dir: &Path) -> &'static str {
    match std::fs::read(dir.join(&model.file)) {
        Ok(bytes) if crate::types::sha256(&bytes) == model.sha256 => "installed",
        Ok(_) => "another file of this name",
        Err(_) => "not installed",
    }
}

fn in_words(model: &CatalogueModel, state: &str) -> String {
    let mut lines = vec![
        format!("{} ({state}): {}", model.name, model.what),
        format!("  source    {}", model.url()),
        format!("  sha256    {} ({} bytes)", model.sha256, model.bytes),
        format!("  licence   {}", model.licence),
    ];
    lines.extend(model.caution.iter().map(|caution| format!("  caution   {caution}")));
    lines.push(format!("  install   {}", model.command("models")));
    lines.join("\n")
}

fn in_json(model: &CatalogueModel, state: &str) -> Value {
    json!({
        "name": model.name, "file": model.file, "what": model.what, "state": state, "bytes": model.bytes,
        "sha256": model.sha256, "repository": model.repository, "path": model.path, "commit": model.commit,
        "url": model.url(), "licence": model.licence, "caution": model.caution,
    })
}
