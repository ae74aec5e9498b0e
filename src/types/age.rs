//! Decides whether stored data may be deleted by age, which needs a clock that can be trusted. Pure: time
//! comes in as stamps.

use std::time::Duration;

use super::{Stamp, rfc3339};

/// A clock is trusted without better evidence after it was watched for this long on the monotonic clock.
const WATCHED_NS: u64 = 3_600_000_000_000;
/// A step of the wall clock beyond this is a jump; corrections by NTP slewing are far smaller.
const JUMP_NS: u64 = 60_000_000_000;
const DAY_NS: u64 = 86_400_000_000_000;

/// Why nothing is deleted by age at present.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// The clock was set to another time, or is faulty.
    #[error("the clock has jumped by {by_s} s; deletion by age resumes when it has run evenly for an hour")]
    Jumped {
        /// Size of the jump in seconds; positive is forward.
        by_s: i64,
    },
    /// Either nothing was stored for a long time, or the clock is ahead.
    #[error(
        "the clock shows {now}, and the newest stored item is dated {newest}, longer ago than the longest retention; \
         deletion by age resumes when the clock has been synchronised for an hour"
    )]
    Ahead {
        /// Time of the wall clock, RFC 3339, UTC.
        now: String,
        /// Time of the newest stored item, RFC 3339, UTC.
        newest: String,
    },
    /// There is no evidence for or against the clock.
    #[error("the clock is not synchronised, and was watched for less than an hour")]
    Unwatched,
}

/// Watches one clock for code that deletes by age. Limits on count and bytes apply whatever the result.
#[derive(Debug)]
pub struct AgeGate {
    last: Stamp,
    /// When the clock began to run evenly, on the monotonic clock.
    even_ns: u64,
    /// Size of the last jump, seconds, until the clock is trusted again.
    jumped_s: Option<i64>,
    /// When the newest item before the jump was stored: items stamped by a wrong clock are no evidence for
    /// it.
    newest_ns: Option<u64>,
}

impl AgeGate {
    /// Starts to watch the clock at `now`.
    pub fn new(now: Stamp) -> AgeGate {
        AgeGate { last: now, even_ns: now.mono_ns, jumped_s: None, newest_ns: None }
    }

    /// Returns a jump since the last call, in seconds; call it often. `newest_ns` is when the newest item was
    /// stored whose age is to be judged.
    pub fn watch(&mut self, now: Stamp, newest_ns: Option<u64>) -> Option<i64> {
        let wall = i128::from(now.wall_ns) - i128::from(self.last.wall_ns);
        let mono = i128::from(now.mono_ns) - i128::from(self.last.mono_ns);
        self.last = now;
        let by = wall - mono;
        if by.unsigned_abs() > u128::from(JUMP_NS) {
            let by_s = i64::try_from(by / 1_000_000_000).unwrap_or(i64::MAX);
            (self.even_ns, self.jumped_s) = (now.mono_ns, Some(by_s));
            return Some(by_s);
        }
        if self.jumped_s.is_none() || self.newest_ns.is_none() {
            self.newest_ns = newest_ns;
        }
        None
    }

    /// Whether items older than `max_age` may be deleted now. `synchronised` is called only where it decides.
    /// Errors: the [`Doubt`] that forbids it.
    pub fn judge(&mut self, max_age: Duration, synchronised: impl Fn() -> bool) -> Result<(), Doubt> {
        let judged = self.look(max_age, synchronised);
        if judged.is_ok() {
            self.jumped_s = None;
        }
        judged
    }

    fn look(&self, max_age: Duration, synchronised: impl Fn() -> bool) -> Result<(), Doubt> {
        let newest_ns = self.newest_ns.unwrap_or(self.last.wall_ns);
        let plausible = self.last.wall_ns < newest_ns.saturating_add(max_age.as_nanos() as u64);
        let even = self.is_even();
        match (plausible, self.jumped_s) {
            (true, _) if even => Ok(()),
            (true, None) if synchronised() => Ok(()),
            (true, None) => Err(Doubt::Unwatched),
            (false, _) if even && synchronised() => Ok(()),
            (_, Some(by_s)) => Err(Doubt::Jumped { by_s }),
            (false, None) => {
                Err(Doubt::Ahead { now: rfc3339(self.last.wall_ns), newest: rfc3339(newest_ns) })
            }
        }
    }

    /// Items dated later than this were stored while the clock was ahead; one day is tolerated for clocks set
    /// by hand.
    pub fn ahead_from_ns(&self) -> u64 {
        self.last.wall_ns.saturating_add(DAY_NS)
    }

    fn is_even(&self) -> bool {
        self.last.mono_ns.saturating_sub(self.even_ns) >= WATCHED_NS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000_000_000;
    const YEAR: u64 = 365 * DAY_NS;
    /// Midnight UTC of 2026-11-28, nanoseconds since 1970.
    const NOW: u64 = 1_795_824_000_000_000_000;
    const MAX: Duration = Duration::from_secs(30 * 86_400);

    /// A clock that the test sets by hand, and the time of the newest stored item.
    struct Watched {
        gate: AgeGate,
        now: Stamp,
        newest: u64,
        synchronised: bool,
    }

    impl Watched {
        fn new(synchronised: bool) -> Watched {
            let now = Stamp { mono_ns: 7, wall_ns: NOW };
            Watched { gate: AgeGate::new(now), now, newest: NOW, synchronised }
        }

        fn run(&mut self, minutes: u64) -> Result<(), Doubt> {
            (0..minutes).for_each(|_| {
                self.now = self.now.plus(Duration::from_nanos(MINUTE));
                self.gate.watch(self.now, Some(self.newest));
                self.newest = self.now.wall_ns;
            });
            self.judge()
        }

        fn set(&mut self, wall_ns: u64) -> Option<i64> {
            self.now.wall_ns = wall_ns;
            self.gate.watch(self.now, Some(self.newest))
        }

        fn judge(&mut self) -> Result<(), Doubt> {
            self.gate.judge(MAX, || self.synchronised)
        }
    }

    #[test]
    fn a_synchronised_clock_is_believed_at_once_and_another_one_after_an_hour() {
        assert_eq!(Watched::new(true).judge(), Ok(()));
        let mut other = Watched::new(false);
        assert_eq!(other.judge(), Err(Doubt::Unwatched));
        assert_eq!(other.run(59), Err(Doubt::Unwatched));
        assert_eq!(other.run(1), Ok(()));
    }

    #[test]
    fn a_jump_of_years_is_seen_and_costs_nothing_however_long_it_lasts() {
        for synchronised in [false, true] {
            let mut it = Watched::new(synchronised);
            assert_eq!(it.run(90), Ok(()));
            assert_eq!(it.set(it.now.wall_ns + 3 * YEAR), Some(3 * 365 * 86_400));
            assert!(matches!(it.judge(), Err(Doubt::Jumped { .. })), "{synchronised}");
            assert!(matches!(it.run(59), Err(Doubt::Jumped { .. })), "{synchronised}");
            // Items stored meanwhile carry the wrong date, so they are no evidence for the clock.
            let later = it.run(600);
            assert_eq!(later.is_ok(), synchronised, "{later:?}");
            if !synchronised {
                it.set(it.now.wall_ns - 3 * YEAR);
                assert!(it.run(59).is_err());
                assert_eq!(it.run(1), Ok(()));
            }
        }
    }

    #[test]
    fn a_jump_of_five_seconds_and_back_is_over_in_an_hour() {
        let mut it = Watched::new(false);
        assert_eq!(it.run(61), Ok(()));
        it.set(it.now.wall_ns + 3 * YEAR);
        assert!(it.judge().is_err());
        assert_eq!(it.set(it.now.wall_ns - 3 * YEAR), Some(-3 * 365 * 86_400));
        assert!(it.run(30).is_err());
        assert_eq!(it.run(30), Ok(()));
    }

    #[test]
    fn a_clock_that_is_ahead_from_the_start_is_believed_only_when_it_is_synchronised() {
        for synchronised in [false, true] {
            let mut it = Watched::new(synchronised);
            it.newest = NOW - YEAR;
            it.gate.watch(it.now, Some(it.newest));
            assert!(matches!(it.judge(), Err(Doubt::Ahead { .. })));
            for _ in 0..180 {
                it.now = it.now.plus(Duration::from_nanos(MINUTE));
                it.gate.watch(it.now, Some(it.newest));
            }
            assert_eq!(it.judge().is_ok(), synchronised);
        }
    }

    #[test]
    fn a_clock_that_is_behind_deletes_too_little_and_is_no_matter() {
        let mut it = Watched::new(false);
        it.newest = NOW + YEAR;
        (0..60).for_each(|_| {
            it.now = it.now.plus(Duration::from_nanos(MINUTE));
            it.gate.watch(it.now, Some(it.newest));
        });
        assert_eq!(it.judge(), Ok(()));
    }
}
