//! Lines of fields, with the columns' names in a header or in the settings.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::columns::Columns;
use super::fields::{number, split};
use super::parser::Parsed;
use super::settings::{FormatSettings, Separator};
use crate::point::{BadLine, ColumnNotice, Point, Reason};

/// What a reader of csv knows between two lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct CsvState {
    /// Lines up to the values.
    header_left: u32,
    separator: Option<Separator>,
    columns: Option<Arc<Columns>>,
    /// Columns that hold if the file goes on without a header: its writer had it open when it was truncated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inherited: Option<Arc<Columns>>,
}

impl CsvState {
    pub(super) fn new(settings: &FormatSettings) -> CsvState {
        CsvState {
            header_left: settings.header_lines,
            separator: settings.separator,
            columns: None,
            inherited: None,
        }
    }

    pub(super) fn inherit(&mut self, before: &CsvState) {
        self.inherited = before.columns.clone().or_else(|| before.inherited.clone());
        self.separator = before.separator;
    }

    pub(super) fn columns(&self) -> Option<&Arc<Columns>> {
        self.columns.as_ref().or(self.inherited.as_ref())
    }

    pub(super) fn share(&mut self, columns: &Arc<Columns>) {
        if let Some(own) = self.columns.as_mut().filter(|own| *own == columns) {
            *own = Arc::clone(columns);
        }
    }

    pub(super) fn line(
        &mut self,
        settings: &FormatSettings,
        time_ns: i64,
        number: u64,
        text: &str,
        out: &mut Parsed,
    ) {
        let read = self.read(settings, time_ns, number, text, out);
        if let Err(reason) = read {
            out.refuse(BadLine::new(number, reason, text.as_bytes()));
        }
    }

    fn read(
        &mut self,
        settings: &FormatSettings,
        time_ns: i64,
        number: u64,
        text: &str,
        out: &mut Parsed,
    ) -> Result<(), Reason> {
        let is_named = !settings.columns.is_empty();
        if self.header_left > 1 || self.header_left == 1 && is_named {
            if self.goes_on_without_header(settings, text) {
                self.keep_header(out);
            } else {
                self.header_left -= 1;
                return Ok(());
            }
        }
        if text.trim().is_empty() {
            return Ok(());
        }
        if self.header_left == 1 {
            return self.header(settings, time_ns, number, text, out);
        }
        if self.columns.is_none() {
            let columns = Arc::new(Columns::new(&settings.columns, settings, out)?);
            self.columns = Some(columns);
        }
        if text.starts_with('#') {
            return Ok(());
        }
        let separator =
            *self.separator.get_or_insert_with(|| Separator::of_header(text, settings.decimal_comma));
        let fields = split(text, separator.byte())?;
        if !is_named && self.is_header_again(settings, &fields) {
            return self.take_header(settings, &fields, out);
        }
        self.values(settings, time_ns, number, text, &fields, out)
    }

    fn header(
        &mut self,
        settings: &FormatSettings,
        time_ns: i64,
        line: u64,
        text: &str,
        out: &mut Parsed,
    ) -> Result<(), Reason> {
        if self.goes_on_without_header(settings, text) {
            self.keep_header(out);
            let separator = self.separator.unwrap_or(Separator::Comma);
            return self.values(settings, time_ns, line, text, &split(text, separator.byte())?, out);
        }
        let text = text.trim_start_matches(['#', ' ']);
        let separator =
            settings.separator.unwrap_or_else(|| Separator::of_header(text, settings.decimal_comma));
        let fields = split(text, separator.byte())?;
        if is_values(settings, &fields) {
            return Err(Reason::NoHeader);
        }
        self.separator = Some(separator);
        self.take_header(settings, &fields, out)
    }

    fn take_header(
        &mut self,
        settings: &FormatSettings,
        fields: &[Cow<'_, str>],
        out: &mut Parsed,
    ) -> Result<(), Reason> {
        self.columns = None;
        self.header_left = 1;
        let columns = Arc::new(Columns::new(fields, settings, out)?);
        out.headers.push(Arc::clone(&columns));
        *self =
            CsvState { header_left: 0, separator: self.separator, columns: Some(columns), inherited: None };
        Ok(())
    }

    /// Whether the first line after a truncation already has values that fit the columns of before.
    fn goes_on_without_header(&self, settings: &FormatSettings, text: &str) -> bool {
        let (Some(before), Some(separator)) = (&self.inherited, self.separator) else { return false };
        let Ok(fields) = split(text, separator.byte()) else { return false };
        fields.len() == before.len() && is_values(settings, &fields)
    }

    fn keep_header(&mut self, out: &mut Parsed) {
        out.notices.push(ColumnNotice::HeaderKept);
        self.columns = self.inherited.take();
        self.header_left = 0;
    }

    /// A writer that was started again appends its header again, perhaps with other columns.
    fn is_header_again(&self, settings: &FormatSettings, fields: &[Cow<'_, str>]) -> bool {
        let Some(columns) = &self.columns else { return false };
        let is_known =
            |field: &str| (0..columns.len()).any(|at| columns.name(at) == field && !field.is_empty());
        let has_number = fields.iter().any(|field| number(field, settings.decimal_comma).is_ok());
        match columns.time() {
            Some(time) if fields.iter().any(|field| field.trim() == columns.name(time)) => true,
            _ => !has_number && fields.iter().any(|field| is_known(field.trim())),
        }
    }

    fn values(
        &self,
        settings: &FormatSettings,
        time_ns: i64,
        line: u64,
        text: &str,
        fields: &[Cow<'_, str>],
        out: &mut Parsed,
    ) -> Result<(), Reason> {
        let Some(columns) = &self.columns else { return Err(Reason::NoHeader) };
        if fields.len() != columns.len() {
            return Err(Reason::Fields { found: fields.len(), expected: columns.len() });
        }
        let time_ns = match columns.time() {
            None => time_ns,
            Some(at) if fields[at].trim().is_empty() => {
                return Err(Reason::NoTime { column: columns.name(at).to_owned() });
            }
            Some(at) => settings.time.read(&fields[at], settings.decimal_comma, &settings.zone)?,
        };
        for (at, channel) in columns.channels().filter(|(at, _)| !fields[*at].trim().is_empty()) {
            match number(&fields[at], settings.decimal_comma) {
                Ok(value) => out.points.push(Point { channel: Arc::clone(channel), time_ns, value }),
                Err(fault) => out.refuse(BadLine::new(line, fault.of(channel), text.as_bytes())),
            }
        }
        Ok(())
    }
}

/// Whether the fields are values rather than names: the first has a time, or all are numbers.
fn is_values(settings: &FormatSettings, fields: &[Cow<'_, str>]) -> bool {
    let mut filled = fields.iter().filter(|field| !field.trim().is_empty()).peekable();
    let is_number = |field: &str| number(field, settings.decimal_comma).is_ok();
    let is_time = |field: &str| {
        settings.time.is_in_file()
            && settings.time.read(field, settings.decimal_comma, &settings.zone).is_ok()
    };
    filled.peek().is_some_and(|first| is_time(first))
        || filled.peek().is_some() && filled.all(|field| is_number(field))
}
