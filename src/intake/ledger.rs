//! What a source keeps about itself: its counts, and the newest bad lines.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::contract::BadLineOut;
use crate::datafiles::BadLine;
use crate::types::rfc3339;

/// Bad lines that are kept for each source.
const KEPT: usize = 100;

/// The counts of a source since it was read for the first time. They are written with the values, so that both agree
/// after a kill.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Ledger {
    /// Values that were taken.
    pub(super) points: u64,
    /// Lines and values that could not be read.
    pub(super) bad_lines: u64,
    /// The newest of them, oldest first.
    #[serde(default)]
    pub(super) bad: VecDeque<BadLineOut>,
    /// When it was written last, nanoseconds since 1970 UTC.
    #[serde(default)]
    pub(super) wall_ns: u64,
}

impl Ledger {
    /// What was stored; an empty one where that cannot be read.
    pub(super) fn decode(bytes: &[u8]) -> Ledger {
        serde_json::from_slice(bytes).unwrap_or_default()
    }

    /// The bytes to store.
    pub(super) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Keeps a bad line of `file`; the oldest one is forgotten where too many are kept.
    pub(super) fn keep(&mut self, file: &str, bad: &BadLine, wall_ns: u64) {
        if self.bad.len() == KEPT {
            self.bad.pop_front();
        }
        self.bad.push_back(BadLineOut {
            time: rfc3339(wall_ns),
            file: file.to_owned(),
            line: bad.line,
            reason: bad.reason.to_string(),
            text: bad.text.clone(),
        });
    }
}
