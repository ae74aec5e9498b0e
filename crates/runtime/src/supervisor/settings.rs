//! The settings of the supervisor.

use std::time::Duration;

/// When a failed unit is restarted, and how long a unit that was asked to stop is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Restarts of one unit within a minute before it is given up.
    pub max_restarts: u32,
    /// First pause before a restart; doubles up to `backoff_max`.
    pub backoff: Duration,
    /// The longest pause before a restart.
    pub backoff_max: Duration,
    /// A unit that was asked to stop and makes no progress for so long hangs, and is abandoned.
    pub drain: Duration,
    /// How long SIGTERM waits for units that do make progress, all together.
    pub drain_max: Duration,
}
