//! Errors of a sender of frames, or of our socket.

use std::net::SocketAddr;

use crate::types::{Explanation, PixelFormat};

/// An error of a sender or of our socket.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.explanation())]
pub enum TcpError {
    /// The address cannot be listened on.
    Listen {
        /// The configured address and port.
        address: SocketAddr,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The first bytes are not those of our protocol.
    Magic {
        /// The first four bytes that the sender sent.
        got: [u8; 4],
    },
    /// A payload is empty or too long.
    Length {
        /// Bytes that the sender announced.
        bytes: u64,
        /// Bytes that `tcp_max_bytes` allows.
        max_bytes: usize,
    },
    /// The first payload behind a length alone is not a JPEG.
    NotJpeg {
        /// The first bytes of the payload, at most three.
        got: Vec<u8>,
        /// Bytes that the sender announced.
        bytes: u32,
    },
    /// The header has an unknown format code.
    Format {
        /// The format code in the header.
        code: u8,
    },
    /// The payload's length does not match its announced size.
    Size {
        /// Announced width in px.
        width: u32,
        /// Announced height in px.
        height: u32,
        /// Pixel layout that the sender announced.
        format: PixelFormat,
        /// Bytes that the sender announced.
        bytes: u32,
        /// Bytes that the size requires; `None` for impossible sizes.
        expected: Option<u64>,
    },
    /// The connection ended between two frames.
    Closed {
        /// The sender's address and port.
        peer: SocketAddr,
    },
    /// The connection ended inside a frame, which is lost.
    Half {
        /// The sender's address and port.
        peer: SocketAddr,
        /// Bytes that came before the end.
        got: usize,
        /// Bytes that the header announced.
        of: usize,
    },
    /// The sender stopped inside a frame for too long.
    Stalled {
        /// The sender's address and port.
        peer: SocketAddr,
        /// Bytes that came before the stall.
        got: usize,
        /// Bytes that the header announced.
        of: usize,
    },
    /// The connection failed with a socket error.
    Broken {
        /// The sender's address and port.
        peer: SocketAddr,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// No memory is available for a frame.
    Memory {
        /// Why no buffer could be had.
        cause: String,
    },
    /// The sender did not send the required secret.
    NoSecret {
        /// The sender's address and port.
        peer: SocketAddr,
    },
    /// The sender sent a wrong secret.
    WrongSecret {
        /// The sender's address and port.
        peer: SocketAddr,
    },
    /// The sender sent a second secret, or one after its first frame.
    LateSecret,
    /// The configured secret cannot be read.
    SecretFile {
        /// Why the file cannot be read.
        cause: String,
    },
}

impl TcpError {
    /// What is wrong, and what to do next.
    pub fn explanation(&self) -> Explanation {
        match self {
            TcpError::Listen { address, source } => Explanation::new(
                format!("cannot listen on {address}: {source}"),
                "choose an address of this machine and a free port",
            ),
            TcpError::Magic { got } => Explanation::new(
                format!(
                    "the sender does not speak Ocellus framing (it began with {got:02x?} instead of OCF1)"
                ),
                "docs/tcp.md describes it; a sender that writes a length and a JPEG needs framing = \"length32\"",
            ),
            TcpError::NotJpeg { got, bytes } => Explanation::new(
                format!(
                    "the sender's first payload of {bytes} bytes is not a JPEG (it begins with {got:02x?} instead of ff d8 ff)"
                ),
                "send the length in 4 bytes, big endian, then the picture; docs/tcp.md has a sender",
            ),
            TcpError::Length { bytes, max_bytes } => Explanation::new(
                format!("the sender announced a payload of {bytes} bytes; 1 to {max_bytes} are allowed"),
                "raise tcp_max_bytes if it was right",
            ),
            TcpError::Format { code } => Explanation::new(
                format!("the sender announced the unknown format {code}"),
                "0 to 6 are raw, 16 is JPEG, 255 the secret",
            ),
            TcpError::Size { width, height, format, bytes, expected } => Explanation::new(
                format!(
                    "the sender announced {width}x{height} px {format:?} in {bytes} bytes, but that takes {expected:?}"
                ),
                "send planes without padding",
            ),
            TcpError::Closed { peer } => {
                Explanation::new(format!("the sender {} closed the connection", peer.ip()), "start it again")
            }
            TcpError::Half { peer, got, of } => Explanation::new(
                format!(
                    "the sender {} closed the connection after {got} of {of} bytes of a frame",
                    peer.ip()
                ),
                "start it again",
            ),
            TcpError::Stalled { peer, got, of } => Explanation::new(
                format!("the sender {} stalled after {got} of {of} bytes of a frame", peer.ip()),
                "check its network, or raise tcp_frame_ms",
            ),
            TcpError::Broken { peer, source } => Explanation::new(
                format!("the connection of {} broke: {source}", peer.ip()),
                "check cable, power and network",
            ),
            TcpError::Memory { cause } => Explanation::new(
                format!("no buffer for a frame of the sender: {cause}"),
                "check the memory of this machine",
            ),
            TcpError::NoSecret { peer } => Explanation::new(
                format!("the sender {} did not send the secret that secret_file asks for", peer.ip()),
                "give it the same one",
            ),
            TcpError::WrongSecret { peer } => Explanation::new(
                format!("the sender {} sent a wrong secret", peer.ip()),
                "give it the one in secret_file",
            ),
            TcpError::LateSecret => Explanation::new(
                "the sender sent a second secret, or one after frames",
                "send it once, at the start of a connection",
            ),
            TcpError::SecretFile { cause } => {
                Explanation::new(format!("the secret cannot be compared: {cause}"), "")
            }
        }
    }
}

impl TcpError {
    /// Whether the sender caused it, so that the next one may connect at once. Otherwise the cause is on this
    /// machine.
    pub fn is_of_sender(&self) -> bool {
        !matches!(self, TcpError::Listen { .. } | TcpError::Memory { .. } | TcpError::SecretFile { .. })
    }
}
