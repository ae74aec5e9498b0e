//! `ocellus check`: whether the service can run this configuration and its recipes.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::bail;
use clap::Args;
use serde_json::json;

use super::{Configured, output};
use crate::config::recipe::{self, Recipe};
use crate::config::{Config, Fault, Faults, ModelConfig};
use crate::engine::Runtime;

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    configured: Configured,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &CheckArgs) -> anyhow::Result<()> {
    let file = arguments.configured.config.as_ref();
    let file = file.map_or_else(|| "built-in default".into(), |file| file.display().to_string());
    let outcome = arguments.configured.options().load().and_then(|config| {
        check_contents(&config, &file)?;
        Ok(config)
    });
    match outcome {
        Ok(config) => {
            let output = if arguments.json { in_json(&config) } else { in_words(&config, &file) };
            output::print(output)?;
            Ok(())
        }
        Err(faults) if arguments.json => {
            output::print(json!({ "ok": false, "faults": faults }))?;
            bail!(faults)
        }
        Err(faults) => bail!(faults),
    }
}

/// Checks what the configuration names: every model and every recipe. `file` is named in messages.
pub(super) fn check_contents(config: &Config, file: &str) -> Result<(), Faults> {
    check_models(config, file)?;
    check_recipes(config)
}

/// Loads every model and prepares it once, so that the runtime's objections are found now and not in
/// operation.
fn check_models(config: &Config, file: &str) -> Result<(), Faults> {
    if config.models.is_empty() {
        return Ok(());
    }
    let file = Path::new(file);
    let runtime = Runtime::open(&config.runtime).map_err(|error| {
        let remedy = "`make setup` fetches the runtime";
        Faults(vec![Fault::of_key(file, &error.key(), error.to_string(), remedy)])
    })?;
    let refused = |model: &ModelConfig| {
        let error = runtime.load(model).and_then(|model| model.session()).err()?;
        let remedy = "put the right model or card in place, or change this key";
        Some(Fault::of_model(file, &model.path, &error.key(), error.to_string(), remedy))
    };
    let faults: Vec<Fault> = config.models.iter().filter_map(refused).collect();
    if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
}

/// Reads every recipe of every camera that inspects, because its product can change at any time.
pub(super) fn check_recipes(config: &Config) -> Result<(), Faults> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for inspect in config.cameras.iter().filter_map(|camera| camera.inspect.as_ref()) {
        let paths = recipe::products(&inspect.recipes).map(|products| {
            products.into_iter().map(|product| inspect.recipes.join(format!("{product}.toml"))).collect()
        });
        let found = paths.and_then(|mut paths: Vec<_>| {
            paths.push(recipe::find(&inspect.recipes, &inspect.product)?);
            Ok(paths)
        });
        match found {
            Ok(paths) => seen.extend(paths),
            Err(Faults(missing)) => faults.extend(missing),
        }
    }
    faults.extend(seen.iter().filter_map(|path| Recipe::load(path, &config.models).err()).flat_map(|f| f.0));
    if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
}

fn in_words(config: &Config, file: &str) -> String {
    let Config { cameras, models, workers, .. } = config;
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    format!(
        "{file}: ok: {}, {}, {}",
        count(cameras.len(), "camera"),
        count(models.len(), "model"),
        count(workers.cores.len(), "worker")
    )
}

fn in_json(config: &Config) -> String {
    let cameras: Vec<_> = config.cameras.iter().map(|camera| &camera.name).collect();
    let models: Vec<_> = config.models.iter().map(|model| &model.name).collect();
    json!({ "ok": true, "hash": config.hash, "cameras": cameras, "models": models }).to_string()
}
