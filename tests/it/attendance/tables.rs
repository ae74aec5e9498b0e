//! A day's table: its borders in local time, and CSV and XLSX opened again.

use std::io::Cursor;

use calamine::{Data, DataType, Reader, Xlsx};
use jiff::Zoned;
use jiff::tz::TimeZone;
use ocellus::attendance::{DayRequest, day};
use ocellus::config;
use ocellus::contract::{Day, table};
use ocellus::store::Store;
use ocellus::types::{AttendanceKind, PersonId, Presence};
use serde_json::json;

/// Names that somebody might enrol to harm whoever opens the table.
pub const HOSTILE: [&str; 6] = [
    "=HYPERLINK(\"http://evil\",\"Pay\")",
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1:A9)",
    "Line\nbreak, \"quoted\"",
    "Tab\tand \u{1}bell",
];

/// Writes visits: person, name, from and (if over) to, as local times of `zone`.
pub fn write(store: &Store, zone: &str, visits: &[(u64, &str, &str, Option<&str>)]) {
    for (person, name, from, to) in visits {
        let wall = |text: &str| -> u64 {
            let zoned: Zoned = format!("{text}[{zone}]").parse().unwrap();
            zoned.timestamp().as_nanosecond().try_into().unwrap()
        };
        let here = Presence {
            person: PersonId(*person),
            name: (*name).into(),
            camera: "front".into(),
            since_ns: wall(from),
            last_ns: wall(to.unwrap_or(from)),
            similarity: 0.712_349,
            track: 4,
            frame_seq: 9,
            experiment: None,
        };
        let book = store.attendance();
        book.record(&[here.event(AttendanceKind::Enter, here.since_ns)], |_| Some(here.clone())).unwrap();
        if to.is_some() {
            book.record(&[here.event(AttendanceKind::Leave, here.last_ns)], |_| None).unwrap();
        }
    }
}

fn table_of(store: &Store, zone: &str, day_wanted: &str, now: &str) -> Day {
    let settings = config::AttendanceConfig {
        zone: TimeZone::get(zone).unwrap(),
        ..config::AttendanceConfig::default()
    };
    let now: Zoned = format!("{now}[{zone}]").parse().unwrap();
    let request = DayRequest { day: Some(day_wanted.into()), person: None };
    let now_ns = now.timestamp().as_nanosecond().try_into().unwrap();
    day(store, &settings, &request, now_ns, &|_| None).unwrap()
}

fn opened() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap().store;
    (dir, store)
}

#[test]
fn a_day_begins_and_ends_at_local_midnight_also_when_the_clocks_are_changed() {
    let (_dir, store) = opened();
    let visits = [
        (1, "Ada", "2026-10-24T23:30:00", Some("2026-10-25T06:00:00")),
        (2, "Bo", "2026-10-25T00:00:00", Some("2026-10-25T23:59:59")),
        (3, "Cy", "2026-10-26T00:00:00", Some("2026-10-26T08:00:00")),
    ];
    write(&store, "Europe/Berlin", &visits);
    let json_of = |zone: &str, day: &str| {
        serde_json::to_value(table_of(&store, zone, day, "2026-11-21T12:00:00")).unwrap()
    };
    let of = |day: &str| json_of("Europe/Berlin", day);
    let reported = of("2026-10-25");
    let rows = reported["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{reported}");
    // From midnight to six the night has seven hours, and the day 25.
    assert_eq!((&rows[0]["name"], &rows[0]["present_s"]), (&json!("Ada"), &json!(7 * 3_600)));
    assert_eq!(rows[0]["first_in"], "2026-10-24T22:00:00.000000Z");
    assert_eq!(rows[1]["present_s"], json!(25 * 3_600 - 1));
    assert_eq!(of("2026-10-24")["rows"][0]["present_s"], json!(30 * 60));
    assert_eq!(of("2026-10-26")["rows"].as_array().unwrap().len(), 1);
    // The same instants are another day in Tokyo.
    assert_eq!(json_of("Asia/Tokyo", "2026-10-25")["rows"].as_array().unwrap().len(), 2);
    assert_eq!(reported["time_zone"], "Europe/Berlin");
}

#[test]
fn a_table_can_be_asked_for_one_person_and_says_what_it_does_not_understand() {
    let (_dir, store) = opened();
    let visits = [
        (1, "Ada", "2026-11-20T08:00:00", Some("2026-11-20T09:00:00")),
        (2, "Bo", "2026-11-20T08:30:00", None),
    ];
    write(&store, "UTC", &visits);
    let settings = config::AttendanceConfig { zone: TimeZone::UTC, ..config::AttendanceConfig::default() };
    let now = 1_795_161_600_000_000_000 + 10 * 3_600_000_000_000;
    let ask = |day_wanted: Option<&str>, person: Option<&str>| {
        let request = DayRequest { day: day_wanted.map(Into::into), person: person.map(Into::into) };
        day(&store, &settings, &request, now, &|person| (person == PersonId(1)).then(|| "Ada L.".into()))
    };
    for person in ["1", "Ada L."] {
        let reported = ask(None, Some(person)).unwrap();
        assert_eq!((reported.rows.len(), reported.events.len()), (1, 2), "{reported:?}");
        assert_eq!((&*reported.rows[0].name, &*reported.events[0].name), ("Ada L.", "Ada"));
    }
    assert!(ask(None, Some("2")).unwrap().rows[0].present);
    assert_eq!(ask(Some("2026-11-19"), None).unwrap().rows, []);
    for wrong in ["yesterday", "2026-13-01", "20.11.2026", ""] {
        assert_eq!(ask(Some(wrong), None).unwrap_err().code, "bad_day", "{wrong}");
    }
}

#[test]
fn a_csv_that_is_opened_again_says_the_same_and_calculates_nothing() {
    let (_dir, store) = opened();
    let names: Vec<_> = (1..).zip(HOSTILE).collect();
    let visits: Vec<_> = names
        .iter()
        .map(|(id, name)| (*id, *name, "2026-07-01T08:00:00", Some("2026-07-01T16:30:05")))
        .collect();
    write(&store, "Europe/Berlin", &visits);
    let reported = table_of(&store, "Europe/Berlin", "2026-07-01", "2026-07-02T12:00:00");
    let bytes = table::csv(&reported).unwrap();
    let mut read = csv::Reader::from_reader(&bytes[..]);
    let head: Vec<_> = read.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(head, ["person", "name", "first_in", "last_seen", "left", "present_s", "visits", "present"]);
    let rows: Vec<_> = read.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), HOSTILE.len());
    for row in &rows {
        let id: usize = row[0].parse().unwrap();
        let name = HOSTILE[id - 1];
        assert_eq!(row[1].trim_start_matches('\''), name);
        assert!(!row[1].starts_with(['=', '+', '-', '@', '\t']), "{row:?}");
        assert_eq!([&row[2], &row[4]], ["2026-07-01T08:00:00+02:00", "2026-07-01T16:30:05+02:00"]);
        assert_eq!([&row[5], &row[6], &row[7]], ["30605", "1", "false"]);
    }
}

#[test]
fn a_workbook_that_is_opened_again_says_the_same() {
    let (_dir, store) = opened();
    let names: Vec<_> = (1..).zip(HOSTILE).collect();
    let visits: Vec<_> = names
        .iter()
        .map(|(id, name)| (*id, *name, "2026-07-01T08:00:00", Some("2026-07-01T16:30:05")))
        .collect();
    write(&store, "Europe/Berlin", &visits);
    write(&store, "Europe/Berlin", &[(9, "Zoë", "2026-07-01T09:00:00", None)]);
    let reported = table_of(&store, "Europe/Berlin", "2026-07-01", "2026-07-01T20:00:00");
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(table::xlsx(&reported).unwrap())).unwrap();
    assert_eq!(book.sheet_names(), ["2026-07-01", "events"]);
    let sheet = book.worksheet_range("2026-07-01").unwrap();
    assert_eq!(sheet.height(), HOSTILE.len() + 2);
    for row in sheet.rows().skip(1).take(HOSTILE.len()) {
        let id = row[0].as_f64().unwrap() as usize;
        // Control characters are not allowed in XML; the writer's escape is undone by spreadsheets.
        let name = row[1].as_string().unwrap().replace("_x0001_", "\u{1}");
        assert_eq!(name, HOSTILE[id - 1]);
        let time = |cell: &Data| match cell {
            Data::DateTime(moment) => moment.to_ymd_hms_milli(),
            other => panic!("{other:?} is no moment"),
        };
        assert_eq!(time(&row[2]), (2026, 7, 1, 8, 0, 0, 0));
        assert_eq!(time(&row[4]), (2026, 7, 1, 16, 30, 5, 0));
        let Data::DateTime(spent) = &row[5] else { panic!("{row:?}") };
        assert!((spent.as_f64() - 30_605.0 / 86_400.0).abs() < 1e-9);
        assert_eq!((&row[6], &row[7]), (&Data::Float(1.0), &Data::Bool(false)));
    }
    let last = sheet.rows().next_back().unwrap();
    assert_eq!(
        (&last[1], &last[4], &last[7]),
        (&Data::String("Zoë".into()), &Data::Empty, &Data::Bool(true))
    );
    let events = book.worksheet_range("events").unwrap();
    assert_eq!(events.height(), reported.events.len() + 1);
    assert_eq!(events.rows().nth(1).unwrap()[6], Data::Float(0.7123));
    assert!(book.worksheet_formula("2026-07-01").unwrap().is_empty(), "no formula anywhere");
}
