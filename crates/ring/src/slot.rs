//! A slot: one frame, its tag, and the count of its leases. All access to the memory of frames is in this
//! file.
//!
//! A frame is read only under a hold, and written only under a claim. The writer claims a slot by hiding its
//! tag, and then checks for holds. A reader counts its hold, and then checks whether the tag is still the one
//! it wants. Both pass a full barrier in between, so at least one of them sees the other and backs off
//! (Dekker's argument).

use std::mem::MaybeUninit;

use crate::sync::{AtomicU64, Ordering, UnsafeCell, fence};

/// The tag of a slot without a frame.
pub(crate) const VACANT: u64 = 0;
/// The tag of a slot that the writer has claimed, or is about to claim.
const HIDDEN: u64 = 1;

/// The generation tag of frame `seq`. No two frames of a ring share one.
pub(crate) fn tag_of(seq: u64) -> u64 {
    seq + 2
}

/// Aligned to a cache line, so that neighbouring slots do not share one.
#[repr(align(64))]
pub(crate) struct Slot<T> {
    tag: AtomicU64,
    /// Leases of the frame, plus readers that are about to check whether they may have one.
    holds: AtomicU64,
    /// Written under a claim. It may be read at any time, but is valid only once a hold of the same tag was
    /// taken.
    stamp_ns: AtomicU64,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the value is shared by all who hold it (T: Sync), and is dropped by whichever thread claims the
// slot or ends the last hold (T: Send). The other fields are atomics.
unsafe impl<T: Send + Sync> Sync for Slot<T> {}

impl<T> Slot<T> {
    pub(crate) fn vacant() -> Slot<T> {
        Slot {
            tag: AtomicU64::new(VACANT),
            holds: AtomicU64::new(0),
            stamp_ns: AtomicU64::new(0),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// The tag of the frame in this slot, unless the slot is vacant or the writer is about to replace the
    /// frame.
    pub(crate) fn live_tag(&self) -> Option<u64> {
        Some(self.tag.load(Ordering::Acquire)).filter(|tag| *tag > HIDDEN)
    }

    /// Whether the frame `tag` or a later one is here, or may appear soon.
    pub(crate) fn may_show(&self, tag: u64) -> bool {
        let here = self.tag.load(Ordering::Acquire);
        here == HIDDEN || here >= tag
    }

    /// Whether the frame `tag` is in this slot.
    pub(crate) fn is(&self, tag: u64) -> bool {
        self.tag.load(Ordering::Acquire) == tag
    }

    /// The time stamp of the frame, in nanoseconds.
    pub(crate) fn stamp_ns(&self) -> u64 {
        self.stamp_ns.load(Ordering::Relaxed)
    }

    pub(crate) fn is_held(&self) -> bool {
        self.holds.load(Ordering::Acquire) != 0
    }

    /// Adds a hold to a frame that is already kept by another hold, or for an `Every` reader.
    pub(crate) fn hold(&self) {
        self.holds.fetch_add(1, Ordering::Relaxed);
    }

    /// Tries to add a hold to the frame `tag`. Whether or not it succeeds, the caller must end it by
    /// [`Slot::release`].
    pub(crate) fn try_hold(&self, tag: u64) -> bool {
        self.holds.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.is(tag)
    }

    /// Ends a hold; returns true when it was the last.
    pub(crate) fn release(&self) -> bool {
        self.holds.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Tries to claim the slot, whose frame is `tag`. Only the writer may call it.
    pub(crate) fn claim(&self, tag: u64) -> bool {
        self.hide();
        fence(Ordering::SeqCst);
        let claimed = !self.is_held();
        if !claimed {
            self.tag.store(tag, Ordering::Release);
        }
        claimed
    }

    /// Marks the slot as vacant, with no frame on its way.
    pub(crate) fn vacate(&self) {
        self.tag.store(VACANT, Ordering::Release);
    }

    /// Hides the slot's tag: a new frame is on its way, or the old one will be shown again.
    pub(crate) fn hide(&self) {
        self.tag.store(HIDDEN, Ordering::Relaxed);
    }

    /// Fills the slot and publishes the frame as `tag`.
    ///
    /// # Safety
    /// The caller has claimed the slot, and its old value has been dropped.
    pub(crate) unsafe fn fill(&self, tag: u64, stamp_ns: u64, value: T) {
        self.stamp_ns.store(stamp_ns, Ordering::Relaxed);
        // SAFETY: the claim (the caller's promise) excludes every other access to the value.
        self.value.with_mut(|slot| unsafe { (*slot).write(value) });
        self.tag.store(tag, Ordering::Release);
    }

    /// Drops the frame's value in place.
    ///
    /// # Safety
    /// The slot holds a value that no other thread can reach, because the caller has claimed it.
    pub(crate) unsafe fn drop_value(&self) {
        // SAFETY: the caller promises that the value is initialised and exclusively its own.
        self.value.with_mut(|slot| unsafe { (*slot).assume_init_drop() });
    }

    /// The value of the frame, for readers.
    ///
    /// # Safety
    /// The caller has a hold of the frame for as long as the reference lives.
    pub(crate) unsafe fn value(&self) -> &T {
        // SAFETY: a held slot is initialised, and is not written until the hold ends.
        self.value.with(|slot| unsafe { (*slot).assume_init_ref() })
    }

    /// Drops the frame of a ring without ends, if it has no holds: nothing can be committed or leased any
    /// more. The swap selects one of several threads that find this at the same time.
    pub(crate) fn clear_if_unheld(&self) {
        if !self.is_held() && self.tag.swap(VACANT, Ordering::AcqRel) > HIDDEN {
            // SAFETY: there are no holds and none can be added; the tag, which is taken here, named a frame.
            unsafe { self.drop_value() };
        }
    }
}
