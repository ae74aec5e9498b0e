//! The pause before a failed job is tried again.

/// Numbers for jitter: SplitMix64 (Steele et al. 2014), from a seed that the caller passes in.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 to `end`, both included.
    fn up_to(&mut self, end: u64) -> u64 {
        ((u128::from(self.bits()) * (u128::from(end) + 1)) >> 64) as u64
    }
}

/// The longest pause after `failures` failures (at least one), in milliseconds: `first` doubled for each one after the
/// first, at most `longest`.
pub(crate) fn step_ms(first_ms: u64, longest_ms: u64, failures: u32) -> u64 {
    let doublings = failures.saturating_sub(1).min(63);
    first_ms.saturating_mul(1 << doublings).min(longest_ms)
}

/// A pause drawn evenly from nothing to the whole step: the "full jitter" of M. Brooker, "Exponential Backoff And Jitter"
/// (2015), so that jobs which failed together, at one server, do not come back together.
pub(crate) fn pause_ms(random: &mut Random, first_ms: u64, longest_ms: u64, failures: u32) -> u64 {
    random.up_to(step_ms(first_ms, longest_ms, failures))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_double_up_to_the_ceiling_for_any_number_of_failures() {
        let steps = [1, 2, 3, 4, 5, 6, 64, u32::MAX].map(|failures| step_ms(1_000, 10_000, failures));
        assert_eq!(steps, [1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000, 10_000]);
        assert_eq!(step_ms(u64::MAX, u64::MAX, u32::MAX), u64::MAX);
        assert_eq!(step_ms(0, 10_000, 9), 0);
    }

    #[test]
    fn pauses_fill_the_whole_step_evenly() {
        let mut random = Random::new(1);
        let mut tenths = [0u32; 10];
        for _ in 0..20_000 {
            let pause = pause_ms(&mut random, 1_000, 60_000, 3);
            assert!(pause <= 4_000);
            tenths[(pause * 10 / 4_001) as usize] += 1;
        }
        // 2,000 are expected in each; five standard deviations are 212.
        assert!(tenths.iter().all(|&count| (1_788..2_212).contains(&count)), "{tenths:?}");
    }

    #[test]
    fn two_seeds_do_not_pause_alike_and_one_seed_does() {
        let pauses = |seed| {
            let mut random = Random::new(seed);
            [1, 2, 3].map(|failures| pause_ms(&mut random, 1_000, 60_000, failures))
        };
        assert_eq!(pauses(7), pauses(7));
        assert_ne!(pauses(7), pauses(8));
    }
}
