//! How old a source is, and whether its clock agrees with ours.

use std::time::Duration;

/// When a source last delivered, by the caller's clock: what its times say is another matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceAge {
    stale_after: Duration,
    arrived: Duration,
    newest_ns: Option<i64>,
    ahead_ns: i64,
}

impl SourceAge {
    /// A source that begins to be waited for at `now`, a time of a clock that never jumps.
    pub fn new(stale_after: Duration, now: Duration) -> SourceAge {
        SourceAge { stale_after, arrived: now, newest_ns: None, ahead_ns: 0 }
    }

    /// A point with the time `time_ns` arrived at `now`, which is `utc_ns`; both in nanoseconds since 1970.
    pub fn arrived(&mut self, time_ns: i64, now: Duration, utc_ns: i64) {
        self.arrived = now;
        if self.newest_ns.is_none_or(|newest| newest < time_ns) || self.ahead_ns > 0 {
            self.ahead_ns = time_ns.saturating_sub(utc_ns);
        }
        self.newest_ns = Some(self.newest_ns.map_or(time_ns, |newest| newest.max(time_ns)));
    }

    /// The time since the last point arrived.
    pub fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.arrived)
    }

    /// Whether nothing has arrived for longer than the setting.
    pub fn is_stale(&self, now: Duration) -> bool {
        self.age(now) > self.stale_after
    }

    /// The newest time of a point, in nanoseconds since 1970.
    pub fn newest_ns(&self) -> Option<i64> {
        self.newest_ns
    }

    /// By how many nanoseconds the newest point was ahead of our clock when it arrived; negative is behind. A source that
    /// is ahead by more than its steps has a wrong clock or a wrong time zone.
    pub fn ahead_ns(&self) -> i64 {
        self.ahead_ns
    }
}
