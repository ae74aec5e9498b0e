//! Settings of the ZeroMQ bridge.

use std::net::SocketAddr;

use super::Network;

/// `[zmq]`: addresses for programs that speak ZeroMQ, who may connect, and the bounds. Without an address nothing
/// listens.
#[derive(Clone, Debug, PartialEq)]
pub struct ZmqConfig {
    /// Where the state is asked for (REP).
    pub status: Option<SocketAddr>,
    /// Where commands are published (PUB).
    pub commands: Option<SocketAddr>,
    /// Where data is pushed to (PULL).
    pub data: Option<SocketAddr>,
    /// Networks whose addresses may connect; only this machine where empty.
    pub allow: Vec<Network>,
    /// The topic of messages about commands.
    pub topic: String,
    /// Most bytes of a message that a peer sends.
    pub max_message_bytes: usize,
    /// Most messages that wait for one subscriber.
    pub queue: usize,
    /// Most peers of all addresses together.
    pub max_peers: usize,
}

impl Default for ZmqConfig {
    fn default() -> ZmqConfig {
        ZmqConfig {
            status: None,
            commands: None,
            data: None,
            allow: Vec::new(),
            topic: "ALL".into(),
            max_message_bytes: 64 << 10,
            queue: 256,
            max_peers: 32,
        }
    }
}

impl ZmqConfig {
    /// Whether it listens on any address.
    pub fn is_on(&self) -> bool {
        self.status.is_some() || self.commands.is_some() || self.data.is_some()
    }
}
