//! What a scanner reports apart from points: files that are refused, and what happened to files.

use std::fmt;
use std::sync::Arc;

use crate::point::ColumnNotice;

/// Why an entry of the folder is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A folder with the name of a file.
    Folder,
    /// A symbolic link; links are not followed, so that a loop or a second name does no harm.
    Link,
    /// A device, of characters or blocks.
    Device,
    /// A named pipe (FIFO), which would block.
    Pipe,
    /// A socket of this machine.
    Socket,
    /// The name is not UTF-8.
    Name,
    /// The system refuses to open or read it, for this reason.
    System(String),
    /// The folder has more files than `max_files`.
    TooMany {
        /// The value of `max_files`.
        limit: usize,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Folder => write!(f, "is a folder, not a file: name it otherwise, or narrow the pattern"),
            Refusal::Link => {
                write!(f, "is a symbolic link, and links are not followed: name the real folder and file")
            }
            Refusal::Device => {
                write!(f, "is a device, not a file: remove it from the folder, or narrow the pattern")
            }
            Refusal::Pipe => {
                write!(f, "is a named pipe, not a file: remove it from the folder, or narrow the pattern")
            }
            Refusal::Socket => {
                write!(f, "is a socket, not a file: remove it from the folder, or narrow the pattern")
            }
            Refusal::Name => write!(f, "has a name that is not UTF-8: rename it"),
            Refusal::System(reason) => write!(f, "cannot be read: {reason}; it is tried again"),
            Refusal::TooMany { limit } => {
                write!(f, "the folder has more than {limit} files: remove old ones, or raise the limit")
            }
        }
    }
}

/// What happened to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// It is not read.
    Refused(Refusal),
    /// It has another name now, under which it is read on.
    Renamed(Arc<str>),
    /// It was truncated or replaced, and is read from its beginning.
    Restarted,
    /// It was truncated, replaced or removed before all of it was read: so many bytes that had been seen are lost.
    Unread(u64),
    /// It is a copy of this file: it is read only from where that one was truncated.
    Copy(Arc<str>),
    /// Something about its columns.
    Column(ColumnNotice),
}

/// What happened to which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The file's name in the folder.
    pub file: Arc<str>,
    /// What happened to the file.
    pub kind: NoticeKind,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = &self.file;
        match &self.kind {
            NoticeKind::Refused(refusal) => write!(f, "{file}: {refusal}"),
            NoticeKind::Renamed(name) => write!(f, "{file}: is called {name} now and read on there"),
            NoticeKind::Restarted => {
                write!(f, "{file}: was truncated or replaced, and is read from its beginning")
            }
            NoticeKind::Unread(bytes) => {
                write!(f, "{file}: was truncated or removed with {bytes} bytes unread")
            }
            NoticeKind::Copy(name) => {
                write!(f, "{file}: is a copy of {name}, and read only from where that one is truncated")
            }
            NoticeKind::Column(notice) => write!(f, "{file}: {notice}"),
        }
    }
}
