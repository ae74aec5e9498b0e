//! Counters of the audit log: each entry is written, fails, or is refused.

use crate::telemetry::totals;

totals!("audit" {
    /// Lines written to the audit log.
    lines,
    /// Lines that could not be written.
    lines_failed,
    /// Refused requests, each counted before they are grouped by minute and address.
    refused,
});
