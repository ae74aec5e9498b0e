//! Times of files as nanoseconds since 1970-01-01 UTC, without the rounding of floating point.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::point::Reason;

/// Seconds from LabVIEW's epoch, 1904-01-01 UTC, to 1970-01-01 UTC.
const LABVIEW_EPOCH_S: i64 = 2_082_844_800;

/// 1990-01-01 UTC: no file has earlier measurements, but many have the wrong unit.
const EARLIEST_NS: i64 = 631_152_000 * 1_000_000_000;

/// 2200-01-01 UTC, in nanoseconds since 1970.
const LATEST_NS: i64 = 7_258_118_400 * 1_000_000_000;

/// What the time of a line means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeFormat {
    /// Seconds since 1970-01-01 UTC, with or without a fraction.
    #[serde(rename = "s")]
    Seconds,
    /// Milliseconds since 1970-01-01 UTC.
    #[serde(rename = "ms")]
    Milliseconds,
    /// RFC 3339; without an offset the zone of the settings holds, and a space may stand for the `T`.
    #[serde(rename = "rfc3339")]
    Rfc3339,
    /// Seconds since 1904-01-01 UTC, as LabVIEW counts.
    #[serde(rename = "labview")]
    Labview,
    /// The lines have no time: it is when the file was last written (mtime).
    #[serde(rename = "mtime")]
    FileTime,
    /// The lines have no time: it is when they were read.
    #[serde(rename = "arrival")]
    Arrival,
}

impl TimeFormat {
    /// Whether each line has its own time.
    pub fn is_in_file(self) -> bool {
        !matches!(self, TimeFormat::FileTime | TimeFormat::Arrival)
    }

    /// The time that `text` has, in nanoseconds since 1970-01-01 UTC.
    pub(super) fn read(self, text: &str, decimal_comma: bool, zone: &TimeZone) -> Result<i64, Reason> {
        let text = text.trim();
        let found = match self {
            TimeFormat::Seconds => decimal_ns(text, 1_000_000_000, decimal_comma),
            TimeFormat::Milliseconds => decimal_ns(text, 1_000_000, decimal_comma),
            TimeFormat::Labview => {
                let seconds = decimal_ns(text, 1_000_000_000, decimal_comma);
                seconds.map(|ns| ns - i128::from(LABVIEW_EPOCH_S) * 1_000_000_000)
            }
            TimeFormat::Rfc3339 => written_ns(text, zone),
            TimeFormat::FileTime | TimeFormat::Arrival => None,
        };
        let found = found.ok_or_else(|| Reason::Time { text: shown(text) })?;
        in_range(found).ok_or_else(|| Reason::TimeRange { text: shown(text) })
    }
}

/// `ns` where a measurement can have been made then.
pub(super) fn in_range(ns: i128) -> Option<i64> {
    i64::try_from(ns).ok().filter(|ns| (EARLIEST_NS..LATEST_NS).contains(ns))
}

/// Seconds as nanoseconds, to the digit.
pub(super) fn seconds_ns(text: &str, decimal_comma: bool) -> Option<i128> {
    decimal_ns(text, 1_000_000_000, decimal_comma)
}

/// A local time of `zone` as nanoseconds since 1970; of a time that occurs twice the first is meant.
pub(super) fn local_ns(local: DateTime, zone: &TimeZone) -> Option<i128> {
    zone.to_timestamp(local).ok().map(Timestamp::as_nanosecond)
}

fn written_ns(text: &str, zone: &TimeZone) -> Option<i128> {
    if !(10..=40).contains(&text.len()) {
        return None;
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_nanosecond());
    }
    local_ns(text.parse::<DateTime>().ok()?, zone)
}

/// A decimal number of units of `unit_ns` nanoseconds: digits are read as digits, as 64-bit floating point is 200 ns
/// coarse for seconds of today.
fn decimal_ns(text: &str, unit_ns: i128, decimal_comma: bool) -> Option<i128> {
    let mark = if decimal_comma { ',' } else { '.' };
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (whole, fraction) = digits.split_once(mark).unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() > 18 || fraction.len() > 30 || digits.len() < 2 && fraction.is_empty() && whole.is_empty()
    {
        return None;
    }
    if !plain(whole) || !plain(fraction) {
        return scientific_ns(text, unit_ns, decimal_comma);
    }
    let mut ns = whole.bytes().fold(0i128, |sum, byte| sum * 10 + i128::from(byte - b'0')) * unit_ns;
    let mut share = unit_ns;
    for byte in fraction.bytes() {
        share /= 10;
        ns += share * i128::from(byte - b'0');
    }
    Some(if negative { -ns } else { ns })
}

/// LabVIEW writes `3,847268E+9` too: then the file itself has no finer time.
fn scientific_ns(text: &str, unit_ns: i128, decimal_comma: bool) -> Option<i128> {
    let value = super::fields::number(text, decimal_comma).ok()?;
    (value.abs() < 1e15).then(|| (value * unit_ns as f64).round() as i128)
}

fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}
