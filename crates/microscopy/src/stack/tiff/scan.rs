//! All pages of a file, with every offset held against its length.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::Path;

use super::fields::{Directory, FieldError, Fields, Nearby};
use super::page::{Page, Shape};
use super::parse::{PageError, Parsed, parse};
use crate::stack::StackError;
use crate::stack::metadata::expected_pages;

/// What is read of a file beyond its own length: directories and lists of strips do not overlap in honest files.
const SPARE_BYTES: u64 = 1 << 20;
/// The longest description that is read, bytes: OME-XML of half a million planes.
const MAX_DESCRIPTION: u64 = 128 << 20;

const DESCRIPTION: u16 = 270;
const X_RESOLUTION: u16 = 282;
const Y_RESOLUTION: u16 = 283;
const RESOLUTION_UNIT: u16 = 296;

/// The pages of one file.
#[derive(Debug)]
pub(in crate::stack) struct TiffIndex {
    pub big_endian: bool,
    pub big_tiff: bool,
    pub pages: Vec<Page>,
    pub shapes: Vec<Shape>,
    /// Text of the first page.
    pub description: String,
    /// Pixels per unit, x and y, and the number of the unit: 2 inch, 3 centimetre, 1 none.
    pub resolution: Option<([f64; 2], u64)>,
    /// Smaller copies of pages, which are left out.
    pub reduced: usize,
}

impl TiffIndex {
    pub(in crate::stack) fn shape(&self, page: usize) -> Option<&Shape> {
        self.shapes.get(self.pages.get(page)?.shape as usize)
    }
}

/// Reads all directories of `file`.
pub(in crate::stack) fn scan(path: &Path, file: &File, len: u64) -> Result<TiffIndex, StackError> {
    let (mut fields, first) = header(path, file, len)?;
    let mut scan = Scan::new(path);
    let mut next = first;
    while next != 0 {
        if !scan.seen.insert(next) {
            return Err(StackError::PageLoop { path: path.to_owned(), page: scan.seen.len(), offset: next });
        }
        match scan.page(&mut fields, next) {
            Ok(following) => next = following,
            Err(PageError::Stack(error)) => return Err(error),
            Err(PageError::Field(error)) => return Err(scan.refusal(error, next, len)),
        }
    }
    if let Some(end) = scan.cut_at.max(scan.lost_description) {
        return Err(scan.truncated(Some(scan.index.pages.len()), end, len));
    }
    if scan.index.pages.is_empty() {
        return Err(scan.damaged("it has no page".to_owned()));
    }
    Ok(TiffIndex { big_endian: fields.big_endian, big_tiff: fields.big_tiff, ..scan.index })
}

/// The byte order, the kind, and where the first directory is.
fn header<'a>(path: &Path, file: &'a File, len: u64) -> Result<(Fields<'a>, u64), StackError> {
    let budget = len.saturating_mul(2).saturating_add(SPARE_BYTES);
    let nearby = Nearby::default();
    let mut fields = Fields { file, len, big_endian: false, big_tiff: false, budget, nearby };
    let cut = |found: &str| StackError::NotAnImage { path: path.to_owned(), found: found.to_owned() };
    let failed = |error| match error {
        FieldError::Io(source) => StackError::Unreadable { path: path.to_owned(), source },
        _ => cut("it ends within its header"),
    };
    let start = fields.bytes(0, 8).map_err(failed)?;
    fields.big_endian = start.starts_with(b"MM");
    let first = match (&start[..2], fields.unsigned(&start[2..4])) {
        (b"II" | b"MM", 42) => fields.unsigned(&start[4..8]),
        (b"II" | b"MM", 43)
            if fields.unsigned(&start[4..8]) == if fields.big_endian { 8 << 16 } else { 8 } =>
        {
            fields.big_tiff = true;
            let offset = fields.bytes(8, 8).map_err(failed)?;
            fields.unsigned(&offset)
        }
        _ => return Err(cut("it has no TIFF header")),
    };
    Ok((fields, first))
}

/// What was found so far.
struct Scan<'a> {
    path: &'a Path,
    index: TiffIndex,
    seen: HashSet<u64>,
    known: HashMap<Shape, u32>,
    /// Pages in front of the first whose pixels are cut off.
    whole: Option<usize>,
    /// The farthest end of pixels, where that is behind the end of the file.
    cut_at: Option<u64>,
    /// Where the description is, if behind the end of the file.
    lost_description: Option<u64>,
    /// Where the first directory is.
    first: u64,
}

impl<'a> Scan<'a> {
    fn new(path: &'a Path) -> Scan<'a> {
        let index = TiffIndex {
            big_endian: false,
            big_tiff: false,
            pages: Vec::new(),
            shapes: Vec::new(),
            description: String::new(),
            resolution: None,
            reduced: 0,
        };
        let (seen, known) = (HashSet::new(), HashMap::new());
        Scan { path, index, seen, known, whole: None, cut_at: None, lost_description: None, first: 0 }
    }

    /// Adds the page at `offset`; gives the offset of the next.
    fn page(&mut self, fields: &mut Fields<'_>, offset: u64) -> Result<u64, PageError> {
        let directory = fields.directory(offset)?;
        if self.seen.len() == 1 {
            self.first = offset;
            self.describe(fields, &directory)?;
        }
        let parsed = parse(fields, &directory, offset, self.path, self.seen.len())?;
        if parsed.reduced {
            self.index.reduced += 1;
            return Ok(directory.next);
        }
        self.add(offset, parsed);
        Ok(directory.next)
    }

    fn add(&mut self, directory: u64, parsed: Parsed) {
        if let Some(end) = parsed.cut_at {
            self.whole.get_or_insert(self.index.pages.len());
            self.cut_at = Some(self.cut_at.unwrap_or(0).max(end));
        }
        let shapes = &mut self.index.shapes;
        let shape = *self.known.entry(parsed.shape).or_insert_with_key(|shape| {
            shapes.push(shape.clone());
            shapes.len() as u32 - 1
        });
        self.index.pages.push(Page { directory, data: parsed.data, shape });
    }

    /// Reads what only the first page says.
    fn describe(&mut self, fields: &mut Fields<'_>, directory: &Directory) -> Result<(), PageError> {
        if let Some(entry) = directory.find(DESCRIPTION) {
            match fields.raw(entry) {
                Ok(bytes) if bytes.len() as u64 > MAX_DESCRIPTION => {
                    return Err(FieldError::Damaged(format!("a description of {} bytes", bytes.len())).into());
                }
                Ok(bytes) => {
                    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
                    self.index.description = String::from_utf8_lossy(&bytes[..end]).into_owned();
                }
                // Writers put it behind the pixels: what is in front of it may still be there.
                Err(FieldError::Behind { offset, .. }) => self.lost_description = Some(offset),
                Err(error) => return Err(error.into()),
            }
        }
        let [x, y] = [X_RESOLUTION, Y_RESOLUTION]
            .map(|tag| directory.find(tag).and_then(|entry| fields.ratio(entry).ok().flatten()));
        let unit =
            directory.find(RESOLUTION_UNIT).and_then(|entry| fields.numbers(entry).ok()?.first().copied());
        self.index.resolution = x.zip(y).map(|(x, y)| ([x, y], unit.unwrap_or(2)));
        Ok(())
    }

    fn damaged(&self, what: String) -> StackError {
        let place = format!("page {}", self.seen.len().max(1));
        StackError::Damaged { path: self.path.to_owned(), place, what }
    }

    /// The error for values of the page at `offset` that cannot be read.
    fn refusal(&self, error: FieldError, offset: u64, len: u64) -> StackError {
        match error {
            FieldError::Io(source) => StackError::Unreadable { path: self.path.to_owned(), source },
            FieldError::Damaged(what) => self.damaged(what),
            FieldError::Behind { offset: at, bytes } => {
                let expected = expected_pages(&self.index.description);
                self.truncated(expected, at.saturating_add(bytes).max(offset), len)
            }
        }
    }

    fn truncated(&self, pages: Option<usize>, end: u64, len: u64) -> StackError {
        let whole = self.whole.unwrap_or(self.index.pages.len());
        let described = expected_pages(&self.index.description).filter(|described| *described >= whole);
        let expected = described.or(pages).map(|pages| pages.to_string());
        let mut missing = format!("data up to byte {end} at least, and the file ends at byte {len}");
        if self.lost_description.is_some() {
            missing.push_str("; the description lies behind the end too");
        }
        let expected = expected.or_else(|| self.estimate().map(|pages| format!("about {pages}")));
        StackError::Truncated {
            path: self.path.to_owned(),
            whole,
            partial: self.index.pages.len() - whole,
            expected,
            missing,
        }
    }

    /// Pages by the distance of a description that lies behind them.
    fn estimate(&self) -> Option<u64> {
        let description = self.lost_description?;
        let last = self.index.pages.last()?.directory;
        let pages = self.index.pages.len() as u64;
        let each = last.checked_sub(self.first)?.checked_div(pages.checked_sub(1)?)?;
        let total = description.checked_sub(self.first)?.checked_add(each / 2)?.checked_div(each)?;
        (total > pages).then_some(total)
    }
}
