//! A lease: the right to look at one frame. The frame stays as it is until the last lease drops.

use std::ptr::NonNull;

use super::core::{Core, Handle};
use super::slots::{ORPHAN, PIN, PINS, Slot, WANTED, seq_of};
use super::sync::Ordering;

/// More leases of one frame than any design can mean; far below what the count can hold.
const TOO_MANY: u64 = PINS / 2;

/// A frame that cannot be overwritten while this is held. Cloning it takes one more lease of the same
/// frame; it may be sent to and dropped on any thread, also after the ring is gone.
pub struct Lease<T> {
    core: NonNull<Core<T>>,
    slot: NonNull<Slot<T>>,
    tag: u64,
}

// SAFETY: a lease is a shared reference (T: Sync) whose last holder may drop the value (T: Send); its
// counting is atomic.
unsafe impl<T: Send + Sync> Send for Lease<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Lease<T> {}

impl<T> Lease<T> {
    /// # Safety
    /// The caller holds a pin on `slot`, a slot of `core`, with this tag, and hands it over.
    #[inline(always)]
    pub(super) unsafe fn from_pin(core: &Handle<T>, slot: &Slot<T>, tag: u64) -> Lease<T> {
        Lease { core: core.pointer(), slot: NonNull::from(slot), tag }
    }

    #[inline(always)]
    fn slot(&self) -> &Slot<T> {
        // SAFETY: the pin keeps the core alive, and with it its slots.
        unsafe { self.slot.as_ref() }
    }

    /// The frame's number in its ring: 0, 1, 2, … without gaps.
    #[inline]
    pub fn seq(&self) -> u64 {
        seq_of(self.tag)
    }

    /// The time stamp that the frame was committed with, in nanoseconds.
    #[inline]
    pub fn stamp_ns(&self) -> u64 {
        self.slot().stamp_ns.load(Ordering::Relaxed)
    }

    /// The end of a lease when others hold the frame too, the writer waits, or the ring is gone.
    #[cold]
    fn release_slowly(&mut self) {
        let slot = self.slot();
        let mut handle = None;
        let mut seen = slot.state.load(Ordering::Relaxed);
        loop {
            let last = seen & PINS == PIN;
            let wanted = last && seen & WANTED != 0;
            if wanted && seen & ORPHAN == 0 && handle.is_none() {
                // The bell must outlive the pin. With no handle left there is no writer to wake.
                // SAFETY: our pin still keeps the core alive.
                handle = unsafe { Handle::revive(self.core) };
            }
            let next = if wanted { (seen - PIN) & !WANTED } else { seen - PIN };
            match slot.state.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) if last && seen & ORPHAN != 0 => return self.retire(),
                Ok(_) => {
                    return if let Some(handle) = handle.filter(|_| wanted) {
                        handle.vacancy.ring_for_one()
                    };
                }
                Err(now) => seen = now,
            }
        }
    }

    /// The last lease of a slot whose ring is gone.
    fn retire(&self) {
        // SAFETY: orphaned and without pins: ours alone; it holds the value that we leased.
        unsafe { self.slot().drop_value() };
        // SAFETY: the slot has not been counted as done before, so the core is alive; not used again.
        unsafe { Core::retire(self.core, 1) };
    }
}

impl<T> std::ops::Deref for Lease<T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: this lease is the pin, and outlives the reference.
        unsafe { self.slot().value() }
    }
}

impl<T> Clone for Lease<T> {
    fn clone(&self) -> Lease<T> {
        let pins = self.slot().state.fetch_add(PIN, Ordering::Relaxed) & PINS;
        if pins >= TOO_MANY {
            self.slot().state.fetch_sub(PIN, Ordering::Relaxed);
            panic!("frame {} has {pins} leases: they are being leaked; drop them when done", self.seq());
        }
        Lease { core: self.core, slot: self.slot, tag: self.tag }
    }
}

impl<T> Drop for Lease<T> {
    #[inline(always)]
    fn drop(&mut self) {
        // One holder and nobody waiting: the common case, tried without loading first.
        let (held, free) = (self.tag | PIN, self.tag);
        if self.slot().state.compare_exchange(held, free, Ordering::Release, Ordering::Relaxed).is_err() {
            self.release_slowly();
        }
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Lease<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease").field("seq", &self.seq()).field("value", &**self).finish()
    }
}
