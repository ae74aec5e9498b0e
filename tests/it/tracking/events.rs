//! What is told of objects, and when: sure and unsure detections, steps of time, and more to tell than there is room for.

use std::collections::BTreeMap;
use std::time::Duration;

use ocellus::config::{TrackConfig, Zone};
use ocellus::tracking::{Events, MAX_EVENTS, MAX_TRACKS, Tracker};
use ocellus::types::{Event, EventKind, Finding, Point, Rect};

use super::{MIN_SCORE, finding, report};

const FRAME: u64 = 1_000_000_000 / 30;

fn square(x: f32, y: f32) -> Rect {
    Rect { x, y, w: 40.0, h: 40.0 }
}

fn tracker(settings: TrackConfig) -> Tracker {
    let mut tracker = Tracker::new(settings, 1);
    tracker.set_min_score(MIN_SCORE);
    tracker
}

/// Feeds the findings of each frame; everything that is told.
fn feed(tracker: &mut Tracker, frames: impl IntoIterator<Item = Vec<Finding>>) -> Vec<Event> {
    let mut reported = Vec::new();
    for (n, findings) in frames.into_iter().enumerate() {
        let mut events = Events::new();
        tracker.update(&mut report(n as u64, n as u64 * FRAME, findings), &mut events);
        reported.extend(events);
    }
    reported
}

fn count(events: &[Event], kind: EventKind) -> usize {
    events.iter().filter(|event| event.kind == kind).count()
}

/// Sure for ten frames, then unsure for thirty, then sure again: somebody behind a counter.
fn half_hidden() -> Vec<Vec<Finding>> {
    let score = |n| if (10..40).contains(&n) { 0.2 } else { 0.9 };
    (0..60).map(|n| vec![finding(square(n as f32 * 3.0, 100.0), score(n))]).collect()
}

#[test]
fn an_unsure_detection_keeps_an_object_alive_but_begins_none() {
    let reported = feed(&mut tracker(TrackConfig::default()), half_hidden());
    assert_eq!((count(&reported, EventKind::New), count(&reported, EventKind::End)), (1, 0));
    let ghosts = (0..30).map(|_| vec![finding(square(500.0, 500.0), 0.3)]);
    assert_eq!(feed(&mut tracker(TrackConfig::default()), ghosts), []);
}

#[test]
fn a_lost_object_is_not_found_again_in_an_unsure_detection() {
    let score = |n| match n {
        0..10 => Some(0.9),
        14..40 => Some(0.2),
        _ => None,
    };
    let frames = (0..40).map(|n| score(n).map(|s| finding(square(100.0, 100.0), s)).into_iter().collect());
    let reported = feed(&mut tracker(TrackConfig::default()), frames);
    assert_eq!(count(&reported, EventKind::End), 1);
}

#[test]
fn an_object_that_is_missed_for_up_to_max_gap_frames_goes_on() {
    let frames = |gap: u64| {
        (0..60u64).map(move |n| {
            let gone = (20..20 + gap).contains(&n);
            if gone { Vec::new() } else { vec![finding(square(n as f32 * 6.0, 100.0), 0.9)] }
        })
    };
    let settings = TrackConfig { max_gap: 10, ..TrackConfig::default() };
    assert_eq!(count(&feed(&mut tracker(settings.clone()), frames(10)), EventKind::New), 1);
    assert_eq!(count(&feed(&mut tracker(settings), frames(11)), EventKind::New), 2);
}

#[test]
fn frames_that_arrive_in_bursts_are_judged_by_the_time_of_their_source() {
    // Four at once, then a pause, and the things move by three quarters of their width in two frames.
    let settings = TrackConfig { min_frames: 2, ..TrackConfig::default() };
    let mut tracker = tracker(settings);
    let mut reported = Vec::new();
    for n in 0..40u64 {
        let mut report = report(n, n / 4 * 4 * FRAME, [finding(square(n as f32 * 15.0, 100.0), 0.9)]);
        report.pts_ns = Some(n * FRAME);
        let mut events = Events::new();
        tracker.update(&mut report, &mut events);
        reported.extend(events);
    }
    assert_eq!((count(&reported, EventKind::New), count(&reported, EventKind::End)), (1, 0));
}

#[test]
fn a_finding_bears_its_number_from_the_frame_on_in_which_new_is_reported() {
    let mut tracker = tracker(TrackConfig { min_frames: 3, ..TrackConfig::default() });
    for n in 0..6 {
        let mut report = report(n, n * FRAME, [finding(square(100.0, 100.0), 0.9)]);
        let mut events = Events::new();
        tracker.update(&mut report, &mut events);
        assert_eq!(report.findings[0].track, (n >= 2).then_some(1), "frame {n}");
        assert_eq!(count(&events, EventKind::New), usize::from(n == 2), "frame {n}");
    }
}

#[test]
fn objects_of_different_classes_are_never_one() {
    let other = |finding: Finding| Finding { class: 1, ..finding };
    let frames = (0..20).map(|n| {
        let found = finding(square(100.0, 100.0), 0.9);
        vec![if n < 10 { found } else { other(found) }]
    });
    assert_eq!(count(&feed(&mut tracker(TrackConfig::default()), frames), EventKind::New), 2);
}

/// Places for one object each, far apart.
fn raster(count: usize) -> Vec<Finding> {
    (0..count).map(|n| finding(square((n % 20) as f32 * 50.0, (n / 20) as f32 * 50.0), 0.9)).collect()
}

#[test]
fn detections_beyond_the_most_objects_are_counted() {
    let mut tracker = tracker(TrackConfig { min_frames: 1, max_gap: 100, ..TrackConfig::default() });
    feed(&mut tracker, [raster(100)]);
    let elsewhere = raster(100).into_iter().map(|f| {
        let Rect { x, y, .. } = f.rect().unwrap();
        finding(square(x, y + 500.0), 0.9)
    });
    let reported = feed(&mut tracker, [elsewhere.collect()]);
    assert_eq!(count(&reported, EventKind::New), MAX_TRACKS - 100);
    assert_eq!(tracker.overflow, 200 - MAX_TRACKS as u64);
}

#[test]
fn more_than_a_frame_has_space_for_is_reported_later_each_once_and_in_order() {
    let at = |x, y| Point { x, y };
    let all = vec![at(0.0, 0.0), at(1.0, 0.0), at(1.0, 1.0), at(0.0, 1.0)];
    let zones: Vec<Zone> =
        (0..8).map(|n| Zone { name: format!("z{n}"), points: all.clone(), dwell: None }).collect();
    let settings = TrackConfig {
        min_frames: 1,
        max_gap: 0,
        update_every: Duration::from_secs(60),
        ..TrackConfig::default()
    };
    let mut tracker = tracker(settings).with_places(&zones, &[]);
    tracker.set_min_score(MIN_SCORE);
    let frames = (0..20).map(|n| if n < 10 { raster(100) } else { Vec::new() });
    let reported = feed(&mut tracker, frames);
    assert!(100 * 18 > MAX_EVENTS && reported.len() == 100 * 18, "{} events", reported.len());
    let mut lives: BTreeMap<u64, Vec<&Event>> = BTreeMap::new();
    reported.iter().for_each(|event| lives.entry(event.track).or_default().push(event));
    assert_eq!(lives.len(), 100);
    for life in lives.values() {
        assert_eq!(life.len(), 18);
        assert_eq!((life[0].kind, life[17].kind), (EventKind::New, EventKind::End));
    }
}

#[test]
fn a_camera_that_goes_away_ends_everything_however_much_there_is_to_tell() {
    let at = |x, y| Point { x, y };
    let all = vec![at(0.0, 0.0), at(1.0, 0.0), at(1.0, 1.0), at(0.0, 1.0)];
    let zones: Vec<Zone> =
        (0..8).map(|n| Zone { name: format!("z{n}"), points: all.clone(), dwell: None }).collect();
    let mut tracker =
        tracker(TrackConfig { min_frames: 1, ..TrackConfig::default() }).with_places(&zones, &[]);
    feed(&mut tracker, (0..10).map(|_| raster(100)));
    let mut reported = Vec::new();
    loop {
        let mut events = Events::new();
        let done = tracker.end_all(&report(99, 99 * FRAME, []), &mut events);
        reported.extend(events);
        if done {
            break;
        }
    }
    assert_eq!((count(&reported, EventKind::ZoneLeave), count(&reported, EventKind::End)), (800, 100));
}
