//! A lease: the right to read one frame, which stays unchanged until the last lease drops.

use crate::core::Core;
use crate::slot::tag_of;
use crate::sync::Arc;

/// A guard: its frame cannot be overwritten while it is held. A clone is one more lease of the same frame. It
/// may be sent to and dropped on any thread, also after the ring is gone.
pub struct Lease<T> {
    core: Arc<Core<T>>,
    slot: usize,
    seq: u64,
}

impl<T> Lease<T> {
    /// Leases frame `seq`; `None` when the slot already holds another.
    pub(crate) fn try_take(core: &Arc<Core<T>>, slot: usize, seq: u64) -> Option<Lease<T>> {
        if !core.slots[slot].is(tag_of(seq)) {
            return None;
        }
        let is_held = core.slots[slot].try_hold(tag_of(seq));
        // The lease is made also where the hold came too late, so that its drop undoes the hold completely.
        let lease = Lease { core: core.clone(), slot, seq };
        is_held.then_some(lease)
    }

    /// Leases frame `seq`, which is in this slot and is kept for the calling `Every` reader.
    pub(crate) fn of_kept(core: &Arc<Core<T>>, slot: usize, seq: u64) -> Lease<T> {
        core.slots[slot].hold();
        Lease { core: core.clone(), slot, seq }
    }

    /// The frame's number in its ring: 0, 1, 2, … without gaps.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The time stamp that the frame was committed with, in nanoseconds.
    pub fn stamp_ns(&self) -> u64 {
        self.core.slots[self.slot].stamp_ns()
    }
}

impl<T> std::ops::Deref for Lease<T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: this lease holds the frame, and outlives the reference.
        unsafe { self.core.slots[self.slot].value() }
    }
}

impl<T> Clone for Lease<T> {
    fn clone(&self) -> Lease<T> {
        Lease::of_kept(&self.core, self.slot, self.seq)
    }
}

impl<T> Drop for Lease<T> {
    fn drop(&mut self) {
        self.core.release(self.slot);
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Lease<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease").field("seq", &self.seq).field("value", &**self).finish()
    }
}
