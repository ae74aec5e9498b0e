//! Drawing into a [`Canvas`]: frames, lines, polygons, translucent areas and text. Row by row, luma and the chroma that
//! two rows share together; nothing here allocates once warm, and what lies outside the canvas is left out.
//!
//! Coordinates are canvas px, the centre of the top-left px at (0.5, 0.5); a shape with a NaN is not drawn.

mod brush;
mod glyphs;
mod ink;
mod text;

use std::ops::Range;

pub use ink::Ink;
pub use text::TextLabel;

use super::Canvas;
use super::simd::Isa;
use crate::{Point, Rect};
use brush::Brush;
use text::Text;

/// The greatest opacity, in 256ths.
pub const OPAQUE: u16 = 256;
/// Coordinates are clamped to this distance from the origin, px.
const FAR: f32 = 1e6;

/// Draws into canvases. Each worker has one, which keeps its memory and a cache of glyphs.
pub struct Pen {
    isa: Isa,
    brush: Brush,
    text: Text,
}

impl Default for Pen {
    fn default() -> Pen {
        Pen { isa: Isa::detect(), brush: Brush::default(), text: Text::default() }
    }
}

impl Pen {
    /// Tints `area` by `share` of 256; its sides are taken to the next even px.
    pub fn fill(&self, canvas: &mut Canvas, area: Rect, ink: Ink, share: u16) {
        let Some([x0, y0, x1, y1]) = snapped(area) else { return };
        self.bar(canvas, [x0, y0, x1, y1], ink, share);
    }

    /// The edge of `rect`, `width` px wide, inside of it; both are taken to the next even px.
    pub fn frame(&self, canvas: &mut Canvas, rect: Rect, width: f32, ink: Ink) {
        let Some([x0, y0, x1, y1]) = snapped(rect) else { return };
        let width = even(width.clamp(2.0, 256.0)).min(x1 - x0).min(y1 - y0);
        self.bar(canvas, [x0, y0, x1, y0 + width], ink, OPAQUE);
        self.bar(canvas, [x0, y1 - width, x1, y1], ink, OPAQUE);
        self.bar(canvas, [x0, y0, x0 + width, y1], ink, OPAQUE);
        self.bar(canvas, [x1 - width, y0, x1, y1], ink, OPAQUE);
    }

    /// The inside of a polygon (even-odd), tinted by `share` of 256.
    pub fn polygon(&mut self, canvas: &mut Canvas, points: &[Point], ink: Ink, share: u16) {
        self.brush.fill(self.isa, canvas, points, ink, share);
    }

    /// A line `width` px wide, with square ends.
    pub fn line(&mut self, canvas: &mut Canvas, from: Point, to: Point, width: f32, ink: Ink) {
        let (dx, dy) = (to.x - from.x, to.y - from.y);
        let length = dx.hypot(dy);
        let (ux, uy) = if length > 0.0 { (dx / length, dy / length) } else { (1.0, 0.0) };
        let half = width.clamp(1.0, 256.0) / 2.0;
        let corner = |end: Point, along: f32, aside: f32| Point {
            x: end.x + (ux * along - uy * aside) * half,
            y: end.y + (uy * along + ux * aside) * half,
        };
        let corners =
            [corner(from, -1.0, -1.0), corner(to, 1.0, -1.0), corner(to, 1.0, 1.0), corner(from, -1.0, 1.0)];
        self.brush.fill(self.isa, canvas, &corners, ink, OPAQUE);
    }

    /// The edge of a polygon, `width` px wide, half of it to either side.
    pub fn outline(&mut self, canvas: &mut Canvas, points: &[Point], width: f32, ink: Ink) {
        let ends = points.iter().cycle().skip(1);
        for (from, to) in points.iter().zip(ends) {
            self.line(canvas, *from, *to, width, ink);
        }
    }

    /// Width and height of the area that [`Pen::label`] would take, px; `None` where nothing would be written.
    pub fn measure(&mut self, canvas: &Canvas, text: &str, label: &TextLabel) -> Option<(f32, f32)> {
        let (width, height) = self.text.measure(canvas.even_size(), text, label)?;
        Some((width as f32, height as f32))
    }

    /// Writes `text` in one line, shortened to what the label allows, and moved to where all of it is seen. Gives the
    /// area that it takes; an empty one where nothing was written.
    pub fn label(&mut self, canvas: &mut Canvas, text: &str, label: &TextLabel) -> Rect {
        let Some(place) = self.text.compose(self.isa, canvas.even_size(), text, label) else {
            return Rect::default();
        };
        if let Some((ink, share)) = label.backdrop {
            self.bar(canvas, place.corners(), ink, share);
        }
        self.text.write(self.isa, canvas, &place, label);
        place.area()
    }

    /// An area with even corners: left, top, right, bottom.
    fn bar(&self, canvas: &mut Canvas, [x0, y0, x1, y1]: [i64; 4], ink: Ink, share: u16) {
        let (width, height) = canvas.even_size();
        let (xs, ys) = (inside(x0, x1, width), inside(y0, y1, height));
        if xs.is_empty() || ys.is_empty() {
            return;
        }
        for y in ys.clone() {
            self.tint(&mut canvas.row_mut(0, y)[xs.clone()], ink.y, share);
        }
        let halves = xs.start / 2..xs.end / 2;
        for y in ys.start / 2..ys.end / 2 {
            self.tint(&mut canvas.row_mut(1, y)[halves.clone()], ink.u, share);
            self.tint(&mut canvas.row_mut(2, y)[halves.clone()], ink.v, share);
        }
    }

    fn tint(&self, row: &mut [u8], value: u8, share: u16) {
        if share >= OPAQUE {
            row.fill(value);
        } else {
            self.isa.tint(row, value, share);
        }
    }
}

/// Two rows of cover, from an even column on, and the mean that their chroma sees.
struct Covered<'a> {
    left: usize,
    rows: [&'a [u8]; 2],
    half: &'a mut [u8],
}

impl Covered<'_> {
    /// Inks row pair `pair` of the canvas according to its cover.
    fn ink(self, isa: Isa, canvas: &mut Canvas, pair: usize, ink: Ink, share: u16) {
        let Covered { left, rows, half } = self;
        let width = rows[0].len();
        for (at, cover) in rows.into_iter().enumerate() {
            let row = &mut canvas.row_mut(0, 2 * pair + at)[left..left + width];
            isa.tint_covered(row, cover, ink.y, share);
        }
        isa.halve_cover(rows[0], rows[1], half);
        let (u, v) = canvas.chroma_rows(pair);
        let halves = left / 2..(left + width) / 2;
        isa.tint_covered(&mut u[halves.clone()], half, ink.u, share);
        isa.tint_covered(&mut v[halves], half, ink.v, share);
    }
}

/// The even number next to `value`.
fn even(value: f32) -> i64 {
    (value / 2.0).round() as i64 * 2
}

/// The corners of a rectangle, at even px, at least two px apart; `None` where a value is NaN or a side negative.
fn snapped(rect: Rect) -> Option<[i64; 4]> {
    let corners = [rect.x, rect.y, rect.x + rect.w, rect.y + rect.h];
    if corners.iter().any(|v| v.is_nan()) || rect.w < 0.0 || rect.h < 0.0 {
        return None;
    }
    let [x0, y0, x1, y1] = corners.map(|v| even(v.clamp(-FAR, FAR)));
    Some([x0, y0, x1.max(x0 + 2), y1.max(y0 + 2)])
}

/// The part of `from..to` inside of `0..end`.
fn inside(from: i64, to: i64, end: usize) -> Range<usize> {
    let clamp = |v: i64| v.clamp(0, end as i64) as usize;
    clamp(from)..clamp(to)
}

#[cfg(test)]
mod tests;
