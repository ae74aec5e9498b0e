//! Capture: from a camera's source to mapped frames that are committed to the ring.
//!
//! `run` is the whole face: it blocks on a thread that the supervisor owns, reconnects live sources for ever,
//! and copies no byte of a frame. A source becomes a GStreamer pipeline (`source`), its frames leave through
//! an appsink (`appsink`), and what is said about the camera's health goes through `health`.

mod appsink;
mod bus;
mod chain;
mod device;
mod error;
mod feed;
mod file;
mod health;
mod http;
mod images;
#[cfg(feature = "demo")]
pub mod light_barrier;
mod matroska;
#[cfg(feature = "demo")]
mod painter;
mod pipeline;
mod pool;
mod remote;
#[cfg(feature = "demo")]
pub mod scene;
mod scoped;
mod session;
mod source;
mod splitter;
pub mod tcp;
mod v4l2;

use crate::config;
use crate::supervisor::{Beat, Stop};
use crate::telemetry::Counter;
use crate::types::{Clock, Frame};

pub use error::CaptureError;
pub use health::Health;
#[cfg(feature = "demo")]
pub use painter::{Painter, PainterError};

/// What became of a frame that was offered to the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// It is in a slot.
    Taken,
    /// Every slot was leased: the frame is dropped, and the sink has counted it.
    Refused,
    /// Nobody will read any more: capture ends.
    Closed,
}

/// Where frames go: the ring's writer, in the product. Called on the thread that made the frame.
pub trait FrameSink: Send {
    /// Commits a frame. May wait for readers that must see every frame, and then minds the stop token itself.
    fn commit(&mut self, frame: Frame) -> Committed;
    /// How many frames it holds at once; the source's buffer pool is made at least this large.
    fn slots(&self) -> usize;
    /// The number of the next frame: one more than the last one committed here, by an earlier `run` too.
    fn next_seq(&self) -> u64;
}

/// How capture ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// The file, the folder or the scene is over.
    EndOfStream,
    /// It was asked to stop.
    Stopped,
    /// The ring was closed.
    Closed,
}

/// Makes the painter of a `scene:` source.
#[cfg(feature = "demo")]
pub type MakePainter = dyn Fn(&config::Source) -> Result<Box<dyn Painter>, PainterError> + Sync;

/// What capture is joined to, besides the ring.
pub struct Wiring<'a> {
    /// Told of every change of the camera's health: on the capture thread, or on the one that commits frames.
    pub health: &'a (dyn Fn(Health) + Sync),
    /// The clock that stamps frames.
    pub clock: &'a dyn Clock,
    /// The token that ends the capture.
    pub stop: &'a Stop,
    /// Beats every 100 ms, unless nothing came meanwhile but a frame that the sink makes wait.
    pub beat: &'a Beat,
    /// Makes the painter of a `scene:` source.
    #[cfg(feature = "demo")]
    pub painter: &'a MakePainter,
    /// Counts pictures that came damaged and gave no frame.
    pub damaged: &'a Counter,
    /// Counts connections of senders that were refused.
    pub refused: &'a Counter,
}

/// Captures `camera` into `sink` until the source ends, the ring closes or `wiring.stop` stops.
///
/// Live sources are reconnected for ever. A source that ends by itself gives an error when it is missing, damaged
/// or not a video; the frames that were decoded before the damage have been delivered, and the error says how many.
pub fn run(
    camera: &config::CameraConfig,
    sink: &mut dyn FrameSink,
    wiring: &Wiring<'_>,
) -> Result<SessionEnd, CaptureError> {
    gstreamer::init().map_err(|source| CaptureError::Init { source })?;
    session::CaptureSession::new(camera, sink, wiring).run()
}
