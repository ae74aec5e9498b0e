//! What became of everything that was offered and asked.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the process began, as one moment saw them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Totals {
    /// Events, inspections and attendance taken for the page.
    pub events_taken: u64,
    /// The same, refused because the queue was full: the unit `web` is not running, or gets no time.
    pub events_dropped_full: u64,
    /// Events that listeners were too slow for, all listeners together.
    pub events_missed: u64,
    /// Requests.
    pub requests: u64,
    /// Requests that were refused: no login, no right, a wrong host, a bad request.
    pub requests_refused: u64,
    /// Connections refused because there were too many.
    pub connections_refused: u64,
    /// Connections let go because the other side took nothing for too long.
    pub connections_stalled: u64,
    /// Live views and listeners refused because there were too many.
    pub viewers_refused: u64,
    /// Pictures given to live views.
    pub pictures_sent: u64,
    /// Logins.
    pub logins: u64,
    /// Logins refused.
    pub logins_refused: u64,
    /// Lines of the audit log that could not be written.
    pub audit_failed: u64,
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
    events_taken,
    events_dropped_full,
    events_missed,
    requests,
    requests_refused,
    connections_refused,
    connections_stalled,
    viewers_refused,
    pictures_sent,
    logins,
    logins_refused,
    audit_failed
);

impl Totals {
    /// The counts by name, as `telemetry` publishes them.
    pub fn named(&self) -> impl Iterator<Item = (String, u64)> {
        let fields = match serde_json::to_value(self) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        fields.into_iter().map(|(name, count)| (format!("web/{name}"), count.as_u64().unwrap_or(0)))
    }
}

/// Adds `by` to a counter; order with other memory does not matter to a count.
pub(super) fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
