//! Why the store cannot be used, sorted by what a person has to do about it.

use std::io;
use std::path::{Path, PathBuf};

use crate::types::Explanation;

/// A fault of the store. Each variant needs another remedy, which its message names.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.explanation())]
pub enum StoreError {
    /// Another process holds the store.
    Locked {
        /// The store's directory (`device.state_dir`).
        path: PathBuf,
    },
    /// Another part of this process is using the store.
    Busy {
        /// The store's directory (`device.state_dir`).
        path: PathBuf,
    },
    /// The directory cannot be written.
    ReadOnly {
        /// The store's directory (`device.state_dir`).
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// No space is left.
    DiskFull {
        /// The store's directory (`device.state_dir`).
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The store was written by a newer program.
    Newer {
        /// The store's directory (`device.state_dir`).
        path: PathBuf,
        /// Version found on disk.
        found: u32,
        /// Newest version that this program knows.
        known: u32,
    },
    /// Bytes on disk differ from those that were written.
    Damaged {
        /// The store's directory (`device.state_dir`).
        path: PathBuf,
        /// What does not match, as sled or the file system reports it.
        cause: String,
    },
    /// Any other error of the system.
    Io {
        /// The store's directory (`device.state_dir`).
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

impl StoreError {
    /// What is wrong, and what to do next.
    pub fn explanation(&self) -> Explanation {
        match self {
            StoreError::Locked { path } => Explanation::new(
                format!("the store in {} is locked by another instance", path.display()),
                "stop that instance, or give this one its own device.state_dir",
            ),
            StoreError::Busy { path } => Explanation::new(
                format!("the store in {} cannot be rewritten while it is in use", path.display()),
                "try again in a moment",
            ),
            StoreError::ReadOnly { path, source } => Explanation::new(
                format!("the store in {} cannot be written ({source})", path.display()),
                "make device.state_dir a writable directory on a file system that is not read-only",
            ),
            StoreError::DiskFull { path, source } => Explanation::new(
                format!("the disk that holds the store in {} is full ({source})", path.display()),
                "free space there, or move device.state_dir to a larger disk",
            ),
            StoreError::Newer { path, found, known } => Explanation::new(
                format!(
                    "the store in {} has schema {found}, this program knows up to {known}",
                    path.display()
                ),
                "install the newer version again, or point device.state_dir to an empty directory",
            ),
            StoreError::Damaged { path, cause } => Explanation::new(
                format!("the store in {} is damaged ({cause})", path.display()),
                "it is set aside at the next start, and a new one begins",
            ),
            StoreError::Io { path, source } => Explanation::new(
                format!("the store in {} cannot be used ({source})", path.display()),
                "check that device.state_dir exists on a sound disk",
            ),
        }
    }
}

impl StoreError {
    /// Converts an error of sled (or of the system below it), sorted by remedy. sled 0.34 reports a held lock
    /// as an `Other` I/O error that only its text identifies; a test checks that text.
    pub(crate) fn from_sled(path: &Path, error: sled::Error) -> StoreError {
        match error {
            sled::Error::Io(source) => StoreError::from_io(path, source),
            other => StoreError::Damaged { path: path.into(), cause: other.to_string() },
        }
    }

    /// Converts an error of our own file operations in the same way.
    pub(crate) fn from_io(path: &Path, source: io::Error) -> StoreError {
        use io::ErrorKind as Kind;
        let path = path.to_path_buf();
        match source.kind() {
            Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => {
                StoreError::DiskFull { path, source }
            }
            Kind::ReadOnlyFilesystem | Kind::PermissionDenied => StoreError::ReadOnly { path, source },
            Kind::UnexpectedEof | Kind::InvalidData => {
                StoreError::Damaged { path, cause: source.to_string() }
            }
            _ if source.to_string().contains("could not acquire lock") => StoreError::Locked { path },
            _ => StoreError::Io { path, source },
        }
    }

    /// Whether setting the store aside is the remedy: its bytes differ from those written, the disk cannot
    /// read them, or there is something else in its place. A lack of file handles or memory is not damage.
    pub fn is_damage(&self) -> bool {
        const UNREADABLE: [i32; 9] = [
            libc::EIO,
            libc::EBADMSG,
            libc::EUCLEAN,
            libc::EISDIR,
            libc::ENOTDIR,
            libc::EEXIST,
            libc::ELOOP,
            libc::ENXIO,
            libc::ESPIPE,
        ];
        match self {
            StoreError::Damaged { .. } => true,
            StoreError::Io { source, .. } => {
                source.raw_os_error().is_some_and(|code| UNREADABLE.contains(&code))
            }
            _ => false,
        }
    }
}
