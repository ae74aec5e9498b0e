//! A slot: one frame, its tag, and how many leases hold it. All access to the memory of frames is in this file.
//!
//! A frame is read under a hold only, and written under a claim only. The writer claims a slot by hiding its tag, and
//! then looks for holds. A reader counts its hold, and then looks whether the tag is still the one it means. Both pass
//! a full barrier in between, so at least one of them sees the other and steps back (Dekker's argument).

use std::mem::MaybeUninit;

use crate::sync::{AtomicU64, Ordering, UnsafeCell, fence};

/// The tag of a slot without a frame.
pub(crate) const VACANT: u64 = 0;
/// The tag of a slot that the writer has claimed, or is about to.
const HIDDEN: u64 = 1;

/// The generation tag of frame `seq`. No two frames of a ring share one.
pub(crate) fn tag_of(seq: u64) -> u64 {
    seq + 2
}

/// One cache line, or more where the value is larger.
#[repr(align(64))]
pub(crate) struct Slot<T> {
    tag: AtomicU64,
    /// Leases of the frame, and readers that are about to look whether they may have one.
    holds: AtomicU64,
    /// Written under a claim; read at any time, and believed only once a hold of the same tag was taken.
    stamp_ns: AtomicU64,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the value is shared by all who hold it (T: Sync), and is dropped by whichever thread claims the slot or ends
// the last hold (T: Send). The other fields are atomics.
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

    /// The tag of the frame that is here, if there is one and the writer is not about to replace it.
    pub(crate) fn live_tag(&self) -> Option<u64> {
        Some(self.tag.load(Ordering::Acquire)).filter(|tag| *tag > HIDDEN)
    }

    /// Whether the frame `tag` or a later one is here, or may be shown soon.
    pub(crate) fn may_show(&self, tag: u64) -> bool {
        let here = self.tag.load(Ordering::Acquire);
        here == HIDDEN || here >= tag
    }

    /// Whether the frame `tag` is here.
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

    /// Adds a hold to a frame that is kept already: by another hold, or for an `Every` reader.
    pub(crate) fn hold(&self) {
        self.holds.fetch_add(1, Ordering::Relaxed);
    }

    /// Tries to add a hold to the frame `tag`. Whether it came in time or not, it must be ended by [`Slot::release`].
    pub(crate) fn try_hold(&self, tag: u64) -> bool {
        self.holds.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.is(tag)
    }

    /// Ends a hold; true when it was the last.
    pub(crate) fn release(&self) -> bool {
        self.holds.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Tries to claim the slot, whose frame is `tag`. Call it from the writer only.
    pub(crate) fn claim(&self, tag: u64) -> bool {
        self.hide();
        fence(Ordering::SeqCst);
        let claimed = !self.is_held();
        if !claimed {
            self.tag.store(tag, Ordering::Release);
        }
        claimed
    }

    /// Says that no frame is here, and none is coming.
    pub(crate) fn vacate(&self) {
        self.tag.store(VACANT, Ordering::Release);
    }

    /// Says that a frame is coming, or the old one is shown again.
    pub(crate) fn hide(&self) {
        self.tag.store(HIDDEN, Ordering::Relaxed);
    }

    /// Fills a slot and shows it as `tag`.
    ///
    /// # Safety
    /// The caller has claimed the slot, and its old value has been dropped.
    pub(crate) unsafe fn fill(&self, tag: u64, stamp_ns: u64, value: T) {
        self.stamp_ns.store(stamp_ns, Ordering::Relaxed);
        // SAFETY: the claim (the caller's promise) excludes every other access to the value.
        self.value.with_mut(|slot| unsafe { (*slot).write(value) });
        self.tag.store(tag, Ordering::Release);
    }

    /// Drops the value in place.
    ///
    /// # Safety
    /// The slot holds a value that nobody else can reach: the caller has claimed it.
    pub(crate) unsafe fn drop_value(&self) {
        // SAFETY: initialised and exclusively the caller's by its promise.
        self.value.with_mut(|slot| unsafe { (*slot).assume_init_drop() });
    }

    /// The value.
    ///
    /// # Safety
    /// The caller has a hold of the frame for as long as the reference lives.
    pub(crate) unsafe fn value(&self) -> &T {
        // SAFETY: a held slot is initialised, and is not written until the hold ends.
        self.value.with(|slot| unsafe { (*slot).assume_init_ref() })
    }

    /// Drops the frame of a ring without ends, if nobody holds it: nothing can be committed or leased any more. The
    /// swap chooses one of those who find this at the same time.
    pub(crate) fn clear_if_unheld(&self) {
        if !self.is_held() && self.tag.swap(VACANT, Ordering::AcqRel) > HIDDEN {
            // SAFETY: without holds, and nobody can add one; the tag, which is taken now, named a frame.
            unsafe { self.drop_value() };
        }
    }
}
