//! Limits the log lines about peers, which anybody who can connect could otherwise fill the log with.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::part::Part;
use crate::telemetry::Repeated;

/// One line a minute for each address and reason. Reasons are fixed texts, so their number is bounded.
#[derive(Default)]
pub(super) struct PeerLog {
    lines: Mutex<HashMap<(Part, &'static str), Repeated>>,
}

impl PeerLog {
    /// Notes an occurrence at `now_ns`. `Some`: a line is due, with the number of occurrences since the last one.
    pub(super) fn again(&self, part: Part, reason: &'static str, now_ns: u64) -> Option<u64> {
        self.lines.lock().entry((part, reason)).or_default().again(now_ns)
    }
}
