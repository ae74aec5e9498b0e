//! The pause before the next try: exponential, with jitter and a ceiling, without an end.

use std::time::Duration;

/// Pauses that double from the first to the longest; each is drawn between half and all of its step, so that
/// many cameras behind one switch do not come back in the same instant ("equal jitter").
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    step: Duration,
    random: u64,
}

impl Backoff {
    /// `seed` tells the jitter of one camera from that of another.
    pub fn new(first: Duration, longest: Duration, seed: u64) -> Backoff {
        let first = first.max(Duration::from_millis(1));
        Backoff { first, longest: longest.max(first), step: first, random: seed | 1 }
    }

    /// The next pause.
    pub fn pause(&mut self) -> Duration {
        let step = self.step;
        self.step = (step * 2).min(self.longest);
        // xorshift64 (Marsaglia 2003): jitter needs no better randomness.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let share = (self.random >> 40) as f64 / (1u64 << 24) as f64;
        step.mul_f64(0.5 + share / 2.0)
    }

    /// Frames flow again: the next failure starts from the first pause.
    pub fn reset(&mut self) {
        self.step = self.first;
    }
}

/// A seed from a name (FNV-1a) and the time.
pub fn seed(name: &str, wall_ns: u64) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325 ^ wall_ns, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_ceiling_and_start_again_after_a_success() {
        let (first, longest) = (Duration::from_millis(100), Duration::from_millis(1_000));
        let mut backoff = Backoff::new(first, longest, seed("front", 1));
        for step_ms in [100, 200, 400, 800, 1_000, 1_000, 1_000] {
            let pause = backoff.pause();
            let step = Duration::from_millis(step_ms);
            assert!(pause >= step / 2 && pause <= step, "{pause:?} of {step:?}");
        }
        backoff.reset();
        assert!(backoff.pause() <= first);
    }

    #[test]
    fn two_cameras_do_not_come_back_in_the_same_instant() {
        let pauses = |name| {
            let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30), seed(name, 7));
            [backoff.pause(), backoff.pause(), backoff.pause()]
        };
        assert_ne!(pauses("front"), pauses("rear"));
    }
}
