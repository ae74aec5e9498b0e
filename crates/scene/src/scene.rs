//! Paints frames: the backdrop, over it the parts in view, then the light over both.

use crate::backdrop::Backdrop;
use crate::belt::{Belt, BeltPlace, REACH_PX};
use crate::light::Light;
use crate::part::BeltPart;
use crate::sprite::{Sprite, SpritePainter};
use crate::truth::{DefectTruth, MAX_PARTS, Passage, Truth, in_frame};
use crate::{SceneError, SceneOptions};

/// A cached sprite and the part that it shows.
#[derive(Debug)]
struct Cached {
    id: Option<u64>,
    /// The part, or `None` where the slot is empty.
    part: Option<BeltPart>,
    sprite: Sprite,
}

/// Paints frames. Holds the backdrop and a sprite for each part in view, so that painting allocates nothing.
#[derive(Debug)]
pub struct Scene {
    options: SceneOptions,
    belt: Belt,
    backdrop: Backdrop,
    light: Light,
    painter: SpritePainter,
    cache: Vec<Cached>,
}

impl Scene {
    /// Draws the backdrop. Takes a few milliseconds at 640 × 480.
    ///
    /// # Errors
    /// [`SceneError`] where a side or the rate is out of bounds.
    pub fn new(options: SceneOptions) -> Result<Scene, SceneError> {
        options.check()?;
        let SceneOptions { seed, width, height, fps, line } = options;
        let belt = Belt::new(&options);
        let painter = SpritePainter::new(REACH_PX * belt.unit, belt.unit);
        let cached = || Cached { id: None, part: None, sprite: painter.blank() };
        let (w, h) = (width as usize, height as usize);
        Ok(Scene {
            options,
            backdrop: Backdrop::new(seed, w, h, belt.unit),
            light: Light::new(seed, [w, h], fps, line.is_some()),
            cache: (0..belt.in_view()).map(|_| cached()).collect(),
            painter,
            belt,
        })
    }

    /// Bytes of one frame, packed I420: Y, then U, then V.
    pub fn frame_bytes(&self) -> usize {
        let (w, h) = (self.options.width as usize, self.options.height as usize);
        w * h + 2 * w.div_ceil(2) * h.div_ceil(2)
    }

    /// The options from which this scene was made.
    pub fn options(&self) -> SceneOptions {
        self.options
    }

    /// Paints frame `n` as packed I420 (BT.601, limited range).
    ///
    /// # Panics
    /// If `out` is not [`Scene::frame_bytes`] long.
    pub fn paint(&mut self, n: u64, out: &mut [u8]) {
        assert_eq!(out.len(), self.frame_bytes(), "a frame's buffer is exactly frame_bytes long");
        let (luma, chroma) = out.split_at_mut(self.options.width as usize * self.options.height as usize);
        self.backdrop.paint(self.belt.travelled(n), luma, chroma);
        self.paint_parts(n, luma, chroma);
        self.light.apply(n, luma, chroma);
    }

    /// The parts of frame `n` that are at least partly inside the frame.
    pub fn truth(&mut self, n: u64) -> heapless::Vec<Truth, MAX_PARTS> {
        let frame = [self.options.width as f32, self.options.height as f32];
        let mut list = heapless::Vec::new();
        for place in self.belt.places(n) {
            let Some((part, sprite, left, top)) = self.cached(place) else { continue };
            let Some((rect, visible)) = in_frame(sprite.bounds, left, top, frame) else { continue };
            let defect = sprite.flaw.and_then(|(kind, bounds)| {
                let (rect, visible) = in_frame(bounds, left, top, frame)?;
                Some(DefectTruth { kind, rect, visible })
            });
            let truth = Truth { part_id: place.id, shape: part.shape, rect, visible, defect };
            // The sizes that `new` permits never fill the list.
            let _ = list.push(truth);
        }
        list
    }

    /// The part of a line whose middle is nearest to the frame's centre column in frame `n`, of all frames.
    /// Each part has exactly one such frame, the earlier of two that are equally near. `None` in all others,
    /// and without a line.
    pub fn passage(&mut self, n: u64) -> Option<Passage> {
        let (place, _) = self.belt.crossing(n)?;
        let frame = [self.options.width as f32, self.options.height as f32];
        let (_, sprite, left, top) = self.cached(place)?;
        let (rect, _) = in_frame(sprite.bounds, left, top, frame)?;
        Some(Passage { part_id: place.id, defect: sprite.flaw.map(|(kind, _)| kind), rect })
    }

    /// The part at a place, drawn on first use, and the frame px of its sprite's top left corner.
    fn cached(&mut self, place: BeltPlace) -> Option<(&BeltPart, &Sprite, i64, i64)> {
        let count = self.cache.len() as u64;
        let cached = &mut self.cache[(place.id % count) as usize];
        if cached.id != Some(place.id) {
            cached.id = Some(place.id);
            cached.part = self.belt.part(place.id);
            if let Some(part) = &cached.part {
                self.painter.draw(part, &mut cached.sprite);
            }
        }
        let part = cached.part.as_ref()?;
        let half = cached.sprite.side as i64 / 2;
        Some((part, &cached.sprite, place.x + part.shift[0] - half, place.y + part.shift[1] - half))
    }

    fn paint_parts(&mut self, n: u64, luma: &mut [u8], chroma: &mut [u8]) {
        let (w, h) = (self.options.width as usize, self.options.height as usize);
        let (half_w, half_h) = (w.div_ceil(2), h.div_ceil(2));
        let (u, v) = chroma.split_at_mut(half_w * half_h);
        for place in self.belt.places(n) {
            let Some((_, sprite, left, top)) = self.cached(place) else { continue };
            let side = sprite.side;
            blend(luma, [w, h], &sprite.keep, &sprite.luma, side, [left, top]);
            let at = [left / 2, top / 2];
            blend(u, [half_w, half_h], &sprite.chroma_keep, &sprite.u, side / 2, at);
            blend(v, [half_w, half_h], &sprite.chroma_keep, &sprite.v, side / 2, at);
        }
    }
}

/// Blends a square premultiplied picture over a plane, clipped to the plane.
fn blend(plane: &mut [u8], [width, height]: [usize; 2], keep: &[u8], add: &[u8], side: usize, at: [i64; 2]) {
    let clip = |at: i64, size: usize| {
        let first = (-at).clamp(0, side as i64) as usize;
        let last = (size as i64 - at).clamp(first as i64, side as i64) as usize;
        first..last
    };
    let columns = clip(at[0], width);
    if columns.is_empty() {
        return;
    }
    for row in clip(at[1], height) {
        let to = (at[1] + row as i64) as usize * width + (at[0] + columns.start as i64) as usize;
        let from = row * side + columns.start..row * side + columns.end;
        let under = &mut plane[to..to + columns.len()];
        for ((px, &keep), &add) in under.iter_mut().zip(&keep[from.clone()]).zip(&add[from]) {
            *px = (((u16::from(*px) * u16::from(keep) + 255) >> 8) as u8).saturating_add(add);
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
