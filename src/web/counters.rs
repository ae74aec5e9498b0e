//! Counts of requests, events and connections, and what became of them.

use crate::telemetry::totals;

totals!("web" {
    /// Events, inspections and attendance taken for the page.
    events_taken,
    /// Events refused because the queue was full: the unit `web` is not running, or is too slow.
    events_dropped_full,
    /// Events that listeners were too slow for, summed over all listeners.
    events_missed,
    /// Requests to the page's server.
    requests,
    /// Requests that were refused: no login, no right, a wrong host, a bad request.
    requests_refused,
    /// Connections refused, or taken from strangers, because there were too many.
    connections_refused,
    /// Connections that the system failed to hand over, for lack of file handles or memory.
    accepts_failed,
    /// Connections closed because the client took no bytes for too long.
    connections_stalled,
    /// Live views and listeners refused because there were too many.
    viewers_refused,
    /// Pictures sent to live views.
    pictures_sent,
    /// Logins with name and password that succeeded.
    logins,
    /// Logins refused because of the password or the limiter.
    logins_refused,
});
