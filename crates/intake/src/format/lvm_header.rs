//! The two headers of a LabVIEW measurement file: the file's, and one for each segment.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::fields::number;
use super::time::local_ns;
use crate::point::Reason;

/// Year, month and day.
type Day = (i16, i8, i8);

/// A time of the day in nanoseconds since midnight.
type ClockNs = i64;

/// Which columns have the X values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum XColumns {
    /// The first column, for all channels.
    #[default]
    One,
    /// One before each channel.
    Multi,
    /// None: X is `X0` and multiples of `Delta_X`.
    No,
}

/// What the file's header says, for all segments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct FileHeader {
    pub(super) separator: char,
    pub(super) decimal_comma: bool,
    pub(super) x_columns: XColumns,
    /// X counts from 1904 instead of from the start of the segment.
    pub(super) is_absolute: bool,
    pub(super) date: Option<Day>,
    pub(super) time: Option<ClockNs>,
}

impl Default for FileHeader {
    fn default() -> FileHeader {
        FileHeader {
            separator: '\t',
            decimal_comma: false,
            x_columns: XColumns::One,
            is_absolute: false,
            date: None,
            time: None,
        }
    }
}

impl FileHeader {
    /// Takes a line of the header, or names the key that cannot be read.
    pub(super) fn line(&mut self, line: &str) -> Result<(), Reason> {
        let (key, value) = split_key(line);
        let is_read = match key {
            "Separator" => match value {
                "Tab" => self.set_separator('\t'),
                "Comma" | "," => self.set_separator(','),
                "Semicolon" | ";" => self.set_separator(';'),
                _ => false,
            },
            "Decimal_Separator" => {
                self.decimal_comma = value == ",";
                matches!(value, "," | ".")
            }
            "X_Columns" => match value {
                "One" => self.set_x(XColumns::One),
                "Multi" => self.set_x(XColumns::Multi),
                "No" => self.set_x(XColumns::No),
                _ => false,
            },
            "Time_Pref" => {
                self.is_absolute = value == "Absolute";
                matches!(value, "Absolute" | "Relative")
            }
            "Date" => {
                self.date = date(value);
                self.date.is_some()
            }
            "Time" => {
                self.time = time(value);
                self.time.is_some()
            }
            _ => true,
        };
        if is_read { Ok(()) } else { Err(Reason::Header { key: key.to_owned() }) }
    }

    fn set_separator(&mut self, separator: char) -> bool {
        self.separator = separator;
        true
    }

    fn set_x(&mut self, x: XColumns) -> bool {
        self.x_columns = x;
        true
    }
}

/// The header of a segment, with one value for each channel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct SegmentHeader {
    dates: Vec<Option<Day>>,
    times: Vec<Option<ClockNs>>,
    x0: Vec<f64>,
    delta_x: Vec<f64>,
}

impl SegmentHeader {
    /// Takes a line of the header, or names the key that cannot be read.
    pub(super) fn line(&mut self, line: &str, file: &FileHeader) -> Result<(), Reason> {
        let mut fields = line.split(file.separator).map(str::trim);
        let key = fields.next().unwrap_or("");
        let values: Vec<&str> = fields.collect();
        let filled = values.iter().rposition(|value| !value.is_empty()).map_or(0, |last| last + 1);
        let values = &values[..filled];
        let numbers = || {
            values.iter().map(|value| number(value, file.decimal_comma).ok()).collect::<Option<Vec<f64>>>()
        };
        let unread = || Reason::Header { key: key.to_owned() };
        match key {
            "Date" => self.dates = values.iter().map(|value| date(value)).collect(),
            "Time" => self.times = values.iter().map(|value| time(value)).collect(),
            "X0" => self.x0 = numbers().ok_or_else(unread)?,
            "Delta_X" => self.delta_x = numbers().ok_or_else(unread)?,
            _ => {}
        }
        let is_read = match key {
            "Date" => self.dates.iter().all(Option::is_some),
            "Time" => self.times.iter().all(Option::is_some),
            _ => true,
        };
        if is_read { Ok(()) } else { Err(unread()) }
    }

    /// When the channel's X is 0, in nanoseconds since 1970.
    pub(super) fn start_ns(&self, channel: usize, file: &FileHeader, zone: &TimeZone) -> Option<i128> {
        let date = of(&self.dates, channel).flatten().or(file.date)?;
        let time = of(&self.times, channel).flatten().or(file.time)?;
        let (second, nanosecond) = (time / 1_000_000_000, time % 1_000_000_000);
        let clock = Time::midnight()
            .checked_add(jiff::SignedDuration::new(second, i32::try_from(nanosecond).ok()?))
            .ok()?;
        local_ns(DateTime::from_parts(Date::new(date.0, date.1, date.2).ok()?, clock), zone)
    }

    /// X of a row of a channel where the file has no column for it, in seconds.
    pub(super) fn x_s(&self, channel: usize, row: u64) -> Option<f64> {
        Some(of(&self.x0, channel).unwrap_or(0.0) + of(&self.delta_x, channel)? * row as f64)
    }
}

/// The channel's value, or the only one where there is one for all.
fn of<T: Copy>(values: &[T], channel: usize) -> Option<T> {
    if values.len() == 1 { values.first().copied() } else { values.get(channel).copied() }
}

/// The key of a line of the file's header, and its value.
fn split_key(line: &str) -> (&str, &str) {
    let end = line.find(['\t', ',', ';']).unwrap_or(line.len());
    let value = line[end..].chars().next().map_or("", |separator| &line[end + separator.len_utf8()..]);
    let value = value.trim_end_matches('\t').trim();
    // A file with commas between its fields may end its lines with some.
    (line[..end].trim(), if value.len() > 1 { value.trim_end_matches([',', ';']) } else { value })
}

/// `2026/11/29`, and the forms with points or hyphens that some versions write.
fn date(text: &str) -> Option<Day> {
    let mut parts = text.trim().split(['/', '-', '.']);
    let year = parts.next()?.parse().ok()?;
    let (month, day) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    if parts.next().is_some() || year < 1904 {
        return None;
    }
    Date::new(year, month, day).ok().map(|date| (date.year(), date.month(), date.day()))
}

/// `10:52:51.2342345`, with as many digits as the computer had, or with a comma.
fn time(text: &str) -> Option<ClockNs> {
    let (clock, fraction) = text.trim().split_once(['.', ',']).unwrap_or((text.trim(), ""));
    let mut parts = clock.split(':');
    let (hour, minute) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let second = parts.next()?.parse().ok()?;
    if parts.next().is_some() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    let nanoseconds = digits.fold(0i32, |sum, digit| sum * 10 + i32::from(digit - b'0'));
    let time = Time::new(hour, minute, second, nanoseconds).ok()?;
    let seconds = i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    Some(seconds * 1_000_000_000 + i64::from(nanoseconds))
}
