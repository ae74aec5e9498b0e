//! A slot: one frame, and the one word that says who may touch it.
//!
//! ```text
//!  state word   63                         20 19 18 17 16                    0
//!              ┌─────────────────────────────┬──┬──┬──┬─────────────────────┐
//!              │ tag: sequence number + 1    │O │W │C │ pins: leases held   │
//!              └─────────────────────────────┴──┴──┴──┴─────────────────────┘
//!               0 = the slot holds nothing    │  │  └ claimed by the writer (then tag and pins are 0)
//!                                             │  └ wanted: the writer sleeps; the last lease rings for it
//!                                             └ orphaned: no handle is left; the last lease drops the value
//!
//!  who moves it      vacant ──claim──▶ C ──publish──▶ tag,0 ──pin──▶ tag,1 ⇄ tag,n
//!                                      ▲                │  ▲            │
//!                                      └─────claim──────┘  └───unpin────┘
//!
//!  slot (own pair of cache lines)     core (each row its own pair of lines)
//!  ┌───────┬──────────┬──────────┐    ┌ head: committed count, closed, newest slot ─ producer writes
//!  │ state │ stamp_ns │ value: T │    ├ order: slot of each of the last 64 frames ── producer writes
//!  └───────┴──────────┴──────────┘    ├ gate: cursors of the `Every` readers ─────── readers write
//!   nothing else is shared per frame  └ producer: slots by age, limit ─────────────── producer alone
//! ```
//!
//! The value may be written only between `claim` and `publish`, and read only between `pin` and `unpin`.
//! A pin names the tag it expects, so a lease never shows another frame than the one it asked for.

use std::mem::MaybeUninit;

use super::sync::{AtomicU64, Ordering, UnsafeCell};

/// One lease.
pub(super) const PIN: u64 = 1;
/// All bits of the pin count.
pub(super) const PINS: u64 = (1 << 17) - 1;
const CLAIMED: u64 = 1 << 17;
/// The writer sleeps until a slot is free.
pub(super) const WANTED: u64 = 1 << 18;
/// All handles of the ring are gone.
pub(super) const ORPHAN: u64 = 1 << 19;
const TAG_SHIFT: u32 = 20;
const TAG: u64 = !((1 << TAG_SHIFT) - 1);
const VACANT: u64 = 0;

/// The tag of frame `seq` in its place in the state word. 44 bits: 557 years at 1,000 frames a second.
#[inline(always)]
pub(super) fn tag_of(seq: u64) -> u64 {
    (seq + 1) << TAG_SHIFT
}

/// The sequence number that a tag stands for.
#[inline(always)]
pub(super) fn seq_of(tag: u64) -> u64 {
    (tag >> TAG_SHIFT) - 1
}

/// Whether a slot in this state, unclaimed, holds a value.
pub(super) fn holds_value(state: u64) -> bool {
    state & TAG != VACANT
}

/// See the drawing above.
#[repr(align(128))]
pub(super) struct Slot<T> {
    pub(super) state: AtomicU64,
    /// Written under a claim; read at any time, and believed only once a pin of the same tag held.
    pub(super) stamp_ns: AtomicU64,
    value: UnsafeCell<MaybeUninit<T>>,
}

impl<T> Slot<T> {
    pub(super) fn vacant() -> Slot<T> {
        Slot {
            state: AtomicU64::new(VACANT),
            stamp_ns: AtomicU64::new(0),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// The tag of the frame that can be leased now, if there is one.
    pub(super) fn live_tag(&self) -> Option<u64> {
        Some(self.state.load(Ordering::Acquire) & TAG).filter(|tag| *tag != 0)
    }

    /// Whether somebody leases it.
    pub(super) fn is_pinned(&self) -> bool {
        self.state.load(Ordering::Relaxed) & PINS != 0
    }

    /// Takes a lease on the frame `tag`; false when the slot holds another by now.
    #[inline(always)]
    pub(super) fn pin(&self, tag: u64) -> bool {
        // Guessing "held by nobody" instead of loading first fetches the line once, not twice.
        let mut seen = tag;
        loop {
            match self.state.compare_exchange_weak(seen, seen + PIN, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) if now & TAG == tag => seen = now,
                Err(_) => return false,
            }
        }
    }

    /// The writer takes the slot that it last filled as `tag` (0: vacant); false while leases hold it.
    #[inline(always)]
    pub(super) fn claim(&self, tag: u64) -> bool {
        let mut seen = tag;
        loop {
            match self.state.compare_exchange_weak(seen, CLAIMED, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) if now & PINS == 0 => seen = now,
                Err(_) => return false,
            }
        }
    }

    /// Marks that the writer sleeps for want of a slot.
    pub(super) fn want(&self) {
        self.state.fetch_or(WANTED, Ordering::AcqRel);
    }

    /// Fills a claimed slot and shows it as `tag`.
    ///
    /// # Safety
    /// The caller has claimed the slot, and the slot's old value has been dropped.
    #[inline(always)]
    pub(super) unsafe fn publish(&self, tag: u64, stamp_ns: u64, value: T) {
        self.stamp_ns.store(stamp_ns, Ordering::Relaxed);
        // SAFETY: the claim (the caller's promise) excludes every other access to the value.
        self.value.with_mut(|slot| unsafe { (*slot).write(value) });
        self.state.store(tag, Ordering::Release);
    }

    /// Gives a claimed slot back as holding nothing.
    pub(super) fn vacate(&self) {
        self.state.store(VACANT, Ordering::Release);
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

    /// Moves the value out.
    ///
    /// # Safety
    /// As [`Slot::drop_value`]; afterwards the slot counts as empty.
    pub(super) unsafe fn take_value(&self) -> T {
        // SAFETY: initialised and exclusively ours by the caller's promise.
        self.value.with_mut(|slot| unsafe { (*slot).assume_init_read() })
    }

    /// The value of a pinned slot.
    ///
    /// # Safety
    /// The caller holds a pin for as long as the reference lives.
    #[inline(always)]
    pub(super) unsafe fn value(&self) -> &T {
        // SAFETY: a pinned slot is initialised, and is not written until the pin is given back.
        self.value.with(|slot| unsafe { (*slot).assume_init_ref() })
    }
}
