//! What is wrong with a command of `ocellus batch`, apart from its inputs.

use std::io;
use std::path::PathBuf;

use crate::service::Exit;
use crate::timelapse::stack::WriteError;

/// Why nothing was written, or not all of it.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum BatchFault {
    /// One file holds one position.
    #[error(
        "{stem} has {positions} positions, and one OME-TIFF holds one; add --split, which writes a file for each into the folder of --out"
    )]
    SeveralPositions {
        /// The stack's name.
        stem: String,
        /// Its positions.
        positions: usize,
    },
    /// Several files need a folder.
    #[error("{}: --split writes a file for each position; give --out a folder, whose name does not end in .tif", .out.display())]
    SplitIntoFile {
        /// What `--out` names.
        out: PathBuf,
    },
    /// The output is one of the files that are read.
    #[error("{}: this is a file of the input, which is never replaced; give another --out", .path.display())]
    OutIsInput {
        /// The file.
        path: PathBuf,
    },
    /// A file of that name is there.
    #[error("{}: there is such a file already; remove it, give another --out, or replace it with --force", .path.display())]
    Exists {
        /// The file.
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
    /// The planes do not make an OME-TIFF.
    #[error("{}: {source}", .path.display())]
    Planes {
        /// The file.
        path: PathBuf,
        /// The error of the writer.
        source: WriteError,
    },
}

impl BatchFault {
    /// The exit code: 2 where the same command can never succeed.
    pub(in crate::cli) fn exit(&self) -> Exit {
        match self {
            BatchFault::SeveralPositions { .. }
            | BatchFault::SplitIntoFile { .. }
            | BatchFault::OutIsInput { .. } => Exit::Usage,
            _ => Exit::Other,
        }
    }
}
