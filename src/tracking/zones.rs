//! Zones and lines: where objects enter, stay, leave and cross.
//!
//! Jitter causes no events. An object is in a zone as soon as its anchor is inside, and outside again only
//! when the anchor is farther than the margin from the zone. It changes to the other side of a line only when
//! its anchor is farther than the margin from the infinite line. It has crossed if the segment from its last
//! point beyond the margin to the new one cuts the line between its ends, so that passing round an end
//! crosses nothing.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{self, Anchor, MAX_LINES};
use crate::types::MAX_ZONES;
use crate::types::{Direction, EventKind, Label, Point, Rect, ZoneSet};

/// Something that an object did at a zone or line.
#[derive(Debug)]
pub(super) struct Happening<'a> {
    pub(super) kind: EventKind,
    pub(super) place: &'a Label,
    pub(super) dwell: Option<Duration>,
    pub(super) direction: Option<Direction>,
}

/// The zones and lines of a camera. Points are fractions of the frame, and px once the frame's size is known.
#[derive(Debug, Default)]
pub(super) struct CameraPlaces {
    zones: Vec<ZoneState>,
    /// The names of all zones, shared with the findings in them.
    names: Arc<[Label]>,
    lines: Vec<LineState>,
    anchor: Anchor,
    /// As a fraction of the frame's shorter side, and in px.
    margin: f32,
    margin_px: f32,
    size: (u32, u32),
}

#[derive(Debug)]
struct ZoneState {
    name: Label,
    shares: Vec<Point>,
    corners: Vec<Point>,
    dwell: Option<Duration>,
}

#[derive(Debug)]
struct LineState {
    name: Label,
    shares: [Point; 2],
    ends: [Point; 2],
}

/// The state of one object at every zone and line.
#[derive(Clone, Debug, Default)]
pub(super) struct Stays {
    /// Bit sets over the zones: those it is in, and those for which its dwelling was reported.
    inside: u16,
    dwelt: u16,
    /// When it entered each zone, on the tracker's clock.
    since: [Duration; MAX_ZONES],
    /// Its last point beyond the margin of each line.
    beyond: [Option<Beyond>; MAX_LINES],
}

#[derive(Clone, Copy, Debug)]
struct Beyond {
    right: bool,
    at: Point,
}

impl CameraPlaces {
    pub(super) fn new(
        settings: &config::TrackConfig,
        zones: &[config::Zone],
        lines: &[config::Line],
    ) -> CameraPlaces {
        let zones = zones.iter().take(MAX_ZONES).map(|zone| ZoneState {
            name: zone.name.as_str().into(),
            shares: zone.points.clone(),
            corners: zone.points.clone(),
            dwell: zone.dwell,
        });
        let lines = lines.iter().take(MAX_LINES).map(|line| {
            let shares = [line.from, line.to];
            LineState { name: line.name.as_str().into(), shares, ends: shares }
        });
        let zones: Vec<ZoneState> = zones.collect();
        CameraPlaces {
            names: zones.iter().map(|zone| zone.name.clone()).collect(),
            zones,
            lines: lines.collect(),
            anchor: settings.anchor,
            margin: settings.margin,
            ..CameraPlaces::default()
        }
    }

    /// Sets the size of the frames to `width` × `height` px.
    pub(super) fn fit(&mut self, width: u32, height: u32) {
        if self.size == (width, height) {
            return;
        }
        self.size = (width, height);
        self.margin_px = self.margin * width.min(height) as f32;
        let px = |share: &Point| Point { x: share.x * width as f32, y: share.y * height as f32 };
        for zone in &mut self.zones {
            zone.corners.iter_mut().zip(&zone.shares).for_each(|(corner, share)| *corner = px(share));
        }
        for line in &mut self.lines {
            line.ends = [px(&line.shares[0]), px(&line.shares[1])];
        }
    }

    /// Stores on which side of each line an unconfirmed object begins, without an event.
    pub(super) fn begin(&self, stays: &mut Stays, rect: Rect) {
        let at = self.anchor_of(rect);
        for (line, beyond) in self.lines.iter().zip(&mut stays.beyond) {
            *beyond = self.beyond(line, at);
        }
    }

    /// Notes the object at `rect` at the time `now`. `report_event` reports the consequences. A change for
    /// which it has no room (false) is not recorded, and is tried again when the object is next seen.
    pub(super) fn seen(
        &self,
        stays: &mut Stays,
        rect: Rect,
        now: Duration,
        mut report_event: impl FnMut(Happening<'_>) -> bool,
    ) {
        let at = self.anchor_of(rect);
        for (index, zone) in self.zones.iter().enumerate() {
            self.judge_zone(index, zone, stays, at, now, &mut report_event);
        }
        for (line, was) in self.lines.iter().zip(&mut stays.beyond) {
            let Some(is) = self.beyond(line, at) else { continue };
            let crossed = was.filter(|was| was.right != is.right && cut(was.at, at, line.ends));
            let direction = if is.right { Direction::LeftToRight } else { Direction::RightToLeft };
            let (kind, place) = (EventKind::LineCross, &line.name);
            if crossed.is_none()
                || report_event(Happening { kind, place, dwell: None, direction: Some(direction) })
            {
                *was = Some(is);
            }
        }
    }

    fn judge_zone(
        &self,
        index: usize,
        zone: &ZoneState,
        stays: &mut Stays,
        at: Point,
        now: Duration,
        report_event: &mut impl FnMut(Happening<'_>) -> bool,
    ) {
        let (bit, place) = (1 << index, &zone.name);
        let happening = |kind, dwell| Happening { kind, place, dwell, direction: None };
        let inside = contains(&zone.corners, at);
        let stay = now.saturating_sub(stays.since[index]);
        if stays.inside & bit == 0 {
            if inside && report_event(happening(EventKind::ZoneEnter, None)) {
                stays.inside |= bit;
                stays.dwelt &= !bit;
                stays.since[index] = now;
            }
        } else if !inside && distance_to(&zone.corners, at) > self.margin_px {
            if report_event(happening(EventKind::ZoneLeave, Some(stay))) {
                stays.inside &= !bit;
            }
        } else if stays.dwelt & bit == 0
            && zone.dwell.is_some_and(|dwell| stay > dwell)
            && report_event(happening(EventKind::Dwell, Some(stay)))
        {
            stays.dwelt |= bit;
        }
    }

    /// Removes an object last seen at the time `last` from every zone. Returns false where not all events
    /// found room.
    pub(super) fn gone(
        &self,
        stays: &mut Stays,
        last: Duration,
        mut report_event: impl FnMut(Happening<'_>) -> bool,
    ) -> bool {
        for (index, zone) in self.zones.iter().enumerate() {
            let (kind, place) = (EventKind::ZoneLeave, &zone.name);
            let dwell = Some(last.saturating_sub(stays.since[index]));
            if stays.inside & 1 << index != 0
                && report_event(Happening { kind, place, dwell, direction: None })
            {
                stays.inside &= !(1 << index);
            }
        }
        stays.inside == 0
    }

    /// The names of the zones in which an object is.
    pub(super) fn names<'a>(&'a self, stays: &Stays) -> impl Iterator<Item = &'a Label> + use<'a> {
        let inside = stays.inside;
        self.zones.iter().enumerate().filter(move |(i, _)| inside & 1 << i != 0).map(|(_, zone)| &zone.name)
    }

    /// The zones in which an object is, as a finding's set.
    pub(super) fn set(&self, stays: &Stays) -> ZoneSet {
        ZoneSet::new(&self.names, stays.inside)
    }

    fn anchor_of(&self, rect: Rect) -> Point {
        let down = match self.anchor {
            Anchor::Centre => rect.h / 2.0,
            Anchor::Bottom => rect.h,
        };
        Point { x: rect.x + rect.w / 2.0, y: rect.y + down }
    }

    /// The side of the infinite line on which `at` is; `None` within the margin.
    fn beyond(&self, line: &LineState, at: Point) -> Option<Beyond> {
        let [from, to] = line.ends;
        let length = (to.x - from.x).hypot(to.y - from.y);
        // Positive where the turn to `at` is clockwise on the screen (y points down), which is the right-hand
        // side.
        let offset = turn(from, to, at) / length;
        (offset.abs() > self.margin_px).then_some(Beyond { right: offset > 0.0, at })
    }
}

/// Twice the signed area of the triangle: its sign says to which side of `a` to `b` the point `c` lies.
fn turn(a: Point, b: Point, c: Point) -> f32 {
    (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)
}

/// Whether the segment from `a` to `b`, which lie on different sides, cuts the line between its ends.
fn cut(a: Point, b: Point, [from, to]: [Point; 2]) -> bool {
    let (side_from, side_to) = (turn(a, b, from), turn(a, b, to));
    side_from * side_to <= 0.0
}

/// Tests by the even-odd rule; a point on the border may give either result.
fn contains(corners: &[Point], at: Point) -> bool {
    let mut inside = false;
    for (a, b) in edges(corners) {
        if (a.y > at.y) != (b.y > at.y) && at.x < a.x + (at.y - a.y) / (b.y - a.y) * (b.x - a.x) {
            inside = !inside;
        }
    }
    inside
}

/// Distance in px from `at` to the nearest point of the border.
fn distance_to(corners: &[Point], at: Point) -> f32 {
    let nearest = edges(corners).map(|(a, b)| {
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        let square = dx * dx + dy * dy;
        let along = ((at.x - a.x) * dx + (at.y - a.y) * dy) / square;
        let along = if square > 0.0 { along.clamp(0.0, 1.0) } else { 0.0 };
        (a.x + along * dx - at.x).hypot(a.y + along * dy - at.y)
    });
    nearest.fold(f32::INFINITY, f32::min)
}

fn edges(corners: &[Point]) -> impl Iterator<Item = (Point, Point)> + '_ {
    corners.iter().zip(corners.iter().cycle().skip(1)).map(|(a, b)| (*a, *b))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The top left corner, cut off by the diagonal, with a notch.
    const NOTCHED: [Point; 5] = [
        Point { x: 0.0, y: 0.0 },
        Point { x: 5.0, y: 2.0 },
        Point { x: 10.0, y: 0.0 },
        Point { x: 10.0, y: 10.0 },
        Point { x: 0.0, y: 10.0 },
    ];

    #[test]
    fn a_point_in_the_notch_of_a_polygon_is_outside() {
        let inside = |x, y| contains(&NOTCHED, Point { x, y });
        assert!(inside(5.0, 3.0) && inside(1.0, 1.0) && inside(9.9, 9.9));
        assert!(!inside(5.0, 1.0) && !inside(-0.1, 5.0) && !inside(5.0, 10.1));
    }

    #[test]
    fn the_distance_is_to_the_nearest_edge_or_corner() {
        let distance = |x, y| distance_to(&NOTCHED, Point { x, y });
        assert_eq!(distance(5.0, 12.0), 2.0);
        assert_eq!(distance(13.0, 14.0), 5.0);
        assert!((distance(5.0, 0.0) - 2.0 * (5.0f32 / 29.0f32.sqrt())).abs() < 1e-5);
    }

    #[test]
    fn left_and_right_are_the_hands_of_who_looks_along_the_line() {
        let places = |from, to| {
            let line = config::Line { name: "gate".into(), from, to };
            let mut places = CameraPlaces::new(&config::TrackConfig::default(), &[], &[line]);
            places.fit(100, 100);
            places
        };
        let (bottom, top) = (Point { x: 0.5, y: 1.0 }, Point { x: 0.5, y: 0.0 });
        let right =
            |places: &CameraPlaces, x| places.beyond(&places.lines[0], Point { x, y: 50.0 }).map(|b| b.right);
        assert_eq!(right(&places(bottom, top), 80.0), Some(true), "upwards: as in the picture");
        assert_eq!(right(&places(top, bottom), 80.0), Some(false), "downwards: the other way round");
        assert_eq!(right(&places(bottom, top), 50.5), None, "within the margin");
    }

    #[test]
    fn the_way_round_an_end_does_not_cut_the_line() {
        let line = [Point { x: 5.0, y: 0.0 }, Point { x: 5.0, y: 4.0 }];
        let way = |y| cut(Point { x: 0.0, y }, Point { x: 10.0, y }, line);
        assert!(way(2.0) && way(4.0) && !way(5.0) && !way(-1.0));
    }
}
