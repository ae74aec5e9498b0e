//! The schedule: decides in local time whether a moment is within its hours.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::config::Hours;

/// Whether `wall_ns` (nanoseconds since 1970 UTC) is within the hours; always true for an empty schedule.
pub fn is_open(schedule: &[Hours], zone: &TimeZone, wall_ns: u64) -> bool {
    if schedule.is_empty() {
        return true;
    }
    let Ok(moment) = Timestamp::from_nanosecond(i128::from(wall_ns)) else { return false };
    let local = zone.to_datetime(moment);
    schedule.iter().any(|hours| holds(hours, local))
}

fn holds(hours: &Hours, local: DateTime) -> bool {
    let (today, time) = (local.date().weekday(), local.time());
    let after_begin = hours.days.contains(&today) && time >= hours.from;
    match hours.to {
        None => after_begin,
        Some(to) if hours.from < to => after_begin && time < to,
        // Hours that cross midnight belong to the day on which they begin.
        Some(to) => after_begin || (hours.days.contains(&today.previous()) && time < to),
    }
}
