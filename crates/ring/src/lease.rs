//! A lease: the right to look at one frame. The frame stays as it is until the last lease drops.

use std::ptr::NonNull;

use super::core::{Core, Handle};
use super::gate::{FLAGS, MOVED};
use super::slots::{ORPHAN, PIN, PINS, Pins, Slot, WANTED, seq_of};
use super::sync::{AtomicU64, Ordering};

/// More leases of one frame than any design can mean; far below what the count can hold.
const TOO_MANY: u64 = PINS / 2;

/// A frame that cannot be overwritten while this is held. Cloning it takes one more lease of the same
/// frame; it may be sent to and dropped on any thread, also after the ring is gone.
pub struct Lease<T> {
    core: NonNull<Core<T>>,
    slot: NonNull<Slot<T>>,
    /// Where an `Every` reader's lease is given back; any other lease holds a pin.
    word: Option<NonNull<AtomicU64>>,
    tag: u64,
}

// SAFETY: a lease is a shared reference (T: Sync) whose last holder may drop the value (T: Send); its
// counting is atomic.
unsafe impl<T: Send + Sync> Send for Lease<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Lease<T> {}

impl<T> Lease<T> {
    /// Pins the frame `tag`; `None` when the slot holds another by now. `fence` pairs with the writer's, between
    /// hiding a tag and looking for pins: a full barrier for who is counted as a watcher, else a heavy one.
    #[inline(always)]
    pub(super) fn pin(core: &Handle<T>, slot: usize, tag: u64, fence: fn()) -> Option<Lease<T>> {
        if !core.slots[slot].is(tag) {
            return None;
        }
        core.pins[slot].0.fetch_add(PIN, Ordering::SeqCst);
        fence();
        // A lease from here on, so that a pin that came too late is undone with all that belongs to it.
        let lease = Lease { core: core.pointer(), slot: NonNull::from(&core.slots[slot]), word: None, tag };
        core.slots[slot].is(tag).then_some(lease)
    }

    /// # Safety
    /// The frame `tag` in this slot is kept for the `Every` reader of the gate's `cell`, who leases it now.
    #[inline(always)]
    pub(super) unsafe fn from_gate(core: &Handle<T>, slot: usize, tag: u64, cell: usize) -> Lease<T> {
        let word = Some(NonNull::from(&core.gate.words[cell][slot]));
        Lease { core: core.pointer(), slot: NonNull::from(&core.slots[slot]), word, tag }
    }

    #[inline(always)]
    fn slot(&self) -> &Slot<T> {
        // SAFETY: what keeps the frame keeps the core alive, and with it its slots.
        unsafe { self.slot.as_ref() }
    }

    #[inline(always)]
    fn pins(&self) -> &Pins {
        // SAFETY: as above.
        let core = unsafe { self.core.as_ref() };
        &core.pins[core.index_of(self.slot())]
    }

    /// The end of an `Every` reader's own lease when the writer waits or the reader is gone.
    #[cold]
    fn give_back_slowly(&mut self, word: &AtomicU64) {
        let mut seen = word.load(Ordering::Relaxed);
        loop {
            // SAFETY: until the word is written the reader lives or has left a pin: the core is alive.
            let handle = (seen & FLAGS == WANTED).then(|| unsafe { Handle::revive(self.core) }).flatten();
            match word.compare_exchange_weak(seen, self.tag, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) if seen & MOVED != 0 => return self.unpin(),
                Ok(_) => {
                    return if let Some(handle) = handle {
                        handle.vacancy.ring_for_one()
                    };
                }
                Err(now) => seen = now,
            }
        }
    }

    #[inline(always)]
    fn unpin(&mut self) {
        // One holder and nobody waiting: the common case, tried without loading first.
        if self.pins().0.compare_exchange(PIN, 0, Ordering::Release, Ordering::Relaxed).is_err() {
            self.unpin_slowly();
        }
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

    /// The end of a pin when others hold the frame too, the writer waits, or the ring is gone.
    #[cold]
    fn unpin_slowly(&mut self) {
        let pins = self.pins();
        let mut handle = None;
        let mut seen = pins.0.load(Ordering::Relaxed);
        loop {
            let last = seen & PINS == PIN;
            let wanted = last && seen & WANTED != 0;
            if wanted && seen & ORPHAN == 0 && handle.is_none() {
                // The bell must outlive the pin. With no handle left there is no writer to wake.
                // SAFETY: our pin still keeps the core alive.
                handle = unsafe { Handle::revive(self.core) };
            }
            let next = if wanted { (seen - PIN) & !WANTED } else { seen - PIN };
            match pins.0.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Relaxed) {
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
        // SAFETY: this lease keeps the frame, and outlives the reference.
        unsafe { self.slot().value() }
    }
}

impl<T> Clone for Lease<T> {
    fn clone(&self) -> Lease<T> {
        let pins = &self.pins().0;
        let held = pins.fetch_add(PIN, Ordering::Relaxed) & PINS;
        if held >= TOO_MANY {
            pins.fetch_sub(PIN, Ordering::Relaxed);
            panic!("frame {} has {held} leases: they are being leaked; drop them when done", self.seq());
        }
        Lease { core: self.core, slot: self.slot, word: None, tag: self.tag }
    }
}

impl<T> Drop for Lease<T> {
    #[inline(always)]
    fn drop(&mut self) {
        let Some(word) = self.word else { return self.unpin() };
        // SAFETY: until the word is written the reader lives or has left a pin: the core is alive.
        let word = unsafe { word.as_ref() };
        let seen = word.load(Ordering::Relaxed);
        let plain = seen & FLAGS == 0;
        if !plain || word.compare_exchange(seen, self.tag, Ordering::Release, Ordering::Relaxed).is_err() {
            self.give_back_slowly(word);
        }
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Lease<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease").field("seq", &self.seq()).field("value", &**self).finish()
    }
}
