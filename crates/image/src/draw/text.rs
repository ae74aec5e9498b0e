//! Writes one line of text: lays it out, composes its cover, then inks it on a backdrop or with a halo.

use ab_glyph::GlyphId;

use super::glyphs::Glyphs;
use super::{Covered, Ink, OPAQUE};
use crate::Canvas;
use crate::simd::Isa;
use crate::{Point, Rect};

/// The most characters that are read, since more never fit.
const MOST: usize = 512;
const ELLIPSIS: char = '…';

/// How and where a line of text is written.
#[derive(Clone, Copy, Debug)]
pub struct TextLabel {
    /// The left-bottom corner of its area (backdrop included).
    pub at: Point,
    /// Height of a line, px.
    pub size: u16,
    /// Most px that its area may be wide; longer text ends in "…".
    pub limit: f32,
    /// The colour of the letters.
    pub ink: Ink,
    /// An area behind the text, and how opaque (of 256).
    pub backdrop: Option<(Ink, u16)>,
    /// The colour of an outline around the letters, for text without a backdrop.
    pub halo: Option<Ink>,
}

/// The area of a composed line, in even canvas px.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextPlace {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

impl TextPlace {
    pub fn corners(&self) -> [i64; 4] {
        [self.x, self.y, self.x + self.width, self.y + self.height].map(|v| v as i64)
    }

    pub fn area(&self) -> Rect {
        let [x, y, w, h] = [self.x, self.y, self.width, self.height].map(|v| v as f32);
        Rect { x, y, w, h }
    }
}

/// The memory of lines.
#[derive(Default)]
pub(super) struct Text {
    glyphs: Glyphs,
    line: Vec<(GlyphId, f32)>,
    cover: Vec<u8>,
    halo: Vec<u8>,
    seam: Vec<u8>,
    half: Vec<u8>,
}

impl Text {
    /// Lays `text` out; gives width and height of the area that it takes. `None` where there is nothing to write, or the
    /// canvas (`canvas_size`: its width and height, px) is too small for it.
    pub fn measure(
        &mut self,
        canvas_size: (usize, usize),
        text: &str,
        label: &TextLabel,
    ) -> Option<(usize, usize)> {
        let pad = pad(label);
        let limit = label.limit.min(canvas_size.0 as f32) - 2.0 * pad as f32;
        let end = self.lay_out(text, label.size, limit)?;
        let (above, below) = self.glyphs.reach(label.size);
        let width = (end.ceil() as usize + 2 * pad).next_multiple_of(2);
        let height = (above + below + pad.div_ceil(2)).next_multiple_of(2);
        (width <= canvas_size.0 && height <= canvas_size.1).then_some((width, height))
    }

    /// Lays `text` out and composes its cover, in the size that [`Text::measure`] gives; `None` also where it
    /// has no place.
    pub fn compose(
        &mut self,
        isa: Isa,
        canvas_size: (usize, usize),
        text: &str,
        label: &TextLabel,
    ) -> Option<TextPlace> {
        let (width, height) = self.measure(canvas_size, text, label)?;
        if label.at.x.is_nan() || label.at.y.is_nan() {
            return None;
        }
        let (pad, (above, _)) = (pad(label), self.glyphs.reach(label.size));
        let within = |v: f32, most: usize| (v.clamp(0.0, most as f32) / 2.0).round() as usize * 2;
        let x = within(label.at.x, canvas_size.0 - width);
        let y = within(label.at.y - height as f32, canvas_size.1 - height);
        let place = TextPlace { x, y, width, height };
        self.paint(isa, &place, label, (pad, above + pad / 4));
        Some(place)
    }

    /// Inks the line that was composed last.
    pub fn write(&mut self, isa: Isa, canvas: &mut Canvas, place: &TextPlace, label: &TextLabel) {
        let TextPlace { x, y, width, height } = *place;
        let layers = [(label.halo, &self.halo), (Some(label.ink), &self.cover)];
        for (ink, cover) in layers.into_iter().filter_map(|(ink, cover)| Some((ink?, cover))) {
            for pair in 0..height / 2 {
                let (upper, lower) = cover[2 * pair * width..][..2 * width].split_at(width);
                let half = &mut self.half[..width / 2];
                Covered { left: x, rows: [upper, lower], half }.ink(isa, canvas, y / 2 + pair, ink, OPAQUE);
            }
        }
    }

    /// Places glyphs from left to right within `limit`; returns where they end.
    fn lay_out(&mut self, text: &str, size: u16, limit: f32) -> Option<f32> {
        self.glyphs.tidy();
        self.line.clear();
        let dots = self.glyphs.id(ELLIPSIS)?;
        let dots_width = self.glyphs.get(dots, size).advance;
        let (mut x, mut cut) = (0.0f32, None);
        for character in text.chars().take(MOST) {
            let Some(id) = self.glyphs.id(character) else { continue };
            let advance = self.glyphs.get(id, size).advance;
            // The last place from which the dots still fit.
            if x + dots_width <= limit {
                cut = Some((self.line.len(), x));
            }
            if x + advance > limit {
                let (count, end) = cut?;
                self.line.truncate(count);
                self.line.push((dots, end));
                return Some(end + dots_width);
            }
            self.line.push((id, x));
            x += advance;
        }
        (!self.line.is_empty()).then_some(x)
    }

    /// The cover of the line, and of its halo, in `place`; the line begins at `origin` on its base line.
    fn paint(&mut self, isa: Isa, place: &TextPlace, label: &TextLabel, origin: (usize, usize)) {
        let TextPlace { width, height, .. } = *place;
        for buffer in [&mut self.cover, &mut self.halo, &mut self.seam] {
            buffer.clear();
            buffer.resize(width * height, 0);
        }
        if self.half.len() < width / 2 {
            self.half.resize(width / 2, 0);
        }
        for (id, x) in &self.line {
            let glyph = self.glyphs.get(*id, label.size);
            let left = origin.0 as i32 + x.round() as i32 + glyph.left;
            let top = origin.1 as i32 + glyph.top;
            for (row, y) in self.glyphs.rows(&glyph).zip(top..) {
                let Ok(y) = usize::try_from(y) else { continue };
                let skipped = left.min(0).unsigned_abs() as usize;
                let from = left.max(0) as usize;
                if y < height && skipped < row.len() && from < width {
                    isa.greatest(&mut self.cover[y * width..][from..width], &row[skipped..]);
                }
            }
        }
        if label.halo.is_some() {
            self.spread(isa, width, height, halo_px(label.size));
        }
    }

    /// The halo: the greatest cover within `reach` px, sideways and then up and down.
    fn spread(&mut self, isa: Isa, width: usize, height: usize, reach: usize) {
        for (row, cover) in self.seam.chunks_exact_mut(width).zip(self.cover.chunks_exact(width)) {
            row.copy_from_slice(cover);
            for step in 1..=reach.min(width - 1) {
                isa.greatest(&mut row[step..], cover);
                isa.greatest(row, &cover[step..]);
            }
        }
        for y in 0..height {
            let row = &mut self.halo[y * width..][..width];
            for near in y.saturating_sub(reach)..(y + reach + 1).min(height) {
                isa.greatest(row, &self.seam[near * width..][..width]);
            }
        }
    }
}

/// Px between the text and the edge of its area.
fn pad(label: &TextLabel) -> usize {
    let wide = if label.backdrop.is_some() { usize::from(label.size) / 4 } else { 0 };
    wide.max(if label.halo.is_some() { halo_px(label.size) } else { 0 })
}

/// Px of the seam around letters.
fn halo_px(size: u16) -> usize {
    usize::from(size / 12).clamp(1, 4)
}
