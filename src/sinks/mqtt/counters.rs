//! What became of everything that was offered: the numbers add up, and each drop has its reason.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the process began, as one moment saw them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Totals {
    /// Reports published.
    pub reports_sent: u64,
    /// Reports refused because no broker was connected.
    pub reports_dropped_offline: u64,
    /// Reports refused because the queue was full.
    pub reports_dropped_full: u64,
    /// Events taken.
    pub events_taken: u64,
    /// Events refused because the queue was full: the disk did not keep up, and memory for waiting is bounded.
    pub events_dropped_full: u64,
    /// Events and gaps that a broker acknowledged.
    pub events_acked: u64,
    /// Attendance events that were offered again and are in the outbox already.
    pub events_known: u64,
    /// Events sent again or late, marked `historical`.
    pub events_historical: u64,
    /// Events dropped by the outbox's bound, announced as gaps.
    pub outbox_dropped: u64,
    /// Group commits.
    pub commits: u64,
    /// Group commits that the disk refused; the events wait in memory and are tried again.
    pub commits_failed: u64,
    /// Successful connections.
    pub connections: u64,
    /// Commands received.
    pub commands: u64,
}

macro_rules! live_counters {
    ($($name:ident),*) => {
        /// The live counters behind [`Totals`].
        #[derive(Debug, Default)]
        pub(super) struct LiveTotals { $(pub(super) $name: AtomicU64),* }

        impl LiveTotals {
            /// The present values.
            pub(super) fn read(&self) -> Totals {
                Totals { $($name: self.$name.load(Ordering::Relaxed)),* }
            }
        }
    };
}

live_counters!(
    reports_sent,
    reports_dropped_offline,
    reports_dropped_full,
    events_taken,
    events_dropped_full,
    events_acked,
    events_known,
    events_historical,
    outbox_dropped,
    commits,
    commits_failed,
    connections,
    commands
);

impl Totals {
    /// The counts by name, as `telemetry` publishes them.
    pub fn named(&self) -> impl Iterator<Item = (String, u64)> {
        let fields = match serde_json::to_value(self) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        fields.into_iter().map(|(name, count)| (format!("mqtt/{name}"), count.as_u64().unwrap_or(0)))
    }
}

/// Adds `by` to a counter; order with other memory does not matter to a count.
pub(super) fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
