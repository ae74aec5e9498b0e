//! `ocellus models`: public models that are not shipped with Ocellus, verified before they are installed.

mod add;
mod list;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Configured, output};
use crate::config::CatalogueModel;

#[derive(Debug, Args)]
pub(super) struct ModelsArgs {
    #[command(subcommand)]
    command: ModelsCommand,
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    /// List the public models that profiles use: source, SHA-256, licence, and whether they are installed.
    List(list::ListModelsArgs),
    /// Check a file against the catalogue and the runtime, and install it with its card.
    Add(add::AddModelArgs),
}

/// Why a model is not installed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ModelFault {
    /// The name is neither in the catalogue nor a file.
    #[error("there is no file and no public model {name:?}; {remedy}")]
    Unknown { name: String, remedy: String },
    /// A model was named without a file.
    #[error(
        "{} is not shipped with Ocellus; fetch {} (licence {}), then run `{}`",
        .known.name, .known.url(), .known.licence, .known.command(dir)
    )]
    NoFile { known: &'static CatalogueModel, dir: String },
    /// A file that cannot be read.
    #[error("{file} cannot be read ({source}); correct the path")]
    Read { file: PathBuf, source: std::io::Error },
    /// The file differs from the catalogue's.
    #[error(
        "{file} is not {}: expected SHA-256 {} ({} bytes), found {found} ({bytes} bytes); fetch {} again",
        .known.name, .known.sha256, .known.bytes, .known.url()
    )]
    Differs { file: PathBuf, known: &'static CatalogueModel, found: String, bytes: usize },
    /// The file is not in the catalogue.
    #[error(
        "{file} (SHA-256 {found}) is not in the catalogue, which `ocellus models list` shows; a model of your own \
         needs no installation: write [model.NAME] path = \"…\" and a card beside the file"
    )]
    Stranger { file: PathBuf, found: String },
}

pub(super) fn run(arguments: &ModelsArgs) -> anyhow::Result<()> {
    let (json, outcome) = match &arguments.command {
        ModelsCommand::List(arguments) => (arguments.json, list::run(arguments)),
        ModelsCommand::Add(arguments) => (arguments.json, add::run(arguments)),
    };
    output::output(json, outcome)
}
