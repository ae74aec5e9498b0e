//! What became of everything that was offered and asked.

use crate::telemetry::totals;

totals!("web" {
    /// Events, inspections and attendance taken for the page.
    events_taken,
    /// The same, refused because the queue was full: the unit `web` is not running, or gets no time.
    events_dropped_full,
    /// Events that listeners were too slow for, all listeners together.
    events_missed,
    /// Requests to the page's server.
    requests,
    /// Requests that were refused: no login, no right, a wrong host, a bad request.
    requests_refused,
    /// Connections refused, or of strangers ended, because there were too many.
    connections_refused,
    /// Connections that the system refused to hand over: no file handles or no memory.
    accepts_failed,
    /// Connections let go because the other side took nothing for too long.
    connections_stalled,
    /// Live views and listeners refused because there were too many.
    viewers_refused,
    /// Pictures given to live views.
    pictures_sent,
    /// Logins with name and password that succeeded.
    logins,
    /// Logins refused because of the password or the limiter.
    logins_refused,
});
