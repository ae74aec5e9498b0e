//! Computes what lies where on the belt: slots, parts and frames by arithmetic alone, without painting.

use crate::SceneOptions;
use crate::backdrop::rows;
use crate::part::{BeltPart, LineProduct};
use crate::rng::Rng;

/// The largest distance of a part's outline from its centre, in px of 480 lines (a plate's corner).
pub(crate) const REACH_PX: f32 = 67.0;
/// The largest displacement of a conveyor's part from its slot's middle, in px of 480 lines.
pub(crate) const SHIFT_PX: f32 = 9.0;
/// The same for a scene with a line: along the belt, so that parts are not evenly spaced, and across it.
pub(crate) const LINE_SHIFT_PX: [f32; 2] = [20.0, 6.0];
/// Distance from one slot of a lane to the next, in px of 480 lines.
const PITCH_PX: f32 = 152.0;
/// The same for a scene with a line: it leaves the middle third of a 4:3 frame to one part. It exceeds the
/// belt's travel in a second plus the parts' displacement, so that no two parts are nearest to the light
/// barrier in one frame.
const LINE_PITCH_PX: f32 = 216.0;

/// The position of a part in a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BeltPlace {
    pub id: u64,
    /// Middle of the slot in frame px; always even.
    pub x: i64,
    pub y: i64,
}

/// The belt, its lanes and the parts on them.
#[derive(Clone, Debug)]
pub(crate) struct Belt {
    seed: u64,
    width: i64,
    fps: u32,
    /// Px of the frame for one px of a frame of 480 lines.
    pub unit: f32,
    pub pitch: i64,
    /// Half of the belt's speed, in px a second.
    half_speed: u64,
    /// First row, and the row after the last.
    rows: [i64; 2],
    /// Number of lanes side by side.
    pub lanes: i64,
    /// The only product of a line; `None`: all products.
    product: Option<LineProduct>,
}

impl Belt {
    /// The belt of a scene whose options are valid.
    pub fn new(options: &SceneOptions) -> Belt {
        let unit = options.height as f32 / 480.0;
        let (lanes, pitch) = if options.line.is_some() { (1, LINE_PITCH_PX) } else { (2, PITCH_PX) };
        let speed = Rng::new(options.seed, u64::MAX - 2).range(100.0, 150.0);
        Belt {
            seed: options.seed,
            width: i64::from(options.width),
            fps: options.fps,
            unit,
            pitch: 2 * (pitch * unit / 2.0) as i64,
            half_speed: ((speed * unit / 2.0) as u64).max(1),
            rows: rows(options.height as usize).map(|row| row as i64),
            lanes,
            product: options.line.map(|shape| LineProduct::new(shape, options.seed, unit)),
        }
    }

    /// Most slots that may be in view at once, on all lanes.
    pub fn in_view(&self) -> i64 {
        (self.width / self.pitch + 4) * self.lanes
    }

    /// How far the belt has moved at frame `n`, in px: always even, so that half-size chroma moves with it.
    pub fn travelled(&self, n: u64) -> u64 {
        (u128::from(n) * u128::from(self.half_speed) / u128::from(self.fps)) as u64 * 2
    }

    /// The slots whose parts may be visible in frame `n`.
    pub fn places(&self, n: u64) -> impl Iterator<Item = BeltPlace> + use<> {
        let (width, pitch, lanes, rows) = (self.width, self.pitch, self.lanes, self.rows);
        let shift = if self.product.is_some() { LINE_SHIFT_PX[0] } else { SHIFT_PX };
        let reach = ((REACH_PX + shift + 14.0) * self.unit) as i64;
        // The belt is full when the scene begins; a slot's number is its distance from the belt's start.
        let start = (self.travelled(n) as i64).wrapping_add(width + 2 * pitch);
        (0..lanes).flat_map(move |lane| {
            let y = (rows[0] + (rows[1] - rows[0]) * (2 * lane + 1) / (2 * lanes)) & !1;
            // Lanes are shifted against one another by half a pitch.
            let at = start + lane * (pitch / 4 * 2);
            let first = (at - width - reach).div_euclid(pitch);
            let last = (at + reach).div_euclid(pitch);
            (first..=last).map(move |slot| BeltPlace {
                id: (slot * lanes + lane) as u64,
                x: at - slot * pitch,
                y,
            })
        })
    }

    /// The part of this number, `None` where its slot is empty.
    pub fn part(&self, id: u64) -> Option<BeltPart> {
        match &self.product {
            Some(product) => BeltPart::on_line(product, self.seed, id, self.unit, LINE_SHIFT_PX),
            None => BeltPart::roll(self.seed, id, self.unit, SHIFT_PX),
        }
    }

    /// The part of a line for which frame `n`, of all frames, shows it nearest to the light barrier.
    pub fn crossing(&self, n: u64) -> Option<(BeltPlace, BeltPart)> {
        self.product.as_ref()?;
        let barrier = self.width / 2;
        let near = self.places(n).filter(|place| (place.x - barrier).abs() <= self.pitch);
        let parts = near.filter_map(|place| Some((place, self.part(place.id)?)));
        let mut crossing = parts.filter(|(place, part)| {
            // The position of the part's middle when the belt began to move; a part that began beyond the
            // barrier never crosses it.
            let before = place.x + part.shift[0] - self.travelled(n) as i64;
            u64::try_from(barrier - before).is_ok_and(|way| self.frame_nearest(way) == n)
        });
        crossing.next()
    }

    /// The first of the frames at which the belt's travel is nearest to `way` px.
    fn frame_nearest(&self, way: u64) -> u64 {
        let (fps, half_speed) = (u128::from(self.fps), u128::from(self.half_speed));
        // The belt moves by 2 × half px; this is the first frame at which it has moved that far.
        let first_at = |half: u64| (u128::from(half) * fps).div_ceil(half_speed) as u64;
        let after = first_at(way / 2 + 1);
        let before = first_at(self.travelled(after - 1) / 2);
        let [short, beyond] = [way - self.travelled(before), self.travelled(after) - way];
        if short <= beyond { before } else { after }
    }
}
