//! A part drawn once for its whole passage on the belt: the fraction of the belt's light that it keeps (edge,
//! shadow) and the light that it adds.

use crate::part::{BeltPart, Flaw, PartDefect, PrintLabel};
use crate::rng::mix;

/// Offset of the shadow, and below it the width of its soft edge, in px of 480 lines.
const SHADOW_PX: [f32; 2] = [4.0, 5.0];
const SHADOW_SOFT_PX: f32 = 7.0;
/// Width of the bevel at each edge, in px of 480 lines.
const BEVEL_PX: f32 = 3.5;
/// Least side of a defect's rectangle, in px of 480 lines, because annotators do not draw boxes of two
/// pixels.
const LEAST_FLAW_PX: f32 = 20.0;

/// Left, top, right and bottom in px of the sprite; right and bottom are exclusive.
pub(crate) type SpriteBounds = [i32; 4];

/// Premultiplied pictures of a part: `out = under × keep / 256 + add`.
#[derive(Clone, Debug)]
pub(crate) struct Sprite {
    /// Width and height in px; always even.
    pub side: usize,
    /// The full-size planes, `side × side` px.
    pub keep: Vec<u8>,
    pub luma: Vec<u8>,
    /// The half-size planes, a quarter of the px.
    pub chroma_keep: Vec<u8>,
    pub u: Vec<u8>,
    pub v: Vec<u8>,
    /// Bounds of the material, without the shadow.
    pub bounds: SpriteBounds,
    /// The defect, and the bounds of the px that it changed.
    pub flaw: Option<(PartDefect, SpriteBounds)>,
}

/// A distance beyond everything that is drawn.
const FAR: f32 = 1e6;

/// The appearance of one px of the part's surface.
struct Texel {
    colour: [f32; 3],
    cover: f32,
    /// Fraction of the belt's light that the part blocks here, 0 to 1.
    shadow: f32,
    flawed: bool,
}

/// Scratch memory for drawing, shared by all sprites.
#[derive(Debug)]
pub(crate) struct SpritePainter {
    side: usize,
    unit: f32,
    /// Signed distance to the part's edge at each px of the sprite.
    field: Vec<f32>,
}

impl SpritePainter {
    /// A painter for parts that reach at most `reach` px from their centre.
    pub fn new(reach: f32, unit: f32) -> SpritePainter {
        let half = (reach + (SHADOW_PX[1] + SHADOW_SOFT_PX / 2.0) * unit) as usize + 2;
        let side = half.next_multiple_of(2) * 2;
        SpritePainter { side, unit, field: vec![FAR; side * side] }
    }

    /// An empty sprite of this painter's size.
    pub fn blank(&self) -> Sprite {
        let (full, quarter) = (self.side * self.side, self.side * self.side / 4);
        Sprite {
            side: self.side,
            keep: vec![255; full],
            luma: vec![0; full],
            chroma_keep: vec![255; quarter],
            u: vec![0; quarter],
            v: vec![0; quarter],
            bounds: [0; 4],
            flaw: None,
        }
    }

    /// Draws `part` in the middle of `sprite`, over its previous contents. Allocates nothing.
    pub fn draw(&mut self, part: &BeltPart, sprite: &mut Sprite) {
        self.measure(part);
        let (side, mut bounds, mut flaw) = (self.side, EMPTY, EMPTY);
        for (y, x) in (0..side * side / 4).map(|i| (i / (side / 2) * 2, i % (side / 2) * 2)) {
            let mut chroma = [0.0; 3];
            for (x, y) in [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)] {
                let Texel { colour: [luma, u, v], cover, shadow, flawed } = self.texel(part, x, y);
                sprite.keep[y * side + x] = ((1.0 - shadow) * (1.0 - cover) * 255.0 + 0.5) as u8;
                sprite.luma[y * side + x] = (luma * cover + 0.5) as u8;
                chroma = [chroma[0] + cover, chroma[1] + cover * u, chroma[2] + cover * v];
                if cover >= 0.5 {
                    include(&mut bounds, x as i32, y as i32);
                }
                if flawed {
                    include(&mut flaw, x as i32, y as i32);
                }
            }
            let at = (y / 2) * (side / 2) + x / 2;
            sprite.chroma_keep[at] = (255.5 - chroma[0] * (255.0 / 4.0)) as u8;
            sprite.u[at] = (chroma[1] / 4.0 + 0.5) as u8;
            sprite.v[at] = (chroma[2] / 4.0 + 0.5) as u8;
        }
        sprite.bounds = bounds;
        let shown = part.flaw.as_ref().filter(|_| flaw[0] < flaw[2]);
        sprite.flaw = shown.map(|f| (f.kind(), grown(flaw, (LEAST_FLAW_PX * self.unit) as i32)));
    }

    /// Fills the distance field where the part's or its shadow's edge is near.
    fn measure(&mut self, part: &BeltPart) {
        let reach = part.body.outline.reach() + SHADOW_SOFT_PX / 2.0 * self.unit + 1.0;
        for (y, row) in self.field.chunks_exact_mut(self.side).enumerate() {
            for (x, distance) in row.iter_mut().enumerate() {
                let [x, y] = middle(self.side, x, y);
                *distance = FAR;
                if x * x + y * y < reach * reach {
                    let [x, y] = to_part(part, x, y);
                    *distance = part.body.distance(x, y);
                }
            }
        }
    }

    /// The distance at a px displaced by `by` px; [`FAR`] outside the sprite.
    fn moved(&self, x: usize, y: usize, by: [f32; 2]) -> f32 {
        let (x, y) = (x as i64 + (by[0] * self.unit) as i64, y as i64 + (by[1] * self.unit) as i64);
        let inside = 0..self.side as i64;
        if !inside.contains(&x) || !inside.contains(&y) {
            return FAR;
        }
        self.field[y as usize * self.side + x as usize]
    }

    /// The appearance of one px of the sprite.
    fn texel(&self, part: &BeltPart, x: usize, y: usize) -> Texel {
        let distance = self.field[y * self.side + x];
        let cover = (0.5 - distance).clamp(0.0, 1.0);
        let mut texel = Texel { colour: [0.0; 3], cover, shadow: 0.0, flawed: false };
        if cover < 1.0 {
            let caster = self.moved(x, y, [-SHADOW_PX[0], -SHADOW_PX[1]]);
            texel.shadow = 0.5 * (0.5 - caster / (SHADOW_SOFT_PX * self.unit)).clamp(0.0, 1.0);
        }
        if cover > 0.0 || part.flaw.is_some() {
            let [px, py] = middle(self.side, x, y);
            let at = to_part(part, px, py);
            texel.flawed = is_flawed(part, at, distance);
            let slope = self.slope(x, y, distance);
            texel.colour =
                if cover > 0.0 { surface(part, self.unit, at, slope, texel.flawed) } else { [0.0; 3] };
        }
        texel
    }

    /// What light from the upper left adds to the luma on the bevel of an edge.
    fn slope(&self, x: usize, y: usize, distance: f32) -> f32 {
        let bevel = BEVEL_PX * self.unit;
        if distance < -bevel {
            return 0.0;
        }
        // At least one px each way at any scale.
        let step = (1.0 / self.unit).max(1.0);
        let (ahead, behind) = (self.moved(x, y, [-step; 2]), self.moved(x, y, [step; 2]));
        let rise = ((ahead - behind) / (2.8 * step * self.unit)).clamp(-1.0, 1.0);
        rise * 45.0 * (1.0 + distance / bevel).clamp(0.0, 1.0)
    }
}

/// The middle of a px, relative to the sprite's middle.
fn middle(side: usize, x: usize, y: usize) -> [f32; 2] {
    let half = side as f32 / 2.0;
    [x as f32 + 0.5 - half, y as f32 + 0.5 - half]
}

const EMPTY: SpriteBounds = [i32::MAX, i32::MAX, i32::MIN, i32::MIN];

fn include(bounds: &mut SpriteBounds, x: i32, y: i32) {
    *bounds = [bounds[0].min(x), bounds[1].min(y), bounds[2].max(x + 1), bounds[3].max(y + 1)];
}

/// The bounds, grown about their middle until no side is below `least`.
fn grown(bounds: SpriteBounds, least: i32) -> SpriteBounds {
    let [x0, y0, x1, y1] = bounds;
    let (more_x, more_y) = ((least - (x1 - x0)).max(0), (least - (y1 - y0)).max(0));
    let (left, top) = (x0 - more_x / 2, y0 - more_y / 2);
    [left, top, x1 + more_x - more_x / 2, y1 + more_y - more_y / 2]
}

/// Converts sprite px about the middle to the part's own coordinates.
fn to_part(part: &BeltPart, x: f32, y: f32) -> [f32; 2] {
    let [cos, sin] = part.along;
    [cos * x + sin * y, cos * y - sin * x]
}

/// Whether the flaw is visible here: the material differs from that of a sound part.
fn is_flawed(part: &BeltPart, at: [f32; 2], distance: f32) -> bool {
    match &part.flaw {
        None => false,
        Some(Flaw::Cut { kind: PartDefect::Chip, disc }) => {
            disc.distance(at[0], at[1]) < 0.0 && part.sound.distance(at[0], at[1]) < 0.0
        }
        Some(Flaw::Cut { disc, .. }) => disc.distance(at[0], at[1]) < 0.0 && distance < 0.0,
        Some(Flaw::Scratch { centre, along, half }) => {
            let [x, y] = [at[0] - centre[0], at[1] - centre[1]];
            let [length, across] = [along[0] * x + along[1] * y, along[0] * y - along[1] * x];
            // The scratch thins out towards its ends.
            let width = half[1] * (1.0 - 0.5 * (length / half[0]) * (length / half[0]));
            distance < 0.0 && length.abs() < half[0] && across.abs() < width
        }
        Some(Flaw::Stain { blobs }) => {
            distance < 0.0 && blobs.iter().any(|blob| blob.distance(at[0], at[1]) < 0.0)
        }
        Some(Flaw::Misprint) => {
            distance < 0.0 && part.label.is_some_and(|label| on_label(&label, at).is_some())
        }
    }
}

/// The position on the label; `None` beside it.
fn on_label(label: &PrintLabel, at: [f32; 2]) -> Option<[f32; 2]> {
    let [x, y] = [at[0] - label.centre[0], at[1] - label.centre[1]];
    let [cos, sin] = label.along;
    let [x, y] = [cos * x + sin * y, cos * y - sin * x];
    (x.abs() < label.half[0] && y.abs() < label.half[1]).then_some([x, y])
}

/// Y, U and V of the surface at a point.
fn surface(part: &BeltPart, unit: f32, at: [f32; 2], slope: f32, flawed: bool) -> [f32; 3] {
    let [mut y, mut u, mut v] = part.colour.map(f32::from);
    y += grain(part, at, unit) + slope;
    let print = part.label.and_then(|label| Some((label, on_label(&label, at)?)));
    if let Some((label, [lx, ly])) = print {
        let bar = ((lx / unit + 32.0) / 2.9) as u32 & 31;
        let dark = ly.abs() < 0.55 * label.half[1] && (label.bars >> bar) & 1 == 1;
        [y, u, v] = if dark { [50.0, 128.0, 128.0] } else { [214.0, 126.0, 130.0] };
    }
    match &part.flaw {
        // On dark parts bare metal shows, on light ones a dark groove.
        Some(Flaw::Scratch { .. }) if flawed => [if y > 120.0 { y - 75.0 } else { y + 85.0 }, 128.0, 128.0],
        // The stain is oil on light parts, and rust on dark ones.
        Some(Flaw::Stain { .. }) if flawed => {
            [if y > 100.0 { y * 0.42 + 8.0 } else { y * 0.4 + 66.0 }, (u + 216.0) / 3.0, (v + 292.0) / 3.0]
        }
        _ => [y, u, v],
    }
}

/// Brushed metal: long streaks along the part's own x axis.
fn grain(part: &BeltPart, [x, y]: [f32; 2], unit: f32) -> f32 {
    let (row, column) = ((y / unit + 256.0) as u64, (x / unit * 0.1 + 256.0) as u64);
    let streak = mix(u64::from(part.grain) << 32 | row << 12 | column) & 15;
    streak as f32 * 0.6 - 4.5
}
