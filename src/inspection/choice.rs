//! Which frame a trigger means, if that can be said by now.

use std::sync::Arc;
use std::time::Duration;

use crate::ring::{Lease, Pick, Ring};
use crate::types::{Frame, Label, Numbering, Stamp};

/// How a camera's triggers are served.
#[derive(Clone, Debug)]
pub struct PartLaneSettings {
    /// The name of the camera.
    pub camera: Label,
    /// Which frame a trigger means.
    pub pick: Pick,
    /// Acquisitions that may be under way at once; one more is an overrun.
    pub queue: usize,
    /// How long a trigger waits for its frame before it is missed.
    pub max_wait: Duration,
    /// How far a frame may be from its moment.
    pub tolerance: Duration,
    /// Where acquisitions get their numbers.
    pub numbers: Numbering,
}

impl PartLaneSettings {
    /// When a trigger that means `moment` has waited long enough.
    pub(super) fn deadline_ns(&self, moment: Stamp) -> u64 {
        moment.mono_ns + self.max_wait.as_nanos() as u64
    }
}

/// What a look at the ring came to.
pub(super) enum Look {
    Chosen(Lease<Frame>),
    Wait,
    Missed(Arc<str>),
}

/// Looks for the frame of `moment`. The nearest is known once a frame after the moment is there: until then the one
/// before it may still be beaten.
pub(super) fn look(ring: &Ring<Frame>, settings: &PartLaneSettings, moment: Stamp, now: Stamp) -> Look {
    let PartLaneSettings { pick, max_wait, tolerance, .. } = *settings;
    let over = now.mono_ns >= settings.deadline_ns(moment);
    let moment = moment.mono_ns;
    let decided = match pick {
        Pick::Previous => now.mono_ns >= moment,
        Pick::Next | Pick::Nearest => over || ring.pick(moment, Pick::Next).is_some(),
    };
    if !decided {
        return Look::Wait;
    }
    match ring.pick(moment, pick) {
        Some(frame) if frame.stamp_ns().abs_diff(moment) <= tolerance.as_nanos() as u64 => {
            Look::Chosen(frame)
        }
        Some(_) => Look::Missed(too_far(tolerance)),
        None if over => Look::Missed(format!("no frame within {} ms", max_wait.as_millis()).into()),
        None => Look::Wait,
    }
}

fn too_far(tolerance: Duration) -> Arc<str> {
    let tolerance = tolerance.as_millis();
    format!("no frame within {tolerance} ms of the moment; raise tolerance_ms, or the camera's frame rate")
        .into()
}
