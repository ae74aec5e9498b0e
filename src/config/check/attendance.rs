//! Checks `[attendance]`, and `attendance = { … }` of a camera.

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

use crate::config::raw::{TomlTable, nearest};
use crate::config::value::PlacedValue;
use crate::config::{AttendanceConfig, CameraAttendance, CameraRole, Hours, Zone};
use crate::types::MAX_ZONES;

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];
const ROLES: [(&str, CameraRole); 3] =
    [("presence", CameraRole::Presence), ("exit", CameraRole::Exit), ("none", CameraRole::None)];

pub(super) fn attendance(table: TomlTable<'_, '_>) -> AttendanceConfig {
    let usual = AttendanceConfig::default();
    let attendance = AttendanceConfig {
        min_similarity: table.number("min_similarity", -1.0..=1.0).unwrap_or(usual.min_similarity),
        agree_frames: table.whole("agree_frames", usual.agree_frames, 1..=100),
        agree: table.millis("agree_ms", millis(usual.agree), 1..=600_000),
        seen_every: table.millis("seen_every_ms", millis(usual.seen_every), 100..=86_400_000),
        leave_after: table.millis("leave_after_ms", millis(usual.leave_after), 100..=86_400_000),
        max_blind: table.millis("max_blind_ms", millis(usual.max_blind), 1_000..=604_800_000),
        schedule: table.tables("schedule").into_iter().map(hours).collect(),
        zone: table.get("time_zone").and_then(|field| zone(&field)).unwrap_or(usual.zone),
        keep_days: table.whole("keep_days", usual.keep_days, 0..=36_500),
        queue: table.whole("queue", usual.queue as u32, 1..=65_536u32) as usize,
    };
    table.finish();
    attendance
}

fn millis(duration: std::time::Duration) -> u32 {
    duration.as_millis() as u32
}

pub(super) fn zone(field: &PlacedValue<'_, '_>) -> Option<TimeZone> {
    let name = field.text()?;
    let zone = TimeZone::get(name).ok();
    if zone.is_none() {
        let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let reason = format!("there is no time zone \"{name}\"");
        field.fault(reason, format!("{}, such as \"Europe/Berlin\"", nearest(name, &names)));
    }
    zone
}

fn hours(table: TomlTable<'_, '_>) -> Hours {
    let all = || DAYS.iter().map(|(_, day)| *day).collect();
    let need = "write from = \"07:00\" and to = \"18:30\"";
    let from = table.need("from", need).and_then(|field| time(&field, "00:00 to 23:59"));
    let to = table.need("to", need).and_then(|field| match field.text()? {
        "24:00" | "00:00" => Some(None),
        _ => time(&field, "00:01 to 24:00").map(Some),
    });
    let hours = Hours {
        days: table.get("days").and_then(|field| days(&field)).unwrap_or_else(all),
        from: from.unwrap_or(Time::midnight()),
        to: to.flatten(),
    };
    if from.is_some() && hours.to == from {
        table.fault(
            "to",
            "the hours end when they begin",
            "write from = \"00:00\" and to = \"24:00\" for a whole day",
        );
    }
    table.finish();
    hours
}

/// Reads `["mon", "wed"]` or `["mon-fri"]`; a range may extend over the end of the week.
fn days(field: &PlacedValue<'_, '_>) -> Option<Vec<Weekday>> {
    let mut days = Vec::new();
    let items = field.items("days of the week")?;
    if items.is_empty() {
        field.fault("no day is named", "leave the key out for every day");
    }
    for item in items {
        let text = item.text()?;
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (day(first), day(last)) {
            (Some(first), Some(last)) => {
                let length = (last + 7 - first) % 7;
                days.extend((0..=length).map(|n| DAYS[(first + n) % 7].1));
            }
            _ => {
                let words = DAYS.map(|(word, _)| word);
                item.fault(
                    format!("\"{text}\" is not a day of the week"),
                    format!("use {}, or a range such as \"mon-fri\"", words.join(", ")),
                );
                return None;
            }
        }
    }
    Some(days)
}

fn day(word: &str) -> Option<usize> {
    DAYS.iter().position(|(known, _)| *known == word)
}

fn time(field: &PlacedValue<'_, '_>, range: &str) -> Option<Time> {
    let text = field.text()?;
    let digits = |part: &str| (part.len() == 2).then(|| part.parse::<i8>().ok()).flatten();
    let parts = text.split_once(':').and_then(|(hour, minute)| Some((digits(hour)?, digits(minute)?)));
    let time = parts.and_then(|(hour, minute)| Time::new(hour, minute, 0, 0).ok());
    if time.is_none() {
        field.fault(format!("\"{text}\" is not a time of day"), format!("write HH:MM, {range}"));
    }
    time
}

/// Reads the camera's section. Where it is absent, a recognised person counts as present.
pub(super) fn camera(table: TomlTable<'_, '_>, zones: &[Zone]) -> CameraAttendance {
    let known: Vec<&str> = zones.iter().map(|zone| &*zone.name).collect();
    let zones = table.get("zones").and_then(|field| {
        let zones = field.texts()?;
        for wanted in zones.iter().filter(|wanted| !known.contains(&wanted.as_str())) {
            let remedy = match known.is_empty() {
                true => "draw it: zones = [{ name = \"…\", points = … }] of this camera".into(),
                false => nearest(wanted, &known),
            };
            field.fault(format!("the camera has no zone \"{wanted}\": no sighting would ever count"), remedy);
        }
        if zones.len() > MAX_ZONES {
            field.fault(format!("{} zones are too many", zones.len()), format!("name at most {MAX_ZONES}"));
        }
        Some(zones)
    });
    let camera = CameraAttendance {
        zones: zones.unwrap_or_default(),
        role: table.word("role", &ROLES).unwrap_or_default(),
    };
    table.finish();
    camera
}
