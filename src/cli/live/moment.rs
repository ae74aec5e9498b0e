//! Times and durations as people type them: `60s`, `10m`, `2026-11-29T23:00:00Z`, `23:00`.

use std::time::Duration;

use anyhow::{Context, bail};
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

/// A duration such as `90s`, `10m` or `1h 30m`; a number alone is seconds.
pub(in crate::cli) fn duration(text: &str) -> anyhow::Result<Duration> {
    let seconds = text.trim().parse::<u32>().map(|seconds| SignedDuration::from_secs(seconds.into()));
    let parsed = seconds.or_else(|_| text.parse::<SignedDuration>());
    let parsed = parsed.ok().and_then(|parsed| Duration::try_from(parsed).ok());
    parsed.filter(|time| !time.is_zero()).context("write a time such as 60s, 10m or 2h")
}

/// A moment in nanoseconds since 1970: a duration before now, RFC 3339, or a date or time of day in the time zone of
/// this machine.
pub(super) fn moment(text: &str) -> anyhow::Result<u64> {
    moment_at(text, &Zoned::now())
}

fn moment_at(text: &str, now: &Zoned) -> anyhow::Result<u64> {
    let text = text.trim();
    let zone = |local: DateTime, zone: &TimeZone| local.to_zoned(zone.clone()).map(|zoned| zoned.timestamp());
    let found = if let Ok(before) = duration(text) {
        now.timestamp().checked_sub(SignedDuration::try_from(before)?)
    } else if let Ok(moment) = text.parse::<Timestamp>() {
        Ok(moment)
    } else if let Ok(local) = text.parse::<DateTime>() {
        zone(local, now.time_zone())
    } else if let Ok(time) = text.parse::<Time>() {
        zone(now.date().to_datetime(time), now.time_zone())
    } else {
        bail!("write how long ago (10m, 2h), or a time such as 23:00 or 2026-11-29T23:00:00Z")
    };
    u64::try_from(found?.as_nanosecond()).context("the time is before 1970")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit_or_is_in_seconds() {
        for (text, seconds) in [("60s", 60), ("90", 90), ("10m", 600), ("1h 30m", 5_400), ("2 hours", 7_200)]
        {
            assert_eq!(duration(text).unwrap(), Duration::from_secs(seconds), "{text}");
        }
        for text in ["", "0", "-5s", "soon", "99999999999999999999s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_moment_is_so_long_ago_or_a_time_of_this_machine() {
        let now: Zoned = "2026-11-29T12:00:00+01:00[Europe/Berlin]".parse().unwrap();
        let ns = |text: &str| text.parse::<Timestamp>().unwrap().as_nanosecond() as u64;
        for (text, wanted) in [
            ("10m", "2026-11-29T10:50:00Z"),
            ("2026-11-28T23:00:00Z", "2026-11-28T23:00:00Z"),
            ("09:30", "2026-11-29T08:30:00Z"),
            ("2026-11-28 09:30", "2026-11-28T08:30:00Z"),
            ("2026-11-28", "2026-11-27T23:00:00Z"),
        ] {
            assert_eq!(moment_at(text, &now).unwrap(), ns(wanted), "{text}");
        }
        assert!(moment_at("yesterday", &now).unwrap_err().to_string().contains("23:00"));
    }
}
