//! `ocellus golden`: teaches, qualifies and restores the pictures of good parts; works while the service
//! runs, too.

mod add;
mod change;
mod client;
mod install;
mod list;
mod picture;
mod qualify;
mod rate;
mod samples;
mod sheet;
mod show;
mod tidy;
mod view;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CliOutput, Configured, output};
use crate::config::text::TextFileError;
use client::GoldenClient;

#[derive(Debug, Args)]
pub(super) struct GoldenArgs {
    #[command(subcommand)]
    command: GoldenCommand,
}

#[derive(Debug, Subcommand)]
enum GoldenCommand {
    /// List the products, and the golden pictures of each.
    List(list::ListGoldensArgs),
    /// Show the golden pictures of a product, whether each is intact, and their history.
    Show(show::ShowGoldenArgs),
    /// Teach pictures of good parts: files of the recipe's size, or a camera's current view.
    Add(add::AddGoldenArgs),
    /// Remove a picture from the set; older revisions keep it.
    Remove(change::RemoveSample),
    /// Restore an earlier revision's pictures, as a new revision; or an earlier recipe.
    Rollback(change::Rollback),
    /// Test a change of recipe, golden pictures or model on labelled samples.
    Qualify(qualify::QualifyArgs),
    /// Read every picture that any revision names, and report missing and changed ones.
    Verify(tidy::Verify),
    /// Free the space of pictures that no revision names.
    Prune(tidy::Prune),
}

/// GoldenArgs of every subcommand.
#[derive(Debug, Args)]
struct GoldenCommon {
    #[command(flatten)]
    configured: Configured,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
}

/// Why a golden command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum GoldenFault {
    /// Another process holds the store and does not answer.
    #[error(
        "the store in {path} is held, but no service answers: it is just starting or stopping, or another \
         `ocellus golden` is at work; try again in a moment"
    )]
    Held { path: PathBuf },
    /// No camera has `inspect`.
    #[error(
        "no camera of this configuration inspects, so there are no recipes; name the right one with --config, or add \
         inspect = {{ product = \"{product}\" }} to a [[camera]]"
    )]
    NoInspection { product: String },
    /// Several folders have a recipe of this name.
    #[error(
        "{product} has several recipes ({list}); let the cameras share a folder, or give them other names"
    )]
    Several { product: String, list: String },
    /// The size of a picture differs from the recipe's.
    #[error(
        "{file} is {found} px, but the recipe {recipe} is drawn for {wanted} px: this golden is of another size; take \
         it with the camera as it inspects, or correct size in the recipe"
    )]
    Size { file: PathBuf, found: String, recipe: PathBuf, wanted: String },
    /// A file that cannot be used as a picture.
    #[error("{file} cannot be used: {cause}")]
    Picture { file: PathBuf, cause: String },
    /// The text file beside a sample is not text.
    #[error(transparent)]
    Text(TextFileError),
    /// An ROI that the recipe does not have.
    #[error("the recipe {recipe} has no ROI \"{roi}\"; {remedy}")]
    Roi { recipe: PathBuf, roi: String, remedy: String },
    /// A camera was named, but no service runs.
    #[error(
        "no service runs, so camera {camera} sees nothing; start it (`systemctl start ocellus`), or name picture files"
    )]
    NoCamera { camera: String },
    /// `verify` found damaged pictures or records.
    #[error("{count} golden pictures or records are not whole:\n{list}")]
    NotWhole { count: usize, list: String },
    /// The folder holds no samples to qualify with.
    #[error(
        "{folder} holds no samples; put pictures of good parts into its folder ok and of bad ones into ng (JPEG, PNG \
         or BMP)"
    )]
    NoSamples { folder: PathBuf },
    /// `--model` names a model that the configuration does not have.
    #[error("the configuration has no model \"{name}\"; {remedy}")]
    NoModel { name: String, remedy: String },
    /// The change makes results on the samples worse.
    #[error(
        "the change of {product} is refused, it is worse: {why}; nothing was changed (--force overrides)"
    )]
    Worse { product: String, why: String },
    /// The new recipe has no higher revision than the current one.
    #[error(
        "{file} has revision {revision}, and {place}, which is in force, has {in_force}; count revision up, because \
         every result names it"
    )]
    Revision { file: PathBuf, revision: u32, place: PathBuf, in_force: u32 },
    /// The current recipe was edited while it was qualified.
    #[error("{recipe} has changed meanwhile; nothing was put in its place, run this again")]
    Moved { recipe: PathBuf },
    /// A recipe cannot be written to its place.
    #[error("{path} cannot be replaced ({source}); let this user write the folder, and free space there")]
    Install { path: PathBuf, source: std::io::Error },
    /// There is no earlier recipe.
    #[error(
        "{product} has no such recipe kept beside {recipe} (revisions kept: {known}); `golden qualify --install` keeps \
         the one that it replaces"
    )]
    NoRecipe { product: String, recipe: PathBuf, known: String },
}

/// A refused change, with the samples that became worse.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
struct RefusedChange {
    view: CliOutput,
    why: GoldenFault,
}

pub(super) fn run(arguments: &GoldenArgs) -> anyhow::Result<()> {
    let (common, outcome) = match &arguments.command {
        GoldenCommand::List(arguments) => (&arguments.common, list::run(arguments)),
        GoldenCommand::Show(arguments) => (&arguments.common, show::run(arguments)),
        GoldenCommand::Add(arguments) => (&arguments.common, add::run(arguments)),
        GoldenCommand::Remove(arguments) => (&arguments.common, change::remove(arguments)),
        GoldenCommand::Rollback(arguments) => (&arguments.common, change::rollback(arguments)),
        GoldenCommand::Qualify(arguments) => (&arguments.common, qualify::run(arguments)),
        GoldenCommand::Verify(arguments) => (&arguments.common, tidy::verify(arguments)),
        GoldenCommand::Prune(arguments) => (&arguments.common, tidy::prune(arguments)),
    };
    let outcome = match outcome.map_err(|error| error.downcast::<RefusedChange>()) {
        Err(Ok(RefusedChange { view, why })) => Ok(CliOutput { fault: Some(why.into()), ..view }),
        Err(Err(other)) => Err(other),
        Ok(view) => Ok(view),
    };
    output::output(common.json, outcome)
}
