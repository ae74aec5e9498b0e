//! A reader's end: a cursor over the frames, and what it does when it falls behind.

use std::time::Duration;

use super::bell::{Stopwatch, spin_until};
use super::core::{Handle, Head};
use super::gate::{MAX_EVERY, MOVED};
use super::lease::Lease;
use super::slots::{TAG, tag_of};
use super::sync::{Ordering, fence_after_rmw, heavy_fence, prefetch_to_read};

/// One look at the head in so many turns of a polling `Every` reader.
const HEAD_TURNS: u32 = 16;

/// What a reader that falls behind does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Skips to the newest frame and counts what it passed over; never holds the writer.
    Latest,
    /// Leases every frame in order; the writer waits for it (files, batch).
    Every,
}

/// What a reader got.
#[derive(Debug)]
pub enum Take<T> {
    /// A frame.
    Lease(Lease<T>),
    /// Nothing new.
    Empty,
    /// Nothing new, and nothing will come.
    Closed,
}

/// A cursor over a ring. Dropping it lets go of the writer.
pub struct Reader<T> {
    core: Handle<T>,
    policy: Policy,
    /// The next frame to lease.
    cursor: u64,
    skipped: u64,
    /// The slot of the frame before `cursor`, as far as known.
    place: usize,
    /// The cell of an `Every` reader in the gate.
    cell: usize,
}

impl<T> Reader<T> {
    pub(super) fn join(core: &Handle<T>, policy: Policy) -> Reader<T> {
        let cell = if policy == Policy::Every { core.gate.take_cell() } else { MAX_EVERY };
        let cursor = core.head().committed();
        if policy == Policy::Every {
            core.gate.cursors[cell].store(tag_of(cursor), Ordering::Release);
            core.gate.starts[cell].store(tag_of(cursor), Ordering::Release);
            core.vacancy.ring_for_one();
        } else {
            core.watchers.fetch_add(1, Ordering::SeqCst);
            // From here on the writer pays for the barrier between claim and look, and a pin need not.
            heavy_fence();
        }
        Reader { core: core.clone(), policy, cursor, skipped: 0, place: 0, cell }
    }

    /// The next frame by this reader's policy, without waiting.
    #[inline]
    pub fn try_lease(&mut self) -> Take<T> {
        match self.policy {
            Policy::Every => self.next(),
            Policy::Latest => self.newest(),
        }
    }

    /// As [`Reader::try_lease`], but waits for a frame: polls for `spin`, then sleeps on the ring's bell.
    /// [`Take::Empty`] when `timeout` (`None`: no limit) has passed since the call.
    pub fn lease(&mut self, spin: Duration, timeout: Option<Duration>) -> Take<T> {
        match self.try_lease() {
            Take::Empty => self.wait(spin, timeout),
            taken => taken,
        }
    }

    /// Frames that a `Latest` reader passed over; exact once it has leased the newest, or met the close.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Frames committed and not yet leased or passed over by this reader.
    pub fn backlog(&self) -> u64 {
        self.core.head().committed().saturating_sub(self.cursor)
    }

    #[inline(always)]
    fn next(&mut self) -> Take<T> {
        let Some(place) = self.place_of_next() else {
            return if self.core.ended_at(self.cursor) { Take::Closed } else { Take::Empty };
        };
        let (core, tag) = (&self.core, tag_of(self.cursor));
        self.place = place;
        self.cursor += 1;
        prefetch_to_read(&core.slots[self.after(place)]);
        core.gate.cursors[self.cell].store(tag_of(self.cursor), Ordering::Release);
        // SAFETY: committed after this reader joined and not leased yet: kept for it. Its tag
        // was loaded with Acquire.
        Take::Lease(unsafe { Lease::from_gate(core, place, tag, self.cell) })
    }

    /// Where the next frame of an `Every` reader lies, if it is there.
    #[inline(always)]
    fn place_of_next(&self) -> Option<usize> {
        // Slots follow one another unless the writer stepped around a lease. A tag says as much as the head,
        // for what the writer once shows it never takes back, and its line is needed anyway.
        let (core, likely, tag) = (&self.core, self.after(self.place), tag_of(self.cursor));
        if core.slots[likely].is(tag) {
            return Some(likely);
        }
        if core.head().committed() <= self.cursor {
            return None;
        }
        let place = core.place_of(self.cursor);
        assert!(
            core.slots[place].is(tag),
            "frame {} was overwritten before an Every reader leased it",
            self.cursor
        );
        Some(place)
    }

    #[inline(always)]
    fn after(&self, place: usize) -> usize {
        if place + 1 < self.core.slots.len() { place + 1 } else { 0 }
    }

    #[inline(always)]
    fn newest(&mut self) -> Take<T> {
        let mut head = self.core.head();
        loop {
            if head.committed() == self.cursor {
                return if self.core.ended_at(head.committed()) { Take::Closed } else { Take::Empty };
            }
            if let Some(lease) = lease_newest(&self.core, head, fence_after_rmw) {
                self.skipped += head.committed() - 1 - self.cursor;
                self.cursor = head.committed();
                return Take::Lease(lease);
            }
            // Being overwritten. By a frame that the close then refused?
            if self.core.ended_at(head.committed()) {
                self.skipped += head.committed() - self.cursor;
                self.cursor = head.committed();
                continue;
            }
            let now = self.core.head();
            if now == head {
                return Take::Empty; // its successor, or the close, rings the bell
            }
            head = now;
        }
    }

    #[cold]
    fn wait(&mut self, spin: Duration, timeout: Option<Duration>) -> Take<T> {
        let mut turn = 0u32;
        let changed = || {
            turn += 1;
            match self.policy {
                // The head is looked at now and then only: who polls it slows the writer down.
                Policy::Every if !turn.is_multiple_of(HEAD_TURNS) => {
                    self.core.slots[self.after(self.place)].is(tag_of(self.cursor))
                }
                _ => self.core.head().committed() != self.cursor || self.core.end.is_sealed(),
            }
        };
        let mut clock = Stopwatch::default();
        spin_until(&mut clock, spin.min(timeout.unwrap_or(spin)), changed);
        let mut seen = None;
        loop {
            match self.try_lease() {
                Take::Empty => {}
                taken => return taken,
            }
            let left = clock.left(timeout);
            if left == Some(Duration::ZERO) {
                return Take::Empty;
            }
            // Announced once the look above came after it; not before: a woken reader takes first.
            match seen.take() {
                Some(seen) => drop(self.core.bell.wait_each(seen, left)),
                None => seen = Some(self.core.bell.seen()),
            }
        }
    }
}

impl<T> Drop for Reader<T> {
    fn drop(&mut self) {
        if self.policy == Policy::Every {
            (0..self.core.slots.len()).for_each(|slot| self.leave_pin(slot));
            self.core.gate.leave_cell(self.cell);
            self.core.vacancy.ring_for_one();
        } else {
            self.core.watchers.fetch_sub(1, Ordering::Release);
        }
    }
}

impl<T> Reader<T> {
    /// If this reader's lease of the frame in `slot` is still out, a pin takes over for the reader's word.
    fn leave_pin(&self, slot: usize) {
        let (core, gate) = (&self.core, &self.core.gate);
        let out = core.slots[slot].live_tag().filter(|tag| gate.is_out(self.cell, slot, *tag));
        // Dropped again when the lease came back meanwhile.
        let Some(pin) = out.and_then(|tag| Lease::pin(core, slot, tag, heavy_fence)) else { return };
        let tag = tag_of(pin.seq());
        let word = &gate.words[self.cell][slot];
        let mut seen = word.load(Ordering::Acquire);
        while seen & TAG != tag {
            match word.compare_exchange(seen, seen | MOVED, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return std::mem::forget(pin),
                Err(now) => seen = now,
            }
        }
    }
}

/// Leases the newest frame that `head` names, unless it is being overwritten. `fence`: see [`Lease::pin`].
#[inline(always)]
pub(super) fn lease_newest<T>(core: &Handle<T>, head: Head, fence: fn()) -> Option<Lease<T>> {
    Lease::pin(core, head.slot(), tag_of(head.committed().checked_sub(1)?), fence)
}
