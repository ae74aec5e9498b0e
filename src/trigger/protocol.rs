//! What is said on a serial line: pure parsers of lines, bytes and edges. The grammar stands in `docs/serial.md`.

use std::time::Duration;

use heapless::Vec;

use crate::config::trigger::{Edge, MAX_LINE_BYTES};
use crate::types::Stamp;

/// What a line asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// `TRIG [text]`: a trigger, and what comes with it.
    Trigger(Option<&'a str>),
    /// `PROD name`: the product of the triggers that follow.
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

/// A line that is no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Garbage {
    /// A first word that is none of ours.
    Unknown,
    /// `PROD` without a name, or something after a word that takes nothing.
    Malformed,
    /// A byte that is not printable ASCII (or a tab).
    NotAscii,
    /// More than the most bytes before the line's end.
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

/// Cuts a stream of bytes into lines, in memory of a fixed size. CR, LF or both end a line; empty lines are nothing.
#[derive(Debug)]
pub struct LineCutter {
    line: Vec<u8, MAX_LINE_BYTES>,
    most: usize,
    timeout_ns: u64,
    /// The rest of a line that was too long is passed over.
    skipping: bool,
    heard_ns: u64,
}

impl LineCutter {
    /// Lines have at most `most` bytes ([`MAX_LINE_BYTES`] at most) and are given up when nothing comes for `timeout`.
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

    /// Takes the bytes that came at `at` and gives every line that ends in them; one that is too long is given once,
    /// as soon as it is.
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

    /// Whether a line began and was not continued in time; it is forgotten then.
    pub fn gave_up(&mut self, now: Stamp) -> bool {
        let late = now.mono_ns.saturating_sub(self.heard_ns) >= self.timeout_ns;
        if !late || !self.is_half() {
            return false;
        }
        // The rest of a line that was too long was told when it became so.
        let outcome = self.skipping;
        self.clear();
        !outcome
    }

    /// The connection is gone: whether it took a half line with it.
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

/// A modem line as it was looked at: its level, and how often it had changed until then where the driver counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineLevel {
    /// Whether the line is active.
    pub high: bool,
    /// Changes since the port was made, modulo 2³².
    pub changes: Option<u32>,
}

/// More changes than this between two looks are a counter that was set anew, not edges.
const MOST_CHANGES: i32 = 1_000;

/// Finds edges between two looks at a modem line, also those of pulses that came and went in between.
#[derive(Debug)]
pub struct Edges {
    wanted: Edge,
    last: Option<LineLevel>,
}

impl Edges {
    /// The first look only learns the level: opening a port is no edge.
    pub fn new(wanted: Edge) -> Edges {
        Edges { wanted, last: None }
    }

    /// How many wanted edges came since the last look.
    pub fn look(&mut self, now: LineLevel) -> u32 {
        let Some(last) = self.last.replace(now) else { return 0 };
        let differs = u32::from(last.high != now.high);
        let changes = match (last.changes, now.changes) {
            (Some(before), Some(after)) => {
                let counted = after.wrapping_sub(before).cast_signed();
                let (changes, base) = match counted {
                    // The count is read before the level: a change in between shows in the level alone at first.
                    0..=MOST_CHANGES => (counted as u32 + u32::from(counted as u32 % 2 != differs), before),
                    // Such a change was taken as counted and is not so far, or never (drivers that do not count).
                    ..0 => (differs, before),
                    _ => (differs, after.wrapping_sub(differs)),
                };
                self.last = Some(LineLevel { changes: Some(base.wrapping_add(changes)), ..now });
                changes
            }
            _ => differs,
        };
        // They alternate: the first one goes away from the level of before.
        let away_is_wanted = last.high == (self.wanted == Edge::Falling);
        if away_is_wanted { changes.div_ceil(2) } else { changes / 2 }
    }
}
