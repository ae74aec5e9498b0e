//! Why evidence cannot be kept, or cannot be trusted.

use std::io;
use std::path::PathBuf;

/// A fault of one evidence folder. Each message names the file, the fault, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The folder cannot be written.
    #[error(
        "evidence cannot be written to {path} ({source}); free space there, let the service's user write it, or name \
         another folder in evidence.dir"
    )]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// One folder is larger than the limit for all folders together.
    #[error("evidence of {bytes} bytes exceeds the limit for all evidence together; raise evidence.max_mib")]
    TooLarge {
        /// Size of the folder, bytes.
        bytes: u64,
    },
    /// The frame cannot be encoded.
    #[error("the frame cannot be kept as {file} ({cause}); please report this with the camera's format")]
    Encode {
        /// The file's name in the folder.
        file: &'static str,
        /// The message of the encoder.
        cause: String,
    },
    /// A file cannot be read.
    #[error(
        "{path} cannot be read ({source}); name a folder of evidence, CAMERA/DATE/ID-VERDICT, or its evidence.json"
    )]
    Read {
        /// The file that cannot be read.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A file that was kept is missing.
    #[error(
        "{path} is missing: it was kept with {expected_bytes} bytes and SHA-256 {expected}; take the whole folder \
         from where it was kept or from a backup"
    )]
    Missing {
        /// The file that is missing.
        path: PathBuf,
        /// The hash that it had.
        expected: String,
        /// The length that it had.
        expected_bytes: u64,
    },
    /// A file differs from the one that was kept.
    #[error(
        "{path} is not what was kept ({}): SHA-256 {expected} was expected, {found} was found; do not trust this \
         evidence, take the whole folder from where it was kept or from a backup",
        lengths(*.expected_bytes, *.found_bytes)
    )]
    Changed {
        /// The file that differs.
        path: PathBuf,
        /// The hash that it had.
        expected: String,
        /// The hash that it has.
        found: String,
        /// The length that it had.
        expected_bytes: u64,
        /// The length that it has.
        found_bytes: u64,
    },
    /// `evidence.json` was changed after it was sealed.
    #[error(
        "{path} was edited after it was kept: its seal is {expected}, but its content gives {found}; do not trust this \
         evidence, take the whole folder from where it was kept or from a backup"
    )]
    Seal {
        /// The `evidence.json` whose seal differs.
        path: PathBuf,
        /// The seal that it carries.
        expected: String,
        /// The seal that its content should carry.
        found: String,
    },
    /// `evidence.json` does not end with a seal.
    #[error(
        "{path} has no seal at its end: it was cut short, written anew by another program, or is no evidence; take \
         the whole folder from where it was kept or from a backup"
    )]
    Unsealed {
        /// The `evidence.json` that has no seal.
        path: PathBuf,
    },
    /// The evidence was written by another version of the program.
    #[error("{path} has schema {found}, this program reads {known}; replay it with the version that kept it")]
    Schema {
        /// The `evidence.json` of another version.
        path: PathBuf,
        /// The schema that it names.
        found: String,
        /// The schema that this program reads.
        known: &'static str,
    },
    /// The seal is right, but the content cannot be used.
    #[error("{path} cannot be used: {cause}; replay it with the version that kept it, or report it")]
    Content {
        /// The file that cannot be used.
        path: PathBuf,
        /// Which value is wrong, and how.
        cause: String,
    },
}

impl EvidenceError {
    /// Whether the disk has no room left, so that removing older evidence may help.
    pub fn is_full(&self) -> bool {
        use io::ErrorKind as Kind;
        matches!(self, EvidenceError::Write { source, .. }
            if matches!(source.kind(), Kind::StorageFull | Kind::QuotaExceeded))
    }
}

fn lengths(expected: u64, found: u64) -> String {
    match found.cmp(&expected) {
        std::cmp::Ordering::Less => format!("cut short: {found} bytes of {expected}"),
        std::cmp::Ordering::Equal => format!("{found} bytes as before, but different ones"),
        std::cmp::Ordering::Greater => format!("{found} bytes instead of {expected}"),
    }
}
