//! One attempt: runs the library's readers on one picture until they find no further code.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rxing::common::{GlobalHistogramBinarizer, HybridBinarizer};
use rxing::{
    BarcodeFormat, Binarizer, BinaryBitmap, DecodeHints, Luma8Source, MultiUseMultiFormatReader, RXingResult,
    Reader,
};

use super::bars::Bars;
use super::ladder::Threshold;
use super::picture::CodePicture;
use super::{Code, Format};
use crate::Point;

/// How many readings of one pass may be rejected before the pass ends.
const REJECTED: usize = 2;

/// The passes over one patch, and the codes and failures that they gave.
pub(super) struct CodeDecoder {
    /// Whether it is 2D, and the hints. Each 2D format alone and all bars together: the library tries a set of 2D formats in an order that changes
    /// from run to run, and rows of bars are read with all formats in one pass.
    passes: Vec<(bool, DecodeHints)>,
    most: usize,
    codes: Vec<Code>,
    failure: Option<String>,
}

impl CodeDecoder {
    pub fn new(formats: &[Format], most: usize) -> CodeDecoder {
        let of = |wanted: &dyn Fn(&Format) -> bool| -> HashSet<BarcodeFormat> {
            formats.iter().filter(|format| wanted(format)).map(|format| format.library()).collect()
        };
        let flat =
            Format::ALL.into_iter().filter(|format| format.is_2d()).map(|one| (true, of(&|f| *f == one)));
        let passes = flat
            .chain([(false, of(&|format| !format.is_2d()))])
            .filter(|(_, formats)| !formats.is_empty())
            .map(|(is_2d, formats)| (is_2d, hints(formats)))
            .collect();
        CodeDecoder { passes, most, codes: Vec::new(), failure: None }
    }

    /// Removes the results of the last patch.
    pub fn begin(&mut self) {
        self.codes.clear();
        self.failure = None;
    }

    /// The codes found since, and the first panic of the library.
    pub fn end(&mut self) -> (Vec<Code>, Option<String>) {
        (std::mem::take(&mut self.codes), self.failure.take())
    }

    pub fn codes(&self) -> &[Code] {
        &self.codes
    }

    /// Reads `picture`; each code that is found is painted over, so that the next shows.
    pub fn run(&mut self, picture: &mut CodePicture, threshold: Threshold) {
        for pass in 0..self.passes.len() {
            // Readings of known codes and rejected readings end too, although they add nothing.
            for _ in 0..self.most + REJECTED {
                let (is_2d, hints) = &self.passes[pass];
                let read = match decode(picture, threshold, hints) {
                    Ok(Some(read)) => read,
                    Ok(None) => break,
                    Err(panic) => {
                        self.failure.get_or_insert(panic.message);
                        break;
                    }
                };
                let hidden = match judge(picture, &read, *is_2d) {
                    Some((code, area)) if asked(hints, &read) => {
                        self.keep(code);
                        hide(picture, &area)
                    }
                    _ => hide_line(picture, &read),
                };
                if !hidden || self.codes.len() >= self.most {
                    break;
                }
            }
        }
    }

    /// Adds a code unless an earlier attempt, or another line of the same bars, gave it.
    fn keep(&mut self, code: Code) {
        let centre = |code: &Code| {
            let n = code.points.len().max(1) as f32;
            let sum = code.points.iter().fold([0.0; 2], |sum, p| [sum[0] + p.x, sum[1] + p.y]);
            sum.map(|v| v / n)
        };
        let here = centre(&code);
        let known = self.codes.iter().any(|old| {
            let there = centre(old);
            let reach = old.points.iter().map(|p| (p.x - there[0]).hypot(p.y - there[1])).fold(8.0, f32::max);
            old.text == code.text
                && old.format == code.format
                && (there[0] - here[0]).hypot(there[1] - here[1]) <= reach
        });
        if !known {
            self.codes.push(code);
        }
    }
}

fn hints(formats: HashSet<BarcodeFormat>) -> DecodeHints {
    DecodeHints {
        PossibleFormats: Some(formats),
        TryHarder: Some(true),
        AlsoInverted: Some(true),
        ..DecodeHints::default()
    }
}

/// Whether the reading's format was asked for: a reader of QR codes gives Micro QR codes too.
fn asked(hints: &DecodeHints, read: &RXingResult) -> bool {
    hints.PossibleFormats.as_ref().is_some_and(|formats| formats.contains(read.getBarcodeFormat()))
}

/// The library panicked on a picture.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct DecoderPanic {
    /// The message of the panic.
    message: String,
}

/// One call of the library; a panic of the library is reported as a failure.
fn decode(
    picture: &CodePicture,
    threshold: Threshold,
    hints: &DecodeHints,
) -> Result<Option<RXingResult>, DecoderPanic> {
    let (Ok(width), Ok(height)) = (u32::try_from(picture.width), u32::try_from(picture.height)) else {
        return Ok(None);
    };
    let work = || {
        let source = Luma8Source::new_with_slice(&picture.data, width, height).ok()?;
        match threshold {
            Threshold::Local => read(HybridBinarizer::new(source), hints),
            Threshold::Global => read(GlobalHistogramBinarizer::new(source), hints),
        }
    };
    // Nothing of a call is used after it: reader and bitmap are made for it, and hints and picture are only read.
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words");
        DecoderPanic { message: text.to_owned() }
    })
}

fn read(binarizer: impl Binarizer, hints: &DecodeHints) -> Option<RXingResult> {
    MultiUseMultiFormatReader::default().decode_with_hints(&mut BinaryBitmap::new(binarizer), hints).ok()
}

/// The code of a reading and its area in the picture; `None` for bars that do not form a code.
fn judge(picture: &CodePicture, read: &RXingResult, is_2d: bool) -> Option<(Code, Vec<Point>)> {
    let format = Format::from_library(read.getBarcodeFormat())?;
    let points = points(read);
    let area = if is_2d { points } else { bars_area(picture, read, format, &points)? };
    let at = area.iter().map(|p| picture.to_patch(*p)).collect();
    Some((Code { text: read.getText().into(), format, points: at }, area))
}

/// The corners of bars; `None` where they are too low for bars, or where a weak format is read on this line only.
fn bars_area(
    picture: &CodePicture,
    read: &RXingResult,
    format: Format,
    points: &[Point],
) -> Option<Vec<Point>> {
    if matches!(format, Format::DataBar | Format::DataBarExpanded) {
        // The code may be stacked, so that there is no single line to follow; its check is strong enough
        // alone.
        return Some(points.to_vec());
    }
    let bars = Bars::follow(picture, [*points.first()?, *points.last()?])?;
    if format.is_weak() {
        let hints = hints(HashSet::from([format.library()]));
        let same = bars.lines(picture).filter(|line| again(line, &hints).as_deref() == Some(read.getText()));
        if !bars.is_high() || same.take(2).count() < 2 {
            return None;
        }
    }
    Some(bars.corners().to_vec())
}

/// The result of reading one line of px.
fn again(line: &[u8], hints: &DecodeHints) -> Option<String> {
    decode(&CodePicture::line(line), Threshold::Global, hints)
        .ok()
        .flatten()
        .map(|read| read.getText().into())
}

fn points(read: &RXingResult) -> Vec<Point> {
    let finite = read.getPoints().iter().filter(|p| p.x.is_finite() && p.y.is_finite());
    finite.map(|p| Point { x: p.x, y: p.y }).collect()
}

/// Paints the line of a rejected reading, a px to both sides too; `false` where the reading has no points.
fn hide_line(picture: &mut CodePicture, read: &RXingResult) -> bool {
    let points = points(read);
    let area: Vec<Point> =
        points.iter().flat_map(|p| [-1.0, 1.0].map(|d| Point { x: p.x + d, y: p.y + d })).collect();
    hide(picture, &area)
}

/// Paints the box around `area`, a quarter wider to each side, with the paper's brightness.
fn hide(picture: &mut CodePicture, area: &[Point]) -> bool {
    let span = |of: fn(&Point) -> f32, end: usize| -> (usize, usize) {
        let (low, high) = area.iter().map(of).fold((f32::MAX, f32::MIN), |(l, h), v| (l.min(v), h.max(v)));
        // A QR code's anchors are the middles of its finders, up to a quarter of their distance from its edge.
        let more = (high - low) / 4.0;
        ((low - more).clamp(0.0, end as f32) as usize, (high + more + 1.0).clamp(0.0, end as f32) as usize)
    };
    if area.is_empty() {
        return false;
    }
    let (x0, x1) = span(|p| p.x, picture.width);
    let (y0, y1) = span(|p| p.y, picture.height);
    let (paper, width) = (picture.paper(), picture.width);
    for y in y0..y1 {
        picture.data[y * width + x0..y * width + x1].fill(paper);
    }
    x0 < x1 && y0 < y1
}
