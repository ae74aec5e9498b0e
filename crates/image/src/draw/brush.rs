//! Polygons by exact cover: four lines of each row of px are cut with the edges, and what lies between two cuts is
//! summed by its share of each px. Two rows at a time, because they share their chroma.

use super::{Covered, FAR, Ink};
use crate::Canvas;
use crate::Point;
use crate::simd::Isa;

/// Lines a row; each covers a px by up to this many 256ths.
const LINES: usize = 4;
const LINE_COVER: i32 = 256 / LINES as i32;
/// From this many px on, a fully covered stretch is inked without a sum.
const SOLID: usize = 32;

/// The span between two cuts of one line.
#[derive(Clone, Copy, Debug)]
struct CoverSpan {
    /// Index of the line among the strip's 8.
    line: usize,
    from: f32,
    to: f32,
}

/// The memory of polygons.
#[derive(Debug, Default)]
pub(super) struct Brush {
    cuts: Vec<f32>,
    spans: Vec<CoverSpan>,
    sums: Vec<i32>,
    cover: [Vec<u8>; 2],
    half: Vec<u8>,
}

impl Brush {
    /// Inks the inside of a polygon (even-odd).
    pub fn fill(&mut self, isa: Isa, canvas: &mut Canvas, points: &[Point], ink: Ink, share: u16) {
        let (width, height) = canvas.even_size();
        if points.len() < 3 || points.iter().any(|p| p.x.is_nan() || p.y.is_nan()) {
            return;
        }
        self.fit(width);
        let top = points.iter().fold(FAR, |top, p| top.min(p.y)).clamp(0.0, height as f32) as usize;
        let bottom = points.iter().fold(-FAR, |bottom, p| bottom.max(p.y)).clamp(0.0, height as f32);
        for pair in top / 2..(bottom.ceil() as usize).div_ceil(2) {
            self.cut(points, pair, width as f32);
            let Some(ranges) = self.ranges(width) else { continue };
            let [left, solid, right] = ranges;
            for range in [left, right] {
                self.cover(range.0, range.1);
                let (from, to) = range;
                if to > from {
                    let rows = [&self.cover[0][..to - from], &self.cover[1][..to - from]];
                    let half = &mut self.half[..(to - from) / 2];
                    Covered { left: from, rows, half }.ink(isa, canvas, pair, ink, share);
                }
            }
            if solid.1 > solid.0 {
                for y in [2 * pair, 2 * pair + 1] {
                    isa.tint(&mut canvas.row_mut(0, y)[solid.0..solid.1], ink.y, share);
                }
                let (u, v) = canvas.chroma_rows(pair);
                isa.tint(&mut u[solid.0 / 2..solid.1 / 2], ink.u, share);
                isa.tint(&mut v[solid.0 / 2..solid.1 / 2], ink.v, share);
            }
        }
    }

    fn fit(&mut self, width: usize) {
        if self.half.len() < width {
            self.sums.resize(width + 2, 0);
            self.half.resize(width, 0);
            self.cover.iter_mut().for_each(|row| row.resize(width, 0));
        }
    }

    /// Cuts the eight lines of a pair of rows with the polygon's edges.
    fn cut(&mut self, points: &[Point], pair: usize, width: f32) {
        self.spans.clear();
        for line in 0..2 * LINES {
            let y = (2 * pair) as f32 + (line as f32 + 0.5) / LINES as f32;
            self.cuts.clear();
            for (a, b) in points.iter().zip(points.iter().cycle().skip(1)) {
                if (a.y <= y) != (b.y <= y) {
                    let x = a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x);
                    // Infinite coordinates make no number.
                    self.cuts.push(if x.is_nan() { 0.0 } else { x.clamp(0.0, width) });
                }
            }
            self.cuts.sort_unstable_by(f32::total_cmp);
            let pairs = self.cuts.as_chunks::<2>().0.iter().filter(|[from, to]| to > from);
            self.spans.extend(pairs.map(|&[from, to]| CoverSpan { line, from, to }));
        }
    }

    /// Which columns the strip's spans touch: those to be summed, those covered wholly, and again those to be summed.
    /// All begin and end at even columns.
    fn ranges(&self, width: usize) -> Option<[(usize, usize); 3]> {
        if self.spans.is_empty() {
            return None;
        }
        let bounds = self.spans.iter().fold((f32::MAX, 0.0f32), |b, s| (b.0.min(s.from), b.1.max(s.to)));
        let low = bounds.0 as usize / 2 * 2;
        let high = (bounds.1.ceil() as usize).next_multiple_of(2).min(width);
        let one_each =
            self.spans.len() == 2 * LINES && self.spans.iter().enumerate().all(|(n, s)| s.line == n);
        let inner = self.spans.iter().fold((0.0f32, f32::MAX), |b, s| (b.0.max(s.from), b.1.min(s.to)));
        let from = (inner.0.ceil() as usize).next_multiple_of(2);
        let to = inner.1 as usize / 2 * 2;
        if one_each && to >= from + SOLID {
            return Some([(low, from), (from, to), (to, high)]);
        }
        Some([(low, high), (0, 0), (0, 0)])
    }

    /// The cover of both rows in the columns `from..to`.
    fn cover(&mut self, from: usize, to: usize) {
        let width = to.saturating_sub(from);
        for row in 0..2 {
            let sums = &mut self.sums[..width + 2];
            sums.fill(0);
            let lines = self.spans.iter().filter(|span| span.line / LINES == row);
            for span in lines {
                let place = |x: f32| ((x - from as f32).clamp(0.0, width as f32) * LINE_COVER as f32) as i32;
                for (x, sign) in [(place(span.from), 1), (place(span.to), -1)] {
                    let (at, part) = ((x / LINE_COVER) as usize, x % LINE_COVER);
                    sums[at] += sign * (LINE_COVER - part);
                    sums[at + 1] += sign * part;
                }
            }
            let mut sum = 0;
            for (cover, step) in self.cover[row][..width].iter_mut().zip(sums) {
                sum += *step;
                *cover = sum.clamp(0, 255) as u8;
            }
        }
    }
}
