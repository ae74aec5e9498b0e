//! The interface of a built-in picture generator, such as the test scene.

use super::feed::{Coding, Fed, Opening, SourceFeed};
use super::pool::FramePool;
use super::{CaptureError, error};
use crate::supervisor::Stop;
use crate::types::{Explanation, PixelFormat};

/// Paints the frames of a `scene:` source.
pub trait Painter: Send {
    /// Width and height in px.
    fn size(&self) -> (usize, usize);
    /// The rate in frames a second.
    fn fps(&self) -> u32;
    /// Paints frame `n` into `out`: packed I420, `width × height` luma, then U and V at half size rounded up.
    fn paint(&mut self, n: u64, out: &mut [u8]);
}

/// Why the scene of a source cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.explanation())]
pub struct PainterError {
    /// What is wrong with the scene's options.
    pub cause: String,
}

impl PainterError {
    /// What is wrong, and what to do next.
    pub fn explanation(&self) -> Explanation {
        let cause = format!("the scene cannot be painted: {}", self.cause);
        Explanation::new(cause, "see `scene:` in the annotated configuration")
    }
}

/// Feeds an appsrc from a painter, with one pooled buffer a frame.
pub struct PainterFeed {
    painter: Box<dyn Painter>,
    pool: FramePool,
    next: u64,
    frames: Option<u64>,
}

impl PainterFeed {
    /// `frames`: ends after so many. `buffers`: how many the ring and the pipeline hold at once.
    pub fn new(
        painter: Box<dyn Painter>,
        frames: Option<u64>,
        buffers: usize,
    ) -> Result<PainterFeed, error::CaptureError> {
        let (width, height) = painter.size();
        let pool = FramePool::new(PixelFormat::I420, width, height, painter.fps(), buffers)
            .map_err(|fault| PainterError { cause: fault.to_string() })?;
        Ok(PainterFeed { painter, pool, next: 0, frames })
    }

    fn pts(&self) -> u64 {
        self.next * 1_000_000_000 / u64::from(self.painter.fps().max(1))
    }
}

impl SourceFeed for PainterFeed {
    fn open(&mut self, _stop: &Stop) -> Result<Opening, CaptureError> {
        Ok(Opening::Ready { coding: Coding::Raw, caps: self.pool.caps().clone(), start_ns: self.pts() })
    }

    fn next(&mut self, _stop: &Stop) -> Result<Fed, CaptureError> {
        if self.frames.is_some_and(|frames| self.next >= frames) {
            return Ok(Fed::End);
        }
        let (n, pts) = (self.next, self.pts());
        let painter = &mut self.painter;
        let mut buffer = self
            .pool
            .fill(|out| {
                painter.paint(n, out);
                Ok::<(), CaptureError>(())
            })?
            .ok_or_else(|| PainterError { cause: "no memory for a frame".into() })?;
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gstreamer::ClockTime::from_nseconds(pts));
        }
        self.next += 1;
        Ok(Fed::Buffer(buffer))
    }

    fn rewind(&mut self) {
        self.next = 0;
    }
}
