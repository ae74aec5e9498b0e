//! Connects the prediction of which part is in the beam with the port that sends its trigger.

use std::path::Path;

use ocellus_scene::{Crossings, Tally};

use super::{LightBarrier, LightBarrierError};
use crate::camera::scene::options;
use crate::config::Source;

/// Sends a trigger for each part that crosses the middle of the frame.
#[derive(Debug)]
pub struct Sensor {
    crossings: Crossings,
    barrier: LightBarrier,
}

impl Sensor {
    /// The light barrier of a `scene:` source with `barrier=`, with its port open; `None` for other sources.
    /// A relative path is below `state_dir`.
    ///
    /// # Errors
    /// [`LightBarrierError`]: the port or the scene cannot be made.
    pub fn of(source: &Source, state_dir: &Path) -> Result<Option<Sensor>, LightBarrierError> {
        let (Some(options), Some(path)) = (options(source), source.barrier()) else {
            return Ok(None);
        };
        let crossings = Crossings::new(&options)?;
        Ok(Some(Sensor { crossings, barrier: LightBarrier::open(&state_dir.join(path))? }))
    }

    /// Reports a frame with this source time stamp, whether the ring took it or had no free slot: the beam
    /// does not depend on the camera. Parts that passed in skipped frames are triggered now.
    pub fn committed(&mut self, pts_ns: u64) {
        self.crossings.advance(pts_ns, |crossing| self.barrier.cross(crossing));
    }

    /// The path at which the service opens the port.
    pub fn link(&self) -> &Path {
        self.barrier.link()
    }

    /// The counts since the barrier was opened.
    pub fn tally(&self) -> Tally {
        self.barrier.tally()
    }
}
