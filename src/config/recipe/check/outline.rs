//! Checks the outline of a region: it must lie inside the picture, and its polygon inside the region.

use super::{RecipeScope, exactly};
use crate::config::raw::TomlTable;
use crate::config::recipe::Outline;
use crate::config::value::PlacedValue;
use crate::types::{Point, Rect};

/// The form of a rectangle, for messages.
const FORM: &str = "[x, y, width, height], px from the top left corner of the picture";
/// Range of coordinates, wider than any picture; a number beyond it is a typing error.
const FAR: std::ops::RangeInclusive<f64> = -100_000.0..=100_000.0;
/// Least side of a region, px.
const LEAST: f32 = 2.0;
/// Tolerance for rounding errors of f32, px.
const SLACK: f32 = 0.02;
/// Most corners that a polygon may have.
const MAX_POINTS: usize = 1_000;

pub(super) fn outline(table: &TomlTable<'_, '_>, scope: &RecipeScope<'_>) -> Outline {
    let field = table.need("rect", &format!("write rect = {FORM}"));
    let found = field.as_ref().and_then(rect);
    let angle_deg = table.number("angle_deg", -180.0..=180.0);
    let mut outline = Outline {
        rect: found.unwrap_or_default(),
        angle_deg: angle_deg.unwrap_or_default(),
        polygon: Vec::new(),
    };
    if let (Some(field), Some(_)) = (&field, found) {
        inside(field, &outline, scope);
    }
    let points = table.get("polygon").and_then(|field| polygon(&field, &outline, found.is_some()));
    outline.polygon = points.unwrap_or_default();
    outline
}

/// Reads a rectangle; notes a fault where a side is too short.
pub(super) fn rect(field: &PlacedValue<'_, '_>) -> Option<Rect> {
    let [x, y, w, h] = exactly(field, FAR, FORM)?;
    if w < LEAST || h < LEAST {
        let reason = format!("{w} x {h} px is not a region");
        field.fault(reason, format!("give it a width and a height of {LEAST} px or more: {FORM}"));
        return None;
    }
    Some(Rect { x, y, w, h })
}

/// Notes a region that is not entirely inside the picture.
pub(super) fn inside(field: &PlacedValue<'_, '_>, outline: &Outline, scope: &RecipeScope<'_>) {
    let Some([width, height]) = scope.size else { return };
    let beyond = |p: &Point| (-p.x).max(p.x - width).max(-p.y).max(p.y - height);
    let corners = outline.corners();
    let Some(worst) = corners.iter().max_by(|a, b| beyond(a).total_cmp(&beyond(b))) else { return };
    if beyond(worst) > SLACK {
        let turned = if outline.angle_deg == 0.0 { "" } else { ", rotated as it is," };
        let reason = format!(
            "it reaches{turned} to ({}, {}), outside the picture of {width} x {height} px",
            round(worst.x),
            round(worst.y)
        );
        field.fault(reason, "move or shrink it, or correct size");
    }
}

/// Reads the corners of a polygon. `placed` states whether its rectangle is known.
fn polygon(field: &PlacedValue<'_, '_>, outline: &Outline, placed: bool) -> Option<Vec<Point>> {
    let items = field.items("points, [x, y] each")?;
    if !(3..=MAX_POINTS).contains(&items.len()) {
        let reason = format!("{} points are not a polygon", items.len());
        let remedy = format!(
            "write 3 to {MAX_POINTS} points [x, y], or leave it out: then all of the rectangle counts"
        );
        field.fault(reason, remedy);
        return None;
    }
    let mut points = Vec::with_capacity(items.len());
    for item in &items {
        let [x, y] = exactly(item, FAR, "[x, y], px")?;
        let point = Point { x, y };
        if placed && !outline.contains(point, SLACK) {
            item.fault(
                format!("({x}, {y}) lies outside the ROI's rectangle"),
                "move the point, or widen rect; both are px of the picture, also where the ROI is turned",
            );
        }
        points.push(point);
    }
    if area(&points) < 1.0 {
        field.fault("the polygon has no area", "name its corners in order, around a surface");
    }
    Some(points)
}

/// Area by the shoelace formula, px².
fn area(points: &[Point]) -> f32 {
    let next = points.iter().cycle().skip(1);
    let twice: f32 = points.iter().zip(next).map(|(a, b)| a.x * b.y - b.x * a.y).sum();
    (twice / 2.0).abs()
}

/// Rounds to one decimal, which suffices for a message.
fn round(px: f32) -> f32 {
    (px * 10.0).round() / 10.0
}
