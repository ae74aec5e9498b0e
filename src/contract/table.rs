//! A day's attendance as a table for spreadsheets (CSV and XLSX), in the local time of the day's zone.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use super::day::{Day, DayEvent, DayRow};

/// Why no table could be made.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A time of the day cannot be parsed.
    #[error("{text:?} is not a time: {source}; give RFC 3339")]
    Time {
        /// The text that was given as a time.
        text: String,
        /// Why it could not be parsed.
        source: jiff::Error,
    },
    /// The day's time zone is not known on this machine.
    #[error("time zone {name:?}: {source}")]
    Zone {
        /// The name that was given as a time zone.
        name: String,
        /// Why it could not be parsed.
        source: jiff::Error,
    },
    /// Writing the CSV has failed.
    #[error("the table cannot be written as CSV: {0}")]
    Csv(String),
    /// Writing the XLSX workbook has failed.
    #[error("the table cannot be written as XLSX: {0}")]
    Xlsx(#[from] XlsxError),
}

const ROW: [&str; 8] = ["person", "name", "first_in", "last_seen", "left", "present_s", "visits", "present"];
const EVENT: [&str; 7] = ["id", "time", "event", "person", "name", "camera", "similarity"];

/// The rows of `day` (the answer of the command `attendance`) as CSV: RFC 4180, UTF-8, with a header, times
/// as RFC 3339 in the day's local time. Errors: [`TableError`].
///
/// A text that a spreadsheet would take for a formula is prefixed with `'` (OWASP, "CSV Injection").
pub fn csv(day: &Day) -> Result<Vec<u8>, TableError> {
    let zone = zone(day)?;
    let mut out = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let outcome = |error: csv::Error| TableError::Csv(error.to_string());
    out.write_record(ROW).map_err(outcome)?;
    for row in &day.rows {
        let time = |text: &str| -> Result<String, TableError> {
            let zoned = timestamp(text)?.to_zoned(zone.clone());
            Ok(zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
        };
        let cells = [
            row.person.to_string(),
            harmless(&row.name),
            time(&row.first_in)?,
            time(&row.last_seen)?,
            row.left.as_deref().map_or(Ok(String::new()), time)?,
            row.present_s.to_string(),
            row.visits.to_string(),
            row.present.to_string(),
        ];
        out.write_record(&cells).map_err(outcome)?;
    }
    out.into_inner().map_err(|error| TableError::Csv(error.to_string()))
}

/// The text as a cell that no spreadsheet evaluates as a formula.
pub fn harmless(text: &str) -> String {
    let first = text.trim_start().chars().next();
    let formula = first.is_some_and(|first| "=+-@＝＋－＠".contains(first));
    if formula || text.starts_with(['\t', '\r', '\n']) { format!("'{text}") } else { text.to_owned() }
}

/// The rows and the events of `day` (the answer of the command `attendance`) as an XLSX workbook with one
/// sheet for each, times as dates in the day's local time, to the second. Errors: [`TableError`].
pub fn xlsx(day: &Day) -> Result<Vec<u8>, TableError> {
    let zone = zone(day)?;
    let mut book = Workbook::new();
    let paper = Paper {
        zone: &zone,
        head: Format::new().set_bold(),
        moment: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
        span: Format::new().set_num_format("[h]:mm:ss"),
    };
    let rows = book.add_worksheet();
    rows.set_name(&day.day)?;
    paper.head(rows, &ROW.map(|word| if word == "present_s" { "present_for" } else { word }))?;
    for (at, row) in (1..).zip(&day.rows) {
        paper.row(rows, at, row)?;
    }
    rows.autofit();
    let events = book.add_worksheet();
    events.set_name("events")?;
    paper.head(events, &EVENT)?;
    for (at, event) in (1..).zip(&day.events) {
        paper.event(events, at, event)?;
    }
    events.autofit();
    Ok(book.save_to_buffer()?)
}

struct Paper<'a> {
    zone: &'a TimeZone,
    head: Format,
    moment: Format,
    span: Format,
}

impl Paper<'_> {
    fn head(&self, sheet: &mut Worksheet, words: &[&str]) -> Result<(), TableError> {
        for (column, word) in (0..).zip(words) {
            sheet.write_string_with_format(0, column, *word, &self.head)?;
        }
        sheet.set_freeze_panes(1, 0)?;
        Ok(())
    }

    fn row(&self, sheet: &mut Worksheet, at: u32, row: &DayRow) -> Result<(), TableError> {
        sheet.write_number(at, 0, row.person as f64)?;
        sheet.write_string(at, 1, &row.name)?;
        self.time(sheet, at, 2, &row.first_in)?;
        self.time(sheet, at, 3, &row.last_seen)?;
        if let Some(left) = &row.left {
            self.time(sheet, at, 4, left)?;
        }
        sheet.write_number_with_format(at, 5, row.present_s as f64 / 86_400.0, &self.span)?;
        sheet.write_number(at, 6, row.visits as f64)?;
        sheet.write_boolean(at, 7, row.present)?;
        Ok(())
    }

    fn event(&self, sheet: &mut Worksheet, at: u32, event: &DayEvent) -> Result<(), TableError> {
        sheet.write_number(at, 0, event.id as f64)?;
        self.time(sheet, at, 1, &event.time)?;
        sheet.write_string(at, 2, &event.event)?;
        sheet.write_number(at, 3, event.person as f64)?;
        sheet.write_string(at, 4, &event.name)?;
        sheet.write_string(at, 5, &event.camera)?;
        // The conversion goes through text, because the nearest f64 of a rounded f32 has more digits.
        sheet.write_number(at, 6, event.similarity.to_string().parse().unwrap_or(0.0))?;
        Ok(())
    }

    fn time(&self, sheet: &mut Worksheet, row: u32, column: u16, text: &str) -> Result<(), TableError> {
        let local = self.zone.to_datetime(timestamp(text)?);
        match cell(local) {
            Ok(cell) => sheet.write_datetime_with_format(row, column, &cell, &self.moment)?,
            // Spreadsheets cannot represent times before 1900.
            Err(_) => sheet.write_string(row, column, text)?,
        };
        Ok(())
    }
}

fn cell(local: DateTime) -> Result<ExcelDateTime, XlsxError> {
    let part = |number: i8| number.unsigned_abs();
    let date = ExcelDateTime::from_ymd(local.year().unsigned_abs(), part(local.month()), part(local.day()))?;
    date.and_hms(u16::from(part(local.hour())), part(local.minute()), f64::from(local.second()))
}

fn zone(day: &Day) -> Result<TimeZone, TableError> {
    TimeZone::get(&day.time_zone).map_err(|source| TableError::Zone { name: day.time_zone.clone(), source })
}

fn timestamp(text: &str) -> Result<Timestamp, TableError> {
    text.parse().map_err(|source| TableError::Time { text: text.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_calculate_is_made_a_text() {
        let names = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1"];
        for name in names {
            assert_eq!(harmless(name), format!("'{name}"));
        }
        for name in ["Ada", "O'Neill", "a=b", "Anna-Lena", "", "王 芳"] {
            assert_eq!(harmless(name), name);
        }
    }

    #[test]
    fn a_zone_that_is_not_known_is_refused_with_its_name() {
        let (day, time_zone) = ("2026-11-21".to_owned(), "Mars/Base".to_owned());
        let day = Day { day, time_zone, rows: Vec::new(), events: Vec::new() };
        assert!(xlsx(&day).unwrap_err().to_string().contains("Mars/Base"));
    }
}
