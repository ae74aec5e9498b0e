//! Backgrounds by a seed: a gradient of two colours, waves of soft noise, and a little dither against bands.
//!
//! Only additions, multiplications, divisions and roots, which every machine rounds alike: the same seed gives the same
//! bytes everywhere.

/// Points of the noise along the longer side, at the coarsest.
const COARSEST: u64 = 3;

/// A background that follows from a seed and the size of the picture.
pub(super) struct Pattern {
    seed: u64,
    /// Px to 0..1 of the longer side.
    unit: f32,
    /// Unit vector of the gradient, and its values at the two ends.
    direction: [f32; 2],
    ends: [f32; 2],
    colours: [[f32; 3]; 2],
    /// How strongly the noise moves along the gradient, and its points along the longer side.
    strength: f32,
    points: f32,
}

impl Pattern {
    pub fn new(seed: u64, width: usize, height: usize) -> Pattern {
        let mut number = 0;
        let mut next = || {
            number += 1;
            share(mix(seed ^ mix(number)))
        };
        let unit = 1.0 / width.max(height) as f32;
        let hue = next();
        let other = hue + 0.04 + 0.12 * next();
        let colours = [
            colour(hue, 0.15 + 0.35 * next(), 0.72 + 0.2 * next()),
            colour(other, 0.15 + 0.35 * next(), 0.5 + 0.25 * next()),
        ];
        let (x, y) = (next() * 2.0 - 1.0, 0.2 + next());
        let length = (x * x + y * y).sqrt();
        let direction = [x / length, y / length];
        let (right, bottom) = (width as f32 * unit, height as f32 * unit);
        let corners = [(0.0, 0.0), (right, 0.0), (0.0, bottom), (right, bottom)];
        let along = corners.map(|(x, y)| x * direction[0] + y * direction[1]);
        let ends =
            [along.iter().copied().fold(f32::MAX, f32::min), along.iter().copied().fold(f32::MIN, f32::max)];
        let strength = 0.1 + 0.25 * next();
        let points = (COARSEST + (next() * 4.0) as u64) as f32;
        Pattern { seed, unit, direction, ends, colours, strength, points }
    }

    /// Row `y` as RGB.
    pub fn row(&self, y: usize, out: &mut [u8]) {
        let v = (y as f32 + 0.5) * self.unit;
        for (x, pixel) in out.chunks_exact_mut(3).enumerate() {
            let u = (x as f32 + 0.5) * self.unit;
            let along = u * self.direction[0] + v * self.direction[1];
            let gradient = (along - self.ends[0]) / (self.ends[1] - self.ends[0]);
            let waves = self.noise(u * self.points, v * self.points, 1) * 0.7
                + self.noise(u * self.points * 2.0, v * self.points * 2.0, 2) * 0.3;
            let t = (gradient + self.strength * (waves - 0.5)).clamp(0.0, 1.0);
            let dither = share(mix(self.seed ^ ((x as u64) << 32 | y as u64)));
            for (c, value) in pixel.iter_mut().enumerate() {
                let [from, to] = [self.colours[0][c], self.colours[1][c]];
                *value = ((from + (to - from) * t) * 255.0 + dither).clamp(0.0, 255.0) as u8;
            }
        }
    }

    /// Noise of a lattice of random values, 0 to 1, smooth between its points.
    fn noise(&self, u: f32, v: f32, octave: u64) -> f32 {
        let (column, row) = (u.floor(), v.floor());
        let ease = |t: f32| t * t * (3.0 - 2.0 * t);
        let (fx, fy) = (ease(u - column), ease(v - row));
        let at = |x: u64, y: u64| {
            share(mix(self.seed.wrapping_add(octave) ^ mix((column as u64 + x) << 32 | (row as u64 + y))))
        };
        let (top, bottom) = (at(0, 0) + (at(1, 0) - at(0, 0)) * fx, at(0, 1) + (at(1, 1) - at(0, 1)) * fx);
        top + (bottom - top) * fy
    }
}

/// Mixes the bits of a number (the finaliser of SplitMix64; Steele, Lea and Flood 2014).
fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The upper bits of a number as 0 to 1, without 1.
fn share(value: u64) -> f32 {
    (value >> 40) as f32 / (1u64 << 24) as f32
}

/// HSL to RGB, all of 0 to 1; the hue turns around.
fn colour(hue: f32, saturation: f32, lightness: f32) -> [f32; 3] {
    let reach = saturation * lightness.min(1.0 - lightness);
    [0.0, 8.0, 4.0].map(|n| {
        let k = (n + hue * 12.0) % 12.0;
        lightness - reach * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0)
    })
}
