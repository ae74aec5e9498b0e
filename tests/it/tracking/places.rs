//! Zones, lines and dwelling on paths that are known to the px: 1000 × 1000 px, margin 1 %, 30 frames a second.

use std::time::Duration;

use ocellus::config::{Anchor, Line, TrackConfig, Zone};
use ocellus::tracking::{Events, Tracker};
use ocellus::types::{Direction, Event, EventKind, Point, Rect};

use super::world::Rng;
use super::{finding, report};

const FRAME: u64 = 1_000_000_000 / 30;

fn at(x: f32, y: f32) -> Point {
    Point { x, y }
}

/// From x 400 to 600, y 200 to 800.
fn entrance(dwell: Option<Duration>) -> Zone {
    Zone { name: "door".into(), points: vec![at(0.4, 0.2), at(0.6, 0.2), at(0.6, 0.8), at(0.4, 0.8)], dwell }
}

/// At x 500, from the bottom up to y 300.
fn gate() -> Line {
    Line { name: "gate".into(), from: at(0.5, 1.0), to: at(0.5, 0.3) }
}

/// What is told at places when the centre of a 100 × 60 px thing takes this path, a point a frame; then it is gone.
fn walk(
    settings: TrackConfig,
    zones: &[Zone],
    lines: &[Line],
    path: impl IntoIterator<Item = (f32, f32)>,
) -> Vec<Event> {
    let mut tracker = Tracker::new(settings, 1).with_places(zones, lines);
    let path: Vec<_> = path.into_iter().map(Some).chain([None; 20]).collect();
    let mut reported = Vec::new();
    for (n, place) in path.into_iter().enumerate() {
        let found = place.map(|(x, y)| finding(Rect { x: x - 50.0, y: y - 30.0, w: 100.0, h: 60.0 }, 0.9));
        let mut events = Events::new();
        tracker.update(&mut report(n as u64, n as u64 * FRAME, found), &mut events);
        reported.extend(events.into_iter().filter(|event| event.place.is_some()));
    }
    reported
}

fn settings() -> TrackConfig {
    TrackConfig { min_frames: 2, max_gap: 5, ..TrackConfig::default() }
}

/// Frame, kind, milliseconds.
fn short(events: &[Event]) -> Vec<(u64, EventKind, Option<u64>)> {
    events.iter().map(|event| (event.frame_seq, event.kind, event.dwell_ms)).collect()
}

/// From the left to the right through the middle, 10 px a frame.
fn across() -> impl Iterator<Item = (f32, f32)> {
    (0..100).map(|n| (n as f32 * 10.0 + 5.0, 500.0))
}

#[test]
fn a_zone_is_entered_at_its_border_and_left_beyond_the_margin() {
    let reported = walk(settings(), &[entrance(None)], &[], across());
    // Inside from x 405 (frame 40); out of it and farther than 10 px at 615 (frame 61): 21 frames.
    assert_eq!(short(&reported), [(40, EventKind::ZoneEnter, None), (61, EventKind::ZoneLeave, Some(699))]);
    assert!(reported.iter().all(|event| event.place.as_deref() == Some("door") && event.track == 1));
}

#[test]
fn who_stays_longer_than_dwell_ms_is_reported_of_once_a_stay() {
    let stay = |from: f32| (0..45).map(move |n| (from + n as f32, 500.0));
    let steps = [524.0, 554.0, 584.0, 614.0, 590.0, 560.0, 530.0].map(|x| (x, 500.0));
    let path = stay(450.0).chain(steps);
    let reported = walk(settings(), &[entrance(Some(Duration::from_secs(1)))], &[], path.chain(stay(495.0)));
    let kinds: Vec<_> = short(&reported).into_iter().map(|(_, kind, ms)| (kind, ms)).collect();
    let expected = [
        (EventKind::ZoneEnter, None),
        (EventKind::Dwell, Some(1033)),
        (EventKind::ZoneLeave, Some(1566)),
        (EventKind::ZoneEnter, None),
        (EventKind::Dwell, Some(1033)),
        // Gone while inside: until it was seen last.
        (EventKind::ZoneLeave, Some(1566)),
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn who_begins_inside_enters_with_its_new_and_who_only_passes_outside_does_not() {
    let inside = walk(settings(), &[entrance(None)], &[], (0..10).map(|_| (500.0, 500.0)));
    assert_eq!(inside[0].kind, EventKind::ZoneEnter);
    assert_eq!(inside[0].frame_seq, 1, "the frame of its new");
    let above = walk(settings(), &[entrance(None)], &[], (0..100).map(|n| (n as f32 * 10.0, 195.0)));
    assert_eq!(above, []);
}

#[test]
fn jitter_on_a_border_makes_no_events() {
    let mut rng = Rng(3);
    let mut jitter = |x: f32| (x + rng.between(-8.0, 8.0), 500.0 + rng.between(-8.0, 8.0));
    let path: Vec<_> = (0..600).map(|_| jitter(400.0)).collect();
    let reported = walk(settings(), &[entrance(None)], &[], path);
    assert_eq!(reported.len(), 2, "in once, and out when it is gone: {:?}", short(&reported));
    let path: Vec<_> = (0..600).map(|_| jitter(500.0)).collect();
    assert_eq!(walk(settings(), &[], &[gate()], path), [], "standing on the line crosses nothing");
}

#[test]
fn a_line_is_crossed_once_each_way_and_the_hands_say_which() {
    let there = walk(settings(), &[], &[gate()], across());
    let words: Vec<_> = there.iter().map(|event| (event.frame_seq, event.direction)).collect();
    // x 515 is the first beyond the margin.
    assert_eq!(words, [(51, Some(Direction::LeftToRight))]);
    let back: Vec<_> = across().collect::<Vec<_>>().into_iter().rev().collect();
    let back = walk(settings(), &[], &[gate()], back);
    assert_eq!((back.len(), back[0].direction), (1, Some(Direction::RightToLeft)));
    let turned = Line { from: gate().to, to: gate().from, ..gate() };
    let turned = walk(settings(), &[], &[turned], across());
    assert_eq!(turned[0].direction, Some(Direction::RightToLeft), "the line looks the other way");
}

#[test]
fn the_way_round_the_end_of_a_line_crosses_nothing() {
    // Above its upper end at y 300, then down behind it.
    let over = (0..100).map(|n| (n as f32 * 10.0 + 5.0, 250.0));
    let down = (0..50).map(|n| (995.0, 250.0 + n as f32 * 10.0));
    assert_eq!(walk(settings(), &[], &[gate()], over.chain(down)), []);
}

#[test]
fn a_line_that_is_crossed_before_an_object_is_believed_is_reported_with_its_new() {
    let settings = TrackConfig { min_frames: 6, ..settings() };
    let path = (0..30).map(|n| (460.0 + n as f32 * 15.0, 500.0));
    let reported = walk(settings, &[], &[gate()], path);
    assert_eq!((reported.len(), reported[0].frame_seq), (1, 5));
}

#[test]
fn the_anchor_is_where_somebody_stands_or_the_middle() {
    // The centre passes above the door, the feet go through it.
    let path = || (0..100).map(|n| (n as f32 * 10.0 + 5.0, 180.0));
    assert_eq!(walk(settings(), &[entrance(None)], &[], path()), []);
    let bottom = TrackConfig { anchor: Anchor::Bottom, ..settings() };
    let reported = walk(bottom, &[entrance(None)], &[], path());
    assert_eq!(reported.len(), 2);
}

#[test]
fn a_zone_is_not_left_while_its_object_is_missed_for_a_moment() {
    let mut tracker = Tracker::new(settings(), 1).with_places(&[entrance(None)], &[]);
    let mut reported = Vec::new();
    for n in 0..40u64 {
        let hidden = (10..14).contains(&n);
        let found = (!hidden).then(|| finding(Rect { x: 450.0, y: 470.0, w: 100.0, h: 60.0 }, 0.9));
        let mut events = Events::new();
        tracker.update(&mut report(n, n * FRAME, found), &mut events);
        reported.extend(events.into_iter().filter(|event| event.place.is_some()));
    }
    assert_eq!(reported.len(), 1);
    assert_eq!(tracker.zones_of(1).map(|name| &**name).collect::<Vec<_>>(), ["door"]);
}

#[test]
fn a_frame_of_another_size_has_its_places_at_the_same_shares() {
    let mut tracker = Tracker::new(settings(), 1).with_places(&[entrance(None)], &[]);
    let mut zones = Vec::new();
    for n in 0..6u64 {
        let (side, scale) = if n < 3 { (1000, 1.0) } else { (500, 0.5) };
        let rect = Rect { x: 450.0 * scale, y: 470.0 * scale, w: 100.0 * scale, h: 60.0 * scale };
        let mut report = report(n, n * FRAME, [finding(rect, 0.9)]);
        (report.width, report.height) = (side, side);
        tracker.update(&mut report, &mut Events::new());
        zones.push(report.findings[0].zones.iter().count());
    }
    assert_eq!(zones[1], 1);
    assert_eq!(zones[5], 1, "half the size, the same place: {zones:?}");
}
