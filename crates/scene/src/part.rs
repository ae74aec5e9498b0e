//! One part: its form, colour, pose and flaw, all drawn at random from the seed and the part's number.

use crate::Shape;
use crate::body::{BodyOutline, Disc, PartBody};
use crate::rng::{Rng, direction};

/// The defects that a part can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PartDefect {
    /// A line through the surface.
    Scratch,
    /// A hole that was not drilled.
    HoleMissing,
    /// A piece broken out of the edge.
    Chip,
    /// A stain of oil or rust.
    Stain,
    /// A label printed askew (plates only).
    Misprint,
}

impl PartDefect {
    /// Every kind of defect.
    pub const ALL: [PartDefect; 5] = [
        PartDefect::Scratch,
        PartDefect::HoleMissing,
        PartDefect::Chip,
        PartDefect::Stain,
        PartDefect::Misprint,
    ];

    /// The defect's name in truth files.
    pub fn as_str(self) -> &'static str {
        match self {
            PartDefect::Scratch => "scratch",
            PartDefect::HoleMissing => "hole_missing",
            PartDefect::Chip => "chip",
            PartDefect::Stain => "stain",
            PartDefect::Misprint => "misprint",
        }
    }
}

/// Where the surface is damaged, in the part's own coordinates.
#[derive(Clone, Debug)]
pub(crate) enum Flaw {
    /// Half length along `along`, half width across it.
    Scratch { centre: [f32; 2], along: [f32; 2], half: [f32; 2] },
    /// A hole that is missing, or a bite that was added.
    Cut { kind: PartDefect, disc: Disc },
    /// Three discs that overlap.
    Stain { blobs: [Disc; 3] },
    /// The label, shifted and turned.
    Misprint,
}

impl Flaw {
    /// Which defect it is.
    pub fn kind(&self) -> PartDefect {
        match self {
            Flaw::Scratch { .. } => PartDefect::Scratch,
            Flaw::Cut { kind, .. } => *kind,
            Flaw::Stain { .. } => PartDefect::Stain,
            Flaw::Misprint => PartDefect::Misprint,
        }
    }
}

/// A rectangle of print on a plate, turned by `along`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PrintLabel {
    pub centre: [f32; 2],
    pub half: [f32; 2],
    pub along: [f32; 2],
    /// The bar pattern, with one bit for each bar.
    pub bars: u32,
}

/// A part on the belt.
#[derive(Clone, Debug)]
pub(crate) struct BeltPart {
    pub shape: Shape,
    pub body: PartBody,
    /// The material of the same part without its flaw: its hole drilled, its edge whole.
    pub sound: PartBody,
    pub flaw: Option<Flaw>,
    pub label: Option<PrintLabel>,
    /// Cosine and sine of its rotation on the belt.
    pub along: [f32; 2],
    /// Y, U and V of the material.
    pub colour: [u8; 3],
    /// Seed of the surface's grain.
    pub grain: u32,
    /// Displacement from the slot's middle; an even number of px.
    pub shift: [i64; 2],
}

/// Y, U and V (BT.601, limited range) of the materials: steel, brass, red paint, blue and green anodising,
/// black and white plastic.
const MATERIALS: [[u8; 3]; 7] = [
    [168, 130, 126],
    [150, 92, 146],
    [112, 108, 190],
    [96, 168, 108],
    [118, 108, 102],
    [66, 128, 128],
    [205, 126, 129],
];
/// Percentage of slots that hold a part.
const FILLED_PERCENT: u32 = 86;
/// Percentage of parts with a flaw.
const FLAWED_PERCENT: u32 = 32;

/// The largest rotation of a line's part, degrees to either side.
const LINE_TURN_DEG: f32 = 2.0;
/// Percentage of a line's parts with a flaw.
const LINE_FLAWED_PERCENT: u32 = 28;

/// The product of a line: every part of it has this form, size, material and print.
#[derive(Clone, Debug)]
pub(crate) struct LineProduct {
    pub shape: Shape,
    sound: PartBody,
    /// Half the product's width and height, px.
    half: [f32; 2],
    colour: [u8; 3],
    label: Option<PrintLabel>,
}

impl LineProduct {
    /// The product of this form under `seed`.
    pub fn new(shape: Shape, seed: u64, unit: f32) -> LineProduct {
        let mut rng = Rng::new(seed, u64::MAX - 3);
        let colour = MATERIALS[rng.below(MATERIALS.len() as u32) as usize];
        let (sound, half) = build(shape, unit, &mut rng);
        LineProduct { shape, sound, half, colour, label: label(shape, half, &mut rng) }
    }
}

impl BeltPart {
    /// Draws the part with this number at random; `None` where its slot on the belt is empty. `unit` is px of
    /// the frame for one px of a frame of 480 lines; `max_shift` is in such px.
    pub fn roll(seed: u64, id: u64, unit: f32, max_shift: f32) -> Option<BeltPart> {
        let mut rng = Rng::new(seed, id);
        if rng.below(100) >= FILLED_PERCENT {
            return None;
        }
        let shape = Shape::ALL[rng.below(4) as usize];
        let colour = MATERIALS[rng.below(MATERIALS.len() as u32) as usize];
        let along = direction(rng.unit());
        let shift = [0; 2].map(|_: i64| 2 * (rng.range(-max_shift, max_shift) * unit / 2.0) as i64);
        let (sound, half) = build(shape, unit, &mut rng);
        let grain = rng.bits();
        let label = label(shape, half, &mut rng);
        let body = sound.clone();
        let mut part = BeltPart { shape, body, sound, flaw: None, label, along, colour, grain, shift };
        if rng.below(100) < FLAWED_PERCENT {
            part.spoil(unit, half, &mut rng);
        }
        Some(part)
    }

    /// The part of a line with this number, `None` where its slot is empty: another copy of the product,
    /// almost upright. `max_shift`: along the belt and across it, px of 480 lines.
    pub fn on_line(
        product: &LineProduct,
        seed: u64,
        id: u64,
        unit: f32,
        max_shift: [f32; 2],
    ) -> Option<BeltPart> {
        let mut rng = Rng::new(seed, id);
        if rng.below(100) >= FILLED_PERCENT {
            return None;
        }
        let along = direction(rng.range(-LINE_TURN_DEG, LINE_TURN_DEG) / 360.0);
        let shift = max_shift.map(|max| 2 * (rng.range(-max, max) * unit / 2.0) as i64);
        let LineProduct { shape, colour, label, .. } = *product;
        let (body, sound) = (product.sound.clone(), product.sound.clone());
        let grain = rng.bits();
        let mut part = BeltPart { shape, body, sound, flaw: None, label, along, colour, grain, shift };
        if rng.below(100) < LINE_FLAWED_PERCENT {
            part.spoil(unit, product.half, &mut rng);
        }
        Some(part)
    }

    /// Adds a random flaw to the part.
    fn spoil(&mut self, unit: f32, half: [f32; 2], rng: &mut Rng) {
        let mut kind = PartDefect::ALL[rng.below(5) as usize];
        if kind == PartDefect::Misprint && self.label.is_none() {
            kind = PartDefect::Scratch;
        }
        let flaw = match kind {
            PartDefect::Scratch => self.scratch(unit, half, rng),
            PartDefect::HoleMissing => self.fill_hole(rng),
            PartDefect::Chip => self.bite(unit, half, rng),
            PartDefect::Stain => self.stain(unit, half, rng),
            PartDefect::Misprint => self.misprint(unit, rng),
        };
        self.flaw = Some(flaw);
    }

    fn scratch(&self, unit: f32, half: [f32; 2], rng: &mut Rng) -> Flaw {
        let centre = self.inside(7.0 * unit, half, rng);
        let half = [rng.range(13.0, 20.0) * unit, rng.range(1.5, 2.1) * unit];
        Flaw::Scratch { centre, along: direction(rng.unit()), half }
    }

    /// Leaves out one hole, but never the hub of a gear.
    fn fill_hole(&mut self, rng: &mut Rng) -> Flaw {
        let first = usize::from(self.shape == Shape::Gear);
        let choices = (self.body.cuts.len() - first) as u32;
        let disc = self.body.cuts.remove(first + rng.below(choices) as usize);
        Flaw::Cut { kind: PartDefect::HoleMissing, disc }
    }

    fn bite(&mut self, unit: f32, half: [f32; 2], rng: &mut Rng) -> Flaw {
        let r = rng.range(10.0, 13.0) * unit;
        let [x, y] = match &self.body.outline {
            BodyOutline::Round { r } | BodyOutline::Toothed { root: r, .. } => {
                direction(rng.unit()).map(|v| v * r)
            }
            BodyOutline::Oblong { .. } => [half[0] * rng.range(-0.5, 0.5), half[1] * rng.sign()],
            // The flaw lies along the outer side of one arm.
            BodyOutline::Angle { half, .. } if rng.bits() & 1 == 0 => [-half, half * rng.range(-0.5, 0.5)],
            BodyOutline::Angle { half, .. } => [half * rng.range(-0.5, 0.5), *half],
        };
        let disc = Disc { x, y, r };
        // The list has room for it, because no shape has more than seven holes.
        let _ = self.body.cuts.push(disc);
        Flaw::Cut { kind: PartDefect::Chip, disc }
    }

    fn stain(&self, unit: f32, half: [f32; 2], rng: &mut Rng) -> Flaw {
        let [x, y] = self.inside(9.0 * unit, half, rng);
        let blobs = [0.0, 1.0 / 3.0, 2.0 / 3.0].map(|third| {
            let [dx, dy] = direction(third + rng.range(0.0, 0.2));
            let away = rng.range(2.0, 5.0) * unit;
            Disc { x: x + dx * away, y: y + dy * away, r: rng.range(6.0, 9.0) * unit }
        });
        Flaw::Stain { blobs }
    }

    fn misprint(&mut self, unit: f32, rng: &mut Rng) -> Flaw {
        if let Some(label) = &mut self.label {
            label.along = direction(rng.range(0.06, 0.1) * rng.sign());
            label.centre = [rng.range(-4.0, 4.0) * unit, rng.range(-3.0, 3.0) * unit];
        }
        Flaw::Misprint
    }

    /// A point at least `depth` px inside the material, or the deepest of those tried where none is.
    fn inside(&self, depth: f32, half: [f32; 2], rng: &mut Rng) -> [f32; 2] {
        let mut best = ([0.0; 2], f32::MAX);
        for _ in 0..24 {
            let at = [half[0] * rng.range(-1.0, 1.0), half[1] * rng.range(-1.0, 1.0)];
            let distance = self.sound.distance(at[0], at[1]);
            if distance < best.1 {
                best = (at, distance);
            }
            if distance < -depth {
                break;
            }
        }
        best.0
    }
}

/// The print in the middle of a plate, `None` for other shapes.
fn label(shape: Shape, half: [f32; 2], rng: &mut Rng) -> Option<PrintLabel> {
    let half = [half[0] * 0.44, half[1] * 0.52];
    (shape == Shape::Plate).then(|| PrintLabel {
        centre: [0.0; 2],
        half,
        along: [1.0, 0.0],
        bars: rng.bits(),
    })
}

/// The material of a shape of some size, and half its width and height, in px.
fn build(shape: Shape, unit: f32, rng: &mut Rng) -> (PartBody, [f32; 2]) {
    let size = unit
        * match shape {
            Shape::Washer => rng.range(31.0, 42.0),
            Shape::Gear => rng.range(40.0, 50.0),
            Shape::Plate => rng.range(46.0, 54.0),
            Shape::Bracket => rng.range(38.0, 45.0),
        };
    let mut cuts = heapless::Vec::new();
    let mut cut = |x: f32, y: f32, r: f32| cuts.push(Disc { x, y, r }).is_ok();
    let (outline, half) = match shape {
        Shape::Washer => {
            cut(0.0, 0.0, size * rng.range(0.36, 0.5));
            (BodyOutline::Round { r: size }, [size; 2])
        }
        Shape::Gear => {
            cut(0.0, 0.0, size * 0.2);
            let holes = 4 + rng.below(3);
            for i in 0..holes {
                let [x, y] = direction(i as f32 / holes as f32);
                cut(x * size * 0.52, y * size * 0.52, size * 0.18);
            }
            (BodyOutline::toothed(10 + rng.below(5), size * 0.82, size), [size; 2])
        }
        Shape::Plate => {
            let half = [size, size * rng.range(0.62, 0.7)];
            for (sx, sy) in [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)] {
                cut(sx * (half[0] - 13.0 * unit), sy * (half[1] - 12.0 * unit), 7.5 * unit);
            }
            (BodyOutline::Oblong { half, corner: 5.0 * unit }, half)
        }
        Shape::Bracket => {
            let arm = size * 0.7;
            let (far, r) = (size - arm / 2.0, size * 0.19);
            cut(-far, -far, r);
            cut(-far, far, r);
            cut(far, far, r);
            (BodyOutline::Angle { half: size, arm, corner: 4.0 * unit }, [size; 2])
        }
    };
    (PartBody { outline, cuts }, half)
}
