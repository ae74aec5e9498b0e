//! Why a frame cannot be recorded, by kind of fault.

use std::io;
use std::path::{Path, PathBuf};

use crate::film::FilmError;
use crate::image::ImageError;
use crate::store::StoreError;
use crate::types::Explanation;

/// A fault of recording. Each message names the file, the fault, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.explanation())]
pub enum RecorderError {
    /// A file cannot be written.
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Less space is left than has to stay free.
    Reserve {
        /// The recorder's own folder.
        path: PathBuf,
        /// Free space of the disk, bytes.
        free_bytes: u64,
        /// Space that has to stay free, bytes.
        reserve_bytes: u64,
    },
    /// Clips wait in the folder of incomplete ones, because they cannot be given their names.
    Unnamed {
        /// The recorder's own folder.
        path: PathBuf,
        /// How many of them wait.
        count: usize,
    },
    /// One recording exceeds the limit of all of them.
    TooLarge {
        /// Its size in bytes.
        bytes: u64,
    },
    /// A frame cannot be encoded.
    Encode {
        /// The message of the encoder.
        cause: String,
    },
    /// GStreamer lacks what a clip needs.
    Encoder {
        /// The element that is missing, or GStreamer's own words.
        cause: String,
    },
    /// The index of recordings cannot be written.
    Index(#[from] StoreError),
}

impl RecorderError {
    /// An error of the operating system at `path`.
    pub(super) fn write(path: &Path, source: io::Error) -> RecorderError {
        RecorderError::Write { path: path.to_owned(), source }
    }

    /// The fault and its remedy, for people.
    pub fn explanation(&self) -> Explanation {
        match self {
            RecorderError::Write { path, source } => Explanation::new(
                format!("{} cannot be written ({source})", path.display()),
                "free space there, let the service's user write it, or name another folder in recorder.dir",
            ),
            RecorderError::Reserve { path, free_bytes, reserve_bytes } => Explanation::new(
                format!(
                    "the disk of {} has {} MiB left, and {} MiB have to stay free (recorder.reserve_mib)",
                    path.display(),
                    free_bytes >> 20,
                    reserve_bytes >> 20
                ),
                "free space there, lower recorder.max_mib, or name a folder on another disk in recorder.dir; recording \
                 goes on by itself",
            ),
            RecorderError::Unnamed { path, count } => Explanation::new(
                format!("{count} clips below {} cannot be given their names", path.display()),
                "the log says which name the disk refuses; let the service's user write there, or change the pattern",
            ),
            RecorderError::TooLarge { bytes } => Explanation::new(
                format!("a recording of {bytes} bytes exceeds the limit for all recordings together"),
                "raise recorder.max_mib, or lower clip_s of the camera's record",
            ),
            RecorderError::Encode { cause } => Explanation::new(
                format!("a frame cannot be encoded ({cause})"),
                "please report this with the camera's format",
            ),
            RecorderError::Encoder { cause } => Explanation::new(
                format!("no clip can be written: {cause}"),
                "install the GStreamer plugin, or set encoding = \"mjpeg\" or as = \"jpeg\" in the camera's record",
            ),
            RecorderError::Index(error) => {
                error.explanation().within("the index of recordings cannot be written")
            }
        }
    }

    /// Whether the disk has no space left; freeing space is the remedy.
    pub fn is_full(&self) -> bool {
        use io::ErrorKind as Kind;
        match self {
            RecorderError::Reserve { .. } => true,
            RecorderError::Write { source, .. } => {
                matches!(source.kind(), Kind::StorageFull | Kind::QuotaExceeded)
            }
            RecorderError::Index(StoreError::DiskFull { .. }) => true,
            _ => false,
        }
    }

    /// Whether the frame or the encoder is at fault, not the disk.
    pub fn is_of_encoding(&self) -> bool {
        matches!(self, RecorderError::Encode { .. } | RecorderError::Encoder { .. })
    }
}

impl From<FilmError> for RecorderError {
    fn from(error: FilmError) -> RecorderError {
        match error {
            FilmError::Write { path, source } => RecorderError::Write { path, source },
            FilmError::Encoder { .. } | FilmError::Stopped => {
                RecorderError::Encoder { cause: error.to_string() }
            }
        }
    }
}

impl From<ImageError> for RecorderError {
    fn from(error: ImageError) -> RecorderError {
        RecorderError::Encode { cause: error.to_string() }
    }
}
