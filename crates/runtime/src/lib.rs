//! What keeps a long-running service alive, and knows nothing of what the service does.
//!
//! - [`supervisor`] starts units in order, restarts those that fail, feeds systemd's watchdog only while they progress,
//!   and stops them in reverse order within a deadline.
//! - [`scheduler`] gives pinned workers the most urgent work that waits, and puts its results back in order.
//! - [`clock`] is where time comes from, so that a test can set it.
//! - [`backoff`] is the pause before the next try of what failed.
//! - [`telemetry`] holds the log, counters, latencies and the facts about the process.

pub mod backoff;
pub mod clock;
mod run_state;
pub mod scheduler;
pub mod supervisor;
pub mod telemetry;

pub use run_state::RunState;
