//! What holds for every sequence: numbers are given once, a life is new → update* → end, and nothing is told of an
//! object outside its life.

use std::collections::BTreeMap;
use std::time::Duration;

use ocellus::config::{Line, TrackConfig, Zone};
use ocellus::tracking::{Events, Tracker};
use ocellus::types::{Event, EventKind, Finding, Point, Rect};
use proptest::prelude::*;

use super::{MIN_SCORE, finding, report};

/// Where one object is in its life.
#[derive(Default)]
struct Life {
    begun: bool,
    ended: bool,
    inside: Vec<String>,
    dwelt: Vec<String>,
}

/// Every life that was told of.
#[derive(Default)]
struct Lives(BTreeMap<u64, Life>);

impl Lives {
    fn reported(&mut self, event: &Event) {
        let life = self.0.entry(event.track).or_default();
        let place = event.place.as_deref().unwrap_or_default().to_owned();
        assert!(!life.ended, "{event:?} after the end");
        assert_eq!(life.begun, event.kind != EventKind::New, "{event:?}");
        assert_eq!(event.dwell_ms.is_some(), matches!(event.kind, EventKind::ZoneLeave | EventKind::Dwell));
        assert_eq!(event.direction.is_some(), event.kind == EventKind::LineCross);
        match event.kind {
            EventKind::New => life.begun = true,
            EventKind::Update => {}
            EventKind::End => {
                assert!(life.inside.is_empty(), "{event:?} inside {:?}", life.inside);
                life.ended = true;
            }
            EventKind::ZoneEnter => {
                assert!(!life.inside.contains(&place), "{event:?} twice");
                life.dwelt.retain(|other| *other != place);
                life.inside.push(place);
            }
            EventKind::ZoneLeave => {
                assert!(life.inside.contains(&place), "{event:?} without having come");
                life.inside.retain(|other| *other != place);
            }
            EventKind::Dwell => {
                assert!(life.inside.contains(&place) && !life.dwelt.contains(&place), "{event:?}");
                life.dwelt.push(place);
            }
            EventKind::LineCross => assert_eq!(place, "gate"),
        }
    }

    fn check_findings<'a>(&self, findings: impl Iterator<Item = &'a Finding>) {
        let mut seen = Vec::new();
        for finding in findings {
            let Some(track) = finding.track else {
                assert!(finding.zones.is_empty());
                continue;
            };
            let life = self.0.get(&track).unwrap_or_else(|| panic!("{track} was never told of"));
            assert!(life.begun && !life.ended && !seen.contains(&track), "{track}");
            let zones: Vec<&str> = finding.zones.iter().map(|zone| &**zone).collect();
            assert!(zones.iter().all(|zone| life.inside.iter().any(|name| name == zone)));
            assert_eq!(zones.len(), life.inside.len());
            seen.push(track);
        }
    }
}

fn places() -> (Vec<Zone>, Vec<Line>) {
    let at = |x, y| Point { x, y };
    let zone = |name: &str, points: Vec<Point>, dwell| Zone { name: name.into(), points, dwell };
    let zones = vec![
        zone("left", vec![at(0.0, 0.0), at(0.5, 0.0), at(0.4, 1.0), at(0.0, 1.0)], None),
        zone("middle", vec![at(0.3, 0.3), at(0.7, 0.3), at(0.5, 0.9)], Some(Duration::from_millis(100))),
    ];
    (zones, vec![Line { name: "gate".into(), from: at(0.5, 1.0), to: at(0.5, 0.1) }])
}

/// A frame: how long it took to come, whether its source's clock says so, and its findings.
type Frame = (u64, bool, Vec<(f32, f32, f32, f32, u16)>);

fn frames() -> impl Strategy<Value = Vec<Frame>> {
    let one = (0.0..900.0f32, 0.0..900.0f32, 0.0..300.0f32, 0.0..1.0f32, 0..2u16);
    prop::collection::vec((0..80_000_000u64, any::<bool>(), prop::collection::vec(one, 0..12)), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_life_is_well_formed_and_every_number_is_given_once(
        frames in frames(), min_frames in 1..4u32, max_gap in 0..4u32, iou in 0.01..0.6f32,
    ) {
        let settings = TrackConfig { iou, min_frames, max_gap, update_every: Duration::ZERO, ..TrackConfig::default() };
        let (zones, lines) = places();
        let mut tracker = Tracker::new(settings, 1).with_places(&zones, &lines);
        tracker.set_min_score(MIN_SCORE);
        let (mut lives, mut ns, mut last) = (Lives::default(), 0, None);
        for (n, (pause, stamped, found)) in frames.into_iter().enumerate() {
            ns += pause;
            let mut report = report(n as u64, ns, found.into_iter().map(|(x, y, side, score, class)| {
                let rect = Rect { x, y, w: side, h: side * 1.5 };
                Finding { class, ..finding(rect, score) }
            }));
            report.pts_ns = stamped.then_some(ns);
            let mut events = Events::new();
            tracker.update(&mut report, &mut events);
            events.iter().for_each(|event| lives.reported(event));
            lives.check_findings(report.findings.iter());
            for finding in report.findings.iter().filter(|finding| finding.track.is_some()) {
                let zones: Vec<_> = tracker.zones_of(finding.track.unwrap()).cloned().collect();
                prop_assert_eq!(finding.zones.iter().cloned().collect::<Vec<_>>(), zones);
            }
            last = Some(report);
        }
        let mut events = Events::new();
        prop_assert!(tracker.end_all(&last.unwrap(), &mut events));
        events.iter().for_each(|event| lives.reported(event));
        prop_assert!(lives.0.values().all(|life| life.ended));
        // Numbers are given in order, none is left out.
        prop_assert!(lives.0.keys().copied().eq(1..=lives.0.len() as u64));
    }
}
