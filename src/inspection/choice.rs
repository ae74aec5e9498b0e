//! Chooses the frame that a trigger means, or decides that it is not known yet.

use std::sync::Arc;
use std::time::Duration;

use crate::ring::{Lease, Pick, Ring};
use crate::types::{Frame, Label, Numbering, RecordingRequests, Stamp};

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
    /// The longest accepted time between a frame and the trigger's moment.
    pub tolerance: Duration,
    /// The source of acquisition numbers.
    pub numbers: Numbering,
    /// Records around triggers, where the camera is recorded.
    pub recordings: Option<RecordingsOfParts>,
}

/// The recorder that a camera asks, in a form that settings can hold.
#[derive(Clone)]
pub struct RecordingsOfParts(pub Arc<dyn RecordingRequests>);

impl std::fmt::Debug for RecordingsOfParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecordingsOfParts")
    }
}

impl PartLaneSettings {
    /// The time after which a trigger for `moment` is missed, monotonic nanoseconds.
    pub(super) fn deadline_ns(&self, moment: Stamp) -> u64 {
        moment.mono_ns + self.max_wait.as_nanos() as u64
    }
}

/// The result of searching the ring for a trigger's frame.
pub(super) enum RingLook {
    Chosen(Lease<Frame>),
    Wait,
    Missed(Arc<str>),
}

/// Searches the ring for the frame of `moment`. The nearest frame is known once the ring has one after the
/// moment, since until then a nearer one may still come.
pub(super) fn look(ring: &Ring<Frame>, settings: &PartLaneSettings, moment: Stamp, now: Stamp) -> RingLook {
    let PartLaneSettings { pick, max_wait, tolerance, .. } = *settings;
    let over = now.mono_ns >= settings.deadline_ns(moment);
    let moment = moment.mono_ns;
    let decided = match pick {
        Pick::Previous => now.mono_ns >= moment,
        Pick::Next | Pick::Nearest => over || ring.pick(moment, Pick::Next).is_some(),
    };
    if !decided {
        return RingLook::Wait;
    }
    match ring.pick(moment, pick) {
        Some(frame) if frame.stamp_ns().abs_diff(moment) <= tolerance.as_nanos() as u64 => {
            RingLook::Chosen(frame)
        }
        Some(_) => RingLook::Missed(too_far(tolerance)),
        None if over => RingLook::Missed(format!("no frame within {} ms", max_wait.as_millis()).into()),
        None => RingLook::Wait,
    }
}

fn too_far(tolerance: Duration) -> Arc<str> {
    let tolerance = tolerance.as_millis();
    format!("no frame within {tolerance} ms of the moment; raise tolerance_ms, or the camera's frame rate")
        .into()
}
