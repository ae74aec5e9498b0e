//! The last pass over a frame: uneven, flickering lamps, a moving shadow, and the sensor's noise. Integer
//! arithmetic only, written so that the compiler vectorises it.

use crate::rng::{Rng, mix};

/// Length of the noise table, large enough that its repetition is not visible in the rows.
const NOISE: usize = 16_384;
/// Luma of black and of white, BT.601 limited range.
const BLACK: i16 = 16;
const WHITE: i16 = 235;

/// The lamps over the belt and the noise of the sensor.
#[derive(Debug)]
pub(crate) struct Light {
    seed: u64,
    /// Px by which the moving shadow advances in one frame.
    pace: u64,
    /// Gain of each column with steady lamps; 160 is neutral.
    lamps: Vec<u8>,
    /// Gain of each row; 205 is neutral.
    fall_off: Vec<u8>,
    /// This frame's gain of each column.
    columns: Vec<u8>,
    noise: Vec<i8>,
    /// The ambient light that reaches the belt.
    stray: Stray,
}

/// How the surroundings affect the light.
#[derive(Clone, Copy, Debug)]
struct Stray {
    /// Divisor of the slow variation.
    calm: i64,
    /// Depth of the moving shadow, of 256.
    shadow: i64,
}

/// In an open hall: the slow variation is ±8 %, the shadow −14 %.
const OPEN: Stray = Stray { calm: 4, shadow: 36 };
/// Under the hood of an inspection station: the slow variation is ±2 %, and there is no shadow.
const HOODED: Stray = Stray { calm: 16, shadow: 0 };

impl Light {
    /// Lamps in an open hall, or with `hooded` those over a line that is inspected.
    pub fn new(seed: u64, [width, height]: [usize; 2], fps: u32, hooded: bool) -> Light {
        let mut rng = Rng::new(seed, u64::MAX - 1);
        let (level, lean) = (rng.range(132.0, 176.0), rng.range(-22.0, 22.0));
        let across = |i: usize, of: usize| 2.0 * (i as f32 + 0.5) / of as f32 - 1.0;
        let lamps = (0..width).map(|x| across(x, width));
        let lamps = lamps.map(|t| (level + lean * t - 20.0 * t * t) as u8).collect();
        let fall_off = (0..height).map(|y| across(y, height));
        let fall_off = fall_off.map(|t| (214.0 - 8.0 * t - 26.0 * t * t) as u8).collect();
        let strength = rng.range(0.9, 2.4);
        let noise = (0..NOISE + width).map(|_| gauss(&mut rng, strength)).collect();
        let pace = (width as u64 / 4 / u64::from(fps)).max(1);
        Light {
            seed,
            pace,
            lamps,
            fall_off,
            columns: vec![0; width],
            noise,
            stray: if hooded { HOODED } else { OPEN },
        }
    }

    /// Lights frame `n` in place. `chroma` is not lit and only gets noise.
    pub fn apply(&mut self, n: u64, luma: &mut [u8], chroma: &mut [u8]) {
        self.set_columns(n);
        let width = self.columns.len();
        for (y, row) in luma.chunks_exact_mut(width).enumerate() {
            let from = self.noise_at(n, y as u64);
            light_row(row, &self.columns, self.fall_off[y], &self.noise[from..from + width]);
        }
        for (y, row) in chroma.chunks_mut(width).enumerate() {
            let from = self.noise_at(n, (1 << 32) + y as u64);
            add_noise(row, &self.noise[from..from + width]);
        }
    }

    /// Sets the columns' gain: flicker (±2 %), the slow variation, and the shadow's slopes.
    fn set_columns(&mut self, n: u64) {
        let flicker = (mix(self.seed ^ mix(n)) % 11) as i64 - 5;
        let swell = (triangle(n.wrapping_add(self.seed & 0xFF), 330) - 82) / self.stray.calm;
        let width = self.columns.len() as u64;
        let centre = (n.wrapping_mul(self.pace) % (4 * width)) as i64 - width as i64;
        let half = (width / 6).max(1) as i64;
        let depth = self.stray.shadow;
        for (x, (gain, &lamp)) in self.columns.iter_mut().zip(&self.lamps).enumerate() {
            let inside = (half - (x as i64 - centre).abs()).clamp(0, half / 2);
            let share = 256 + flicker + swell - depth * inside / (half / 2).max(1);
            *gain = ((i64::from(lamp) * share) >> 8).clamp(0, 255) as u8;
        }
    }

    fn noise_at(&self, n: u64, row: u64) -> usize {
        (mix(self.seed ^ mix(n.wrapping_mul(0x1_0000_0001).wrapping_add(row << 20))) as usize) % NOISE
    }
}

/// A triangle wave that rises from 0 to `period` / 2 and falls back.
fn triangle(n: u64, period: u64) -> i64 {
    let at = (n % period) as i64;
    at.min(period as i64 - at)
}

/// A nearly normal value: the sum of four uniform numbers.
fn gauss(rng: &mut Rng, strength: f32) -> i8 {
    let sum = rng.unit() + rng.unit() + rng.unit() + rng.unit() - 2.0;
    ((sum * 1.73 * strength + 128.5) as i16 - 128) as i8
}

fn light_row(row: &mut [u8], columns: &[u8], gain: u8, noise: &[i8]) {
    for ((px, &column), &noise) in row.iter_mut().zip(columns).zip(noise) {
        let lamp = (u16::from(column) * u16::from(gain)) >> 8;
        let lit = ((u16::from(*px) * lamp) >> 7) as i16;
        *px = (lit + i16::from(noise)).clamp(BLACK, WHITE) as u8;
    }
}

fn add_noise(row: &mut [u8], noise: &[i8]) {
    for (px, &noise) in row.iter_mut().zip(noise) {
        *px = px.saturating_add_signed(noise >> 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_no_bias_and_the_asked_strength() {
        let mut rng = Rng::new(3, 3);
        let values: Vec<f64> = (0..20_000).map(|_| f64::from(gauss(&mut rng, 2.0))).collect();
        let mean = values.iter().sum::<f64>() / 20_000.0;
        let sigma = (values.iter().map(|v| v * v).sum::<f64>() / 20_000.0).sqrt();
        assert!(mean.abs() < 0.1, "{mean}");
        assert!((1.8..2.3).contains(&sigma), "{sigma}");
    }

    #[test]
    fn nothing_leaves_the_limited_range() {
        let mut luma = [0u8, 255, 128, 235].repeat(16);
        let mut light = Light::new(1, [16, 4], 30, false);
        light.apply(5, &mut luma, &mut []);
        assert!(luma.iter().all(|px| (16..=235).contains(px)), "{luma:?}");
    }
}
