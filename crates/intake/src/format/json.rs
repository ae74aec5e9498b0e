//! A JSON document, object by object: it is never in memory as a whole.

use serde::{Deserialize, Serialize};

use super::lines::LinePlace;
use super::parser::Parsed;
use crate::point::{BadLine, Reason};

/// The byte order mark of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// What may come next in the document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Next {
    /// The document: an object, or an array.
    #[default]
    Document,
    /// After `[`: an object, or the end of the array.
    FirstElement,
    /// After an object of the array: a comma, or the end of the array.
    CommaOrEnd,
    /// After a comma: an object.
    Element,
    /// Nothing but white space.
    Nothing,
    /// The document is wrong: the rest is not read.
    Abandoned,
}

/// What a reader of a document knows after an object of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct JsonPlace {
    next: Next,
}

/// The bytes after the last whole object. They begin at [`JsonPlace`], so that an array that got one object more is
/// read on from there: its closing bracket is never consumed.
#[derive(Debug, Default)]
pub(super) struct Elements {
    buffer: Vec<u8>,
    /// Bytes of `buffer` that were looked at.
    seen: usize,
    /// What may come at `seen`; `None` before the first byte.
    next: Option<Next>,
    /// The object under way.
    object: Option<Object>,
    pub(super) consumed: u64,
}

/// An object whose end has not been seen.
#[derive(Clone, Copy, Debug)]
struct Object {
    start: usize,
    depth: u32,
    in_string: bool,
    is_escaped: bool,
}

impl Object {
    /// Whether `byte` ends the object.
    fn ends_with(&mut self, byte: u8) -> bool {
        if self.in_string {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth -= 1,
            _ => {}
        }
        self.depth == 0
    }
}

impl Elements {
    /// Calls `each` with every whole object and the number of its first line.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        limit: usize,
        place: &mut LinePlace,
        json: &mut JsonPlace,
        out: &mut Parsed,
        each: &mut impl FnMut(u64, &[u8], &mut Parsed),
    ) {
        self.buffer.extend_from_slice(bytes);
        let mut next = *self.next.get_or_insert(json.next);
        let mut from = 0;
        while self.seen < self.buffer.len() && next != Next::Abandoned {
            let (at, byte) = (self.seen, self.buffer[self.seen]);
            self.seen += 1;
            if at - from >= limit {
                next = abandon(place, &self.buffer[from..=at], Reason::TooLong { limit }, out);
            } else if let Some(object) = &mut self.object {
                if object.ends_with(byte) {
                    let start = object.start;
                    let line = place.lines + newlines(&self.buffer[from..start]) + 1;
                    each(line, &self.buffer[start..=at], out);
                    place.lines += newlines(&self.buffer[from..=at]);
                    self.consumed += (at + 1 - from) as u64;
                    from = at + 1;
                    self.object = None;
                    json.next = next;
                }
            } else {
                let is_mark = self.consumed == 0 && place.lines == 0 && MARK.get(at) == Some(&byte);
                match after(next, byte, is_mark) {
                    Ok((following, false)) => next = following,
                    Ok((following, true)) => {
                        next = following;
                        self.object =
                            Some(Object { start: at, depth: 1, in_string: false, is_escaped: false });
                    }
                    Err(reason) => next = abandon(place, &self.buffer[from..=at], reason, out),
                }
            }
        }
        self.keep_from(from, next, place, json);
    }

    fn keep_from(&mut self, from: usize, next: Next, place: &mut LinePlace, json: &mut JsonPlace) {
        self.next = Some(next);
        if next == Next::Abandoned {
            json.next = next;
            place.lines += newlines(&self.buffer[from..]);
            self.consumed += (self.buffer.len() - from) as u64;
            self.buffer.clear();
            self.seen = 0;
            self.object = None;
            return;
        }
        self.buffer.drain(..from);
        self.seen -= from;
        if let Some(object) = &mut self.object {
            object.start -= from;
        }
    }

    /// Nothing follows: a document without its end is a bad one.
    pub(super) fn finish(&mut self, place: &mut LinePlace, json: &mut JsonPlace, out: &mut Parsed) {
        if self.has_rest(json) {
            let next = abandon(place, &self.buffer, Reason::CutOff, out);
            self.keep_from(0, next, place, json);
        }
    }

    /// Whether the document lacks its end.
    pub(super) fn has_rest(&self, json: &JsonPlace) -> bool {
        match self.next.unwrap_or(json.next) {
            Next::Nothing | Next::Abandoned => self.object.is_some(),
            Next::Document => !self.buffer.trim_ascii().is_empty(),
            Next::FirstElement | Next::CommaOrEnd | Next::Element => true,
        }
    }
}

/// What may come after `byte`, and whether it begins an object.
fn after(next: Next, byte: u8, is_mark: bool) -> Result<(Next, bool), Reason> {
    match (next, byte) {
        (_, b' ' | b'\t' | b'\r' | b'\n') => Ok((next, false)),
        (Next::Document, _) if is_mark => Ok((next, false)),
        (Next::Document, 0xfe | 0xff) => Err(Reason::Utf16),
        (Next::Document, b'[') => Ok((Next::FirstElement, false)),
        (Next::Document, b'{') => Ok((Next::Nothing, true)),
        (Next::FirstElement, b']') | (Next::CommaOrEnd, b']') => Ok((Next::Nothing, false)),
        (Next::FirstElement | Next::Element, b'{') => Ok((Next::CommaOrEnd, true)),
        (Next::CommaOrEnd, b',') => Ok((Next::Element, false)),
        (Next::CommaOrEnd, _) => Err(Reason::Json { what: "a comma or `]` is missing".into() }),
        (Next::Nothing, _) => Err(Reason::Json { what: "more after the end of the document".into() }),
        _ => Err(Reason::NotAnObject),
    }
}

fn abandon(place: &LinePlace, text: &[u8], reason: Reason, out: &mut Parsed) -> Next {
    let line = place.lines + newlines(text) + 1;
    out.refuse(BadLine::new(line, reason, text));
    Next::Abandoned
}

fn newlines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
