//! What can go wrong with an address, and with a peer.

use std::net::SocketAddr;

use crate::types::Explanation;

/// Why the bridge does not run.
#[derive(Debug, thiserror::Error)]
pub enum ZmqError {
    /// The system gives no event queue.
    #[error("the ZeroMQ bridge needs an event queue, and the system gives none: {0}")]
    Runtime(std::io::Error),
    /// An address cannot be listened on.
    #[error("zmq.{key}: {address} cannot be listened on: {source}")]
    Bind {
        /// The key of the configuration.
        key: &'static str,
        /// The address that is configured.
        address: SocketAddr,
        /// The error of the system.
        source: std::io::Error,
    },
}

impl ZmqError {
    /// What is wrong, and what to do next.
    pub fn explanation(&self) -> Explanation {
        let remedy = match self {
            ZmqError::Runtime(_) => "see the limits of the process: open files, memory",
            ZmqError::Bind { .. } => "end the other program that has the port, or choose another one",
        };
        Explanation::new(self.to_string(), remedy)
    }
}

/// Why a peer was let go.
#[derive(Debug, thiserror::Error)]
pub(super) enum PeerFault {
    #[error("{0}")]
    Gone(#[from] std::io::Error),
    #[error("{0}")]
    Stranger(&'static str),
    #[error("it sends a socket of the type {theirs:?}; this address is for {wanted}")]
    WrongType { theirs: String, wanted: &'static str },
    #[error("its message has {bytes} bytes or more, at most {most} are taken (zmq.max_message_kib)")]
    TooLong { bytes: u64, most: u64 },
    #[error("it did not {0} within {1} s")]
    Slow(&'static str, u64),
}

impl PeerFault {
    /// The same, with the bound of the whole message.
    pub(super) fn within(self, most: u64) -> PeerFault {
        match self {
            PeerFault::TooLong { bytes, .. } => PeerFault::TooLong { bytes, most },
            other => other,
        }
    }

    /// Whether the peer only hung up, as every peer does at its end.
    pub(super) fn is_end(&self) -> bool {
        matches!(self, PeerFault::Gone(_))
    }
}
