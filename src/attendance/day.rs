//! The table of one day: when each person came and left, and how long they stayed.

use super::command::{AttendanceCommand, DayRequest};
use super::rules::{PersonDay, day_of, span_of, visits};
use crate::config;
use crate::contract::{Day, DayEvent, DayRow, Names};
use crate::store::{Store, StoreError};
use crate::types::{PersonId, Refusal, rfc3339};
use jiff::civil::Date;

fn date(asked: &DayRequest, settings: &config::AttendanceConfig, now_ns: u64) -> Result<Date, Refusal> {
    let Some(text) = &asked.day else { return Ok(day_of(now_ns, &settings.zone)) };
    text.parse().map_err(|_| {
        Refusal::new(
            "bad_day",
            format!("{text:?} is not a date"),
            "write it as YYYY-MM-DD, such as 2026-11-21",
        )
    })
}

/// Whether a row belongs to the requested person; true where none was named.
fn holds(asked: &DayRequest, row: &DayRow) -> bool {
    match &asked.person {
        None => true,
        Some(wanted) => row.person.to_string() == *wanted || row.name == *wanted,
    }
}

/// Answers a request to the attendance log in `store`, with the names that its gallery knows now.
///
/// # Errors
/// A refusal with the code `bad_day` or `store`.
pub fn answer(
    store: &Store,
    settings: &config::AttendanceConfig,
    command: &AttendanceCommand,
    now_ns: u64,
) -> Result<Day, Refusal> {
    let AttendanceCommand::Day(request) = command;
    let names = store.gallery().names().unwrap_or_default();
    day(store, settings, request, now_ns, &|person| names.get(&person).cloned())
}

/// Who was present on a day of local time. `names` gives the present name of a person whom the gallery knows;
/// any other person keeps the last name in the attendance log.
///
/// # Errors
/// A refusal with the code `bad_day` or `store`.
pub fn day(
    store: &Store,
    settings: &config::AttendanceConfig,
    request: &DayRequest,
    now_ns: u64,
    names: Names<'_>,
) -> Result<Day, Refusal> {
    let date = date(request, settings, now_ns)?;
    let span = span_of(date, &settings.zone).ok_or_else(|| {
        Refusal::new("bad_day", format!("{date} is too far away"), "ask for a day since 1970")
    })?;
    let book = store.attendance();
    let events = book.during(span.clone()).map_err(damaged)?;
    let (present, _) = book.present().map_err(damaged)?;
    let next = |event: &crate::types::Attendance| book.next_of(event.person, event.id);
    let rows = visits(&span, &events, &present, next).map_err(damaged)?;
    let mut rows: Vec<DayRow> =
        rows.iter().map(|row| response(row, names)).filter(|row| holds(request, row)).collect();
    rows.sort_by_cached_key(|row| (row.name.to_lowercase(), row.person));
    let shown = |person: PersonId| request.person.is_none() || rows.iter().any(|row| row.person == person.0);
    let events = events.iter().filter(|event| shown(event.person)).map(DayEvent::from).collect();
    Ok(Day { day: date.to_string(), time_zone: settings.zone_name().to_owned(), rows, events })
}

fn response(row: &PersonDay, names: Names<'_>) -> DayRow {
    DayRow {
        person: row.person.0,
        name: names(row.person).unwrap_or_else(|| row.name.clone()),
        first_in: rfc3339(row.first_ns),
        last_seen: rfc3339(row.last_ns),
        left: row.left_ns.map(rfc3339),
        present_s: row.present_ns / 1_000_000_000,
        visits: row.visits,
        present: row.present,
    }
}

fn damaged(error: StoreError) -> Refusal {
    Refusal::new("store", error.to_string(), "")
}
