//! What became of everything that was to be noted.

use crate::telemetry::totals;

totals!("audit" {
    /// Lines written to the audit log.
    lines,
    /// Lines that could not be written.
    lines_failed,
    /// Requests that were refused, before they were put together by minute and address.
    refused,
});
