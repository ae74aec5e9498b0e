//! One reader for all formats, with its state between two records.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::columns::Columns;
use super::csv::CsvState;
use super::fields::decode;
use super::json::{Elements, JsonPlace};
use super::lines::{LinePlace, Lines};
use super::lvm::LvmState;
use super::settings::{Format, FormatSettings};
use super::{jsonl, lvm};
use crate::point::{BadLine, Channels, ColumnNotice, Point, Reason};

/// What was read, and what could not be.
#[derive(Debug)]
pub struct Parsed {
    /// Values, in the order of the file.
    pub points: Vec<Point>,
    /// The first bad lines and values, at most `keep`.
    pub bad: Vec<BadLine>,
    /// All bad lines and values.
    pub bad_count: u64,
    /// What was noticed about columns.
    pub notices: Vec<ColumnNotice>,
    /// Every header that was read.
    pub(crate) headers: Vec<Arc<Columns>>,
    channels: Channels,
    keep: usize,
    has_noticed_limit: bool,
}

impl Parsed {
    /// An empty result that keeps the text of `keep` bad lines.
    pub fn new(channels: Channels, keep: usize) -> Parsed {
        Parsed {
            points: Vec::new(),
            bad: Vec::new(),
            bad_count: 0,
            notices: Vec::new(),
            headers: Vec::new(),
            channels,
            keep,
            has_noticed_limit: false,
        }
    }

    /// Removes all results and keeps the channels' names.
    pub fn clear(&mut self) {
        self.points.clear();
        self.bad.clear();
        self.bad_count = 0;
        self.notices.clear();
        self.headers.clear();
    }

    /// The shared name of a channel, or `None` where the source has too many.
    pub(super) fn channel(&mut self, name: &str) -> Option<Arc<str>> {
        let shared = self.channels.intern(name);
        if shared.is_none() && !self.has_noticed_limit {
            self.has_noticed_limit = true;
            self.notices.push(ColumnNotice::TooMany(Arc::from(name)));
        }
        shared
    }

    pub(crate) fn refuse(&mut self, bad: BadLine) {
        self.bad_count += 1;
        if self.bad.len() < self.keep {
            self.bad.push(bad);
        }
    }
}

/// What a reader knows between two records. A cursor keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParserState {
    #[serde(flatten)]
    place: LinePlace,
    body: Body,
}

/// What the reader of each format knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Body {
    Csv(CsvState),
    Json(JsonPlace),
    Jsonl,
    Lvm(Box<LvmState>),
}

impl ParserState {
    /// The state at the beginning of a file.
    pub fn new(settings: &FormatSettings) -> ParserState {
        let body = match settings.format {
            Format::Csv => Body::Csv(CsvState::new(settings)),
            Format::Json => Body::Json(JsonPlace::default()),
            Format::Jsonl => Body::Jsonl,
            Format::Lvm => Body::Lvm(Box::default()),
        };
        ParserState { place: LinePlace::default(), body }
    }

    /// The state at the beginning of a file that was truncated while its writer had it open: if it goes on without a header,
    /// the columns of before hold.
    pub fn truncated(&self, settings: &FormatSettings) -> ParserState {
        let mut fresh = ParserState::new(settings);
        if let (Body::Csv(fresh), Body::Csv(before)) = (&mut fresh.body, &self.body) {
            fresh.inherit(before);
        }
        fresh
    }

    /// Whether the state belongs to the format of the settings, which may have changed since.
    pub fn fits(&self, settings: &FormatSettings) -> bool {
        matches!(
            (&self.body, settings.format),
            (Body::Csv(_), Format::Csv)
                | (Body::Json(_), Format::Json)
                | (Body::Jsonl, Format::Jsonl)
                | (Body::Lvm(_), Format::Lvm)
        )
    }

    /// The columns of the last header.
    pub(crate) fn columns(&self) -> Option<&Arc<Columns>> {
        match &self.body {
            Body::Csv(csv) => csv.columns(),
            _ => None,
        }
    }

    /// The same state, with its columns stored once for all files that have the same.
    pub(crate) fn sharing(mut self, columns: Option<&Arc<Columns>>) -> ParserState {
        if let (Body::Csv(csv), Some(columns)) = (&mut self.body, columns) {
            csv.share(columns);
        }
        self
    }

    /// The last line was taken without its end, and now it goes on.
    pub(crate) fn skip_rest_of_line(&mut self) {
        if !matches!(self.body, Body::Json(_)) {
            self.place.skipping = true;
        }
    }

    /// Lines before this state.
    pub(crate) fn lines(&self) -> u64 {
        self.place.lines
    }
}

/// Reads one file from its beginning, or from where a state was taken.
#[derive(Debug)]
pub struct Parser<'a> {
    settings: &'a FormatSettings,
    time_ns: i64,
    state: ParserState,
    lines: Lines,
    elements: Elements,
}

impl<'a> Parser<'a> {
    /// A reader from the beginning. `time_ns` is the time of lines that have none: the file's, or now.
    pub fn new(settings: &'a FormatSettings, time_ns: i64) -> Parser<'a> {
        Parser::resume(settings, time_ns, ParserState::new(settings))
    }

    /// A reader that goes on from `state`.
    pub fn resume(settings: &'a FormatSettings, time_ns: i64, state: ParserState) -> Parser<'a> {
        Parser { settings, time_ns, state, lines: Lines::default(), elements: Elements::default() }
    }

    /// Reads the next bytes; what is no whole record yet waits for more.
    pub fn push(&mut self, bytes: &[u8], out: &mut Parsed) {
        let ParserState { place, body } = &mut self.state;
        if let Body::Json(json) = body {
            let limit = self.settings.max_line_bytes;
            let mut each = |line, element: &[u8], out: &mut Parsed| {
                jsonl::record(self.settings, self.time_ns, line, element, out)
            };
            return self.elements.push(bytes, limit, place, json, out, &mut each);
        }
        let (settings, time_ns) = (self.settings, self.time_ns);
        let mut each =
            |line, text: &[u8], out: &mut Parsed| read_line(settings, time_ns, body, line, text, out);
        self.lines.push(bytes, settings.max_line_bytes, place, out, &mut each);
    }

    /// Nothing follows: a last line without its end is read, and a document that lacks its end is a bad one.
    pub fn finish(&mut self, out: &mut Parsed) {
        let ParserState { place, body } = &mut self.state;
        if let Body::Json(json) = body {
            return self.elements.finish(place, json, out);
        }
        let (settings, time_ns) = (self.settings, self.time_ns);
        let mut each =
            |line, text: &[u8], out: &mut Parsed| read_line(settings, time_ns, body, line, text, out);
        self.lines.finish(place, out, &mut each);
    }

    /// Bytes up to the end of the last whole record: there the state of this reader begins.
    pub fn consumed(&self) -> u64 {
        self.lines.consumed + self.elements.consumed
    }

    /// Whether bytes wait that [`finish`](Parser::finish) would read.
    pub fn has_rest(&self) -> bool {
        match &self.state.body {
            Body::Json(json) => self.elements.has_rest(json),
            _ => self.lines.has_rest(),
        }
    }

    /// What the reader knows after what it consumed.
    pub fn into_state(self) -> ParserState {
        self.state
    }
}

fn read_line(
    settings: &FormatSettings,
    time_ns: i64,
    body: &mut Body,
    line: u64,
    bytes: &[u8],
    out: &mut Parsed,
) {
    let mut bytes = bytes;
    if line == 1 {
        if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
            return out.refuse(BadLine::new(line, Reason::Utf16, bytes));
        }
        bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    }
    match body {
        Body::Csv(state) => state.line(settings, time_ns, line, &decode(bytes), out),
        Body::Jsonl if bytes.trim_ascii().is_empty() => {}
        Body::Jsonl => jsonl::record(settings, time_ns, line, bytes, out),
        Body::Lvm(state) => lvm::line(state, settings, time_ns, line, &decode(bytes), out),
        // Elements of a document come by another way.
        Body::Json(_) => {}
    }
}
