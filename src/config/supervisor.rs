//! `[supervisor]`.

use std::time::Duration;

/// `[supervisor]`
#[derive(Clone, Debug, PartialEq)]
pub struct Supervisor {
    /// Restarts of one unit within a minute before it is given up.
    pub max_restarts: u32,
    /// First pause before a restart; doubles up to `backoff_max`.
    pub backoff: Duration,
    /// Longest pause.
    pub backoff_max: Duration,
    /// A unit that was asked to stop and makes no progress for so long hangs, and is left behind.
    pub drain: Duration,
    /// How long SIGTERM waits for units that do make progress, all together.
    pub drain_max: Duration,
    /// What the box is not healthy without (`mqtt`, `web`, `store`, `disk`, `camera/NAME`, `trigger/NAME`,
    /// `model/NAME`): `/healthz` answers 503 while it is faulty, and the final failure of such a unit ends the process.
    pub essential: Vec<String>,
}
