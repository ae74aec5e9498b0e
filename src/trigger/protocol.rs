//! The serial protocol: pure parsers of lines, bytes and edges. `docs/serial.md` defines the grammar.

use std::time::Duration;

use heapless::Vec;

use crate::config::trigger::{Edge, MAX_LINE_BYTES};
use crate::types::Stamp;

/// A request that a line contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// `TRIG [text]`: a trigger, with its optional text.
    Trigger(Option<&'a str>),
    /// `PROD name`: selects the product of the triggers that follow.
    Product(&'a str),
    /// `READY?`: whether a trigger would be taken now.
    Ready,
    /// `STATUS?`: the state, the counts and the product of the target.
    Status,
    /// `PING`: whether the service answers at all.
    Ping,
    /// `VERSION?`: the version of the service.
    Version,
}

/// Why a line is not a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Garbage {
    /// The first word is unknown.
    Unknown,
    /// `PROD` has no name, or a word without arguments has one.
    Malformed,
    /// A byte that is not printable ASCII (or a tab).
    NotAscii,
    /// More bytes than `max_line_bytes` before the line's end.
    TooLong,
}

/// Reads a line (without its end).
pub fn request(line: &[u8]) -> Result<Request<'_>, Garbage> {
    let printable = line.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
    let line = std::str::from_utf8(line).ok().filter(|_| printable).ok_or(Garbage::NotAscii)?;
    let line = line.trim();
    let (word, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let rest = Some(rest.trim_start()).filter(|rest| !rest.is_empty());
    let is = |known: &str| word.eq_ignore_ascii_case(known);
    match rest {
        _ if is("TRIG") => Ok(Request::Trigger(rest)),
        Some(name) if is("PROD") => Ok(Request::Product(name)),
        None if is("READY?") => Ok(Request::Ready),
        None if is("STATUS?") => Ok(Request::Status),
        None if is("PING") => Ok(Request::Ping),
        None if is("VERSION?") => Ok(Request::Version),
        _ if ["PROD", "READY?", "STATUS?", "PING", "VERSION?"].into_iter().any(is) => Err(Garbage::Malformed),
        _ => Err(Garbage::Unknown),
    }
}

/// Cuts a byte stream into lines, in memory of a fixed size. CR, LF or both end a line; empty lines are
/// ignored.
#[derive(Debug)]
pub struct LineCutter {
    line: Vec<u8, MAX_LINE_BYTES>,
    most: usize,
    timeout_ns: u64,
    /// Whether the rest of a line that was too long is being skipped.
    skipping: bool,
    heard_ns: u64,
}

impl LineCutter {
    /// Lines have at most `most` bytes (no more than [`MAX_LINE_BYTES`]) and are dropped when nothing comes
    /// for `timeout`.
    pub fn new(most: usize, timeout: Duration) -> LineCutter {
        let most = most.min(MAX_LINE_BYTES);
        LineCutter {
            line: Vec::new(),
            most,
            timeout_ns: timeout.as_nanos() as u64,
            skipping: false,
            heard_ns: 0,
        }
    }

    /// Takes the bytes that came at `at` and passes on every line that ends in them. A line that is too long
    /// is passed on once, as soon as it exceeds the limit.
    pub fn feed(&mut self, bytes: &[u8], at: Stamp, mut heard: impl FnMut(Result<Request<'_>, Garbage>)) {
        self.heard_ns = at.mono_ns;
        for byte in bytes {
            if matches!(byte, b'\r' | b'\n') {
                if !self.skipping && self.line.iter().any(|byte| !matches!(byte, b' ' | b'\t')) {
                    heard(request(&self.line));
                }
                self.clear();
            } else if self.skipping {
                continue;
            } else if self.line.len() == self.most || self.line.push(*byte).is_err() {
                self.line.clear();
                self.skipping = true;
                heard(Err(Garbage::TooLong));
            }
        }
    }

    /// Whether an incomplete line exceeded its time; the line is then dropped.
    pub fn gave_up(&mut self, now: Stamp) -> bool {
        let late = now.mono_ns.saturating_sub(self.heard_ns) >= self.timeout_ns;
        if !late || !self.is_half() {
            return false;
        }
        // A line that was too long was reported when it exceeded the limit.
        let outcome = self.skipping;
        self.clear();
        !outcome
    }

    /// Ends the connection's input; returns whether an incomplete line was lost.
    pub fn cut(&mut self) -> bool {
        let half = !self.line.is_empty();
        self.clear();
        half
    }

    fn is_half(&self) -> bool {
        self.skipping || !self.line.is_empty()
    }

    fn clear(&mut self) {
        self.line.clear();
        self.skipping = false;
    }
}

/// A sample of a modem line: its level, and its count of changes where the driver counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineLevel {
    /// Whether the line is active.
    pub high: bool,
    /// Changes since the port was made, modulo 2³².
    pub changes: Option<u32>,
}

/// A larger difference between two samples means that the counter was reset.
const MOST_CHANGES: i32 = 1_000;

/// Finds edges between two samples of a modem line, including those of pulses in between.
#[derive(Debug)]
pub struct Edges {
    wanted: Edge,
    last: Option<LineLevel>,
}

impl Edges {
    /// The first sample only sets the level, because opening a port is not an edge.
    pub fn new(wanted: Edge) -> Edges {
        Edges { wanted, last: None }
    }

    /// The number of wanted edges since the last sample.
    pub fn look(&mut self, now: LineLevel) -> u32 {
        let Some(last) = self.last.replace(now) else { return 0 };
        let differs = u32::from(last.high != now.high);
        let changes = match (last.changes, now.changes) {
            (Some(before), Some(after)) => {
                let counted = after.wrapping_sub(before).cast_signed();
                let (changes, base) = match counted {
                    // The count is read before the level, so a change in between shows in the level alone at
                    // first.
                    0..=MOST_CHANGES => (counted as u32 + u32::from(counted as u32 % 2 != differs), before),
                    // The count did not move for an edge that the level showed earlier, and may never
                    // (drivers that do not count).
                    ..0 => (differs, before),
                    _ => (differs, after.wrapping_sub(differs)),
                };
                self.last = Some(LineLevel { changes: Some(base.wrapping_add(changes)), ..now });
                changes
            }
            _ => differs,
        };
        // Edges alternate, and the first one leaves the previous level.
        let away_is_wanted = last.high == (self.wanted == Edge::Falling);
        if away_is_wanted { changes.div_ceil(2) } else { changes / 2 }
    }
}
