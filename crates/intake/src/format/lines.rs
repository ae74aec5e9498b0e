//! Lines from bytes that arrive in any cut.

use crate::point::{BadLine, Reason};

use super::parser::Parsed;

/// Where a reader of lines stands between two lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct LinePlace {
    /// Lines before this place.
    pub(super) lines: u64,
    /// The line at this place is too long: what follows up to its end is skipped.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) skipping: bool,
}

/// The part of a line that has arrived, and what was consumed before it.
#[derive(Debug, Default)]
pub(super) struct Lines {
    partial: Vec<u8>,
    pub(super) consumed: u64,
}

impl Lines {
    /// Calls `each` with every whole line and its number, without its line end.
    pub(super) fn push(
        &mut self,
        mut bytes: &[u8],
        limit: usize,
        place: &mut LinePlace,
        out: &mut Parsed,
        each: &mut impl FnMut(u64, &[u8], &mut Parsed),
    ) {
        while !bytes.is_empty() {
            if self.partial.is_empty() && !place.skipping && bytes[0] == 0 {
                // A writer that goes on at its old place in a truncated file leaves a hole of zeros.
                let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
                self.consumed += zeros as u64;
                bytes = &bytes[zeros..];
                continue;
            }
            let end = memchr::memchr(b'\n', bytes);
            let part = &bytes[..end.unwrap_or(bytes.len())];
            if place.skipping {
                self.consumed += part.len() as u64;
            } else if self.partial.len() + part.len() > limit {
                self.too_long(part, limit, place, out);
            } else if end.is_some() && self.partial.is_empty() {
                self.consumed += part.len() as u64;
                each(place.lines + 1, part.strip_suffix(b"\r").unwrap_or(part), out);
            } else {
                self.partial.extend_from_slice(part);
                if end.is_some() {
                    self.whole(place, out, each);
                }
            }
            let Some(end) = end else { return };
            self.consumed += 1;
            place.lines += 1;
            place.skipping = false;
            bytes = &bytes[end + 1..];
        }
    }

    /// The bytes that have no line end are the last line.
    pub(super) fn finish(
        &mut self,
        place: &mut LinePlace,
        out: &mut Parsed,
        each: &mut impl FnMut(u64, &[u8], &mut Parsed),
    ) {
        if !self.partial.is_empty() {
            self.whole(place, out, each);
        }
    }

    /// Whether a part of a line waits for its end.
    pub(super) fn has_rest(&self) -> bool {
        !self.partial.is_empty()
    }

    fn whole(&mut self, place: &LinePlace, out: &mut Parsed, each: &mut impl FnMut(u64, &[u8], &mut Parsed)) {
        let line = std::mem::take(&mut self.partial);
        self.consumed += line.len() as u64;
        each(place.lines + 1, line.strip_suffix(b"\r").unwrap_or(&line), out);
        self.partial = line;
        self.partial.clear();
    }

    fn too_long(&mut self, part: &[u8], limit: usize, place: &mut LinePlace, out: &mut Parsed) {
        // As much of the line as any cut has: the shown text must not depend on it.
        let missing = (limit + 1 - self.partial.len().min(limit)).min(part.len());
        self.partial.extend_from_slice(&part[..missing]);
        out.refuse(BadLine::new(place.lines + 1, Reason::TooLong { limit }, &self.partial));
        self.consumed += (self.partial.len() + part.len() - missing) as u64;
        self.partial.clear();
        place.skipping = true;
    }
}
