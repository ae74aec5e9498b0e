//! The light barrier of a scene's line, told of frames as they are committed: it knows which part is in its beam.

use std::path::Path;

use super::belt::Belt;
use super::{Barrier, BarrierError, SceneOptions, Tally};
use crate::config;

/// Frames in a row that may be missing before the parts in them count as never seen.
const CATCH_UP: u64 = 64;

/// Pulls a trigger for each part that crosses the middle of the frame.
#[derive(Debug)]
pub struct Sensor {
    belt: Belt,
    fps: u32,
    barrier: Barrier,
    /// The number of the next frame.
    next: u64,
}

impl Sensor {
    /// The light barrier of a `scene:` source with `barrier=`, its port open; `None` for all others. A relative path
    /// is one below `state_dir`.
    ///
    /// # Errors
    /// [`BarrierError`]: the port cannot be made, or the scene cannot be.
    pub fn of(source: &config::Source, state_dir: &Path) -> Result<Option<Sensor>, BarrierError> {
        let (Some(options), Some(path)) = (SceneOptions::of(source), source.barrier()) else {
            return Ok(None);
        };
        options.check()?;
        let barrier = Barrier::open(&state_dir.join(path))?;
        Ok(Some(Sensor { belt: Belt::new(&options), fps: options.fps, barrier, next: 0 }))
    }

    /// A frame with this time stamp of the source is in the ring, or would be if there were room: the beam does not
    /// depend on the camera. Parts that passed in frames that were left out are told of now.
    pub fn committed(&mut self, pts_ns: u64) {
        let n = self.number(pts_ns);
        let first = if n < self.next { n } else { self.next.max(n.saturating_sub(CATCH_UP)) };
        for n in first..=n {
            if let Some((place, part)) = self.belt.crossing(n) {
                self.barrier.pass(n, place.id, part.flaw.as_ref().map(|flaw| flaw.kind()));
            }
        }
        self.next = n + 1;
    }

    /// Where the service finds the port.
    pub fn link(&self) -> &Path {
        self.barrier.link()
    }

    /// The sums so far.
    pub fn tally(&self) -> Tally {
        self.barrier.tally()
    }

    /// The frame with this time stamp: `PainterFeed` gives frame n the time n / fps, rounded down to a nanosecond.
    fn number(&self, pts_ns: u64) -> u64 {
        let scaled = u128::from(pts_ns) * u128::from(self.fps);
        ((scaled + 500_000_000) / 1_000_000_000) as u64
    }
}
