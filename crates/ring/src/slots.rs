//! A slot: one frame and its tag; and the pins of a slot, which keep the frame for whoever leased it by choice.
//!
//! ```text
//!  slot (own cache line)              core (each row its own lines)
//!  ┌─────┬──────────┬──────────┐      ┌ head: committed count, newest slot ─────── producer writes
//!  │ tag │ stamp_ns │ value: T │      ├ order: slot of each of the last 64 frames ─ producer writes
//!  └─────┴──────────┴──────────┘      ├ pins: a word a slot ────────────────────── who pins writes
//!   producer writes, readers read     ├ gate: what each `Every` reader gave back ── leases write
//!                                     └ producer: slots by age, tags ────────────── producer alone
//!
//!  tag: sequence number + 1, above 20 bits of flags; 0 = vacant, or claimed by the writer
//!
//!  pins word    63          20 19   18 17 16                    0
//!              ┌──────────────┬──┬──┬──┬─────────────────────┐
//!              │ 0            │O │W │0 │ pins: leases held   │
//!              └──────────────┴──┴──┴──┴─────────────────────┘
//!                              │  └ wanted: the writer sleeps; the last lease rings for it
//!                              └ orphaned: no handle is left; the last lease drops the value
//! ```
//!
//! The writer claims a slot by hiding its tag, and then looks for pins; who pins counts itself, and then looks
//! whether the tag is still the one it means. With barriers between, at least one of them sees the other and
//! steps back. So the value is written only under a claim, and read only under a pin, or, by an `Every` reader,
//! from the commit until it gives the frame back (`gate.rs`): producer and reader share no word that both write.

use std::mem::MaybeUninit;

use super::sync::{AtomicU64, Ordering, UnsafeCell};

/// One lease.
pub(super) const PIN: u64 = 1;
/// All bits of the pin count.
pub(super) const PINS: u64 = (1 << 17) - 1;
/// The writer sleeps until a slot is free.
pub(super) const WANTED: u64 = 1 << 18;
/// All handles of the ring are gone.
pub(super) const ORPHAN: u64 = 1 << 19;
const TAG_SHIFT: u32 = 20;
/// All bits of a tag.
pub(super) const TAG: u64 = !((1 << TAG_SHIFT) - 1);
const VACANT: u64 = 0;

/// The tag of frame `seq`. 44 bits: 557 years at 1,000 frames a second.
#[inline(always)]
pub(super) fn tag_of(seq: u64) -> u64 {
    (seq + 1) << TAG_SHIFT
}

/// The sequence number that a tag stands for.
#[inline(always)]
pub(super) fn seq_of(tag: u64) -> u64 {
    (tag >> TAG_SHIFT) - 1
}

/// See the drawing above.
pub(super) struct Pins(pub(super) AtomicU64);

impl Pins {
    pub(super) fn none() -> Pins {
        Pins(AtomicU64::new(0))
    }

    /// Whether somebody holds a pin.
    #[inline(always)]
    pub(super) fn any(&self) -> bool {
        self.0.load(Ordering::Acquire) & PINS != 0
    }

    /// Marks that the writer sleeps for want of a slot.
    pub(super) fn want(&self) {
        self.0.fetch_or(WANTED, Ordering::AcqRel);
    }
}

/// See the drawing above.
#[repr(align(64))]
pub(super) struct Slot<T> {
    tag: AtomicU64,
    /// Written under a claim; read at any time, and believed only once a pin of the same tag held.
    pub(super) stamp_ns: AtomicU64,
    value: UnsafeCell<MaybeUninit<T>>,
}

impl<T> Slot<T> {
    pub(super) fn vacant() -> Slot<T> {
        Slot {
            tag: AtomicU64::new(VACANT),
            stamp_ns: AtomicU64::new(0),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// The tag of the frame that is here, if there is one and nobody is about to overwrite it.
    #[inline(always)]
    pub(super) fn live_tag(&self) -> Option<u64> {
        Some(self.tag.load(Ordering::Acquire)).filter(|tag| *tag != VACANT)
    }

    /// Whether the frame `tag` is here.
    #[inline(always)]
    pub(super) fn is(&self, tag: u64) -> bool {
        self.tag.load(Ordering::Acquire) == tag
    }

    /// The first half of a claim: nobody pins the frame from here on who looks for its tag.
    #[inline(always)]
    pub(super) fn hide(&self) {
        self.tag.store(VACANT, Ordering::Relaxed);
    }

    /// Undoes [`Slot::hide`].
    pub(super) fn show(&self, tag: u64) {
        self.tag.store(tag, Ordering::Release);
    }

    /// Fills a claimed slot and shows it as `tag`.
    ///
    /// # Safety
    /// The caller has claimed the slot, and the slot's old value has been dropped.
    #[inline(always)]
    pub(super) unsafe fn fill(&self, tag: u64, stamp_ns: u64, value: T) {
        self.stamp_ns.store(stamp_ns, Ordering::Relaxed);
        // SAFETY: the claim (the caller's promise) excludes every other access to the value.
        self.value.with_mut(|slot| unsafe { (*slot).write(value) });
        self.tag.store(tag, Ordering::Release);
    }

    /// Drops the value in place.
    ///
    /// # Safety
    /// The slot holds a value, and nobody else can reach it: it is claimed, or orphaned without pins.
    #[inline(always)]
    pub(super) unsafe fn drop_value(&self) {
        // SAFETY: initialised and exclusively ours by the caller's promise.
        self.value.with_mut(|slot| unsafe { (*slot).assume_init_drop() });
    }

    /// The value of a slot that is kept for the caller.
    ///
    /// # Safety
    /// The caller holds a pin, or a frame of an `Every` reader, for as long as the reference lives.
    #[inline(always)]
    pub(super) unsafe fn value(&self) -> &T {
        // SAFETY: a kept slot is initialised, and is not written until it is given back.
        self.value.with(|slot| unsafe { (*slot).assume_init_ref() })
    }
}
