//! `ocellus golden`: the pictures of good parts, taught and taken back. Works on the store of a service that is stopped.

mod add;
mod change;
mod list;
mod picture;
mod show;
mod tidy;
mod told;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Configured;
use crate::config::recipe::{self, Recipe};
use crate::config::{Config, Faults};
use crate::store::{Goldens, Store, StoreError};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the products, and which golden pictures each has.
    List(list::Arguments),
    /// Show the golden pictures of a product, whether each is whole, and how they came to be.
    Show(show::Arguments),
    /// Teach pictures of good parts: JPEG, PNG or BMP of the size that the recipe tells.
    Add(add::Arguments),
    /// Take a picture out of the set; older revisions keep it.
    Remove(change::Remove),
    /// Take an earlier revision's pictures back, as a new revision.
    Rollback(change::Rollback),
    /// Read every picture that any revision names, and tell which is missing or was changed.
    Verify(tidy::Verify),
    /// Free the space of pictures that no revision names.
    Prune(tidy::Prune),
}

/// What every subcommand takes.
#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    configured: Configured,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
}

/// What a subcommand has to tell: a line or more for people, and an object for programs.
struct Told {
    words: String,
    json: serde_json::Value,
}

/// Why golden pictures cannot be worked on.
#[derive(Debug, thiserror::Error)]
pub(super) enum GoldenFault {
    /// The service holds the store.
    #[error(
        "the service is running and holds the store in {path}; stop it (`systemctl stop ocellus`), run this again, \
         and start it (`systemctl start ocellus`)"
    )]
    Running { path: PathBuf },
    /// No camera has `inspect`.
    #[error(
        "no camera of this configuration inspects, so there are no recipes; name the right one with --config, or add \
         inspect = {{ product = \"{product}\" }} to a [[camera]]"
    )]
    NoInspection { product: String },
    /// A picture of another size than the recipe's.
    #[error(
        "{file} is {found} px, but the recipe {recipe} is drawn for {wanted} px: this golden is of another size; take \
         it with the camera as it inspects, or correct size in the recipe"
    )]
    Size { file: PathBuf, found: String, recipe: PathBuf, wanted: String },
    /// A file that is no picture of ours.
    #[error("{file} cannot be taught: {cause}")]
    Picture { file: PathBuf, cause: String },
    /// An ROI that the recipe does not have.
    #[error("the recipe {recipe} has no ROI \"{roi}\"; {remedy}")]
    Roi { recipe: PathBuf, roi: String, remedy: String },
    /// `verify` found some.
    #[error("{count} golden pictures or records are not whole:\n{list}")]
    NotWhole { count: usize, list: String },
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (common, outcome) = match &arguments.command {
        Command::List(arguments) => (&arguments.common, list::run(arguments)),
        Command::Show(arguments) => (&arguments.common, show::run(arguments)),
        Command::Add(arguments) => (&arguments.common, add::run(arguments)),
        Command::Remove(arguments) => (&arguments.common, change::remove(arguments)),
        Command::Rollback(arguments) => (&arguments.common, change::rollback(arguments)),
        Command::Verify(arguments) => (&arguments.common, tidy::verify(arguments)),
        Command::Prune(arguments) => (&arguments.common, tidy::prune(arguments)),
    };
    let mut out = std::io::stdout();
    match outcome {
        Ok(told) if common.json => writeln!(out, "{}", told.json)?,
        Ok(told) => writeln!(out, "{}", told.words)?,
        Err(error) => {
            if common.json {
                let faults = error.downcast_ref::<Faults>();
                let told = json!({ "ok": false, "error": format!("{error:#}"), "faults": faults });
                writeln!(out, "{told}")?;
            }
            return Err(error);
        }
    }
    Ok(())
}

/// The configuration, and the golden pictures of its state directory.
struct Desk {
    config: Config,
    goldens: Goldens,
}

impl Desk {
    fn open(common: &Common) -> anyhow::Result<Desk> {
        let config = common.configured.options().load()?;
        let opened = Store::open(&config.device.state_dir).map_err(|error| match error {
            StoreError::Locked { path } => anyhow::Error::new(GoldenFault::Running { path }),
            other => other.into(),
        })?;
        if let Some(aside) = opened.set_aside {
            eprintln!("ocellus: the store was damaged; it is set aside as {}", aside.display());
        }
        Ok(Desk { config, goldens: opened.store.goldens() })
    }

    /// The folders in which the cameras' recipes lie, each once.
    fn folders(&self) -> Vec<&PathBuf> {
        let mut folders: Vec<_> =
            self.config.cameras.iter().filter_map(|camera| Some(&camera.inspect.as_ref()?.recipes)).collect();
        folders.sort_unstable();
        folders.dedup();
        folders
    }

    /// The recipes of `product`, one of each folder that has one. Errors: there is none, or it has faults.
    fn recipes(&self, product: &str) -> anyhow::Result<Vec<Recipe>> {
        let folders = self.folders();
        let found: Vec<_> = folders.iter().map(|folder| recipe::find(folder, product)).collect();
        if found.iter().all(Result::is_err) {
            return Err(match found.into_iter().find_map(Result::err) {
                Some(faults) => faults.into(),
                None => GoldenFault::NoInspection { product: product.to_owned() }.into(),
            });
        }
        let recipes = found.into_iter().flatten().map(|path| Recipe::load(&path, &self.config.models));
        Ok(recipes.collect::<Result<_, _>>()?)
    }
}
