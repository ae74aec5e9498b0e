//! Numbers that look like noise, the same in each run.

/// A xorshift generator (Marsaglia, Xorshift RNGs, 2003).
#[derive(Clone, Debug)]
pub(super) struct Noise(u64);

impl Noise {
    /// A generator whose numbers follow from `seed`.
    pub(super) fn new(seed: u64) -> Noise {
        Noise(seed | 1)
    }

    /// The next number, evenly distributed from `low` to `high`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        low + (high - low) * ((self.0 >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_within_its_limits_and_fills_them() {
        let mut noise = Noise::new(7);
        let numbers: Vec<f64> = (0..1_000).map(|_| noise.between(-1.0, 1.0)).collect();
        assert!(numbers.iter().all(|number| (-1.0..=1.0).contains(number)));
        let mean = numbers.iter().sum::<f64>() / 1_000.0;
        assert!(mean.abs() < 0.1 && numbers.iter().any(|number| *number > 0.9), "{mean}");
    }
}
