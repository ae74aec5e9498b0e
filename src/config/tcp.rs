//! How frames are received from senders, and how those are commanded: the keys of a camera with a `tcp://` source.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::Network;

/// How frames follow one another in a sender's connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// A header of 28 bytes with format, size and time stamp, then the payload: `docs/tcp.md`.
    #[default]
    Ocf1,
    /// The length in 4 bytes, big endian, then a JPEG picture.
    Length32,
}

/// The camera server of a `tcp://` source.
#[derive(Clone, Debug, PartialEq)]
pub struct TcpConfig {
    /// How frames follow one another.
    pub framing: Framing,
    /// Most bytes of one frame, and of all pictures together that wait to be decoded.
    pub max_bytes: usize,
    /// Longest time to receive one frame, from its first byte to its last.
    pub frame: Duration,
    /// Most pictures that wait to be decoded; one more is dropped and counted.
    pub queue: usize,
    /// Networks whose addresses may connect, to send frames or commands; any where empty.
    pub allow: Vec<Network>,
    /// File whose first line is the secret with which each connection must begin; or `credential:NAME`.
    pub secret_file: Option<PathBuf>,
    /// Where the camera takes commands; `None` for nowhere.
    pub command_address: Option<SocketAddr>,
}

impl TcpConfig {
    /// Most pictures that wait, where the configuration does not say.
    pub(super) const QUEUE: usize = 16;
    /// Most bytes of one frame, where the configuration does not say.
    pub(super) const MAX_BYTES: usize = 64 << 20;
}

impl Default for TcpConfig {
    fn default() -> TcpConfig {
        TcpConfig {
            framing: Framing::default(),
            max_bytes: TcpConfig::MAX_BYTES,
            frame: Duration::from_secs(10),
            queue: TcpConfig::QUEUE,
            allow: Vec::new(),
            secret_file: None,
            command_address: None,
        }
    }
}
