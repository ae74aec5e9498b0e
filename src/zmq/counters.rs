//! Counts of peers and messages.

use crate::telemetry::totals;

totals!("zmq" {
    /// Peers that were served.
    peers,
    /// Peers that were refused because their address is not in `zmq.allow`.
    peers_not_allowed,
    /// Peers that were refused because `zmq.max_peers` were connected.
    peers_over_limit,
    /// Peers that were disconnected because they do not keep to ZMTP 3, or ask for a login.
    peers_bad_protocol,
    /// Peers that were disconnected because the type of their socket does not fit the address.
    peers_wrong_type,
    /// Peers that were disconnected because they sent more bytes than allowed.
    peers_too_long,
    /// Peers that were disconnected because they did not send their greeting, finish a message or take their messages in time.
    peers_too_slow,
    /// Peers whose connection was lost: they do not answer any more.
    peers_lost,
    /// Attempts to accept a connection that failed.
    accepts_failed,
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
