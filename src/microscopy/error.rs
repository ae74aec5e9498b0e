//! Why a run, or one field of view of it, failed.

use std::io;
use std::path::{Path, PathBuf};

use crate::engine::{EngineError, Label, RunError as ModelError};
use crate::image::ImageError;
use crate::timelapse::cells::CellsError;
use crate::timelapse::fit::FitError;
use crate::timelapse::stack::{StackError, WriteError};
use crate::timelapse::tables::TableError;

/// Why a run could not begin, or what failed in it.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The stack was refused.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// A step refused its settings or its input.
    #[error(transparent)]
    Cells(#[from] CellsError),
    /// A table cannot be read or written.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The model that finds the cells was refused.
    #[error(transparent)]
    Model(#[from] EngineError),
    /// The model that finds the cells did not run.
    #[error(transparent)]
    ModelRun(#[from] ModelError),
    /// A frame cannot be put into the model.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The model has no such class.
    #[error("the model has no class {class}: it has {}", listed(labels))]
    NoClass {
        /// The class that the recipe names.
        class: usize,
        /// The labels of the classes that there are.
        labels: Vec<Label>,
    },
    /// A label image cannot be written.
    #[error("the label image {}: {source}", path.display())]
    LabelImage {
        /// The file that is meant.
        path: PathBuf,
        /// What the writer reported.
        source: WriteError,
    },
    /// The system refused something.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried with it, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system reported.
        source: io::Error,
    },
    /// The stack has no such channel.
    #[error("the stack has no channel {channel}: it has {}", channels.join(", "))]
    NoChannel {
        /// The channel that the recipe names.
        channel: usize,
        /// The channels of the stack: number and name.
        channels: Vec<String>,
    },
    /// The stack has no such field of view.
    #[error("the stack has no field of view {fov}: it has {count}, from 0")]
    NoFov {
        /// The field of view that was asked for.
        fov: usize,
        /// How many there are.
        count: usize,
    },
    /// Another run uses the folder.
    #[error("another run uses {}{}", out.display(), pid.map_or(String::new(), |pid| format!(" (process {pid})")))]
    InUse {
        /// The folder of the results.
        out: PathBuf,
        /// The process that holds it, if it is known.
        pid: Option<u32>,
    },
    /// The folder holds the results of a run.
    #[error("{} already holds the run {id}", out.display())]
    Exists {
        /// The folder of the results.
        out: PathBuf,
        /// The run that is there.
        id: String,
    },
    /// There is no run in the folder.
    #[error("there is no run in {}", out.display())]
    NoRun {
        /// The folder of the results.
        out: PathBuf,
    },
    /// The run has no such field of view.
    #[error("the run has no field of view {fov}; it has {}", ranges(known))]
    NotOfRun {
        /// The field of view that was asked for.
        fov: usize,
        /// Those of the run, sorted.
        known: Vec<usize>,
    },
    /// A field of view has no table of traces.
    #[error("field of view {fov} has no table of traces: it is {state}")]
    NoTable {
        /// The field of view.
        fov: usize,
        /// What became of it, and why.
        state: String,
    },
    /// A stack of pictures is not there.
    #[error("field of view {fov} has no pictures: {} is missing", path.display())]
    NoStack {
        /// The field of view.
        fov: usize,
        /// The stack that is meant.
        path: PathBuf,
    },
    /// A field of view has fewer frames.
    #[error("field of view {fov} has no frame {frame}: it has {frames}, from 0")]
    NoFrame {
        /// The field of view.
        fov: usize,
        /// The frame that was asked for.
        frame: usize,
        /// How many there are.
        frames: usize,
    },
    /// The tables have no such feature.
    #[error("there is no feature {feature:?}: the tables have {}", if known.is_empty() { "none yet".into() } else { known.join(", ") })]
    NoFeature {
        /// The feature that was asked for.
        feature: String,
        /// Those of the tables.
        known: Vec<String>,
    },
    /// No good trace is there to fit.
    #[error("there is no good trace of {feature}")]
    NoTraces {
        /// The feature that was asked for.
        feature: String,
    },
    /// A model of expression, or what is set of it, is wrong.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// The tables are too large for one answer.
    #[error("the tables in {} have {} MiB, and {} MiB at most are sent", out.display(), bytes >> 20, most >> 20)]
    TooLarge {
        /// The folder of the results.
        out: PathBuf,
        /// Bytes of all tables.
        bytes: u64,
        /// Most bytes that are sent.
        most: u64,
    },
    /// The journal is damaged, not only at its end.
    #[error("{}:{line}: the journal is damaged: {reason}", path.display())]
    Journal {
        /// The file of the journal.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: serde_json::Error,
    },
    /// Other parameters than those of the run that is to be resumed.
    #[error("{name} was {was} when the run began, and is {is} now")]
    OtherParameter {
        /// The name of the parameter.
        name: String,
        /// Its value in the journal.
        was: String,
        /// Its value in the recipe.
        is: String,
    },
    /// The input has changed since the run began.
    #[error("{} has changed since the run began: SHA-256 was {was}, and is {is} now", path.display())]
    OtherInput {
        /// The file that is meant.
        path: PathBuf,
        /// Its sum in the journal.
        was: String,
        /// Its sum now; or what is the matter with it.
        is: String,
    },
    /// There is too little space for the results.
    #[error("the results need about {} MiB, and {} has {} MiB free", needed >> 20, out.display(), free >> 20)]
    NoSpace {
        /// The folder of the results.
        out: PathBuf,
        /// Bytes that the results need.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The threads that work cannot be started.
    #[error("the workers cannot be started: {0}")]
    Workers(String),
    /// A shard is not one of a run, or shards do not belong together.
    #[error("{}: {reason}", path.display())]
    Shard {
        /// The folder of the shard.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The run was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// An item of work panicked or could not be built.
    #[error("{0}")]
    Item(String),
}

impl RunError {
    /// The system refused `action` on `path`.
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> RunError {
        RunError::Io { action, path: path.to_owned(), source }
    }

    /// What to do next.
    pub fn remedy(&self) -> Option<&'static str> {
        Some(match self {
            RunError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "make space and resume the run: what is complete is kept"
            }
            RunError::Io { source, .. } if source.kind() == io::ErrorKind::ReadOnlyFilesystem => {
                "name another folder for the results"
            }
            RunError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "give the user the right to write there, or name another folder"
            }
            RunError::NoChannel { .. } => "correct the channel in the recipe",
            RunError::NoClass { .. } => "correct `class` in [segment] of the recipe",
            RunError::NoFov { .. } => "correct `fovs` in the recipe",
            RunError::InUse { .. } => "wait for it, or cancel it with `ocellus batch cancel DIR`",
            RunError::Exists { .. } => {
                "go on with it by `ocellus batch resume DIR`, or name another folder for the results"
            }
            RunError::NoRun { .. } => "name the folder that was given as `out`",
            RunError::NoTable { .. } => "end the run by `ocellus batch resume DIR`",
            RunError::NoStack { .. } => {
                "a run keeps its pictures with stacks = true in [output]; run it again with that for pictures"
            }
            RunError::NoTraces { .. } => "mark traces as good, or run the recipe again with another filter",
            RunError::TooLarge { .. } => "copy the folder from the machine",
            RunError::Journal { .. } => "begin the run again in another folder",
            RunError::OtherParameter { .. } | RunError::OtherInput { .. } => {
                "restore it, or begin a run in another folder"
            }
            RunError::NoSpace { .. } => {
                "make space, name another folder, or set stacks = false and labels = false in [output]"
            }
            RunError::Cancelled => "go on with it by `ocellus batch resume DIR`",
            _ => return None,
        })
    }
}

/// Numbers in ascending order as a text such as `0-3, 5`.
fn ranges(numbers: &[usize]) -> String {
    let ranges = numbers.chunk_by(|one, next| one + 1 == *next).map(|range| match range {
        [only] => only.to_string(),
        [first, .., last] => format!("{first}-{last}"),
        [] => String::new(),
    });
    match numbers.is_empty() {
        true => "none".into(),
        false => ranges.collect::<Vec<_>>().join(", "),
    }
}

/// The first classes of a model with their numbers.
fn listed(labels: &[Label]) -> String {
    let shown = labels.iter().enumerate().take(5).map(|(number, label)| format!("{number} ({label})"));
    let more = labels.len().saturating_sub(5);
    let text = shown.collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{text} and {more} more") } else { text }
}
