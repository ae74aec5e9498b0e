//! Checks `zones` and `lines` of `[[camera]]`, whose points are fractions of the frame.

use super::is_topic_level;
use crate::config::raw::TomlTable;
use crate::config::value::PlacedValue;
use crate::config::{Line, MAX_LINES, Zone};
use crate::types::MAX_ZONES;
use crate::types::Point;

/// Most corners of a zone.
const MAX_CORNERS: usize = 64;
/// How a point is written.
const POINT: &str =
    "[x, y] in shares of the frame: [0, 0] is its top left corner, [1, 1] its bottom right one";

pub(super) fn zones(camera: &TomlTable<'_, '_>) -> Vec<Zone> {
    let mut zones: Vec<Zone> = Vec::new();
    for table in places(camera, "zones", MAX_ZONES) {
        let name = name(&table);
        super::unique(&table, "zone", &name, zones.iter().map(|known| known.name.as_str()));
        let dwell = table.get("dwell_ms").is_some().then(|| table.millis("dwell_ms", 1, 1..=86_400_000));
        let wanted = format!("write points = [[0, 0], [1, 0], [1, 1]]: corners, {POINT}");
        let points = table.need("points", &wanted).and_then(|field| polygon(&field)).unwrap_or_default();
        zones.push(Zone { name, points, dwell });
        table.finish();
    }
    zones
}

pub(super) fn lines(camera: &TomlTable<'_, '_>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for table in places(camera, "lines", MAX_LINES) {
        let name = name(&table);
        super::unique(&table, "line", &name, lines.iter().map(|known| known.name.as_str()));
        let end = |key| {
            let field = table.need(key, &format!("write {key} = [0.5, 0]: {POINT}"))?;
            point(&field)
        };
        let (from, to) = (end("from"), end("to"));
        if from.is_some() && from == to {
            table.fault("to", "the line ends where it begins", "move one of its ends");
        }
        lines.push(Line { name, from: from.unwrap_or_default(), to: to.unwrap_or_default() });
        table.finish();
    }
    lines
}

/// Reads the tables of `key`; notes a fault where there are more than `most`.
fn places<'d, 'a>(camera: &TomlTable<'d, 'a>, key: &'static str, most: usize) -> Vec<TomlTable<'d, 'a>> {
    let mut tables = camera.tables(key);
    if tables.len() > most {
        let reason = format!("there are {} of them", tables.len());
        if let Some(field) = camera.get(key) {
            field.fault(reason, format!("a camera has at most {most}: leave some out"));
        }
        tables.truncate(most);
    }
    tables
}

fn name(table: &TomlTable<'_, '_>) -> String {
    let found = table.need("name", "write name = \"door\"").and_then(|field| {
        let name = field.text()?;
        if !is_topic_level(name) {
            let reason = format!("\"{name}\" cannot be the name of a place");
            field.fault(reason, "write 1 to 64 letters, digits, \"-\", \"_\" or \".\"");
        }
        Some(name.to_owned())
    });
    // A missing name is already a fault; the key's path keeps it out of the search for duplicates.
    found.unwrap_or_else(|| table.path_of(""))
}

/// Reads a point inside the frame.
fn point(field: &PlacedValue<'_, '_>) -> Option<Point> {
    let numbers = field.numbers(0.0..=1.0)?;
    let [x, y] = numbers[..] else {
        field.fault(format!("{} numbers are not a point", numbers.len()), format!("write {POINT}"));
        return None;
    };
    Some(Point { x, y })
}

/// Reads the corners of a polygon; notes a fault where it crosses itself.
fn polygon(field: &PlacedValue<'_, '_>) -> Option<Vec<Point>> {
    let items = field.items("points, [x, y] each")?;
    if !(3..=MAX_CORNERS).contains(&items.len()) {
        let reason = format!("{} points are not a polygon", items.len());
        field.fault(reason, format!("write 3 to {MAX_CORNERS} corners, {POINT}"));
        return None;
    }
    let points = items.iter().map(point).collect::<Option<Vec<Point>>>()?;
    let remedy = "name the corners in order around the zone, each once";
    if let Some((a, b)) = crossing(&points) {
        let end = |edge: usize| (edge + 1) % points.len() + 1;
        let (from_a, from_b) = (a + 1, b + 1);
        let reason = format!(
            "the polygon crosses itself: its side from corner {from_a} to {} meets that from {from_b} to {}",
            end(a),
            end(b)
        );
        field.fault(reason, remedy);
        return None;
    }
    if area(&points) < 1e-6 {
        field.fault("the polygon has no area", remedy);
        return None;
    }
    Some(points)
}

/// The first two sides that meet elsewhere than at a shared corner.
fn crossing(points: &[Point]) -> Option<(usize, usize)> {
    let count = points.len();
    let side = |i: usize| (points[i], points[(i + 1) % count]);
    let pairs = (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b)));
    pairs.into_iter().find(|(a, b)| {
        let ((p, q), (r, s)) = (side(*a), side(*b));
        if *b == a + 1 {
            folds_back(p, q, s)
        } else if (b + 1) % count == *a {
            folds_back(r, s, q)
        } else {
            meet(p, q, r, s)
        }
    })
}

/// Whether the side from `corner` to `to` runs back along that from `from` to `corner`, or has no length.
fn folds_back(from: Point, corner: Point, to: Point) -> bool {
    let along = (from.x - corner.x) * (to.x - corner.x) + (from.y - corner.y) * (to.y - corner.y);
    turn(from, corner, to) == 0.0 && along >= 0.0
}

/// Whether the segments `p`-`q` and `r`-`s` have a common point.
fn meet(p: Point, q: Point, r: Point, s: Point) -> bool {
    let apart = |a: f32, b: f32| (a > 0.0 && b > 0.0) || (a < 0.0 && b < 0.0);
    if apart(turn(p, q, r), turn(p, q, s)) || apart(turn(r, s, p), turn(r, s, q)) {
        return false;
    }
    // Where all four points are collinear, the turns are 0 and cannot decide.
    let reach = |a: f32, b: f32, c: f32, d: f32| a.max(b) >= c.min(d) && c.max(d) >= a.min(b);
    reach(p.x, q.x, r.x, s.x) && reach(p.y, q.y, r.y, s.y)
}

/// Twice the signed area of the triangle, which tells the direction of the turn.
fn turn(a: Point, b: Point, c: Point) -> f32 {
    (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)
}

/// Area by the shoelace formula, as a fraction of the frame.
fn area(points: &[Point]) -> f32 {
    let next = points.iter().cycle().skip(1);
    let twice: f32 = points.iter().zip(next).map(|(a, b)| a.x * b.y - b.x * a.y).sum();
    (twice / 2.0).abs()
}
