//! The pause before a retry: exponential with a ceiling, for any number of retries, and with jitter where
//! many clients retry the same thing.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// `first` doubled once for each of `failures`, at most `longest`.
pub fn exponential(first: Duration, longest: Duration, failures: u32) -> Duration {
    first.saturating_mul(2u32.saturating_pow(failures)).min(longest)
}

/// The pauses between attempts until one succeeds: they double from the first to the longest.
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
    /// State of the random number generator, where the pauses have jitter.
    random: Option<u64>,
}

impl Backoff {
    /// Pauses of exactly `first` (at least 1 ms), twice that, and so on up to `longest`.
    pub fn new(first: Duration, longest: Duration) -> Backoff {
        let first = first.max(Duration::from_millis(1));
        Backoff { first, longest: longest.max(first), failures: 0, random: None }
    }

    /// Draws each pause between half and all of its step, so that what lost one peer together (cameras behind
    /// a switch, boxes at a broker) does not come back in the same instant. This is the "equal jitter" of M.
    /// Brooker, "Exponential Backoff And Jitter" (2015): unlike full jitter it never tries again at once.
    pub fn jittered(self) -> Backoff {
        // Each RandomState has its own keys. A zero would be a fixed point of the generator.
        let seed = RandomState::new().build_hasher().finish() | 1;
        Backoff { random: Some(seed), ..self }
    }

    /// The pause before the next try, after a failure.
    pub fn pause(&mut self) -> Duration {
        let step = exponential(self.first, self.longest, self.failures);
        self.failures = self.failures.saturating_add(1);
        match &mut self.random {
            Some(random) => step.mul_f64(0.5 + share(random) / 2.0),
            None => step,
        }
    }

    /// Notes a success: the next failure starts from the first pause.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

/// A number from 0 to 1, by xorshift64 (G. Marsaglia, 2003): jitter needs no better randomness.
fn share(random: &mut u64) -> f64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    (*random >> 40) as f64 / (1u64 << 24) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(1);
    const STEPS_MS: [u64; 7] = [100, 200, 400, 800, 1_000, 1_000, 1_000];

    #[test]
    fn pauses_double_up_to_the_ceiling_and_start_again_after_a_success() {
        let mut backoff = Backoff::new(FIRST, LONGEST);
        let pauses = STEPS_MS.map(|_| backoff.pause().as_millis() as u64);
        assert_eq!(pauses, STEPS_MS);
        backoff.reset();
        assert_eq!(backoff.pause(), FIRST);
    }

    #[test]
    fn a_jittered_pause_is_between_half_and_all_of_its_step() {
        let mut backoff = Backoff::new(FIRST, LONGEST).jittered();
        for step_ms in STEPS_MS {
            let (pause, step) = (backoff.pause(), Duration::from_millis(step_ms));
            assert!(pause >= step / 2 && pause <= step, "{pause:?} of {step:?}");
        }
        backoff.reset();
        assert!(backoff.pause() <= FIRST);
    }

    #[test]
    fn two_cameras_do_not_come_back_in_the_same_instant() {
        let pauses = || {
            let mut backoff = Backoff::new(FIRST, LONGEST).jittered();
            [backoff.pause(), backoff.pause(), backoff.pause()]
        };
        assert_ne!(pauses(), pauses());
    }

    #[test]
    fn no_number_of_failures_overflows() {
        assert_eq!(exponential(FIRST, LONGEST, u32::MAX), LONGEST);
        assert_eq!(exponential(Duration::MAX, LONGEST, 1), LONGEST);
    }
}
