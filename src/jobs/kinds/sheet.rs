//! Tables about jobs: CSV, and XLSX with small pictures. No text in them is taken for a formula.

use std::path::Path;

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Image, Workbook, Worksheet, XlsxError};

use crate::contract::JobFileOut;
use crate::contract::table::{TableError, harmless};
use crate::studio::{LIMITS, Picture, Resampler};

/// The longest side of a small picture in px.
const SIDE: usize = 96;
/// The most small pictures of a table: they are in memory until it is written.
const MOST_PICTURES: usize = 500;
/// The most characters that a cell of a spreadsheet holds; the rest of a longer text is cut.
const MOST_CHARS: usize = 32_767;
/// Width of the column of small pictures in px, with a margin.
const COLUMN: u32 = SIDE as u32 + 8;

const HEAD: [&str; 11] =
    ["job", "kind", "name", "state", "reason", "made", "file", "width_px", "height_px", "bytes", "sha256"];

/// One row: a job, and a file that it made.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) job: u64,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) state: &'static str,
    pub(super) reason: String,
    /// The background, the way of enlarging, the run.
    pub(super) made: String,
    pub(super) file: Option<JobFileOut>,
}

impl Row {
    /// The cells that are text, in the order of the head; those of the file are empty where there is none.
    fn texts(&self) -> [(u16, &str); 7] {
        let file = self.file.as_ref();
        [
            (1, &self.kind),
            (2, &self.name),
            (3, self.state),
            (4, &self.reason),
            (5, &self.made),
            (6, file.map_or("", |file| file.path.as_str())),
            (10, file.map_or("", |file| file.sha256.as_str())),
        ]
    }

    /// The cells that are numbers.
    fn numbers(&self) -> Vec<(u16, u64)> {
        let of_file = self.file.iter().flat_map(|file| [(7, file.width), (8, file.height), (9, file.bytes)]);
        std::iter::once((0, self.job)).chain(of_file).collect()
    }
}

/// The rows as CSV: RFC 4180, UTF-8, with a head.
pub(super) fn csv(rows: &[Row]) -> Result<Vec<u8>, TableError> {
    let mut out = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
    let failed = |error: ::csv::Error| TableError::Csv(error.to_string());
    out.write_record(HEAD).map_err(failed)?;
    for row in rows {
        let mut cells: [String; HEAD.len()] = Default::default();
        row.texts().into_iter().for_each(|(column, text)| cells[usize::from(column)] = harmless(text));
        row.numbers().into_iter().for_each(|(column, value)| cells[usize::from(column)] = value.to_string());
        out.write_record(&cells).map_err(failed)?;
    }
    out.into_inner().map_err(|error| TableError::Csv(error.to_string()))
}

/// The rows as a workbook; `picture` gives the small picture (PNG) of a file, by its row.
pub(super) fn xlsx(
    rows: &[Row],
    picture: &dyn Fn(usize, &Path) -> Option<Vec<u8>>,
) -> Result<Vec<u8>, TableError> {
    let mut book = Workbook::new();
    // A moment of its own would give each report other bytes.
    let made = ExcelDateTime::from_ymd(2000, 1, 1)?;
    book.set_properties(&DocProperties::new().set_creation_datetime(&made));
    let sheet = book.add_worksheet();
    sheet.set_name("jobs")?;
    let bold = Format::new().set_bold();
    for (column, word) in (1..).zip(HEAD) {
        sheet.write_string_with_format(0, column, word, &bold)?;
    }
    sheet.write_string_with_format(0, 0, "picture", &bold)?;
    sheet.set_freeze_panes(1, 0)?;
    sheet.autofit();
    sheet.set_column_width_pixels(0, COLUMN)?;
    for (at, row) in rows.iter().enumerate() {
        let line = at as u32 + 1;
        write(sheet, line, row)?;
        let file = row.file.as_ref().filter(|_| at < MOST_PICTURES);
        if let Some(small) = file.and_then(|file| picture(at, Path::new(&file.path))) {
            let image = Image::new_from_buffer(&small)?;
            sheet.set_row_height_pixels(line, COLUMN)?;
            sheet.insert_image_with_offset(line, 0, &image, 4, 4)?;
        }
    }
    Ok(book.save_to_buffer()?)
}

fn write(sheet: &mut Worksheet, line: u32, row: &Row) -> Result<(), XlsxError> {
    for (column, text) in row.texts() {
        if !text.is_empty() {
            // Written as text, whatever it begins with: it is no formula.
            let text: String = text.chars().take(MOST_CHARS).collect();
            sheet.write_string(line, column + 1, text)?;
        }
    }
    for (column, value) in row.numbers() {
        sheet.write_number(line, column + 1, value as f64)?;
    }
    Ok(())
}

/// The picture at `path` with at most 96 px on a side, as PNG; `None` where it is gone, or too large to be read again.
pub(super) fn thumbnail(path: &Path) -> Option<Vec<u8>> {
    let picture = Picture::load(path, &LIMITS).ok()?;
    let (width, height) = (picture.width(), picture.height());
    let longest = width.max(height);
    let small = |side: usize| if longest <= SIDE { side } else { (side * SIDE / longest).max(1) };
    let size = [small(width), small(height)];
    let mut resampler = Resampler::new(&picture.colour.data, [width, height], 3, size);
    let mut pixels = vec![0; size[0] * size[1] * 3];
    for (y, row) in pixels.chunks_exact_mut(size[0] * 3).enumerate() {
        resampler.row(y, row);
    }
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, size[0] as u32, size[1] as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().ok()?.write_image_data(&pixels).ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str) -> Row {
        let (kind, reason, made) = ("upscale".into(), String::new(), "lanczos".into());
        Row { job: 7, kind, name: name.into(), state: "completed", reason, made, file: None }
    }

    #[test]
    fn a_name_that_looks_like_a_formula_is_text_in_the_table() {
        let text = String::from_utf8(csv(&[row("=1+1"), row("a,b \"c\"")]).unwrap()).unwrap();
        assert!(text.contains("7,upscale,'=1+1,completed,,lanczos,,,,,\r\n"), "{text}");
        assert!(text.contains("\"a,b \"\"c\"\"\""), "{text}");
    }

    #[test]
    fn the_same_rows_give_the_same_workbook() {
        let make = || xlsx(&[row("=1+1"), row(&"x".repeat(40_000))], &|_, _| None).unwrap();
        assert_eq!(make(), make());
    }
}
