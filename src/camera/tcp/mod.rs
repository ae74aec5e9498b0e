//! Frames pushed over TCP: the camera listens, accepts one sender at a time, and checks every length before
//! it allocates.
//!
//! A connection is a candidate until its first frame's header is complete and, where a secret is required,
//! the secret was right. Only then does it count as the camera. An error of a candidate ends its own
//! connection and nothing else.

mod candidates;
mod command;
mod command_port;
mod connection;
mod control;
mod error;
mod refusals;
mod secret;
mod wire;

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use gstreamer as gst;

use super::CaptureError;
use super::feed::{Coding, Fed, Opening, SourceFeed};
use super::pool::FramePool;
use crate::config::{Framing, Network, read_password};
use crate::image::picture::jpeg_is_whole;
use crate::supervisor::Stop;

use candidates::Candidates;
pub use command_port::{CarriedOut, CommandPort};
use connection::Connection;
pub use control::{SenderControl, SenderCounters};
pub use error::TcpError;
use wire::JPEG_START;
pub use wire::{FrameHeader, HEADER_BYTES, MAX_SECRET_BYTES, PayloadKind};

/// Limits of a TCP source.
#[derive(Clone, Debug)]
pub struct TcpOptions {
    /// How frames follow one another.
    pub framing: Framing,
    /// Most bytes of one payload, and of all pictures together that wait to be decoded.
    pub max_bytes: usize,
    /// Most pictures that wait to be decoded.
    pub queue: usize,
    /// After each frame taken, this many are skipped.
    pub skip_frames: u32,
    /// A sender that was silent for so long may be replaced by another.
    pub silent_after: Duration,
    /// Longest time from the first byte of a frame's header to the frame's last byte.
    pub frame_within: Duration,
    /// Buffers that the ring and the pipeline hold at once.
    pub buffers: usize,
    /// Networks that may connect; empty allows any address.
    pub allow: Vec<Network>,
    /// The file with the secret that a sender must send first.
    pub secret_file: Option<PathBuf>,
    /// Shared with the command port and with reports.
    pub control: SenderControl,
}

impl TcpOptions {
    /// Whether `address` may connect.
    fn allows(&self, address: IpAddr) -> bool {
        self.allow.is_empty() || self.allow.iter().any(|known| known.holds(address))
    }
}

/// Feeds an appsrc from one sender after another.
pub struct TcpFeed {
    address: SocketAddr,
    options: TcpOptions,
    listener: Option<TcpListener>,
    candidates: Candidates,
    connection: Option<Connection>,
    current: Option<(PayloadKind, Option<FramePool>)>,
    /// Frames that must still be skipped.
    pass: u32,
}

impl TcpFeed {
    /// Binds its address only when first opened, so that an address in use is retried like any absent source.
    pub fn new(address: SocketAddr, options: TcpOptions) -> TcpFeed {
        let candidates = Candidates::new(options.clone());
        TcpFeed { address, options, listener: None, candidates, connection: None, current: None, pass: 0 }
    }

    fn listen(&mut self) -> Result<(), CaptureError> {
        if self.listener.is_none() {
            // An unreadable secret is reported here, and not only when the camera is refused.
            self.options.secret_file.as_deref().map(read_password).transpose()?;
            let failed = |source| CaptureError::Tcp(TcpError::Listen { address: self.address, source });
            let listener = TcpListener::bind(self.address).map_err(failed)?;
            listener.set_nonblocking(true).map_err(failed)?;
            self.listener = Some(listener);
        }
        Ok(())
    }

    /// Handles new connections. All are refused while the camera sends. Once it has closed, or has been
    /// silent so long that it has probably lost power, the first connection that proves to be a camera
    /// replaces it.
    fn look_for_another(&mut self) {
        let Some(listener) = &self.listener else { return };
        let gives_way =
            |current: &Connection| current.is_closed() || current.is_silent(self.options.silent_after);
        // Without a new connection no further system call is needed.
        if !self.candidates.accept(listener) {
            return;
        }
        match &self.connection {
            Some(current) if !gives_way(current) => {
                self.candidates.refuse_all(&format!("{} is sending", current.peer().ip()));
            }
            current => {
                let Some(proven) = self.candidates.proven() else { return };
                if let Some(former) = current {
                    let (new, old) = (proven.peer(), former.peer());
                    tracing::warn!("sender {new} takes over from {old}, which is gone or silent");
                }
                self.options.control.set_sender(Some(proven.peer()));
                self.connection = Some(proven);
            }
        }
    }

    /// Closes the connection where the error means that it is out of step or gone.
    fn failed(&mut self, error: TcpError) -> CaptureError {
        if error.is_of_sender() && !matches!(error, TcpError::Closed { .. }) {
            self.options.control.counters().broken.inc();
        }
        self.connection = None;
        self.options.control.set_sender(None);
        CaptureError::Tcp(error)
    }

    /// Receives the next payload into a buffer; `None` when stopped.
    fn receive(&mut self, header: FrameHeader, stop: &Stop) -> Result<Option<gst::Buffer>, TcpError> {
        let no_memory = || TcpError::Memory { cause: format!("{} bytes", header.bytes) };
        let Some(connection) = &mut self.connection else { return Ok(None) };
        let options = &self.options;
        let mut whole = true;
        let mut read = |out: &mut [u8]| {
            let out = out.get_mut(..header.bytes as usize).ok_or_else(no_memory)?;
            whole = connection.read_payload(out, options, stop)?;
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
            // After a stop inside a frame the connection is out of step.
            self.connection = None;
            self.options.control.set_sender(None);
            return Ok(None);
        }
        let mut buffer = buffer.ok_or_else(no_memory)?;
        if let (Some(buffer), Some(pts)) = (buffer.get_mut(), header.pts_ns) {
            buffer.set_pts(gst::ClockTime::from_nseconds(pts.min(i64::MAX as u64)));
        }
        Ok(Some(buffer))
    }

    /// Decides about a frame that was received whole; `None` where it is discarded, skipped or dropped, which is counted.
    /// A picture that is taken gets its number in the queue as its `offset`.
    fn admit(&mut self, mut buffer: gst::Buffer, kind: PayloadKind) -> Option<gst::Buffer> {
        let counters = self.options.control.counters();
        counters.received.inc();
        if self.options.control.is_stopped() {
            counters.discarded.inc();
            return None;
        }
        if kind == PayloadKind::Jpeg && !is_whole_jpeg(&buffer) {
            counters.damaged.inc();
            let count = counters.damaged.get();
            // Logs the first one, then at powers of two: a sender may do the same with every picture.
            if count.is_power_of_two() {
                let bytes = buffer.size();
                tracing::warn!(
                    count,
                    bytes,
                    "a payload that is no whole JPEG picture was skipped: check the sender"
                );
            }
            return None;
        }
        if self.pass > 0 {
            self.pass -= 1;
            counters.skipped.inc();
            return None;
        }
        if kind == PayloadKind::Jpeg {
            let TcpOptions { control, queue, max_bytes, .. } = &self.options;
            let number = control.enqueue(buffer.size(), *queue, *max_bytes)?;
            buffer.get_mut()?.set_offset(number);
        }
        self.pass = self.options.skip_frames;
        Some(buffer)
    }

    /// Prepares the caps and, for raw frames, a pool.
    fn prepare(&self, payload: PayloadKind) -> Result<(Coding, gst::Caps, Option<FramePool>), TcpError> {
        match payload {
            PayloadKind::Secret => Err(TcpError::LateSecret),
            PayloadKind::Jpeg => {
                let rate = gst::Fraction::new(0, 1);
                Ok((Coding::Jpeg, gst::Caps::builder("image/jpeg").field("framerate", rate).build(), None))
            }
            PayloadKind::Raw { format, width, height } => {
                let pool = FramePool::new(format, width as usize, height as usize, 0, self.options.buffers)
                    .map_err(|fault| TcpError::Memory { cause: fault.to_string() })?;
                Ok((Coding::Raw, pool.caps().clone(), Some(pool)))
            }
        }
    }

    /// What is awaited while no camera is there.
    fn waiting(&mut self) -> Opening {
        let address = self.address;
        let mut text = match self.candidates.is_empty() {
            true => format!("no sender has connected to {address}; start one"),
            false => format!("a sender is connected to {address}, but has sent no frame"),
        };
        if let Some(refusal) = self.candidates.last_refusal() {
            text = format!("{text} (the last connection was refused: {refusal})");
        }
        Opening::Waiting(text)
    }
}

impl SourceFeed for TcpFeed {
    fn open(&mut self, stop: &Stop) -> Result<Opening, CaptureError> {
        self.options.control.forget_pipeline();
        self.listen()?;
        for _ in 0..10 {
            if self.connection.is_some() {
                break;
            }
            self.look_for_another();
            if self.connection.is_none() && stop.wait(Duration::from_millis(10)) {
                break;
            }
        }
        let Some(connection) = &mut self.connection else { return Ok(self.waiting()) };
        let peer = connection.peer().ip();
        match connection.header(&self.options).map_err(|error| self.failed(error))? {
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
            let Some(connection) = &mut self.connection else { return Ok(Fed::End) };
            let Some(header) = connection.header(&self.options).map_err(|error| self.failed(error))? else {
                continue;
            };
            if self.current.as_ref().is_none_or(|(payload, _)| *payload != header.payload) {
                return Ok(Fed::Switch);
            }
            let received = self.receive(header, stop).map_err(|error| self.failed(error))?;
            let Some(buffer) = received else { return Ok(Fed::End) };
            if let Some(buffer) = self.admit(buffer, header.payload) {
                return Ok(Fed::Buffer(buffer));
            }
        }
        Ok(Fed::End)
    }

    fn rewind(&mut self) {}

    fn queue(&self) -> Option<SenderControl> {
        Some(self.options.control.clone())
    }
}

/// Whether a payload has the start and the end of a JPEG: a decoder fills missing parts with grey.
fn is_whole_jpeg(buffer: &gst::Buffer) -> bool {
    buffer.map_readable().is_ok_and(|map| map.starts_with(&JPEG_START) && jpeg_is_whole(&map))
}
