//! Pseudo-random numbers that are the same on every machine: hashes of a seed, and a sine that only
//! multiplies and adds (a platform's own `sinf` may differ in its last bit).

use std::f32::consts::FRAC_PI_2;

/// Scatters the bits of `z` (the finaliser of SplitMix64, Steele et al. 2014).
pub(crate) fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A stream of numbers that depends only on a seed and a purpose.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The stream for `purpose` under `seed`.
    pub fn new(seed: u64, purpose: u64) -> Rng {
        Rng(mix(seed.wrapping_add(0x9E37_79B9_7F4A_7C15)) ^ mix(purpose.wrapping_mul(0xD1B5_4A32_D192_ED03)))
    }

    /// The next 32 bits of the stream.
    pub fn bits(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        (mix(self.0) >> 32) as u32
    }

    /// A number of at least 0, below 1.
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// A number of at least `low`, below `high`.
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// An integer of at least 0, below `count`.
    pub fn below(&mut self, count: u32) -> u32 {
        ((u64::from(self.bits()) * u64::from(count)) >> 32) as u32
    }

    /// One of the two signs, +1 or −1.
    pub fn sign(&mut self) -> f32 {
        if self.bits() & 1 == 0 { 1.0 } else { -1.0 }
    }
}

/// Cosine and sine of an angle in turns, to 1e-6.
pub(crate) fn direction(turns: f32) -> [f32; 2] {
    let quarters = (turns * 4.0 + 0.5).floor();
    let f = (turns * 4.0 - quarters) * FRAC_PI_2;
    let f2 = f * f;
    let sin = f * (1.0 - f2 / 6.0 * (1.0 - f2 / 20.0 * (1.0 - f2 / 42.0)));
    let cos = 1.0 - f2 / 2.0 * (1.0 - f2 / 12.0 * (1.0 - f2 / 30.0 * (1.0 - f2 / 56.0)));
    match (quarters as i64).rem_euclid(4) {
        0 => [cos, sin],
        1 => [-sin, cos],
        2 => [-cos, -sin],
        _ => [sin, -cos],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_agree_with_the_platform_to_a_millionth() {
        for step in -500..1500 {
            let turns = step as f32 / 1000.0;
            let (sin, cos) = (f64::from(turns) * std::f64::consts::TAU).sin_cos();
            let [x, y] = direction(turns);
            assert!((f64::from(x) - cos).abs() < 2e-6 && (f64::from(y) - sin).abs() < 2e-6, "{turns}");
        }
    }

    #[test]
    fn random_numbers_fill_their_range_evenly_and_purposes_do_not_repeat_one_another() {
        let mut rng = Rng::new(1, 2);
        let mut sums = [0u32; 8];
        for _ in 0..8000 {
            sums[rng.below(8) as usize] += 1;
        }
        assert!(sums.iter().all(|&n| (850..1150).contains(&n)), "{sums:?}");
        assert_ne!(Rng::new(1, 2).bits(), Rng::new(1, 3).bits());
        assert_ne!(Rng::new(1, 2).bits(), Rng::new(2, 1).bits());
    }
}
