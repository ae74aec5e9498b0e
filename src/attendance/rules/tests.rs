//! The rules, driven by hand and by chance.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::config::Hours;
use crate::types::{Identity, Rect, ZoneSet};

const MS: u64 = 1_000_000;
/// 2026-11-20 08:00:00 UTC, a Friday.
const MORNING: u64 = 1_795_161_600 * 1_000_000_000;

fn settings() -> RuleSettings {
    let all = config::AttendanceConfig {
        min_similarity: 0.6,
        agree_frames: 2,
        agree: Duration::from_millis(1_000),
        seen_every: Duration::from_millis(2_000),
        leave_after: Duration::from_millis(3_000),
        max_blind: Duration::from_millis(60_000),
        zone: TimeZone::UTC,
        ..config::AttendanceConfig::default()
    };
    let exit = CameraAttendance { role: CameraRole::Exit, ..CameraAttendance::default() };
    let entrance = CameraAttendance { zones: vec!["door".into()], ..CameraAttendance::default() };
    let none = CameraAttendance { role: CameraRole::None, ..CameraAttendance::default() };
    let cameras = [("exit", exit), ("hall", entrance), ("street", none)];
    RuleSettings { all, cameras: cameras.map(|(name, camera)| (name.to_owned(), camera)).into() }
}

fn at(ms: u64) -> Stamp {
    Stamp { mono_ns: ms * MS, wall_ns: MORNING + ms * MS }
}

fn sighting(camera: &str, track: u64, person: Option<u64>, at: Stamp) -> Sighting {
    Sighting {
        camera: camera.into(),
        frame_seq: at.mono_ns / MS,
        captured: at,
        time_ns: at.mono_ns,
        track,
        rect: Rect::default(),
        identity: person
            .map(|person| Identity { person: PersonId(person), name: format!("p{person}").into() }),
        similarity: 0.8,
        zones: ZoneSet::default(),
        experiment: None,
    }
}

/// The rules, with all events that they have given.
struct Harness {
    rules: Rules,
    events: Vec<Attendance>,
    away: Vec<&'static str>,
}

impl Harness {
    fn new(settings: RuleSettings) -> Harness {
        let mut rules = Rules::new(settings, SightingCounts::default());
        rules.restore(Vec::new(), at(0), 0);
        Harness { rules, events: Vec::new(), away: Vec::new() }
    }

    fn push(&mut self, camera: &str, track: u64, person: u64, ms: u64) {
        self.rules.push(&sighting(camera, track, Some(person), at(ms)), &mut self.events);
    }

    fn tick(&mut self, ms: u64) {
        let away = self.away.clone();
        self.rules.tick(at(ms), &|camera| !away.contains(&camera), &mut self.events);
    }

    /// Events since the last call: kind, person and moment in ms.
    fn events(&mut self) -> Vec<(&'static str, u64, u64)> {
        let events = std::mem::take(&mut self.events);
        events.iter().map(|e| (e.kind.as_str(), e.person.0, e.wall_ns.saturating_sub(MORNING) / MS)).collect()
    }
}

#[test]
fn a_person_enters_is_seen_and_leaves_once() {
    let mut harness = Harness::new(settings());
    for ms in (0..=4_500).step_by(100) {
        harness.push("front", 7, 1, ms);
        harness.tick(ms);
    }
    assert_eq!(harness.events(), [("enter", 1, 100), ("seen", 1, 2_100), ("seen", 1, 4_100)]);
    for ms in (4_600..9_000).step_by(100) {
        harness.tick(ms);
    }
    assert_eq!(harness.events[0].since_ns, MORNING + 100 * MS);
    assert_eq!(harness.events(), [("leave", 1, 4_500)], "dated with the last sighting");
    assert_eq!(harness.rules.present(), 0);
}

#[test]
fn one_sighting_is_not_enough_and_two_that_are_far_apart_are_not_either() {
    let mut harness = Harness::new(settings());
    harness.push("front", 7, 1, 0);
    harness.push("front", 8, 1, 10);
    harness.push("front", 7, 1, 1_500);
    assert_eq!(harness.events(), []);
    harness.push("front", 7, 1, 2_400);
    assert_eq!(harness.events(), [("enter", 1, 2_400)]);
}

#[test]
fn a_face_that_is_one_person_now_and_another_then_is_nobody() {
    let mut harness = Harness::new(settings());
    for ms in 0..50 {
        harness.push("front", 7, ms % 2 + 1, ms * 20);
    }
    for ms in 0..50 {
        harness.push("front", 8, 1, 2_000 + ms * 20);
        harness.rules.push(&sighting("front", 8, None, at(2_010 + ms * 20)), &mut harness.events);
    }
    assert_eq!(harness.events(), []);
    let counts = &harness.rules.counts;
    assert_eq!((counts.disagreed.get(), counts.unknown.get(), counts.waiting.get()), (49, 50, 51));
}

#[test]
fn a_weak_or_unknown_face_and_one_that_is_no_number_count_for_nothing() {
    let mut harness = Harness::new(settings());
    for (ms, similarity) in [(0, 0.59), (10, f32::NAN), (20, 0.2), (30, -1.0)] {
        let weak = Sighting { similarity, ..sighting("front", 7, Some(1), at(ms)) };
        harness.rules.push(&weak, &mut harness.events);
        harness.rules.push(&sighting("front", 7, None, at(ms + 5)), &mut harness.events);
    }
    assert_eq!((harness.events(), harness.rules.counts.weak.get()), (vec![], 4));
}

#[test]
fn two_cameras_make_one_presence_and_the_last_one_is_named_at_the_end() {
    let mut harness = Harness::new(settings());
    for ms in (0..=1_000).step_by(100) {
        harness.push("front", 7, 1, ms);
        harness.push("back", 7, 1, ms + 20);
    }
    harness.tick(1_100);
    for ms in (1_100..9_000).step_by(100) {
        harness.tick(ms);
    }
    assert_eq!(harness.events.last().map(|event| &*event.camera), Some("back"));
    assert_eq!(harness.events(), [("enter", 1, 100), ("leave", 1, 1_020)]);
}

#[test]
fn zones_roles_and_cameras_that_do_not_count() {
    let mut harness = Harness::new(settings());
    for ms in (0..1_000).step_by(100) {
        harness.push("street", 1, 1, ms);
        harness.push("hall", 1, 2, ms);
        harness.push("exit", 1, 3, ms);
    }
    assert_eq!(
        harness.events(),
        [],
        "a street, outside the door's zone, and somebody who is not here leaves"
    );
    for ms in [1_000, 1_100] {
        let mut inside = sighting("hall", 1, Some(2), at(ms));
        inside.zones = ZoneSet::of(["door"]);
        harness.rules.push(&inside, &mut harness.events);
    }
    harness.push("exit", 9, 2, 1_200);
    assert_eq!(harness.events(), [("enter", 2, 1_100)]);
    harness.push("exit", 9, 2, 1_300);
    harness.push("exit", 9, 2, 1_400);
    assert_eq!(harness.events(), [("leave", 2, 1_300)]);
}

#[test]
fn somebody_in_all_zones_that_a_camera_may_have_is_present_in_each() {
    let names: Vec<String> = (0..crate::types::MAX_ZONES).map(|n| format!("zone{n}")).collect();
    for zone in &names {
        let mut settings = settings();
        let camera = CameraAttendance { zones: vec![zone.clone()], ..CameraAttendance::default() };
        settings.cameras.insert("hall".into(), camera);
        let mut harness = Harness::new(settings);
        for ms in [1_000, 1_100] {
            let mut inside = sighting("hall", 1, Some(2), at(ms));
            inside.zones = ZoneSet::of(names.iter().map(String::as_str));
            harness.rules.push(&inside, &mut harness.events);
        }
        assert_eq!(harness.events(), [("enter", 2, 1_100)], "{zone}");
    }
}

#[test]
fn a_camera_that_is_away_ends_no_presence_until_the_box_was_blind_for_too_long() {
    let mut harness = Harness::new(settings());
    harness.push("front", 7, 1, 0);
    harness.push("front", 7, 1, 100);
    harness.away = vec!["front"];
    for ms in (200..50_000).step_by(500) {
        harness.tick(ms);
    }
    assert_eq!(harness.events(), [("enter", 1, 100)]);
    harness.away.clear();
    harness.push("front", 12, 1, 50_000);
    harness.push("front", 12, 1, 50_100);
    assert_eq!(harness.events(), [("seen", 1, 50_100)]);
    harness.away = vec!["front"];
    for ms in (50_200..112_000).step_by(500) {
        harness.tick(ms);
    }
    assert_eq!(harness.events(), [("leave", 1, 50_100)]);
}

#[test]
fn a_process_that_stood_still_did_not_look() {
    let mut harness = Harness::new(RuleSettings {
        all: config::AttendanceConfig { leave_after: Duration::from_secs(20), ..settings().all },
        ..settings()
    });
    harness.push("front", 7, 1, 0);
    harness.push("front", 7, 1, 100);
    harness.tick(200);
    harness.tick(40_200);
    assert_eq!(harness.events(), [("enter", 1, 100)], "40 s without a tick are no absence of 40 s");
}

#[test]
fn a_restart_makes_no_event_and_a_night_off_ends_the_presence() {
    let presence = Presence {
        person: PersonId(1),
        name: "p1".into(),
        camera: "front".into(),
        since_ns: MORNING,
        last_ns: MORNING + 5,
        similarity: 0.7,
        track: 1,
        frame_seq: 1,
        experiment: None,
    };
    let mut harness = Harness::new(settings());
    harness.rules.restore(vec![presence.clone()], at(100_000), at(50_000).wall_ns);
    harness.tick(100_100);
    harness.push("front", 3, 1, 100_200);
    harness.push("front", 3, 1, 100_300);
    assert_eq!(harness.events(), []);
    harness.rules.restore(vec![presence], at(100_000), at(39_000).wall_ns);
    harness.tick(100_100);
    assert_eq!(harness.events[0].wall_ns, MORNING + 5);
    assert_eq!(harness.events(), [("leave", 1, 0)]);
}

#[test]
fn nobody_counts_outside_the_schedule_and_who_was_here_leaves() {
    let time = |hour, minute| Time::constant(hour, minute, 0, 0);
    let hours = Hours { days: vec![Weekday::Friday], from: time(8, 0), to: Some(time(9, 0)) };
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    // 08:00 UTC is 09:00 in Berlin: just over.
    let all = config::AttendanceConfig { schedule: vec![hours.clone()], zone, ..settings().all };
    let mut harness = Harness::new(RuleSettings { all, ..settings() });
    let early = |ms| Stamp { mono_ns: ms * MS, wall_ns: MORNING - 3_000 * MS + ms * MS };
    for ms in (0..8_000).step_by(100) {
        harness.rules.push(&sighting("front", 7, Some(1), early(ms)), &mut harness.events);
        harness.rules.tick(early(ms), &|_| true, &mut harness.events);
    }
    let events: Vec<_> =
        harness.events.iter().map(|e| (e.kind.as_str(), (e.wall_ns + 3_000 * MS - MORNING) / MS)).collect();
    assert_eq!(events, [("enter", 100), ("seen", 2_100), ("leave", 2_900)]);
    let night = Hours { days: vec![Weekday::Friday], from: time(22, 0), to: Some(time(6, 0)) };
    let hour = 3_600_000 * MS;
    let open = |hours: &Hours, wall_ns| is_open(std::slice::from_ref(hours), &TimeZone::UTC, wall_ns);
    for (hours_later, expected) in [(0, false), (14, true), (17, true), (21, true), (22, false), (38, false)]
    {
        assert_eq!(open(&night, MORNING + hours_later * hour), expected, "{hours_later} h later");
    }
    assert!(!open(&night, MORNING - 3 * hour), "Friday at 5 belongs to Thursday's night");
    assert!(open(&Hours { to: None, ..hours }, MORNING + 15 * hour), "until midnight");
}

#[test]
fn a_wall_clock_that_is_set_back_changes_dates_and_no_durations() {
    let mut harness = Harness::new(settings());
    let back = |ms: u64| Stamp { mono_ns: ms * MS, wall_ns: MORNING - 3_600_000 * MS + ms * MS };
    harness.push("front", 7, 1, 0);
    harness.push("front", 7, 1, 100);
    for ms in (200..2_000).step_by(100) {
        harness.rules.push(&sighting("front", 7, Some(1), back(ms)), &mut harness.events);
        harness.rules.tick(back(ms), &|_| true, &mut harness.events);
    }
    assert_eq!(harness.events.len(), 1, "neither seen nor leave came early");
    for ms in (2_000..5_000).step_by(100) {
        harness.rules.tick(back(ms), &|_| true, &mut harness.events);
    }
    let leave = harness.events.last().unwrap();
    assert_eq!((leave.kind, leave.wall_ns), (AttendanceKind::Leave, back(1_900).wall_ns));
}

#[test]
fn who_is_forgotten_never_leaves_and_has_to_agree_again() {
    let mut harness = Harness::new(settings());
    harness.push("front", 7, 1, 0);
    harness.push("front", 7, 1, 100);
    harness.rules.forget(PersonId(1));
    harness.tick(9_000);
    harness.push("front", 7, 1, 9_100);
    assert_eq!(harness.events(), [("enter", 1, 100)]);
}

#[test]
fn two_people_who_were_one_go_on_as_one_presence() {
    let mut harness = Harness::new(settings());
    for ms in [0, 100] {
        harness.push("front", 1, 1, ms);
        harness.push("front", 2, 2, ms + 10);
        harness.push("front", 3, 3, ms + 20);
    }
    harness.rules.merge(PersonId(1), PersonId(2));
    harness.rules.merge(PersonId(3), PersonId(4));
    for ms in (200..9_000).step_by(100) {
        harness.tick(ms);
    }
    let leaves: Vec<_> =
        harness.events.iter().skip(3).map(|e| (e.person.0, (e.since_ns - MORNING) / MS)).collect();
    assert_eq!(leaves, [(2, 100), (4, 120)], "one leave a person, since the first of both began");
}

/// A step of a random life.
#[derive(Clone, Debug)]
enum Step {
    Saw { camera: usize, track: u64, person: Option<u64>, late_ms: u64, strong: bool },
    Pass { ms: u64 },
    Clock { by_ms: i64 },
    Away { camera: usize, away: bool },
    Restart { blind_ms: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let push =
        (0..3_usize, 0..3_u64, prop::option::weighted(0.9, 1..4_u64), 0..300_u64, prop::bool::weighted(0.9));
    let push = push.prop_map(|(camera, track, person, late_ms, strong)| Step::Saw {
        camera,
        track,
        person,
        late_ms,
        strong,
    });
    prop::collection::vec(
        prop_oneof![
            12 => push,
            8 => (1..1_500_u64).prop_map(|ms| Step::Pass { ms }),
            1 => (-10_000_000..10_000_000_i64).prop_map(|by_ms| Step::Clock { by_ms }),
            1 => (0..3_usize, any::<bool>()).prop_map(|(camera, away)| Step::Away { camera, away }),
            1 => (0..90_000_u64).prop_map(|blind_ms| Step::Restart { blind_ms }),
        ],
        1..200,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// For any sightings on any cameras in any order, with clocks that jump, cameras that fail and restarts
    /// in between: each person enters, is seen, and leaves, in this order, and presence agrees with the
    /// events.
    #[test]
    fn every_person_s_events_are_lives_one_after_the_other(steps in steps()) {
        const CAMERAS: [&str; 3] = ["front", "back", "exit"];
        let mut rules = Rules::new(settings(), SightingCounts::default());
        let (mut events, mut away) = (Vec::new(), [false; 3]);
        let (mut mono, mut shift) = (1_000_u64, 20_000_000_i64);
        let stamp = |mono: u64, shift: i64| {
            Stamp { mono_ns: mono * MS, wall_ns: MORNING + (mono as i64 + shift).max(0) as u64 * MS }
        };
        rules.restore(Vec::new(), stamp(mono, shift), 0);
        for step in steps {
            match step {
                Step::Saw { camera, track, person, late_ms, strong } => {
                    let when = stamp(mono.saturating_sub(late_ms), shift);
                    let similarity = if strong { 0.7 } else { 0.5 };
                    let seen = Sighting { similarity, ..sighting(CAMERAS[camera], track, person, when) };
                    rules.push(&seen, &mut events);
                }
                Step::Pass { ms } => {
                    mono += ms;
                    let looks = |name: &str| CAMERAS.iter().position(|c| *c == name).is_none_or(|at| !away[at]);
                    rules.tick(stamp(mono, shift), &looks, &mut events);
                }
                Step::Clock { by_ms } => shift += by_ms,
                Step::Away { camera, away: is } => away[camera] = is,
                Step::Restart { blind_ms } => {
                    let here = (1..4).filter_map(|person| rules.presence(PersonId(person)).cloned()).collect();
                    rules = Rules::new(settings(), SightingCounts::default());
                    let now = stamp(mono, shift);
                    rules.restore(here, now, now.wall_ns.saturating_sub(blind_ms * MS));
                }
            }
        }
        let mut here: BTreeMap<PersonId, u64> = BTreeMap::new();
        for event in &events {
            match event.kind {
                AttendanceKind::Enter => {
                    prop_assert!(here.insert(event.person, event.since_ns).is_none(), "entered twice: {events:#?}");
                }
                AttendanceKind::Seen => prop_assert_eq!(here.get(&event.person), Some(&event.since_ns)),
                AttendanceKind::Leave => prop_assert_eq!(here.remove(&event.person), Some(event.since_ns)),
            }
        }
        for person in (1..4).map(PersonId) {
            prop_assert_eq!(rules.presence(person).map(|presence| presence.since_ns), here.get(&person).copied());
        }
    }
}
