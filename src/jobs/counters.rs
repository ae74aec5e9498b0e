//! The figures of the queue in telemetry and `/metrics`.

use crate::jobqueue::Status;
use crate::telemetry::Described;

/// What each figure of the queue counts.
pub const DESCRIBED: &[Described] = &[
    Described::gauge("jobs/waiting", "Jobs that wait, for whatever."),
    Described::gauge("jobs/running", "Jobs that run now."),
    Described::gauge(
        "jobs/set_aside",
        "Jobs that are set aside, because the process died each time while they ran.",
    ),
    Described::gauge(
        "jobs/oldest_age_ms",
        "How long the oldest due job waits for its turn, in milliseconds.",
    ),
    Described::gauge(
        "jobs/wait_p99_ms",
        "From being due to the start: 99 of 100 jobs waited no longer, in milliseconds.",
    ),
    Described::counter("jobs/added", "Jobs that were admitted, over the life of the store."),
    Described::counter(
        "jobs/existing",
        "Requests that were answered with the job that has their unique key.",
    ),
    Described::counter("jobs/cached", "Jobs that were answered with a kept answer."),
    Described::counter(
        "jobs/refused",
        "Jobs that were refused: the queue was full, or the request was faulty.",
    ),
    Described::counter("jobs/completed", "Jobs that completed."),
    Described::counter("jobs/failed", "Jobs that failed for good."),
    Described::counter("jobs/cancelled", "Jobs that were cancelled."),
    Described::counter("jobs/quarantined", "Jobs that were set aside."),
    Described::counter("jobs/retried", "Attempts that failed and were followed by another one."),
    Described::counter("jobs/timed_out", "Attempts that took longer than their limit."),
    Described::counter("jobs/killed", "Attempts that were under way when the process died."),
    Described::counter("jobs/released", "Attempts that were given back and cost nothing, such as at a stop."),
    Described::counter("jobs/retried_by_hand", "Jobs that people tried again."),
    Described::counter("jobs/removed", "Ended jobs that left the history."),
    Described::counter("jobs/stale", "Answers of attempts that were over already, and were dropped."),
    Described::counter("jobs/damaged", "Records of the queue that could not be read and were set aside."),
];

/// The figures by name, as `telemetry` publishes them.
pub(super) fn named(status: &Status) -> Vec<(String, u64)> {
    let gauges = [
        ("waiting", status.queue_size as u64),
        ("running", status.running_tasks as u64),
        ("set_aside", status.quarantined_tasks as u64),
        ("oldest_age_ms", status.oldest_age_ms),
        ("wait_p99_ms", status.wait.p99_ms),
    ];
    let gauges = gauges.into_iter().map(|(name, value)| (name.to_owned(), value));
    let all = gauges.chain(super::report::totals(&status.totals));
    all.map(|(name, value)| (format!("jobs/{name}"), value)).collect()
}
