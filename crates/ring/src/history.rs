//! Frames without a lease stay readable until their slot is reused, so that a trigger can pick one by time
//! stamp.

use crate::core::Core;
use crate::lease::Lease;
use crate::slot::tag_of;
use crate::sync::Arc;

/// How a frame is picked by a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pick {
    /// The frame nearest in time, before or after; the earlier of two equally near.
    #[default]
    Nearest,
    /// The first frame at or after the moment.
    Next,
    /// The last frame at or before the moment.
    Previous,
}

impl Pick {
    /// Distance of `stamp_ns` from `moment_ns`, ordered so that the earlier of two equal ones comes first;
    /// `None` if it does not qualify.
    fn distance(self, stamp_ns: u64, moment_ns: u64) -> Option<(u64, bool)> {
        let late = stamp_ns > moment_ns;
        let fits = match self {
            Pick::Nearest => true,
            Pick::Next => stamp_ns >= moment_ns,
            Pick::Previous => !late,
        };
        fits.then_some((stamp_ns.abs_diff(moment_ns), late))
    }
}

/// Leases the frame of the history that `pick` selects; the older of two that qualify equally.
pub(crate) fn pick<T>(core: &Arc<Core<T>>, moment_ns: u64, pick: Pick) -> Option<Lease<T>> {
    least(core, |seq, stamp_ns| Some((pick.distance(stamp_ns, moment_ns)?, seq)))
}

/// Leases the newest frame, if its number is `from` or later.
pub(crate) fn newest<T>(core: &Arc<Core<T>>, from: u64) -> Option<Lease<T>> {
    least(core, |seq, _| (seq >= from).then_some(std::cmp::Reverse(seq)))
}

/// Leases the oldest frame whose number is `from` or later.
pub(crate) fn oldest<T>(core: &Arc<Core<T>>, from: u64) -> Option<Lease<T>> {
    least(core, |seq, _| (seq >= from).then_some(seq))
}

/// Leases the frame with the least key, computed from number and time stamp. Searches again when the frame
/// was overwritten meanwhile; each such turn means that the writer made progress.
fn least<T, K: Ord>(core: &Arc<Core<T>>, key: impl Fn(u64, u64) -> Option<K>) -> Option<Lease<T>> {
    loop {
        let frames = core.slots.iter().enumerate().filter_map(|(slot, frame)| {
            let seq = frame.live_tag()? - tag_of(0);
            Some((key(seq, frame.stamp_ns())?, slot, seq))
        });
        let (_, slot, seq) = frames.min_by(|a, b| a.0.cmp(&b.0))?;
        if let Some(lease) = Lease::try_take(core, slot, seq) {
            return Some(lease);
        }
    }
}
