//! What became of all requests and of all outputs.

use crate::telemetry::totals;

totals!("command" {
    /// Runs of commands that the instrument took.
    runs,
    /// Runs that were refused: limits, role, interlock, or too many.
    refused,
    /// Requests that were turned away because too many waited.
    crowded,
    /// Runs that failed: not sent, or not confirmed.
    failed,
    /// Outputs that were turned off and confirmed to be off.
    offs,
    /// Outputs turned off because they were on for `off_after_ms`.
    offs_by_time,
    /// Outputs turned off because their interlock opened.
    offs_by_interlock,
    /// Attempts to turn an output off that were not confirmed and are repeated.
    off_failures,
});
