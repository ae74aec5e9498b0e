//! `ocellus models add`: installs a model file, or changes nothing.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::{Configured, ModelFault};
use crate::cli::CliOutput;
use crate::config::{self, CatalogueModel, Faults, catalogue, catalogue_model, nearest, parse_card, text};
use crate::engine::Runtime;
use crate::store::write_whole;

#[derive(Debug, Args)]
pub(super) struct AddModelArgs {
    /// The model's name in the catalogue, or a file that is one of its models.
    #[arg(value_name = "NAME|FILE")]
    model: String,
    /// The file, downloaded from the source that `ocellus models list` shows.
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// The folder to install it into.
    #[arg(long, value_name = "DIR", default_value = "models")]
    dir: PathBuf,
    #[command(flatten)]
    configured: Configured,
    /// Print the outcome as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(arguments: &AddModelArgs) -> anyhow::Result<CliOutput> {
    let (known, file) = wanted(arguments)?;
    let bytes = read(&file)?;
    let found = crate::types::sha256(&bytes);
    let known = match known {
        Some(known) => known,
        None => catalogue()
            .iter()
            .find(|model| model.sha256 == found)
            .ok_or_else(|| ModelFault::Stranger { file: file.clone(), found: found.clone() })?,
    };
    if known.sha256 != found {
        return Err(ModelFault::Differs { file, known, found, bytes: bytes.len() }.into());
    }
    can_be_run(known, &file, arguments)?;
    let card = install(known, &bytes, &arguments.dir)?;
    let path = arguments.dir.join(&known.file);
    let mut words = vec![format!("{}: installed as {}, {card}", known.name, path.display())];
    words.push(format!("  licence {}", known.licence));
    words.extend(known.caution.iter().map(|caution| format!("  caution: {caution}")));
    let json = json!({
        "ok": true, "name": known.name, "path": path, "sha256": known.sha256, "card": card,
        "licence": known.licence, "caution": known.caution,
    });
    Ok(CliOutput::new(words.join("\n"), json))
}

/// The catalogue's entry, if the model was named, and the file.
fn wanted(arguments: &AddModelArgs) -> Result<(Option<&'static CatalogueModel>, PathBuf), ModelFault> {
    let named = catalogue_model(&arguments.model);
    let as_file = PathBuf::from(&arguments.model);
    match (named, &arguments.file) {
        (Some(known), Some(file)) => Ok((Some(known), file.clone())),
        // `mobilefacenet_float32.tflite` is the name of a file as well as of a model.
        (known, None) if as_file.is_file() => Ok((known, as_file)),
        (Some(known), None) => Err(ModelFault::NoFile { known, dir: arguments.dir.display().to_string() }),
        (None, _) => {
            let names: Vec<_> = catalogue().iter().map(|model| model.name.as_str()).collect();
            let remedy = nearest(&arguments.model, &names);
            Err(ModelFault::Unknown { name: arguments.model.clone(), remedy })
        }
    }
}

fn read(file: &Path) -> Result<Vec<u8>, ModelFault> {
    std::fs::read(file).map_err(|source| ModelFault::Read { file: file.to_owned(), source })
}

/// Loads the file with its card, and opens a session, before anything is written.
fn can_be_run(known: &CatalogueModel, file: &Path, arguments: &AddModelArgs) -> anyhow::Result<()> {
    let runtime = match &arguments.configured.config {
        // The profile may lack the model that is being added, so only its runtime is read.
        Some(path) => config::Config::runtime_of(path)?,
        None => config::RuntimeSettings { kind: "litert".into(), library: None },
    };
    let card = parse_card(&known.card(), Path::new(&known.file)).map_err(Faults)?;
    let (name, path) = (known.name.clone(), file.to_owned());
    let settings = config::ModelConfig { name, path, card, delegate: None, min_workers: 0, max_workers: 1 };
    Runtime::open(&runtime)?.load(&settings)?.session()?;
    Ok(())
}

/// Writes the card first, because a model without its card would be misread. An existing card stays, because
/// it may have been adapted.
fn install(known: &CatalogueModel, bytes: &[u8], dir: &Path) -> anyhow::Result<&'static str> {
    let card = Path::new(&known.file).with_extension("toml");
    let wanted = known.card();
    let output = match text::read(&dir.join(&card)) {
        Ok(present) if present == wanted => "with its card",
        Err(error) if error.is_missing() => {
            write_whole(dir, &card.to_string_lossy(), wanted.as_bytes())?;
            "with its card"
        }
        // Even an unreadable card stays, because somebody wrote it; `check` reports its faults.
        _ => "with the card that was there already",
    };
    write_whole(dir, &known.file, bytes)?;
    Ok(output)
}
