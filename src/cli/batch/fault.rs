//! What is wrong with a command of `ocellus batch`, apart from its inputs.

use std::io;
use std::path::PathBuf;

use crate::control::AskError;
use crate::microscopy::RunError;
use crate::service::Exit;
use crate::timelapse::fit::FitError;
use crate::timelapse::stack::WriteError;
use crate::timelapse::tables::FovsError;

/// Why nothing was written, or not all of it.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum BatchFault {
    /// One file holds one position.
    #[error(
        "{stem} has {positions} positions, and one OME-TIFF holds one; add --split, which writes a file for each into the folder of --out"
    )]
    SeveralPositions {
        /// The name of the stack.
        stem: String,
        /// The number of its positions.
        positions: usize,
    },
    /// Several files need a folder.
    #[error("{}: --split writes a file for each position; give --out a folder, whose name does not end in .tif", .out.display())]
    SplitIntoFile {
        /// The path that `--out` names.
        out: PathBuf,
    },
    /// The output is one of the files that are read.
    #[error("{}: this is a file of the input, which is never replaced; give another --out", .path.display())]
    OutIsInput {
        /// The file that is meant.
        path: PathBuf,
    },
    /// A file of that name is there.
    #[error("{}: there is such a file already; remove it, give another --out, or replace it with --force", .path.display())]
    Exists {
        /// The file that is meant.
        path: PathBuf,
    },
    /// Another process writes the same file.
    #[error("{}: another process is writing it; wait for its end, or give another --out", .path.display())]
    Busy {
        /// The file that it writes.
        path: PathBuf,
    },
    /// The output cannot be written.
    #[error("{}: cannot be written ({source}); check that its folder is there, its permissions and the free space", .path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A stack without a recipe does not say where its results go.
    #[error(
        "the folder of the results is missing; name it with --out DIR, or give a recipe that ends in .toml"
    )]
    NoOut,
    /// The service runs recipes, one at a time.
    #[error("--service takes the name of one recipe; `ocellus batch status` lists them")]
    OneRecipe,
    /// Neither a folder nor something that a service knows.
    #[error(
        "there is no folder {name} here, and no service to ask for a run or a recipe of that name: {service}"
    )]
    NoSuch {
        /// The name that was given.
        name: String,
        /// Why the service was not reached.
        service: Box<AskError>,
    },
    /// A list of fields of view makes no sense.
    #[error("--fovs: {0}")]
    Fovs(FovsError),
    /// Some fields of view failed; the others are complete.
    #[error("{failed} fields of view failed, the others are complete; correct the cause and run `ocellus batch resume {}`", .out.display())]
    FovsFailed {
        /// The folder of the results.
        out: PathBuf,
        /// The number of those that failed.
        failed: usize,
    },
    /// The run was cancelled.
    #[error("cancelled, {open} fields of view are not done; go on with `ocellus batch resume {}`", .out.display())]
    Cancelled {
        /// The folder of the results.
        out: PathBuf,
        /// Fields of view that are not done.
        open: usize,
    },
    /// The process of a run cannot be asked to end.
    #[error("process {pid} cannot be asked to end: {source}; run the command as the user of that process")]
    Signal {
        /// The number of the process.
        pid: u32,
        /// The error of the system.
        source: io::Error,
    },
    /// The process of a run does not end.
    #[error(
        "process {pid} still runs 10 s after it was asked to end; a slow disk may hold it, look again with `ocellus batch status`"
    )]
    StillRunning {
        /// The number of the process.
        pid: u32,
    },
    /// A run could not begin or could not write its results.
    #[error("{}", explained(.0))]
    Run(RunError),
    /// There is nothing to merge.
    #[error("{}: there are no shares in it and no samples are named; add --samples samples.yaml", .out.display())]
    NothingToMerge {
        /// The folder of the results.
        out: PathBuf,
    },
    /// The model, or what is set of it, is wrong.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// A table without a trace has nothing to fit.
    #[error("{}: it has no traces; name a merged table, such as SAMPLE_intensity_total_ch_1.csv, with rows in it", .path.display())]
    NoTraces {
        /// The table that was fitted.
        path: PathBuf,
    },
    /// Not one trace could be fitted.
    #[error(
        "none of the {cells} traces could be fitted; the reasons are listed above and in the table of details"
    )]
    NoneFitted {
        /// How many were tried.
        cells: usize,
    },
    /// The planes do not make an OME-TIFF.
    #[error("{}: {source}", .path.display())]
    Planes {
        /// The file that is meant.
        path: PathBuf,
        /// The error of the writer.
        source: WriteError,
    },
}

/// An error with what to do next, in one sentence.
fn explained(error: &RunError) -> String {
    match error.remedy() {
        Some(remedy) => format!("{error}; {remedy}"),
        None => error.to_string(),
    }
}

impl From<RunError> for BatchFault {
    fn from(error: RunError) -> BatchFault {
        BatchFault::Run(error)
    }
}

impl BatchFault {
    /// The exit code: 2 where the same command can never succeed.
    pub(in crate::cli) fn exit(&self) -> Exit {
        match self {
            BatchFault::SeveralPositions { .. }
            | BatchFault::SplitIntoFile { .. }
            | BatchFault::OutIsInput { .. }
            | BatchFault::NoOut
            | BatchFault::OneRecipe
            | BatchFault::Fovs(_)
            | BatchFault::NothingToMerge { .. }
            | BatchFault::Fit(_) => Exit::Usage,
            BatchFault::FovsFailed { .. } | BatchFault::NoneFitted { .. } => Exit::Unit,
            BatchFault::Cancelled { .. } => Exit::Cancelled,
            _ => Exit::Other,
        }
    }
}
