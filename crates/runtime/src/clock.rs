//! A moment on both clocks that matter: the monotonic one for latencies, the wall clock for the plant.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::Offset;

/// A moment: nanoseconds on the process's monotonic clock and on the wall clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Nanoseconds since the process began; never goes back. Latencies are differences of these.
    pub mono_ns: u64,
    /// Nanoseconds since 1970-01-01 UTC; jumps when the clock is set. Only published, never subtracted.
    pub wall_ns: u64,
}

impl Stamp {
    /// The time from `earlier` to `self` in microseconds; zero if `earlier` is later.
    pub fn micros_since(self, earlier: Stamp) -> u64 {
        self.mono_ns.saturating_sub(earlier.mono_ns) / 1_000
    }

    /// Like [`Stamp::micros_since`], for a step of a frame's `Latency`: saturates after 71 minutes.
    pub fn latency_since(self, earlier: Stamp) -> u32 {
        self.micros_since(earlier).min(u64::from(u32::MAX)) as u32
    }

    /// This moment moved by `by` into the future.
    pub fn plus(self, by: Duration) -> Stamp {
        let ns = by.as_nanos() as u64;
        Stamp { mono_ns: self.mono_ns + ns, wall_ns: self.wall_ns + ns }
    }
}

/// The source of time, so that a test can set it.
pub trait Clock: Send + Sync {
    /// The present moment on both clocks.
    fn now(&self) -> Stamp;

    /// Time since the process began, for pauses and deadlines.
    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.now().mono_ns)
    }
}

/// The clocks of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Stamp {
        static START: OnceLock<Instant> = OnceLock::new();
        let start = *START.get_or_init(Instant::now);
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Stamp { mono_ns: start.elapsed().as_nanos() as u64, wall_ns: wall.as_nanos() as u64 }
    }
}

/// A clock that stands still until a test moves it.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_nanos() as u64, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Stamp {
        let ns = self.0.load(Ordering::SeqCst);
        Stamp { mono_ns: ns, wall_ns: ns }
    }
}

/// Formats nanoseconds since 1970 as RFC 3339 in UTC with microseconds: `2026-11-21T02:31:07.000123Z`.
pub fn rfc3339(wall_ns: u64) -> String {
    let moment = Timestamp::from_nanosecond(i128::from(wall_ns)).unwrap_or_default();
    let moment = Offset::UTC.to_datetime(moment);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
        moment.year(),
        moment.month(),
        moment.day(),
        moment.hour(),
        moment.minute(),
        moment.second(),
        moment.subsec_nanosecond() / 1_000
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_time_is_written_as_rfc_3339_in_utc() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(rfc3339(1_795_228_267_000_123_000), "2026-11-21T02:31:07.000123Z");
    }

    #[test]
    fn a_latency_never_goes_below_zero() {
        let early = Stamp { mono_ns: 5_000, wall_ns: 9 };
        let late = Stamp { mono_ns: 8_000, wall_ns: 1 };
        assert_eq!(late.micros_since(early), 3);
        assert_eq!(early.micros_since(late), 0);
    }
}
