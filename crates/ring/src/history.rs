//! Frames that nobody leases stay readable until their slot is reused: a trigger picks by time stamp.

use super::core::Handle;
use super::lease::Lease;
use super::reader::lease_newest;
use super::slots::tag_of;
use super::sync::{Ordering, heavy_fence};

/// Which frame a trigger means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// The one nearest in time, before or after; the earlier of two equally near.
    Nearest,
    /// The first at or after the moment.
    Next,
    /// The last at or before the moment.
    Previous,
}

impl Pick {
    /// How far `stamp_ns` is from `moment_ns`, with the earlier first among equals; `None` if it does not qualify.
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

/// Leases the frame of the history that fits best. Looks again when it was overwritten meanwhile; each such
/// turn means that the writer went on.
pub(super) fn pick<T>(core: &Handle<T>, moment_ns: u64, pick: Pick) -> Option<Lease<T>> {
    loop {
        // What the head does not name yet is not committed yet.
        let newest = core.head().committed().checked_sub(1).map(tag_of)?;
        let (slot, tag) = best(core, newest, moment_ns, pick)?;
        if let Some(lease) = Lease::pin(core, slot, tag, heavy_fence) {
            return Some(lease);
        }
    }
}

fn best<T>(core: &Handle<T>, newest: u64, moment_ns: u64, pick: Pick) -> Option<(usize, u64)> {
    core.slots
        .iter()
        .enumerate()
        .filter_map(|(index, slot)| {
            let tag = slot.live_tag().filter(|tag| *tag <= newest)?;
            let distance = pick.distance(slot.stamp_ns.load(Ordering::Relaxed), moment_ns)?;
            Some((distance, tag, index))
        })
        .min_by_key(|(distance, tag, _)| (*distance, *tag))
        .map(|(_, tag, index)| (index, tag))
}

/// Leases the newest frame.
pub(super) fn newest<T>(core: &Handle<T>) -> Option<Lease<T>> {
    let mut head = core.head();
    loop {
        if let Some(lease) = lease_newest(core, head, heavy_fence) {
            return Some(lease);
        }
        let now = core.head();
        if now == head {
            // Nothing yet, or it is being overwritten: then the latest of the others will do.
            return pick(core, u64::MAX, Pick::Previous);
        }
        head = now;
    }
}
