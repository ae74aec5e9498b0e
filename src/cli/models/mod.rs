//! `ocellus models`: public models that do not ship with us, verified before they are installed.

mod add;
mod list;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Configured, tell};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the public models that profiles use: source, SHA-256, licence, and whether they are installed.
    List(list::Arguments),
    /// Hold a file against the catalogue and the runtime, and install it with its card.
    Add(add::Arguments),
}

/// Why a model is not installed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ModelFault {
    /// A name that the catalogue does not have, and no file either.
    #[error("there is no file and no public model {name:?}; {remedy}")]
    Unknown { name: String, remedy: String },
    /// A name without a file.
    #[error("{name} is not shipped with Ocellus; fetch {url} (licence {licence}), then run `{command}`")]
    NoFile { name: String, url: String, licence: String, command: String },
    /// A file that cannot be read.
    #[error("{file} cannot be read ({source}); correct the path")]
    Read { file: PathBuf, source: std::io::Error },
    /// Another file than the catalogue's.
    #[error(
        "{file} is not {name}: expected SHA-256 {expected} ({expected_bytes} bytes), found {found} ({found_bytes} \
         bytes); fetch {url} again"
    )]
    Differs {
        file: PathBuf,
        name: String,
        expected: String,
        expected_bytes: u64,
        found: String,
        found_bytes: u64,
        url: String,
    },
    /// A file that is none of the catalogue's.
    #[error(
        "{file} (SHA-256 {found}) is no model of the catalogue, which `ocellus models list` shows; a model of your own \
         needs no installation: write [model.NAME] path = \"…\" and a card beside the file"
    )]
    Stranger { file: PathBuf, found: String },
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (json, outcome) = match &arguments.command {
        Command::List(arguments) => (arguments.json, list::run(arguments)),
        Command::Add(arguments) => (arguments.json, add::run(arguments)),
    };
    tell::tell(json, outcome)
}
