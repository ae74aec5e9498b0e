//! One sender's socket: headers and payloads out of whatever pieces arrive.

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::TcpError;
use super::wire::{HEADER_BYTES, Header};
use crate::supervisor::Stop;

/// The longest that one read waits, so that a stop is seen.
const TURN: Duration = Duration::from_millis(100);

/// A connected sender.
pub struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    head: [u8; HEADER_BYTES],
    have: usize,
    heard: Instant,
}

/// What a read gave.
enum Got {
    Bytes(usize),
    Nothing,
    End,
}

impl Connection {
    /// The next sender that waits, if one does.
    pub fn accept(listener: &TcpListener) -> Option<Connection> {
        let (stream, peer) = listener.accept().ok()?;
        stream.set_nonblocking(false).ok()?;
        stream.set_read_timeout(Some(TURN)).ok()?;
        Some(Connection { stream, peer, head: [0; HEADER_BYTES], have: 0, heard: Instant::now() })
    }

    /// Who it is.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Whether nothing has come for `limit`.
    pub fn is_silent(&self, limit: Duration) -> bool {
        self.heard.elapsed() >= limit
    }

    /// Whether it has closed and everything it sent has been read: the same sender may already be back.
    pub fn is_closed(&self) -> bool {
        let peek = |stream: &TcpStream| {
            stream.set_nonblocking(true)?;
            let seen = stream.peek(&mut [0]);
            stream.set_nonblocking(false)?;
            seen
        };
        match peek(&self.stream) {
            Ok(bytes) => bytes == 0,
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        }
    }

    /// The header of the next frame, once it is whole; the same one until it is taken. Waits for at most 100 ms.
    pub fn header(&mut self, max_bytes: usize) -> Result<Option<Header>, TcpError> {
        while self.have < HEADER_BYTES {
            match read(&mut self.stream, self.peer, &mut self.head[self.have..])? {
                Got::Bytes(bytes) => {
                    self.have += bytes;
                    self.heard = Instant::now();
                }
                Got::Nothing => return Ok(None),
                Got::End if self.have == 0 => return Err(TcpError::Closed { peer: self.peer }),
                Got::End => return Err(TcpError::Half { peer: self.peer, got: self.have, of: HEADER_BYTES }),
            }
        }
        Header::parse(&self.head, max_bytes).map(Some)
    }

    /// The payload follows.
    pub fn header_taken(&mut self) {
        self.have = 0;
    }

    /// Fills `out`; false when stopped before it was full.
    pub fn read_payload(&mut self, out: &mut [u8], silent: Duration, stop: &Stop) -> Result<bool, TcpError> {
        let (peer, of) = (self.peer, out.len());
        let mut got = 0;
        while got < of {
            match read(&mut self.stream, peer, &mut out[got..])? {
                Got::Bytes(bytes) => {
                    got += bytes;
                    self.heard = Instant::now();
                }
                Got::End => return Err(TcpError::Half { peer, got, of }),
                Got::Nothing if stop.is_stopped() => return Ok(false),
                Got::Nothing if self.is_silent(silent) => return Err(TcpError::Stalled { peer, got, of }),
                Got::Nothing => {}
            }
        }
        Ok(true)
    }
}

fn read(stream: &mut TcpStream, peer: SocketAddr, out: &mut [u8]) -> Result<Got, TcpError> {
    match stream.read(out) {
        Ok(0) => Ok(Got::End),
        Ok(bytes) => Ok(Got::Bytes(bytes)),
        Err(error) => match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => Ok(Got::Nothing),
            _ => Err(TcpError::Broken { peer, source: error }),
        },
    }
}
