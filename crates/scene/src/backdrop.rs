//! The background of the parts: a woven belt with dirt and swarf that repeats as it runs, and the static
//! surroundings (rails, bolts, stickers, a hazard stripe). Drawn once for each seed.

use crate::rng::{Rng, mix};

/// Y, U and V of the belts from which a seed chooses.
const BELTS: [[u8; 3]; 4] = [[62, 118, 116], [80, 136, 122], [46, 128, 128], [94, 128, 127]];
/// Cells of the low-frequency shading in one turn of the belt.
const CELLS: usize = 30;
/// Fraction of the frame's height above and below the belt.
const MARGIN: f32 = 0.125;

/// The images behind the parts.
#[derive(Debug)]
pub(crate) struct Backdrop {
    width: usize,
    /// First row of the belt, and the row after its last.
    pub belt: [usize; 2],
    /// One turn of the belt, with rows of `turn` px.
    turn: usize,
    weave: Vec<u8>,
    /// The rows above and below the belt, in that order.
    beside: Vec<u8>,
    /// Both chroma planes, U then V, laid out as in a frame.
    chroma: Vec<u8>,
}

impl Backdrop {
    pub fn new(seed: u64, width: usize, height: usize, unit: f32) -> Backdrop {
        let mut rng = Rng::new(seed, u64::MAX);
        let belt = rows(height);
        let colour = BELTS[rng.below(BELTS.len() as u32) as usize];
        let cell = ((32.0 * unit) as usize).max(4);
        let turn = cell * CELLS;
        let mut weave = weave(colour[0], cell, belt[1] - belt[0], &mut rng);
        litter(&mut weave, turn, unit, &mut rng);
        let margin = Margin { width, height, belt, unit, salt: rng.bits() };
        let rows = (0..belt[0]).chain(belt[1]..height);
        let beside = rows.flat_map(|y| (0..width).map(move |x| margin.texel(x, y)[0])).collect();
        let chroma = chroma(&margin, colour);
        Backdrop { width, belt, turn, weave, beside, chroma }
    }

    /// Fills `luma` and `chroma` (U, then V) of a frame for which the belt has moved by `travelled` px.
    pub fn paint(&self, travelled: u64, luma: &mut [u8], chroma: &mut [u8]) {
        chroma.copy_from_slice(&self.chroma);
        let [top, bottom] = self.belt.map(|row| row * self.width);
        luma[..top].copy_from_slice(&self.beside[..top]);
        luma[bottom..].copy_from_slice(&self.beside[top..]);
        let turn = self.turn;
        // The texture moves rightwards with the parts: frame x shows texture x − travelled.
        let first = (turn - (travelled % turn as u64) as usize) % turn;
        let rows = luma[top..bottom].chunks_exact_mut(self.width).zip(self.weave.chunks_exact(turn));
        for (row, texture) in rows {
            let (mut at, mut from) = (0, first);
            while at < row.len() {
                let run = (turn - from).min(row.len() - at);
                row[at..at + run].copy_from_slice(&texture[from..from + run]);
                (at, from) = (at + run, 0);
            }
        }
    }
}

/// The belt's first row, and the row after its last, in a frame of `height` rows.
pub(crate) fn rows(height: usize) -> [usize; 2] {
    let top = (height as f32 * MARGIN) as usize;
    [top, height - top]
}

/// The belt's luma: cloth, clouds and one seam, `cell × CELLS` px wide.
fn weave(base: u8, cell: usize, rows: usize, rng: &mut Rng) -> Vec<u8> {
    let turn = cell * CELLS;
    let lattice_rows = rows / cell + 2;
    let lattice: Vec<f32> = (0..CELLS * lattice_rows).map(|_| rng.range(-9.0, 9.0)).collect();
    let salt = u64::from(rng.bits()) << 32;
    let mut texture = vec![0; turn * rows];
    for (y, row) in texture.chunks_exact_mut(turn).enumerate() {
        let (knots, down) = (y / cell * CELLS, (y % cell) as f32 / cell as f32);
        let knot =
            |c: usize| lattice[knots + c % CELLS] * (1.0 - down) + lattice[knots + CELLS + c % CELLS] * down;
        for (column, px) in row.chunks_exact_mut(cell).enumerate() {
            let (mut cloud, step) = (knot(column), (knot(column + 1) - knot(column)) / cell as f32);
            let mut flecks = mix(salt | (y * CELLS + column) as u64);
            for (x, px) in px.iter_mut().enumerate() {
                let thread = if (x / 2 + y / 2) % 2 == 0 { 2.5 } else { -2.5 };
                flecks = flecks.rotate_right(3);
                let fleck = (flecks & 7) as f32 - 3.5;
                *px = (f32::from(base) + cloud + thread + fleck) as u8;
                cloud += step;
            }
        }
        // The seam runs at an angle, as on a sewn belt.
        for x in 0..3 {
            row[(x + turn - y / 6) % turn] -= 16;
        }
    }
    texture
}

/// Drops dirt (soft and dark) and swarf (short, thin and bright) on the belt.
fn litter(weave: &mut [u8], turn: usize, unit: f32, rng: &mut Rng) {
    let rows = weave.len() / turn;
    for _ in 0..60 {
        let (cx, cy) = (rng.range(0.0, turn as f32), rng.range(0.0, rows as f32));
        let (r, depth) = (rng.range(3.0, 13.0) * unit, rng.range(6.0, 22.0));
        stamp(weave, turn, [cx, cy], r, |dx, dy| -depth * (1.0 - (dx * dx + dy * dy) / (r * r)).max(0.0));
    }
    for _ in 0..26 {
        let (cx, cy) = (rng.range(0.0, turn as f32), rng.range(0.0, rows as f32));
        let (length, width) = (rng.range(4.0, 9.0) * unit, rng.range(0.6, 1.2) * unit);
        let ([ax, ay], curl) = (crate::rng::direction(rng.unit()), rng.range(-0.06, 0.06));
        let light = rng.range(40.0, 90.0);
        stamp(weave, turn, [cx, cy], length, |dx, dy| {
            let (along, across) = (ax * dx + ay * dy, ax * dy - ay * dx);
            let off = (across - curl * along * along).abs() / width;
            light * (1.0 - off * 0.6).max(0.0)
        });
    }
}

/// Adds `shade(dx, dy)` within `r` px of a centre; columns wrap around, rows do not.
fn stamp(weave: &mut [u8], turn: usize, centre: [f32; 2], r: f32, shade: impl Fn(f32, f32) -> f32) {
    let rows = (weave.len() / turn) as i64;
    let reach = r as i64 + 1;
    for y in (centre[1] as i64 - reach).max(0)..(centre[1] as i64 + reach + 1).min(rows) {
        for x in centre[0] as i64 - reach..=centre[0] as i64 + reach {
            let (dx, dy) = (x as f32 - centre[0], y as f32 - centre[1]);
            if dx * dx + dy * dy <= r * r {
                let at = y as usize * turn + x.rem_euclid(turn as i64) as usize;
                weave[at] = (f32::from(weave[at]) + shade(dx, dy)) as u8;
            }
        }
    }
}

/// The chroma planes: those of the margins, and a single colour for the belt.
fn chroma(margin: &Margin, belt: [u8; 3]) -> Vec<u8> {
    let (columns, rows) = (margin.width.div_ceil(2), margin.height.div_ceil(2));
    let on_belt = |y: usize| (margin.belt[0]..margin.belt[1]).contains(&y);
    let plane = |channel: usize| {
        let texel = move |x: usize, y: usize| if on_belt(y) { belt } else { margin.texel(x, y) };
        (0..rows).flat_map(move |y| (0..columns).map(move |x| texel(2 * x, 2 * y)[channel]))
    };
    plane(1).chain(plane(2)).collect()
}

/// The static surroundings beside the belt.
#[derive(Clone, Copy)]
struct Margin {
    width: usize,
    height: usize,
    belt: [usize; 2],
    unit: f32,
    salt: u32,
}

impl Margin {
    /// Y, U and V at a px outside the belt.
    fn texel(&self, x: usize, y: usize) -> [u8; 3] {
        let above = y < self.belt[0];
        let rows = if above { self.belt[0] - 1 - y } else { y - self.belt[1] };
        // Both are in px of 480 lines: distance from the belt, and position along it.
        let (away, along) = (rows as f32 / self.unit, x as f32 / self.unit);
        let fleck = (mix(u64::from(self.salt) << 32 | (y * self.width + x) as u64) & 7) as f32 - 3.5;
        let [luma, u, v] = match away {
            a if a < 5.0 => [24.0, 128.0, 128.0],
            a if a < 27.0 => rail(a - 5.0, along),
            _ if above => sticker(away, along, self.salt),
            a if (33.0..47.0).contains(&a) => stripe(along + a),
            _ => [44.0, 129.0, 127.0],
        };
        [(luma + fleck) as u8, u as u8, v as u8]
    }
}

/// An aluminium profile, 22 px high, with a groove and bolts.
fn rail(down: f32, along: f32) -> [f32; 3] {
    let (dx, dy) = (along % 96.0 - 48.0, down - 11.0);
    let bolt = dx * dx + dy * dy;
    let groove = if (down - 11.0).abs() < 2.0 { -46.0 } else { 0.0 };
    let luma = match bolt {
        b if b < 9.0 => 60.0,
        b if b < 36.0 => 176.0 - 4.0 * (dx + dy),
        _ => 112.0 + 5.5 * down - 0.22 * down * down + groove,
    };
    [luma, 130.0, 127.0]
}

/// The floor beyond the rail, with printed stickers on it.
fn sticker(away: f32, along: f32, salt: u32) -> [f32; 3] {
    let (place, within) = ((along / 210.0) as u32, along % 210.0);
    let start = (mix(u64::from(salt ^ place)) % 110) as f32;
    let on = within - start;
    if !(32.0..53.0).contains(&away) || !(0.0..74.0).contains(&on) {
        return [44.0, 129.0, 127.0];
    }
    let bars = mix(u64::from(salt) + u64::from(place));
    let ink = (36.0..48.0).contains(&away) && (5.0..69.0).contains(&on) && bars >> (on as u32 % 64) & 1 == 1;
    if ink { [40.0, 128.0, 128.0] } else { [196.0, 120.0, 134.0] }
}

/// A hazard stripe, yellow and black.
fn stripe(diagonal: f32) -> [f32; 3] {
    if diagonal % 28.0 < 14.0 { [168.0, 52.0, 148.0] } else { [30.0, 128.0, 128.0] }
}
