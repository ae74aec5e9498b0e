//! How far a file was read, and how it is recognised again.

use std::fs::File;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::file::{Fingerprint, Stat};
use crate::format::ParserState;

/// The version that is written; older ones are read.
const VERSION: u32 = 1;

/// How far a file was read. The caller keeps it under the folder and the file's name, in the transaction that keeps the
/// points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    /// Bytes that were read: they end with a whole record.
    pub(super) offset: u64,
    /// The file at the last reading.
    pub(super) stat: Stat,
    /// What the bytes up to `offset` are recognised by.
    pub(super) print: Fingerprint,
    /// What the reader knows at `offset`, shared by files of which it knows the same; `None` at the beginning.
    pub(super) state: Option<Arc<ParserState>>,
    /// Points were read: what was read is no mere header, which many files have.
    #[serde(default)]
    pub(super) has_points: bool,
    /// Everything that `stat` has was read, except for a rest without end.
    #[serde(default)]
    pub(super) is_complete: bool,
    /// A part of a record waits at `offset`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) has_rest: bool,
    /// The last line was taken without its line feed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_closed: bool,
    /// The pattern does not match: it is the rotated file of this name, and read to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rotated_from: Option<Box<str>>,
    /// It is a copy of the file of this name, and is not read as long as that one has the same contents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) copy_of: Option<Box<str>>,
    /// Since when the file is missing, in nanoseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) gone_ns: Option<i64>,
}

impl Cursor {
    /// A file of which nothing was read.
    pub(super) fn new(stat: Stat) -> Cursor {
        Cursor {
            offset: 0,
            stat,
            print: Fingerprint::default(),
            state: None,
            has_points: false,
            is_complete: false,
            has_rest: false,
            is_closed: false,
            rotated_from: None,
            copy_of: None,
            gone_ns: None,
        }
    }

    /// The cursor of a copy of which everything was read under another name.
    pub(super) fn read_wholly(&self, file: &File, stat: Stat) -> Cursor {
        Cursor {
            offset: stat.size,
            stat,
            print: Fingerprint::of(file, stat.size).unwrap_or_default(),
            is_complete: true,
            has_rest: false,
            copy_of: None,
            gone_ns: None,
            ..self.clone()
        }
    }

    /// Stores what the reader knows once for this file and the one before, whose state is `last`, as far as it is the same: of
    /// 100,000 files with one line each, all of it.
    pub fn share(&mut self, last: &mut Option<Arc<ParserState>>) {
        let Some(state) = self.state.take() else { return };
        let shared = match last {
            Some(last) if **last == *state => Arc::clone(last),
            Some(last) => Arc::new(Arc::unwrap_or_clone(state).sharing(last.columns())),
            None => state,
        };
        *last = Some(Arc::clone(&shared));
        self.state = Some(shared);
    }

    /// Bytes of the file that were read.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The bytes that the caller stores.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(&Stored { version: VERSION, cursor: self }).unwrap_or_default()
    }

    /// What [`encode`](Cursor::encode) made, by this version of the program or an older one.
    pub fn decode(bytes: &[u8]) -> Result<Cursor, CursorError> {
        let Versioned { version } = serde_json::from_slice(bytes)?;
        if version != VERSION {
            return Err(CursorError::Version { found: version, known: VERSION });
        }
        let stored: Stored<Cursor> = serde_json::from_slice(bytes)?;
        Ok(stored.cursor)
    }
}

/// The number of the version, of any version.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// A cursor with the number of its version.
#[derive(Serialize, Deserialize)]
struct Stored<C> {
    version: u32,
    cursor: C,
}

/// A stored cursor that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CursorError {
    #[error(
        "the cursor has version {found}, and this program knows {known}: it was written by a newer program"
    )]
    /// Written by a newer program.
    Version {
        /// The version that was stored.
        found: u32,
        /// The version of this program.
        known: u32,
    },
    #[error("the cursor is damaged: {0}")]
    /// Not what a program wrote.
    Damaged(#[from] serde_json::Error),
}
