//! Frames pushed over TCP: we listen, one sender at a time, every length checked before a byte is reserved for it.

mod connection;
mod wire;

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use gstreamer as gst;

use super::CaptureError;
use super::feed::{Coding, Fed, Feed, Opening};
use super::pool::FramePool;
use crate::supervisor::Stop;
use crate::types::PixelFormat;

use connection::Connection;
pub use wire::{HEADER_BYTES, Header, Payload};

/// What is wrong with a sender or with our socket.
#[derive(Debug, thiserror::Error)]
pub enum TcpError {
    /// We cannot listen.
    #[error("cannot listen on {address}: {source}; choose an address of this machine and a free port")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// Not our protocol.
    #[error(
        "the sender does not speak Ocellus framing (it began with {got:02x?} instead of OCF1); docs/tcp.md describes it"
    )]
    Magic {
        /// Its first bytes.
        got: [u8; 4],
    },
    /// A payload that is empty or too long.
    #[error(
        "the sender announced a payload of {bytes} bytes; 1 to {max_bytes} are allowed; raise tcp_max_bytes if it was right"
    )]
    Length {
        /// What it announced.
        bytes: u64,
        /// What is allowed.
        max_bytes: usize,
    },
    /// A format that does not exist.
    #[error("the sender announced the unknown format {code}; 0 to 6 are raw, 16 is JPEG")]
    Format {
        /// The code.
        code: u8,
    },
    /// A payload that does not fit its size.
    #[error(
        "the sender announced {width}x{height} px {format:?} in {bytes} bytes, but that takes {expected:?}; send planes without padding"
    )]
    Size {
        /// Width in px.
        width: u32,
        /// Height in px.
        height: u32,
        /// Layout.
        format: PixelFormat,
        /// What it announced.
        bytes: u32,
        /// What the size takes; `None` for impossible sizes.
        expected: Option<u64>,
    },
    /// The connection ended between two frames.
    #[error("the sender {peer} closed the connection; start it again")]
    Closed {
        /// Who.
        peer: SocketAddr,
    },
    /// The connection ended inside a frame, which is lost.
    #[error("the sender {peer} closed the connection after {got} of {of} bytes of a frame; start it again")]
    Half {
        /// Who.
        peer: SocketAddr,
        /// Bytes that came.
        got: usize,
        /// Bytes that were announced.
        of: usize,
    },
    /// The sender stopped inside a frame.
    #[error("the sender {peer} stalled after {got} of {of} bytes of a frame; check its network")]
    Stalled {
        /// Who.
        peer: SocketAddr,
        /// Bytes that came.
        got: usize,
        /// Bytes that were announced.
        of: usize,
    },
    /// The connection broke.
    #[error("the connection of {peer} broke: {source}; check cable, power and network")]
    Broken {
        /// Who.
        peer: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// A frame that cannot be held.
    #[error("no buffer for a frame of the sender: {cause}; check the memory of the box")]
    Memory {
        /// Why.
        cause: String,
    },
}

/// Limits of a TCP source.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Most bytes of a payload.
    pub max_bytes: usize,
    /// A sender that was silent for so long gives way to another.
    pub silent_after: Duration,
    /// Buffers that the ring and the pipeline hold at once.
    pub buffers: usize,
}

/// Feeds an appsrc from one sender after the other.
pub struct TcpFeed {
    address: SocketAddr,
    options: Options,
    listener: Option<TcpListener>,
    connection: Option<Connection>,
    current: Option<(Payload, Option<FramePool>)>,
}

impl TcpFeed {
    /// Listens when it is first opened, so that an address in use is tried again like any absent source.
    pub fn new(address: SocketAddr, options: Options) -> TcpFeed {
        TcpFeed { address, options, listener: None, connection: None, current: None }
    }

    fn listener(&mut self) -> Result<&TcpListener, TcpError> {
        if self.listener.is_none() {
            let failed = |source| TcpError::Listen { address: self.address, source };
            let listener = TcpListener::bind(self.address).map_err(failed)?;
            listener.set_nonblocking(true).map_err(failed)?;
            self.listener = Some(listener);
        }
        self.listener.as_ref().ok_or_else(|| TcpError::Memory { cause: "no socket".into() })
    }

    /// A second sender is refused, unless the first is gone, or has been silent for so long that it must be without power.
    fn look_for_another(&mut self) {
        let Some((listener, current)) = self.listener.as_ref().zip(self.connection.as_ref()) else { return };
        let Some(another) = Connection::accept(listener) else { return };
        if current.is_closed() || current.is_silent(self.options.silent_after) {
            tracing::warn!(
                "sender {} takes over from {}, which is gone or silent",
                another.peer(),
                current.peer()
            );
            self.connection = Some(another);
        } else {
            tracing::warn!("sender {} refused: {} is sending", another.peer(), current.peer());
        }
    }

    /// Gives the connection up where the error says that it is out of step or gone.
    fn failed(&mut self, error: TcpError) -> CaptureError {
        self.connection = None;
        CaptureError::Tcp(error)
    }

    /// The next payload into a buffer; `None` when stopped.
    fn receive(&mut self, header: Header, stop: &Stop) -> Result<Option<gst::Buffer>, TcpError> {
        let no_memory = || TcpError::Memory { cause: format!("{} bytes", header.bytes) };
        let Some(connection) = &mut self.connection else { return Ok(None) };
        connection.header_taken();
        let silent = self.options.silent_after;
        let mut whole = true;
        let mut read = |out: &mut [u8]| {
            let out = out.get_mut(..header.bytes as usize).ok_or_else(no_memory)?;
            whole = connection.read_payload(out, silent, stop)?;
            Ok(())
        };
        let buffer = match &self.current {
            Some((_, Some(pool))) => pool.fill(read)?,
            _ => {
                let mut buffer = gst::Buffer::with_size(header.bytes as usize).map_err(|_| no_memory())?;
                let writable = buffer.get_mut().ok_or_else(no_memory)?;
                read(&mut writable.map_writable().map_err(|_| no_memory())?)?;
                Some(buffer)
            }
        };
        if !whole {
            // Stopped inside a frame: the connection is out of step.
            self.connection = None;
            return Ok(None);
        }
        let mut buffer = buffer.ok_or_else(no_memory)?;
        if let (Some(buffer), Some(pts)) = (buffer.get_mut(), header.pts_ns) {
            buffer.set_pts(gst::ClockTime::from_nseconds(pts.min(i64::MAX as u64)));
        }
        Ok(Some(buffer))
    }

    /// Caps and, for raw frames, a pool.
    fn prepare(&self, payload: Payload) -> Result<(Coding, gst::Caps, Option<FramePool>), TcpError> {
        match payload {
            Payload::Jpeg => {
                let rate = gst::Fraction::new(0, 1);
                Ok((Coding::Jpeg, gst::Caps::builder("image/jpeg").field("framerate", rate).build(), None))
            }
            Payload::Raw { format, width, height } => {
                let pool = FramePool::new(format, width as usize, height as usize, 0, self.options.buffers)
                    .map_err(|cause| TcpError::Memory { cause })?;
                Ok((Coding::Raw, pool.caps().clone(), Some(pool)))
            }
        }
    }
}

impl Feed for TcpFeed {
    fn open(&mut self, stop: &Stop) -> Result<Opening, CaptureError> {
        self.listener()?;
        if self.connection.is_none() {
            let listener = self.listener()?;
            let accepted = (0..10).find_map(|_| {
                Connection::accept(listener).or_else(|| {
                    stop.wait(Duration::from_millis(10));
                    None
                })
            });
            self.connection = accepted;
        }
        let address = self.address;
        let max_bytes = self.options.max_bytes;
        let Some(connection) = &mut self.connection else {
            return Ok(Opening::Waiting(format!("no sender has connected to {address}; start one")));
        };
        let peer = connection.peer();
        match connection.header(max_bytes).map_err(|error| self.failed(error))? {
            None => {
                self.look_for_another();
                Ok(Opening::Waiting(format!("sender {peer} is connected, but has sent no frame")))
            }
            Some(header) => {
                let (coding, caps, pool) =
                    self.prepare(header.payload).map_err(|error| self.failed(error))?;
                self.current = Some((header.payload, pool));
                Ok(Opening::Ready { coding, caps, start_ns: 0 })
            }
        }
    }

    fn next(&mut self, stop: &Stop) -> Result<Fed, CaptureError> {
        while !stop.is_stopped() {
            self.look_for_another();
            let max_bytes = self.options.max_bytes;
            let Some(connection) = &mut self.connection else { return Ok(Fed::End) };
            let Some(header) = connection.header(max_bytes).map_err(|error| self.failed(error))? else {
                continue;
            };
            if self.current.as_ref().is_none_or(|(payload, _)| *payload != header.payload) {
                return Ok(Fed::Switch);
            }
            let received = self.receive(header, stop).map_err(|error| self.failed(error))?;
            return Ok(received.map_or(Fed::End, Fed::Buffer));
        }
        Ok(Fed::End)
    }

    fn rewind(&mut self) {}
}
