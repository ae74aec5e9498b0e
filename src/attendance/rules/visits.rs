//! Computes the visits of a day from its events: when each person came and left, and how long they stayed.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::types::{Attendance, AttendanceKind, PersonId, Presence};

/// One person's day. Moments are nanoseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonDay {
    /// The person whose day it is.
    pub person: PersonId,
    /// The last name of the day.
    pub name: String,
    /// When the first visit began, or the beginning of the day where it began earlier.
    pub first_ns: u64,
    /// When the last known sighting was.
    pub last_ns: u64,
    /// When the last visit ended, where it ended on this day.
    pub left_ns: Option<u64>,
    /// The length of all visits together on this day, nanoseconds.
    pub present_ns: u64,
    /// How many visits lie on this day; those that overlap count once.
    pub visits: u64,
    /// Whether the person is present now.
    pub present: bool,
}

/// The wall time (nanoseconds since 1970 UTC) of a day of local time, which has 23 or 25 hours when daylight
/// saving begins or ends. `None` before 1970.
pub fn span_of(day: Date, zone: &TimeZone) -> Option<Range<u64>> {
    let begin = |day: Date| {
        let begin = day.to_zoned(zone.clone()).ok()?.timestamp();
        u64::try_from(begin.as_nanosecond()).ok()
    };
    Some(begin(day)?..begin(day.tomorrow().ok()?)?)
}

/// The date in local time of `wall_ns` (nanoseconds since 1970 UTC).
pub fn day_of(wall_ns: u64, zone: &TimeZone) -> Date {
    let moment = jiff::Timestamp::from_nanosecond(i128::from(wall_ns)).unwrap_or_default();
    zone.to_datetime(moment).date()
}

/// The table of the day `span`, with a row for each person. `events` are the day's, in the order of their
/// numbers; `next` gives the person's first event after one of them; `present` holds the people who are
/// present now.
pub fn visits<E>(
    span: &Range<u64>,
    events: &[Attendance],
    present: &[Presence],
    next: impl Fn(&Attendance) -> Result<Option<Attendance>, E>,
) -> Result<Vec<PersonDay>, E> {
    let mut people: BTreeMap<PersonId, Vec<Visit>> = BTreeMap::new();
    for event in events {
        let visits = people.entry(event.person).or_default();
        // All open visits are searched, because two people who were merged may have been present at the same
        // time.
        match visits.iter_mut().find(|visit| visit.event.since_ns == event.since_ns && !visit.is_over()) {
            Some(visit) => visit.event = event,
            None => visits.push(Visit { from: event.since_ns.max(span.start), event }),
        }
    }
    let mut rows = Vec::new();
    for (person, visits) in people {
        let here = present.iter().find(|here| here.person == person);
        let Some(last) = visits.iter().max_by_key(|visit| visit.event.id) else { continue };
        let after = if last.is_over() { None } else { next(last.event)? };
        let after = after.filter(|after| after.since_ns == last.event.since_ns);
        rows.push(row(span, &visits, last, after, here));
    }
    // A person who came before the day and is still present may have no event on it yet.
    let silent = present.iter().filter(|here| !rows.iter().any(|row| row.person == here.person));
    let silent: Vec<_> =
        silent.filter(|here| here.since_ns < span.end && here.last_ns >= span.start).collect();
    rows.extend(silent.into_iter().map(|here| seen_only(span, here)));
    Ok(rows)
}

/// A visit from its beginning on this day to its last event.
struct Visit<'a> {
    from: u64,
    event: &'a Attendance,
}

impl Visit<'_> {
    fn is_over(&self) -> bool {
        self.event.kind == AttendanceKind::Leave
    }
}

fn row(
    span: &Range<u64>,
    visits: &[Visit<'_>],
    last: &Visit<'_>,
    after: Option<Attendance>,
    here: Option<&Presence>,
) -> PersonDay {
    let here = here.filter(|here| !last.is_over() && here.since_ns == last.event.since_ns);
    let known =
        here.map(|here| here.last_ns).or(after.map(|after| after.wall_ns)).unwrap_or(last.event.wall_ns);
    let end = known.max(last.event.wall_ns).min(span.end);
    let first = visits.iter().map(|visit| visit.from).min().unwrap_or(last.from);
    let (visits, present_ns) =
        united(visits.iter().map(|visit| {
            (visit.from, if visit.event.id == last.event.id { end } else { visit.event.wall_ns })
        }));
    let today = here.is_some_and(|here| here.last_ns < span.end);
    PersonDay {
        person: last.event.person,
        name: here.map_or(&last.event.name, |here| &here.name).to_string(),
        first_ns: first,
        last_ns: if today { end } else { last.event.wall_ns },
        left_ns: last.is_over().then_some(last.event.wall_ns),
        present_ns,
        visits,
        present: today,
    }
}

/// Number of spans and their total length, where overlapping spans count as one.
fn united(spans: impl Iterator<Item = (u64, u64)>) -> (u64, u64) {
    let mut spans: Vec<(u64, u64)> = spans.map(|(from, to)| (from, to.max(from))).collect();
    spans.sort_unstable();
    let (mut count, mut total, mut reached) = (0, 0, None);
    for (from, to) in spans {
        match reached {
            Some(end) if from <= end => {
                total += to.saturating_sub(end);
                reached = Some(to.max(end));
            }
            _ => {
                count += 1;
                total += to - from;
                reached = Some(to);
            }
        }
    }
    (count, total)
}

fn seen_only(span: &Range<u64>, here: &Presence) -> PersonDay {
    let (from, to) = (here.since_ns.max(span.start), here.last_ns.min(span.end));
    PersonDay {
        person: here.person,
        name: here.name.to_string(),
        first_ns: from,
        last_ns: to,
        left_ns: None,
        present_ns: to.saturating_sub(from),
        visits: 1,
        present: here.last_ns < span.end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000_000_000;

    fn here(person: u64, since: u64, last: u64) -> Presence {
        Presence {
            person: PersonId(person),
            name: format!("p{person}").into(),
            camera: "front".into(),
            since_ns: since * HOUR,
            last_ns: last * HOUR,
            similarity: 0.7,
            track: 1,
            frame_seq: 1,
            experiment: None,
        }
    }

    fn event(id: u64, person: u64, kind: AttendanceKind, since: u64, at: u64) -> Attendance {
        Attendance { id, ..here(person, since, at).event(kind, at * HOUR) }
    }

    fn table(all: &[Attendance], span: Range<u64>, present: &[Presence]) -> Vec<PersonDay> {
        let span = span.start * HOUR..span.end * HOUR;
        let of_day: Vec<_> = all.iter().filter(|event| span.contains(&event.wall_ns)).cloned().collect();
        let next = |event: &Attendance| -> Result<_, ()> {
            Ok(all.iter().find(|other| other.person == event.person && other.id > event.id).cloned())
        };
        visits(&span, &of_day, present, next).unwrap()
    }

    #[test]
    fn visits_are_counted_and_their_time_is_added_up() {
        use AttendanceKind::{Enter, Leave, Seen};
        let all = [
            event(1, 1, Enter, 8, 8),
            event(2, 1, Seen, 8, 9),
            event(3, 2, Enter, 9, 9),
            event(4, 1, Leave, 8, 10),
            event(5, 1, Enter, 13, 13),
            event(6, 1, Leave, 13, 17),
        ];
        let rows = table(&all, 0..24, &[here(2, 9, 11)]);
        assert_eq!((rows[0].visits, rows[0].present_ns, rows[0].left_ns), (2, 6 * HOUR, Some(17 * HOUR)));
        assert_eq!((rows[0].first_ns, rows[0].last_ns, rows[0].present), (8 * HOUR, 17 * HOUR, false));
        assert_eq!((rows[1].visits, rows[1].present_ns, rows[1].left_ns), (1, 2 * HOUR, None));
        assert_eq!((rows[1].last_ns, rows[1].present), (11 * HOUR, true));
    }

    #[test]
    fn visits_of_two_people_who_were_merged_are_not_counted_twice() {
        use AttendanceKind::{Enter, Leave, Seen};
        let all = [
            event(1, 1, Enter, 8, 8),
            event(2, 1, Enter, 9, 9),
            event(3, 1, Seen, 8, 10),
            event(4, 1, Seen, 9, 11),
            event(5, 1, Leave, 8, 12),
        ];
        let row = &table(&all, 0..24, &[])[0];
        assert_eq!((row.visits, row.present_ns, row.left_ns), (1, 4 * HOUR, Some(12 * HOUR)));
    }

    #[test]
    fn a_night_is_cut_at_midnight() {
        use AttendanceKind::{Enter, Leave, Seen};
        let all = [event(1, 1, Enter, 22, 22), event(2, 1, Seen, 22, 23), event(3, 1, Leave, 22, 30)];
        let first = &table(&all, 0..24, &[])[0];
        assert_eq!((first.present_ns, first.left_ns, first.present), (2 * HOUR, None, false));
        assert_eq!((first.first_ns, first.last_ns), (22 * HOUR, 23 * HOUR));
        let second = &table(&all, 24..48, &[])[0];
        assert_eq!((second.first_ns, second.left_ns), (24 * HOUR, Some(30 * HOUR)));
        assert_eq!((second.present_ns, second.visits), (6 * HOUR, 1));
    }

    #[test]
    fn who_is_still_here_since_yesterday_has_a_row_today() {
        let all = [event(1, 1, AttendanceKind::Enter, 22, 22)];
        let present = [here(1, 22, 25)];
        let yesterday = &table(&all, 0..24, &present)[0];
        assert_eq!((yesterday.present_ns, yesterday.present), (2 * HOUR, false));
        let today = &table(&all, 24..48, &present)[0];
        assert_eq!((today.first_ns, today.last_ns, today.present_ns), (24 * HOUR, 25 * HOUR, HOUR));
        assert!(today.present);
        assert_eq!(table(&all, 48..72, &present), []);
    }

    #[test]
    fn a_day_has_23_24_or_25_hours_in_local_time() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let hours = |year, month, day| {
            let span = span_of(Date::constant(year, month, day), &berlin).unwrap();
            (span.end - span.start) / HOUR
        };
        assert_eq!([hours(2026, 3, 29), hours(2026, 3, 30), hours(2026, 10, 25)], [23, 24, 25]);
        let span = span_of(Date::constant(2026, 10, 25), &berlin).unwrap();
        for (wall, day) in [(span.start - 1, 24), (span.start, 25), (span.end - 1, 25), (span.end, 26)] {
            assert_eq!(day_of(wall, &berlin), Date::constant(2026, 10, day));
        }
        // Midnight does not exist there on this day: it begins at one.
        let beirut = TimeZone::get("Asia/Beirut").unwrap();
        let span = span_of(Date::constant(2026, 3, 29), &beirut).unwrap();
        assert_eq!((span.end - span.start) / HOUR, 23);
    }

    #[test]
    fn a_clock_that_was_set_back_makes_no_endless_visit() {
        use AttendanceKind::{Enter, Leave};
        let all = [event(1, 1, Enter, 10, 10), event(2, 1, Leave, 10, 9)];
        let row = &table(&all, 0..24, &[])[0];
        assert_eq!((row.present_ns, row.visits, row.left_ns), (0, 1, Some(9 * HOUR)));
    }
}
