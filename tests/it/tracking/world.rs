//! Random worlds with exact truth: things that walk, turn, meet and hide one another, seen by a detector that misses,
//! trembles, invents, and is unsure of what is half hidden.

use ocellus::types::{Finding, Rect, Report};

use super::clear::Numbered;
use super::{MIN_SCORE, finding, report};

/// Side of the frame, px.
const SIDE: f32 = 1000.0;
/// Of which less can be seen is neither wanted nor forbidden.
const CLEAR: f32 = 0.3;

/// What a world is like.
#[derive(Clone, Copy, Debug)]
pub struct Nature {
    pub objects: usize,
    /// Widths, px; heights are up to twice that.
    pub width: (f32, f32),
    /// Px a frame of 1/30 s, at most.
    pub speed: f32,
    /// Change of speed a frame, at most.
    pub restless: f32,
    /// Chance that something clearly visible is not detected.
    pub miss: f32,
    /// False boxes a frame.
    pub invented: f32,
    /// Standard deviation of a box's sides, as a share of the object's.
    pub tremble: f32,
    /// Chance that a frame never comes to the detector.
    pub skipped: f32,
    pub frames: u64,
}

/// A frame that was detected in.
pub struct Seen {
    pub report: Report,
    pub truths: Vec<Numbered>,
}

/// SplitMix64.
pub struct Rng(pub u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (self.next() >> 40) as f32 / (1u64 << 24) as f32 * (high - low)
    }

    fn chance(&mut self, p: f32) -> bool {
        self.between(0.0, 1.0) < p
    }

    /// By the sum of twelve even ones.
    fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.between(0.0, 1.0)).sum::<f32>() - 6.0
    }
}

struct Thing {
    id: u64,
    rect: Rect,
    velocity: (f32, f32),
}

impl Thing {
    fn born(id: u64, nature: &Nature, rng: &mut Rng) -> Thing {
        let w = rng.between(nature.width.0, nature.width.1);
        let h = w * rng.between(1.0, 2.0);
        let (x, y) = (rng.between(0.0, SIDE - w), rng.between(0.0, SIDE - h));
        let mut pace = || rng.between(-nature.speed, nature.speed);
        let velocity = (pace(), pace());
        Thing { id, rect: Rect { x, y, w, h }, velocity }
    }

    fn walk(&mut self, nature: &Nature, rng: &mut Rng) {
        let mut nudge = || rng.between(-nature.restless, nature.restless);
        self.velocity.0 = (self.velocity.0 + nudge()).clamp(-nature.speed, nature.speed);
        self.velocity.1 = (self.velocity.1 + nudge()).clamp(-nature.speed, nature.speed);
        self.rect.x += self.velocity.0;
        self.rect.y += self.velocity.1;
        if self.rect.x < 0.0 || self.rect.x + self.rect.w > SIDE {
            self.velocity.0 = self.velocity.0.abs() * if self.rect.x < 0.0 { 1.0 } else { -1.0 };
        }
        if self.rect.y < 0.0 || self.rect.y + self.rect.h > SIDE {
            self.velocity.1 = self.velocity.1.abs() * if self.rect.y < 0.0 { 1.0 } else { -1.0 };
        }
    }
}

/// The share of each thing that can be seen: the later in the list, the nearer.
fn visible(things: &[Thing]) -> Vec<f32> {
    const GRID: usize = 12;
    let share = |(at, thing): (usize, &Thing)| {
        let Rect { x, y, w, h } = thing.rect;
        let seen = (0..GRID * GRID).filter(|k| {
            let (px, py) = (
                x + w * ((k % GRID) as f32 + 0.5) / GRID as f32,
                y + h * ((k / GRID) as f32 + 0.5) / GRID as f32,
            );
            let hides = |other: &Thing| {
                let r = other.rect;
                px >= r.x && px < r.x + r.w && py >= r.y && py < r.y + r.h
            };
            !things[at + 1..].iter().any(hides)
        });
        seen.count() as f32 / (GRID * GRID) as f32
    };
    things.iter().enumerate().map(share).collect()
}

/// What the detector says of a thing.
fn detect(thing: &Thing, visible: f32, nature: &Nature, rng: &mut Rng) -> Option<Finding> {
    if rng.chance(nature.miss) || visible < 0.15 {
        return None;
    }
    let Rect { x, y, w, h } = thing.rect;
    let rect = Rect {
        x: x + rng.normal() * nature.tremble * w,
        y: y + rng.normal() * nature.tremble * h,
        w: w * (1.0 + rng.normal() * nature.tremble),
        h: h * (1.0 + rng.normal() * nature.tremble),
    };
    // Surely above the threshold when wholly visible, surely below when half hidden.
    let score = (visible * 1.2 - 0.25 + rng.normal() * 0.08).clamp(0.0, 0.99);
    (score >= 0.1).then(|| finding(rect, score))
}

/// A world's frames, in order.
pub fn watch(nature: &Nature, seed: u64) -> Vec<Seen> {
    let mut rng = Rng(seed);
    let mut things: Vec<Thing> =
        (0..nature.objects).map(|id| Thing::born(id as u64, nature, &mut rng)).collect();
    let mut frames = Vec::new();
    for n in 0..nature.frames {
        things.iter_mut().for_each(|thing| thing.walk(nature, &mut rng));
        let visible = visible(&things);
        let mut found: Vec<Finding> = things
            .iter()
            .zip(&visible)
            .filter_map(|(thing, visible)| detect(thing, *visible, nature, &mut rng))
            .collect();
        if rng.chance(nature.invented) {
            let ghost = Thing::born(0, nature, &mut rng);
            found.push(finding(ghost.rect, rng.between(0.1, MIN_SCORE + 0.2)));
        }
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        if !rng.chance(nature.skipped) {
            let clear = things.iter().zip(&visible).filter(|(_, visible)| **visible >= CLEAR);
            let truths = clear.map(|(thing, _)| (thing.id, thing.rect)).collect();
            frames.push(Seen { report: report(n, n * 1_000_000_000 / 30, found), truths });
        }
    }
    frames
}
