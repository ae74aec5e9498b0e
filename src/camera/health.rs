//! The states online, frozen and offline: what is reported about a camera, and when. Pure: time is an
//! argument.

use std::time::Duration;

use crate::types::{Explanation, PixelFormat, Stamp};

/// The cause that is reported while the first connection is being made.
pub(super) const NO_FRAME_YET: &str = "no frame yet";

/// A camera's state, reported once for each change.
#[derive(Clone, Debug, PartialEq)]
pub enum Health {
    /// Frames arrive from the source.
    Online {
        /// Width of a frame in px.
        width: usize,
        /// Height of a frame in px.
        height: usize,
        /// Pixel layout of the frames.
        format: PixelFormat,
        /// Declared frames a second; `None` where the source declares none.
        fps: Option<f64>,
    },
    /// The source is connected, but no new frame has come for `frozen_after`.
    Frozen {
        /// The time of the last frame.
        since: Stamp,
    },
    /// Frames are discarded by command.
    Stopped,
    /// The source is not connected.
    Offline {
        /// Why, and what to do next.
        cause: Explanation,
        /// The pause before the next attempt; `None` while one is under way.
        next_try: Option<Duration>,
    },
    /// The source has ended.
    Ended,
}

impl Health {
    /// Whether the first connection is still being made.
    pub fn is_starting(&self) -> bool {
        matches!(self, Health::Offline { cause, next_try: None } if cause.cause == NO_FRAME_YET)
    }

    /// The state of a camera before the first connection.
    pub fn starting() -> Health {
        Health::Offline { cause: Explanation::new(NO_FRAME_YET, ""), next_try: None }
    }
}

/// The shape of a stream, as its caps declare it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StreamShape {
    /// Width of a frame in px.
    pub width: usize,
    /// Height of a frame in px.
    pub height: usize,
    /// Pixel layout of the frames.
    pub format: PixelFormat,
    /// Declared frames a second, if declared.
    pub fps: Option<f64>,
}

impl StreamShape {
    fn online(self) -> Health {
        let StreamShape { width, height, format, fps } = self;
        Health::Online { width, height, format, fps }
    }
}

/// Reports changes only, and distinguishes a frozen camera from a slow one.
#[derive(Debug)]
pub struct HealthWatch {
    frozen_after: Option<Duration>,
    online: Option<StreamShape>,
    frozen: bool,
    stopped: bool,
    last: Stamp,
}

impl HealthWatch {
    /// `frozen_after` is `None` for sources whose frames may be any time apart.
    pub fn new(frozen_after: Option<Duration>) -> HealthWatch {
        HealthWatch { frozen_after, online: None, frozen: false, stopped: false, last: Stamp::default() }
    }

    /// Notes a frame of `shape`; returns the new state if it changed. Allocates nothing.
    pub fn frame(&mut self, now: Stamp, shape: StreamShape) -> Option<Health> {
        self.last = now;
        let known = self.online == Some(shape) && !self.frozen && !self.stopped;
        self.online = Some(shape);
        (self.frozen, self.stopped) = (false, false);
        (!known).then(|| shape.online())
    }

    /// Notes that the frame is in the ring: the time for which the ring held it back does not count as
    /// frozen.
    pub fn committed(&mut self, now: Stamp) {
        self.last = now;
    }

    /// Notes a turn of the loop in which frames are discarded by command: that time does not count as frozen. Returns the
    /// new state if it changed.
    pub fn discarding(&mut self, now: Stamp) -> Option<Health> {
        (self.last, self.frozen) = (now, false);
        (!std::mem::replace(&mut self.stopped, true)).then_some(Health::Stopped)
    }

    /// Notes a turn of the loop without a frame; returns the new state if it changed.
    pub fn quiet(&mut self, now: Stamp) -> Option<Health> {
        let late = self.frozen_after.is_some_and(|limit| self.since_last(now) >= limit);
        if self.online.is_none() || self.frozen || !late {
            return None;
        }
        self.frozen = true;
        Some(Health::Frozen { since: self.last })
    }

    /// Notes that the connection is lost.
    pub fn lost(&mut self) {
        self.online = None;
        (self.frozen, self.stopped) = (false, false);
    }

    /// Whether frames have come since the connection was made.
    pub fn is_online(&self) -> bool {
        self.online.is_some()
    }

    /// Time since the last frame.
    pub fn since_last(&self, now: Stamp) -> Duration {
        Duration::from_nanos(now.mono_ns.saturating_sub(self.last.mono_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: StreamShape = StreamShape { width: 4, height: 2, format: PixelFormat::I420, fps: None };

    fn at(ms: u64) -> Stamp {
        Stamp { mono_ns: ms * 1_000_000, wall_ns: 0 }
    }

    #[test]
    fn online_is_reported_once_until_the_shape_changes() {
        let mut watch = HealthWatch::new(Some(Duration::from_secs(1)));
        assert_eq!(watch.frame(at(0), SHAPE), Some(SHAPE.online()));
        assert_eq!(watch.frame(at(40), SHAPE), None);
        assert!(watch.frame(at(80), StreamShape { width: 8, ..SHAPE }).is_some());
    }

    #[test]
    fn a_camera_without_new_frames_is_frozen_once_and_online_again_with_the_next_frame() {
        let mut watch = HealthWatch::new(Some(Duration::from_secs(1)));
        watch.frame(at(5), SHAPE);
        assert_eq!(watch.quiet(at(1_004)), None);
        assert_eq!(watch.quiet(at(1_005)), Some(Health::Frozen { since: at(5) }));
        assert_eq!(watch.quiet(at(9_000)), None);
        assert_eq!(watch.frame(at(9_001), SHAPE), Some(SHAPE.online()));
    }

    #[test]
    fn a_camera_that_was_never_online_or_was_lost_is_not_frozen() {
        let mut watch = HealthWatch::new(Some(Duration::from_secs(1)));
        assert_eq!(watch.quiet(at(60_000)), None);
        watch.frame(at(60_001), SHAPE);
        watch.lost();
        assert_eq!(watch.quiet(at(90_000)), None);
        assert_eq!(watch.frame(at(90_001), SHAPE), Some(SHAPE.online()));
    }

    #[test]
    fn a_camera_whose_frames_are_discarded_is_stopped_and_frozen_only_when_nothing_comes_afterwards() {
        let mut watch = HealthWatch::new(Some(Duration::from_secs(1)));
        watch.frame(at(0), SHAPE);
        assert_eq!(watch.discarding(at(100)), Some(Health::Stopped));
        assert_eq!(watch.discarding(at(9_000)), None);
        assert_eq!(watch.quiet(at(9_500)), None);
        assert_eq!(watch.quiet(at(10_000)), Some(Health::Frozen { since: at(9_000) }));
        watch.discarding(at(11_000));
        assert_eq!(watch.frame(at(11_100), SHAPE), Some(SHAPE.online()));
    }

    #[test]
    fn time_that_the_ring_held_a_frame_back_does_not_count_as_frozen() {
        let mut watch = HealthWatch::new(Some(Duration::from_secs(1)));
        watch.frame(at(0), SHAPE);
        watch.committed(at(5_000));
        assert_eq!(watch.quiet(at(5_900)), None);
    }
}
