//! The two clocks that the caller passes in, and which of them decides what.

use std::time::Duration;

/// 2020-01-01 in milliseconds since 1970. A wall clock before it was never set: boxes without a battery start in 1970.
const CLOCK_IS_SET_MS: i64 = 1_577_836_800_000;

/// A moment on both clocks.
///
/// Pauses, time limits and ageing follow the monotonic clock, which nobody sets. `run_at`, what is stored and what people
/// read follow the wall clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Time since the process began; never goes back.
    pub monotonic: Duration,
    /// Milliseconds since 1970-01-01 UTC; jumps when the clock is set.
    pub utc_ms: i64,
}

impl Now {
    /// The monotonic clock in milliseconds. Signed, because what waited before a restart began before zero.
    pub(crate) fn mono_ms(self) -> i64 {
        i64::try_from(self.monotonic.as_millis()).unwrap_or(i64::MAX)
    }
}

/// Whether a stored time comes from a clock that was set.
pub(crate) fn is_set(utc_ms: i64) -> bool {
    utc_ms >= CLOCK_IS_SET_MS
}

/// The first millisecond that counts as set.
pub(crate) fn first_set_ms() -> i64 {
    CLOCK_IS_SET_MS
}

/// `ms` as the signed milliseconds of the queue's time line.
pub(crate) fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}
