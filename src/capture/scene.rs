//! The built-in scene: parts passing on a conveyor, some with defects, with exact ground truth.
//! A frame depends only on the seed and its number, bit for bit, on every platform.
//!
//! A scene with a `line` is what an inspection sees: one product on one lane, almost upright, under a hood, and a
//! light barrier at the frame's middle ([`Sensor`]).

mod backdrop;
mod barrier;
mod belt;
mod body;
mod dice;
mod ledger;
mod light;
mod part;
mod port;
mod sensor;
mod sprite;
mod truth;

use super::{Painter, PainterError};
use crate::config;
pub use crate::config::Shape;
use backdrop::Backdrop;
pub use barrier::{Barrier, BarrierError};
use belt::{Belt, Place, REACH_PX};
pub use ledger::Tally;
use light::Light;
pub use part::Defect;
use part::Part;
pub use sensor::Sensor;
use sprite::{Easel, Sprite};
use truth::in_frame;
pub use truth::{DefectTruth, MAX_PARTS, Passage, Truth};

/// Sizes that the scene can be painted in, px.
const SIZES: std::ops::RangeInclusive<u32> = 64..=8192;

/// What the scene is to look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SceneOptions {
    /// Parts, defects, colours and light all follow from it.
    pub seed: u64,
    /// Frame width in px, 64 to 8192.
    pub width: u32,
    /// Frame height in px, 64 to 8192. Everything is drawn in proportion to it.
    pub height: u32,
    /// Frames a second; the belt crosses its own height in about four seconds whatever the rate.
    pub fps: u32,
    /// One product on one lane, the same for every part under a seed, instead of everything on two.
    pub line: Option<Shape>,
}

impl Default for SceneOptions {
    fn default() -> SceneOptions {
        SceneOptions { seed: 1, width: 640, height: 480, fps: 30, line: None }
    }
}

impl SceneOptions {
    /// Those of a `scene:` source; `None` for another one.
    pub fn of(source: &config::Source) -> Option<SceneOptions> {
        let config::Source::Scene { seed, width, height, fps, line, .. } = *source else { return None };
        Some(SceneOptions { seed, width, height, fps, line })
    }

    /// Whether a scene can be made of them.
    fn check(&self) -> Result<(), SceneError> {
        let SceneOptions { width, height, fps, .. } = *self;
        if !SIZES.contains(&width) || !SIZES.contains(&height) || width > 4 * height {
            return Err(SceneError::Size { width, height });
        }
        if !(1..=1000).contains(&fps) {
            return Err(SceneError::Rate(fps));
        }
        Ok(())
    }
}

/// A scene that cannot be painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SceneError {
    /// The frame is too small, too large or too wide.
    #[error("{width} × {height} px: choose sides from 64 to 8192 px, at most four times as wide as high")]
    Size {
        /// Frame width in px.
        width: u32,
        /// Frame height in px.
        height: u32,
    },
    /// No frames a second.
    #[error("{0} frames a second: choose 1 to 1000")]
    Rate(u32),
}

/// A sprite and the part that it shows.
#[derive(Debug)]
struct Cached {
    id: Option<u64>,
    /// `None`: the slot is empty.
    part: Option<Part>,
    sprite: Sprite,
}

/// The painter of a `scene:` source.
///
/// # Errors
/// The source is of another kind, or its size or rate is out of bounds.
pub fn painter(source: &config::Source) -> Result<Box<dyn Painter>, PainterError> {
    let Some(options) = SceneOptions::of(source) else {
        return Err(PainterError { cause: "the source is not scene:".into() });
    };
    let scene = Scene::new(options);
    Ok(Box::new(scene.map_err(|error| PainterError { cause: error.to_string() })?))
}

/// Paints frames. Holds the backdrop and a sprite for each part in view, so that painting allocates nothing.
#[derive(Debug)]
pub struct Scene {
    options: SceneOptions,
    belt: Belt,
    backdrop: Backdrop,
    light: Light,
    easel: Easel,
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
        let easel = Easel::new(REACH_PX * belt.unit, belt.unit);
        let cached = || Cached { id: None, part: None, sprite: easel.blank() };
        let (w, h) = (width as usize, height as usize);
        Ok(Scene {
            options,
            backdrop: Backdrop::new(seed, w, h, belt.unit),
            light: Light::new(seed, [w, h], fps, line.is_some()),
            cache: (0..belt.in_view()).map(|_| cached()).collect(),
            easel,
            belt,
        })
    }

    /// Bytes of one frame, packed I420: Y, then U, then V.
    pub fn frame_bytes(&self) -> usize {
        let (w, h) = (self.options.width as usize, self.options.height as usize);
        w * h + 2 * w.div_ceil(2) * h.div_ceil(2)
    }

    /// What the scene was made from.
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
            // The sizes that `new` allows never fill the list.
            let _ = list.push(truth);
        }
        list
    }

    /// The part of a line whose middle is nearest to the frame's centre column in frame `n`, of all frames: each part
    /// has exactly one such frame, the earlier of two that are equally near. `None` in all others, and without a line.
    pub fn passage(&mut self, n: u64) -> Option<Passage> {
        let (place, _) = self.belt.crossing(n)?;
        let frame = [self.options.width as f32, self.options.height as f32];
        let (_, sprite, left, top) = self.cached(place)?;
        let (rect, _) = in_frame(sprite.bounds, left, top, frame)?;
        Some(Passage { part_id: place.id, defect: sprite.flaw.map(|(kind, _)| kind), rect })
    }

    /// The part at a place, drawn if it was not yet, and the frame px of its sprite's left top corner.
    fn cached(&mut self, place: Place) -> Option<(&Part, &Sprite, i64, i64)> {
        let count = self.cache.len() as u64;
        let cached = &mut self.cache[(place.id % count) as usize];
        if cached.id != Some(place.id) {
            cached.id = Some(place.id);
            cached.part = self.belt.part(place.id);
            if let Some(part) = &cached.part {
                self.easel.draw(part, &mut cached.sprite);
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

impl Painter for Scene {
    fn size(&self) -> (usize, usize) {
        (self.options.width as usize, self.options.height as usize)
    }

    fn fps(&self) -> u32 {
        self.options.fps
    }

    fn paint(&mut self, n: u64, out: &mut [u8]) {
        Scene::paint(self, n, out);
    }
}

/// Lays a square premultiplied picture over a plane, clipped.
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
mod tests;
