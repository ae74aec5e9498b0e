//! What became of peers and messages.

use crate::telemetry::totals;

totals!("zmq" {
    /// Peers that were served.
    peers,
    /// Peers that were refused: their address, their protocol, or too many.
    peers_refused,
    /// Requests that were answered.
    requests,
    /// Requests that were answered with an error.
    requests_failed,
    /// Messages about commands, once for each subscriber that was sent one.
    published,
    /// Messages about commands that a subscriber did not get, because too many waited for it.
    publish_dropped,
    /// Data messages that were passed to a source of telemetry.
    data,
    /// Data messages that no source takes.
    data_unwanted,
    /// Data messages that could not be read.
    data_bad,
});
