//! What can go wrong with an address, and with a peer.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use super::counters::LiveTotals;
use super::part::Part;
use crate::telemetry::Counter;
use crate::types::Explanation;

/// The bridge does not run, because the system gives no event queue.
#[derive(Debug, thiserror::Error)]
#[error("the ZeroMQ bridge needs an event queue, and the system gives none: {0}")]
pub struct ZmqError(#[source] pub(super) io::Error);

impl ZmqError {
    /// What is wrong, and what to do next.
    pub fn explanation(&self) -> Explanation {
        Explanation::new(self.to_string(), "see the limits of the process: open files, memory")
    }
}

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("zmq.{}: {address} cannot be listened on: {source}", .part.key())]
pub(super) struct BindError {
    pub(super) part: Part,
    pub(super) address: SocketAddr,
    pub(super) source: io::Error,
}

/// Why a peer was refused or disconnected.
#[derive(Debug, thiserror::Error)]
pub(super) enum PeerFault {
    #[error("its address is not in zmq.allow")]
    NotAllowed,
    #[error("too many are connected (zmq.max_peers)")]
    TooMany,
    #[error("{0}")]
    Protocol(&'static str),
    #[error("it sends a socket of the type {theirs:?}; this address is for {wanted}")]
    WrongType { theirs: String, wanted: &'static str },
    #[error("{0}")]
    TooLong(#[from] TooLong),
    #[error("it did not {0} within {1:?}")]
    TooSlow(&'static str, Duration),
    #[error("it does not answer any more: {0}")]
    Lost(#[source] io::Error),
    /// The peer closed the connection, as every peer does at its end.
    #[error("it closed the connection: {0}")]
    Closed(#[source] io::Error),
}

/// A peer sent, or announced, more bytes than a limit allows.
#[derive(Debug, thiserror::Error)]
#[error("its {} has {bytes} bytes or more, at most {} are taken{}", .limit.of, .limit.bytes, .limit.shown_key())]
pub(super) struct TooLong {
    pub(super) bytes: u64,
    pub(super) limit: Limit,
}

/// Most bytes of something that a peer sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    /// What is limited, as it is named to people.
    pub(super) of: &'static str,
    pub(super) bytes: u64,
    /// The key that sets it; `None` where it is fixed.
    pub(super) key: Option<&'static str>,
}

impl Limit {
    fn shown_key(&self) -> String {
        self.key.map(|key| format!(" ({key})")).unwrap_or_default()
    }
}

impl From<io::Error> for PeerFault {
    fn from(error: io::Error) -> PeerFault {
        match error.kind() {
            ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
                PeerFault::Lost(error)
            }
            _ => PeerFault::Closed(error),
        }
    }
}

impl PeerFault {
    /// Where it is counted; `None` for a peer that only came to its end.
    pub(super) fn counter<'a>(&self, totals: &'a LiveTotals) -> Option<&'a Counter> {
        match self {
            PeerFault::NotAllowed => Some(&totals.peers_not_allowed),
            PeerFault::TooMany => Some(&totals.peers_over_limit),
            PeerFault::Protocol(_) => Some(&totals.peers_bad_protocol),
            PeerFault::WrongType { .. } => Some(&totals.peers_wrong_type),
            PeerFault::TooLong(_) => Some(&totals.peers_too_long),
            PeerFault::TooSlow(..) => Some(&totals.peers_too_slow),
            PeerFault::Lost(_) => Some(&totals.peers_lost),
            PeerFault::Closed(_) => None,
        }
    }

    /// What faults have in common that share a line of the log.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            PeerFault::NotAllowed => "not allowed",
            PeerFault::TooMany => "too many",
            PeerFault::Protocol(what) | PeerFault::TooSlow(what, _) => what,
            PeerFault::WrongType { .. } => "wrong type",
            PeerFault::TooLong(TooLong { limit, .. }) => limit.of,
            PeerFault::Lost(_) => "lost",
            PeerFault::Closed(_) => "closed",
        }
    }
}
