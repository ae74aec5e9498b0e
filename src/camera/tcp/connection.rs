//! One sender's socket: assembles headers and payloads from pieces of any size.

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::wire::{FrameHeader, HEADER_BYTES, Head, MAX_SECRET_BYTES, Position};
use super::{TcpError, TcpOptions};
use crate::supervisor::Stop;

/// Longest wait of one read, so that a stop is noticed.
const TURN: Duration = Duration::from_millis(100);

/// The socket of a connected sender, and the part of a frame's header that has come.
pub struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    head: [u8; HEADER_BYTES],
    have: usize,
    /// How many bytes at the end of `head` belong to the payload.
    ahead: usize,
    /// Whether a frame has begun here before.
    is_proven: bool,
    secret: Vec<u8>,
    heard: Instant,
    /// When the first byte of this frame's header came.
    begun: Option<Instant>,
}

/// The result of a read.
enum Got {
    Bytes(usize),
    Nothing,
    End,
}

impl Connection {
    /// Accepts the next waiting sender, if any. Its reads do not block until
    /// [`settled`](Connection::settled).
    pub fn accept(listener: &TcpListener) -> Option<Connection> {
        let (stream, peer) = listener.accept().ok()?;
        stream.set_nonblocking(true).ok()?;
        let (head, heard) = ([0; HEADER_BYTES], Instant::now());
        Some(Connection {
            stream,
            peer,
            head,
            have: 0,
            ahead: 0,
            is_proven: false,
            secret: Vec::new(),
            heard,
            begun: None,
        })
    }

    /// Makes reads block for up to 100 ms from now on; `None` where the system refuses.
    pub fn settled(self) -> Option<Connection> {
        self.stream.set_nonblocking(false).ok()?;
        self.stream.set_read_timeout(Some(TURN)).ok()?;
        Some(self)
    }

    /// The sender's address and port.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Whether the sender has sent nothing for `limit`.
    pub fn is_silent(&self, limit: Duration) -> bool {
        self.heard.elapsed() >= limit
    }

    /// Whether the sender has closed and everything it sent has been read; it may already have reconnected.
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

    /// The header of the next frame once it is complete, and the same one until its payload is read. Waits
    /// for at most 100 ms for each piece. Errors: the header is invalid, or takes longer than a whole frame
    /// may.
    pub fn header(&mut self, options: &TcpOptions) -> Result<Option<FrameHeader>, TcpError> {
        self.header_at(options, if self.is_proven { Position::Later } else { Position::First })
    }

    /// The same of a connection that has not begun a frame yet, and that is `trusted` once its secret was right or where
    /// none is required.
    pub fn first_header(
        &mut self,
        options: &TcpOptions,
        trusted: bool,
    ) -> Result<Option<FrameHeader>, TcpError> {
        self.header_at(options, if trusted { Position::First } else { Position::Secret })
    }

    fn header_at(&mut self, options: &TcpOptions, at: Position) -> Result<Option<FrameHeader>, TcpError> {
        loop {
            let wants = match Head::read(options.framing, &self.head[..self.have], at, options.max_bytes)? {
                Head::Whole { header, ahead } => {
                    self.ahead = ahead;
                    return Ok(Some(header));
                }
                Head::Wants(bytes) => bytes,
            };
            self.in_time(options, self.have, wants)?;
            match read(&mut self.stream, self.peer, &mut self.head[self.have..wants])? {
                Got::Bytes(bytes) => {
                    self.have += bytes;
                    self.heard = Instant::now();
                    self.begun.get_or_insert(self.heard);
                }
                Got::Nothing => return Ok(None),
                Got::End if self.have == 0 => return Err(TcpError::Closed { peer: self.peer }),
                Got::End => return Err(TcpError::Half { peer: self.peer, got: self.have, of: wants }),
            }
        }
    }

    /// The secret of `of` bytes behind its header, once it is complete.
    pub fn secret(&mut self, of: usize) -> Result<Option<Vec<u8>>, TcpError> {
        let mut piece = [0; MAX_SECRET_BYTES];
        while self.secret.len() < of {
            let missing = (of - self.secret.len()).min(MAX_SECRET_BYTES);
            match read(&mut self.stream, self.peer, &mut piece[..missing])? {
                Got::Bytes(bytes) => self.secret.extend_from_slice(&piece[..bytes]),
                Got::Nothing => return Ok(None),
                Got::End => return Err(TcpError::Half { peer: self.peer, got: self.secret.len(), of }),
            }
        }
        (self.have, self.begun) = (0, None);
        Ok(Some(std::mem::take(&mut self.secret)))
    }

    /// Fills `out`; returns false when it was stopped before `out` was full.
    pub fn read_payload(
        &mut self,
        out: &mut [u8],
        options: &TcpOptions,
        stop: &Stop,
    ) -> Result<bool, TcpError> {
        let (peer, of) = (self.peer, out.len());
        let mut got = self.ahead.min(of);
        out[..got].copy_from_slice(&self.head[self.have - got..self.have]);
        while got < of {
            self.in_time(options, got, of)?;
            match read(&mut self.stream, peer, &mut out[got..])? {
                Got::Bytes(bytes) => {
                    got += bytes;
                    self.heard = Instant::now();
                }
                Got::End => return Err(TcpError::Half { peer, got, of }),
                Got::Nothing if stop.is_stopped() => return Ok(false),
                Got::Nothing if self.is_silent(options.silent_after) => {
                    return Err(TcpError::Stalled { peer, got, of });
                }
                Got::Nothing => {}
            }
        }
        (self.have, self.ahead, self.begun, self.is_proven) = (0, 0, None, true);
        Ok(true)
    }

    /// Fails when the frame as a whole exceeds its time: a single byte a second does not count as progress.
    fn in_time(&self, options: &TcpOptions, got: usize, of: usize) -> Result<(), TcpError> {
        match self.begun {
            Some(begun) if begun.elapsed() >= options.frame_within => {
                Err(TcpError::Stalled { peer: self.peer, got, of })
            }
            _ => Ok(()),
        }
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
