//! Capture: from a camera's source to mapped frames that are committed to the ring.
//!
//! `run` is the only entry point: it blocks on a thread that the supervisor owns, reconnects live sources
//! indefinitely, and copies no byte of a frame. A source becomes a GStreamer pipeline (`source`), its frames
//! leave through an appsink (`appsink`), and `health` derives the camera's state.

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
mod originals;
#[cfg(feature = "demo")]
mod painter;
mod pipeline;
mod pool;
mod probe;
mod remote;
#[cfg(feature = "demo")]
pub mod scene;
mod scoped;
mod session;
mod source;
mod splitter;
pub mod tcp;
mod threads;
mod v4l2;

use crate::config;
use crate::supervisor::{Beat, Stop};
use crate::telemetry::Counter;
use crate::types::{Clock, Frame};

pub use error::CaptureError;
pub use health::Health;
#[cfg(feature = "demo")]
pub use painter::{Painter, PainterError};
pub use probe::{gstreamer_facts, probe};
pub use threads::belongs_to;

/// What happened to a frame that was offered to the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// The frame is in a slot.
    Taken,
    /// Every slot was leased: the frame is dropped, and the sink has counted it.
    Refused,
    /// No reader is left, so capture ends.
    Closed,
}

/// Destination of frames: in the product the ring's writer. Called on the thread that made the frame.
pub trait FrameSink: Send {
    /// Commits a frame. May wait for readers that must see every frame; then the sink itself watches the stop
    /// token.
    fn commit(&mut self, frame: Frame) -> Committed;
    /// Most frames that it holds at once; the source's buffer pool must be at least this large.
    fn slots(&self) -> usize;
    /// The number of the next frame: one more than the last one committed here, also by an earlier `run`.
    fn next_seq(&self) -> u64;
}

/// How capture ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// The file, the folder or the scene has ended.
    EndOfStream,
    /// The stop token was stopped.
    Stopped,
    /// The ring was closed.
    Closed,
}

/// Makes the painter of a `scene:` source.
#[cfg(feature = "demo")]
pub type MakePainter = dyn Fn(&config::Source) -> Result<Box<dyn Painter>, PainterError> + Sync;

/// What capture is connected to besides the ring.
pub struct Wiring<'a> {
    /// Called with every change of the camera's health, on the capture thread or on the one that commits
    /// frames.
    pub health: &'a (dyn Fn(Health) + Sync),
    /// The clock that stamps frames.
    pub clock: &'a dyn Clock,
    /// The token that ends the capture.
    pub stop: &'a Stop,
    /// Beats every 100 ms, except while the sink holds back the only frame that came.
    pub beat: &'a Beat,
    /// Makes the painter of a `scene:` source.
    #[cfg(feature = "demo")]
    pub painter: &'a MakePainter,
    /// Counts damaged pictures that gave no frame.
    pub damaged: &'a Counter,
    /// What a `tcp://` source shares with its command port and with reports.
    pub senders: &'a tcp::SenderControl,
}

/// Captures `camera` into `sink` until the source ends, the ring closes or `wiring.stop` stops.
///
/// Live sources are reconnected indefinitely. A source that ends by itself gives an error when it is missing,
/// damaged or not a video; the frames decoded before the damage have been delivered, and the error counts
/// them.
pub fn run(
    camera: &config::CameraConfig,
    sink: &mut dyn FrameSink,
    wiring: &Wiring<'_>,
) -> Result<SessionEnd, CaptureError> {
    threads::name_thread(&camera.name, "capture");
    gstreamer::init().map_err(|source| CaptureError::Init { source })?;
    session::CaptureSession::new(camera, sink, wiring).run()
}
