//! What became of everything that was offered: the numbers add up, and each drop has its reason.

use crate::telemetry::totals;

totals!("mqtt" {
    /// Reports (QoS 0) that were published.
    reports_sent,
    /// Reports refused because no broker was connected.
    reports_dropped_offline,
    /// Reports refused because the queue was full.
    reports_dropped_full,
    /// Events taken from the queue to be written.
    events_taken,
    /// Events refused because the queue was full: the disk did not keep up, and memory for waiting is
    /// bounded.
    events_dropped_full,
    /// Events and gaps that a broker acknowledged.
    events_acked,
    /// Attendance events that were offered again and are in the outbox already.
    events_known,
    /// Events sent again or late, marked `historical`.
    events_historical,
    /// Events dropped by the outbox's bound, announced as gaps.
    outbox_dropped,
    /// Messages that the broker does not take, set aside and listed by `ocellus status`; of repeating topics
    /// (states, reports, telemetry) only the first.
    set_aside,
    /// Further states, reports and telemetry that the broker does not take, dropped.
    refused_dropped,
    /// Messages that were set aside and later removed, the oldest first, to keep their list bounded.
    letters_dropped,
    /// Requests and other received messages that exceed the limit and are not read.
    oversize_received,
    /// Group commits that reached the disk.
    commits,
    /// Group commits that the disk refused; the events wait in memory, and the writer tries again.
    commits_failed,
    /// Connections that a broker accepted.
    connections,
    /// Commands received from a broker.
    commands,
    /// Requests refused: not allowed over MQTT, or too many.
    commands_refused,
});
