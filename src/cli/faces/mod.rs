//! `ocellus faces`: the people whose faces are recognised; works while the service runs, too.

mod add;
mod change;
mod client;
mod list;
mod transfer;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CliOutput, Configured, output};
use crate::config::text::TextFileError;
use crate::control::AskError;
use crate::service::Exit;
use crate::types::Refusal;
use client::GalleryClient;

#[derive(Debug, Args)]
pub(super) struct FacesArgs {
    #[command(subcommand)]
    command: FacesCommand,
}

#[derive(Debug, Subcommand)]
enum FacesCommand {
    /// List the people, and the pictures of each.
    List(list::ListFacesArgs),
    /// Enrol a person with pictures, or with a camera's current view.
    Enrol(add::Enrol),
    /// Add pictures to a person: several make recognition more reliable.
    Add(add::Add),
    /// Rename a person of the gallery.
    Rename(change::Rename),
    /// Merge two people into one; the second keeps the name.
    Merge(change::Merge),
    /// Remove one picture of a person.
    Remove(change::RemoveFace),
    /// Erase a person: afterwards the disk holds no picture, embedding, name or event of them.
    Erase(change::Erase),
    /// Embed the stored pictures again, after the model was changed.
    Reenrol(change::Reenrol),
    /// Write all people into a file, for another device.
    Export(transfer::Export),
    /// Import the people of such a file.
    Import(transfer::Import),
}

/// FacesArgs of every subcommand.
#[derive(Debug, Args)]
struct FacesCommon {
    #[command(flatten)]
    configured: Configured,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
}

/// Why a gallery command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum FacesFault {
    /// Another process holds the store and does not answer.
    #[error(
        "the store in {path} is held, but no service answers: it is just starting or stopping, or another command is \
         at work; try again in a moment"
    )]
    Held { path: PathBuf },
    /// The gallery refused the request.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The name fits no person, or more than one.
    #[error("there is no person {who:?}; {remedy}")]
    Nobody { who: String, remedy: String },
    /// The import file is not text.
    #[error("{0}; name a file of `ocellus faces export`")]
    Text(#[from] TextFileError),
    /// A file that cannot be read or written.
    #[error("{file} cannot be {what} ({source}); {remedy}")]
    File { file: PathBuf, what: &'static str, source: std::io::Error, remedy: &'static str },
}

pub(super) fn run(arguments: &FacesArgs) -> anyhow::Result<()> {
    let (json, outcome) = match &arguments.command {
        FacesCommand::List(arguments) => (arguments.common.json, list::run(arguments)),
        FacesCommand::Enrol(arguments) => (arguments.common.json, add::enrol(arguments)),
        FacesCommand::Add(arguments) => (arguments.common.json, add::add(arguments)),
        FacesCommand::Rename(arguments) => (arguments.common.json, change::rename(arguments)),
        FacesCommand::Merge(arguments) => (arguments.common.json, change::merge(arguments)),
        FacesCommand::Remove(arguments) => (arguments.common.json, change::remove(arguments)),
        FacesCommand::Erase(arguments) => (arguments.common.json, change::erase(arguments)),
        FacesCommand::Reenrol(arguments) => (arguments.common.json, change::reenrol(arguments)),
        FacesCommand::Export(arguments) => (arguments.common.json, transfer::export(arguments)),
        FacesCommand::Import(arguments) => (arguments.common.json, transfer::import(arguments)),
    };
    match outcome {
        // A program that asked for JSON gets the code and the details, too.
        Err(error) if json => Err(refusal_output(error)),
        outcome => output::output(json, outcome),
    }
}

/// Prints a failure as JSON, and returns it.
fn refusal_output(error: anyhow::Error) -> anyhow::Error {
    let (code, details) = match (error.downcast_ref(), error.downcast_ref()) {
        (Some(FacesFault::Refused(refusal)), _) => {
            (refusal.code, serde_json::to_value(&refusal.details).unwrap_or_default())
        }
        (_, Some(AskError::Refused(failure))) => (failure.code.as_str(), failure.details.clone()),
        _ => {
            return output::output(true, Err(error))
                .err()
                .unwrap_or_else(|| anyhow::anyhow!("no error was printed"));
        }
    };
    let output =
        serde_json::json!({ "ok": false, "error": output::chain(&error), "code": code, "details": details });
    match output::print(output) {
        Ok(()) => error,
        Err(unprinted) => error.context(format!("the answer cannot be printed: {unprinted}")),
    }
}

/// The exit code for a refusal's code; docs/command-line.md has the table.
pub(super) fn exit_of(code: &str) -> Exit {
    match code {
        "no_face" | "several_faces" | "face_too_small" | "face_blurred" | "face_turned"
        | "picture_unreadable" | "picture_too_large" | "bad_name" | "name_taken" | "already_enrolled"
        | "bad_import" => Exit::Refused,
        "no_model" => Exit::Config,
        "model_failed" => Exit::Model,
        "store" | "erasure_pending" => Exit::State,
        _ => Exit::Other,
    }
}

/// A number with its noun: `1 picture`, `2 pictures`.
fn pictures<T>(samples: &[T]) -> String {
    output::count(samples.len(), "picture")
}
