//! LabVIEW measurement files (`.lvm`), as National Instruments describes them in "Specification for the LabVIEW
//! Measurement File": a header of the file, then segments with a header, names of columns and values.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::columns::is_name;
use super::fields::number;
use super::lvm_header::{FileHeader, SegmentHeader, XColumns};
use super::parser::Parsed;
use super::settings::FormatSettings;
use super::time::{TimeFormat, in_range, seconds_ns};
use crate::point::{BadLine, ColumnNotice, Point, Reason};

/// The column that X values have.
const X: &str = "X_Value";

/// The last column, for text.
const COMMENT: &str = "Comment";

/// The line that ends both headers.
const END_OF_HEADER: &str = "***End_of_Header***";

/// What comes next in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Section {
    /// The line `LabVIEW Measurement`.
    #[default]
    Title,
    /// The lines of the file's header.
    File,
    /// The header of a segment.
    Segment,
    /// The names of a segment's columns.
    Names,
    /// Values of a segment.
    Values,
}

/// A column of values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Column {
    /// Where it stands in a line, from 0.
    at: usize,
    /// The column with its X values, where there is one.
    x: Option<usize>,
    /// Its number among the channels, for the segment's header.
    channel: usize,
    name: Arc<str>,
}

/// What a reader of LabVIEW files knows between two lines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct LvmState {
    section: Section,
    /// A block that is not described: up to its end nothing is read.
    is_special: bool,
    file: FileHeader,
    segment: SegmentHeader,
    columns: Vec<Column>,
    width: usize,
    /// Lines of values of this segment.
    row: u64,
}

/// Reads one line of the file.
pub(super) fn line(
    state: &mut LvmState,
    settings: &FormatSettings,
    time_ns: i64,
    number: u64,
    text: &str,
    out: &mut Parsed,
) {
    let start = text.trim();
    if state.is_special || start.starts_with("***Start_Special***") {
        state.is_special = !start.starts_with("***End_Special***");
        return;
    }
    let is_blank = start.trim_matches([state.file.separator, ' ']).is_empty();
    if is_blank && state.section != Section::Values {
        return;
    }
    if start.starts_with("LabVIEW Measurement") {
        *state = LvmState { section: Section::File, ..LvmState::default() };
        return;
    }
    let ends_header = start.starts_with(END_OF_HEADER);
    let result = match state.section {
        Section::Title => Err(Reason::Header { key: "LabVIEW Measurement".into() }),
        Section::File if ends_header => {
            state.section = Section::Segment;
            state.segment = SegmentHeader::default();
            Ok(())
        }
        Section::File => state.file.line(text),
        Section::Segment if ends_header => {
            state.section = Section::Names;
            Ok(())
        }
        Section::Segment => state.segment.line(text, &state.file),
        Section::Names => {
            state.names(settings, text, out);
            Ok(())
        }
        Section::Values if is_blank => Ok(()),
        Section::Values if text.split(state.file.separator).next() == Some("Channels") => {
            state.section = Section::Segment;
            state.segment = SegmentHeader::default();
            Ok(())
        }
        Section::Values => {
            let read = state.values(settings, time_ns, number, text, out);
            state.row += 1;
            read
        }
    };
    if let Err(reason) = result {
        out.refuse(BadLine::new(number, reason, text.as_bytes()));
    }
}

impl LvmState {
    fn names(&mut self, settings: &FormatSettings, text: &str, out: &mut Parsed) {
        let names: Vec<&str> = text.split(self.file.separator).map(str::trim).collect();
        self.section = Section::Values;
        (self.columns, self.width, self.row) = (Vec::new(), names.len(), 0);
        let has_comment = names.last() == Some(&COMMENT);
        let (mut x, mut channel) = (None, 0);
        for (at, name) in names.iter().enumerate() {
            if *name == X {
                x = Some(at);
                continue;
            }
            if has_comment && at + 1 == names.len() {
                continue;
            }
            let is_twice = names.iter().filter(|other| *other == name).count() > 1;
            if is_twice && is_name(name) && !names[..at].contains(name) {
                out.notices.push(ColumnNotice::Twice(Arc::from(*name)));
            }
            if !is_twice && is_name(name) && settings.takes(name) {
                let x = x.filter(|_| self.file.x_columns != XColumns::No);
                let column = out.channel(name).map(|name| Column { at, x, channel, name });
                self.columns.extend(column);
            }
            channel += 1;
        }
    }

    fn values(
        &self,
        settings: &FormatSettings,
        time_ns: i64,
        line: u64,
        text: &str,
        out: &mut Parsed,
    ) -> Result<(), Reason> {
        let mut fields: Vec<&str> = text.split(self.file.separator).collect();
        while fields.len() > self.width && fields.last().is_some_and(|field| field.trim().is_empty()) {
            fields.pop();
        }
        if fields.len() > self.width {
            return Err(Reason::Fields { found: fields.len(), expected: self.width });
        }
        for column in &self.columns {
            // Channels with fewer samples end earlier: their fields are empty or missing.
            let Some(field) = fields.get(column.at).filter(|field| !field.trim().is_empty()) else {
                continue;
            };
            match number(field, self.file.decimal_comma) {
                Ok(value) => {
                    let time_ns = self.time(settings, time_ns, column, &fields)?;
                    out.points.push(Point { channel: Arc::clone(&column.name), time_ns, value });
                }
                Err(fault) => out.refuse(BadLine::new(line, fault.of(&column.name), text.as_bytes())),
            }
        }
        Ok(())
    }

    fn time(
        &self,
        settings: &FormatSettings,
        time_ns: i64,
        column: &Column,
        fields: &[&str],
    ) -> Result<i64, Reason> {
        if !settings.time.is_in_file() {
            return Ok(time_ns);
        }
        let no_time = |column: &str| Reason::NoTime { column: column.to_owned() };
        let Some(x) = column.x else {
            let x_s = self.segment.x_s(column.channel, self.row).ok_or_else(|| no_time("Delta_X"))?;
            return self.after_start(column, (x_s * 1e9).round() as i128, settings);
        };
        let text = fields.get(x).map(|field| field.trim()).filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| no_time(X))?;
        if self.file.is_absolute {
            return TimeFormat::Labview.read(text, self.file.decimal_comma, &settings.zone);
        }
        let x_ns = seconds_ns(text, self.file.decimal_comma);
        self.after_start(
            column,
            x_ns.ok_or_else(|| Reason::Time { text: text.chars().take(40).collect() })?,
            settings,
        )
    }

    /// The time that is `x_ns` after the start of the segment.
    fn after_start(&self, column: &Column, x_ns: i128, settings: &FormatSettings) -> Result<i64, Reason> {
        let start = self.segment.start_ns(column.channel, &self.file, &settings.zone);
        let start = start.ok_or_else(|| Reason::NoTime { column: "Date".into() })?;
        in_range(start + x_ns)
            .ok_or_else(|| Reason::TimeRange { text: format!("X {x_ns} ns after the start") })
    }
}
