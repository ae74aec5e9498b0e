//! Why evidence cannot be kept, or cannot be trusted.

use crate::types::Explanation;
use std::io;
use std::path::PathBuf;

/// A fault of one evidence folder. Each message names the file, the fault, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.explanation())]
pub enum EvidenceError {
    /// The folder cannot be written.
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// One folder is larger than the limit for all folders together.
    TooLarge {
        /// Size of the folder, bytes.
        bytes: u64,
    },
    /// The frame cannot be encoded.
    Encode {
        /// The file's name in the folder.
        file: &'static str,
        /// The message of the encoder.
        cause: String,
    },
    /// A file cannot be read.
    Read {
        /// The file that cannot be read.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A file that was kept is missing.
    Missing {
        /// The file that is missing.
        path: PathBuf,
        /// The hash that it had.
        expected: String,
        /// The length that it had.
        expected_bytes: u64,
    },
    /// A file differs from the one that was kept.
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
    Seal {
        /// The `evidence.json` whose seal differs.
        path: PathBuf,
        /// The seal that it carries.
        expected: String,
        /// The seal that its content should carry.
        found: String,
    },
    /// `evidence.json` does not end with a seal.
    Unsealed {
        /// The `evidence.json` that has no seal.
        path: PathBuf,
    },
    /// The evidence was written by another version of the program.
    Schema {
        /// The `evidence.json` of another version.
        path: PathBuf,
        /// The schema that it names.
        found: String,
        /// The schema that this program reads.
        known: &'static str,
    },
    /// The seal is right, but the content cannot be used.
    Content {
        /// The file that cannot be used.
        path: PathBuf,
        /// Which value is wrong, and how.
        cause: String,
    },
}

impl EvidenceError {
    /// What is wrong, and what to do next.
    pub fn explanation(&self) -> Explanation {
        match self {
            EvidenceError::Write { path, source } => Explanation::new(
                format!("evidence cannot be written to {path} ({source})", path = path.display()),
                "free space there, let the service's user write it, or name another folder in evidence.dir",
            ),
            EvidenceError::TooLarge { bytes } => Explanation::new(
                format!("evidence of {bytes} bytes exceeds the limit for all evidence together"),
                "raise evidence.max_mib",
            ),
            EvidenceError::Encode { file, cause } => Explanation::new(
                format!("the frame cannot be kept as {file} ({cause})"),
                "please report this with the camera's format",
            ),
            EvidenceError::Read { path, source } => Explanation::new(
                format!("{path} cannot be read ({source})", path = path.display()),
                "name a folder of evidence, CAMERA/DATE/ID-VERDICT, or its evidence.json",
            ),
            EvidenceError::Missing { path, expected, expected_bytes } => Explanation::new(
                format!(
                    "{path} is missing: it was kept with {expected_bytes} bytes and SHA-256 {expected}",
                    path = path.display()
                ),
                "take the whole folder from where it was kept or from a backup",
            ),
            EvidenceError::Changed { path, expected, found, expected_bytes, found_bytes } => {
                Explanation::new(
                    format!(
                        "{path} is not what was kept ({}): SHA-256 {expected} was expected, {found} was found",
                        lengths(*expected_bytes, *found_bytes),
                        path = path.display()
                    ),
                    "do not trust this evidence, take the whole folder from where it was kept or from a backup",
                )
            }
            EvidenceError::Seal { path, expected, found } => Explanation::new(
                format!(
                    "{path} was edited after it was kept: its seal is {expected}, but its content gives {found}",
                    path = path.display()
                ),
                "do not trust this evidence, take the whole folder from where it was kept or from a backup",
            ),
            EvidenceError::Unsealed { path } => Explanation::new(
                format!(
                    "{path} has no seal at its end: it was cut short, written anew by another program, or is no evidence",
                    path = path.display()
                ),
                "take the whole folder from where it was kept or from a backup",
            ),
            EvidenceError::Schema { path, found, known } => Explanation::new(
                format!("{path} has schema {found}, this program reads {known}", path = path.display()),
                "replay it with the version that kept it",
            ),
            EvidenceError::Content { path, cause } => Explanation::new(
                format!("{path} cannot be used: {cause}", path = path.display()),
                "replay it with the version that kept it, or report it",
            ),
        }
    }
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
